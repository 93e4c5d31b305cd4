//! gRPC: the server every service runs, the peers it calls, and how a refusal looks on the wire.

mod access;
mod call;
mod figures;
mod peer;
mod server;
mod status;

pub use access::caller;
pub use peer::{Peer, PeerError, peer};
pub use server::{Server, StartError};
pub use status::{RefusalSeen, internal, refusal_of, refuse, unavailable};

#[cfg(test)]
mod tests;
