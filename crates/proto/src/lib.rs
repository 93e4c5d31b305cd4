//! What crosses the network: generated messages and services, the event catalogue, and the conversions both sides share.
//!
//! Nothing here decides anything. A request is parsed once, at the border of the service that receives it.

#[expect(
    clippy::all,
    clippy::pedantic,
    clippy::as_conversions,
    clippy::allow_attributes,
    reason = "generated code"
)]
mod generated {
    pub mod common {
        pub mod v1 {
            include!(concat!(env!("OUT_DIR"), "/gongji.common.v1.rs"));
            include!(concat!(env!("OUT_DIR"), "/gongji.common.v1.serde.rs"));
        }
    }
    pub mod binding {
        pub mod v1 {
            include!(concat!(env!("OUT_DIR"), "/gongji.binding.v1.rs"));
            include!(concat!(env!("OUT_DIR"), "/gongji.binding.v1.serde.rs"));
        }
    }
    pub mod authorization {
        pub mod v1 {
            include!(concat!(env!("OUT_DIR"), "/gongji.authorization.v1.rs"));
            include!(concat!(
                env!("OUT_DIR"),
                "/gongji.authorization.v1.serde.rs"
            ));
        }
    }
    pub mod settlement {
        pub mod v1 {
            include!(concat!(env!("OUT_DIR"), "/gongji.settlement.v1.rs"));
            include!(concat!(env!("OUT_DIR"), "/gongji.settlement.v1.serde.rs"));
        }
    }
    pub mod notification {
        pub mod v1 {
            include!(concat!(env!("OUT_DIR"), "/gongji.notification.v1.rs"));
            include!(concat!(env!("OUT_DIR"), "/gongji.notification.v1.serde.rs"));
        }
    }
}

pub use generated::{authorization, binding, common, notification, settlement};

pub mod convert;
pub mod event;

pub use convert::Unreadable;
pub use event::{Event, Malformed};

include!(concat!(env!("OUT_DIR"), "/access.rs"));

/// The descriptors of every proto file: what gRPC reflection serves and a breaking-change check compares.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
