//! Who did it: part of every fact that is stored (ruling 27 of the design).

use chassis::access::Caller;
use kernel::Role;

/// Who makes a change, and in which trace.
#[derive(Debug, Clone)]
pub struct Actor {
    pub caller: Caller,
    /// The W3C `traceparent` of the request or event.
    pub trace: Option<String>,
}

impl Actor {
    /// The caller of the request at hand.
    pub fn new(caller: Caller) -> Self {
        Self {
            caller,
            trace: chassis::telemetry::trace_parent(),
        }
    }

    /// One of our own services, where no caller asks: a fence has arrived, a last day is over.
    pub fn service(name: &str, trace: Option<String>) -> Self {
        let caller = Caller {
            role: Role::Service,
            subject: name.to_owned(),
            about: None,
        };
        Self { caller, trace }
    }
}
