//! Who may call: the role a caller's token carries. What a role may call is stated in the proto files.

use crate::words::words;

words! {
    /// What a caller is. Access to an operation is granted to roles, and then narrowed to whose data it concerns.
    pub enum Role {
        /// An insured person; the token's subject is a person id.
        Citizen = "CITIZEN",
        /// A designated hospital or pharmacy; the subject is its `fixmedins_code`.
        Institution = "INSTITUTION",
        /// A member of the agency's staff; the subject is the operator's number.
        Operator = "OPERATOR",
        /// Another part of Gongji; the subject is the service's name.
        Service = "SERVICE",
        /// Dashboards: figures, never rows.
        Monitoring = "MONITORING",
    }
}
