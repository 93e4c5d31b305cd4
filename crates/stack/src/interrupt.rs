//! The end of a stack, as its user asks for it.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// Answers when the user has pressed Ctrl-C, or whatever runs us has asked us to end.
///
/// The servers are in process groups of their own, so the terminal's Ctrl-C does not reach them before we stop them.
pub async fn asked_to_stop() -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    Ok(())
}
