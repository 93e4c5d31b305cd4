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

/// How much may be on its way to one side of a connection, in bytes.
///
/// HTTP/2 takes more small messages than half of this could hold, at 256 bytes each, for an attack and closes the
/// connection under all calls in flight (`ENHANCE_YOUR_CALM`, `too_many_data_frames`). A window that adapts begins at 64 KiB,
/// so a rush of 130 calls was enough. This one has room for more calls than a connection may have open.
const CONNECTION_WINDOW: u32 = 8 << 20;

#[cfg(test)]
mod tests;
