//! Who made something so: stored beside every version of a mandate and every credential.

use chassis::access::Caller;
use kernel::Role;

/// Who decided something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// What they are.
    pub role: Role,
    /// Who they are: a person id, an operator's number, or the service whose fact was followed.
    pub subject: String,
}

impl Actor {
    /// The service whose fact led to a decision that nobody asked for here.
    pub fn following(service: &str) -> Self {
        Self {
            role: Role::Service,
            subject: service.to_owned(),
        }
    }
}

impl From<&Caller> for Actor {
    fn from(caller: &Caller) -> Self {
        Self {
            role: caller.role,
            subject: caller.subject.clone(),
        }
    }
}
