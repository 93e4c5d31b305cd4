//! `cargo stack up`: everything, with its data kept, until Ctrl-C.

use std::path::PathBuf;
use std::time::Instant;

use kernel::Clock;
use servers::Progress;

use crate::callers::Callers;
use crate::layout::Layout;
use crate::whole::{Stack, StackError, Wanted};

/// Starts a development stack, says where it is, and runs it until Ctrl-C.
pub async fn run(data: PathBuf, overlay: Option<PathBuf>) -> Result<(), StackError> {
    let started = Instant::now();
    let stack = Stack::start(
        Wanted {
            data,
            overlay,
            clock: Clock::system(),
        },
        Progress::to_stderr(),
    )
    .await?;
    println!(
        "Ready in {:.1} s. The data is in {}.",
        started.elapsed().as_secs_f32(),
        stack.data().display()
    );
    invite(&stack.layout, &stack.callers, "P00000000001");
    println!("Ctrl-C stops everything.");
    stack.run().await
}

/// Where to knock, and with what token.
pub fn invite(layout: &Layout, callers: &Callers, institution: &str) {
    let gateway = layout.url("gateway");
    println!();
    println!("  gateway      {gateway}");
    println!("  health       {gateway}/health");
    println!("  interface    POST {gateway}/fsi/api/callFsiService/callService");
    println!();
    println!("  operator     {}", callers.operator().gateway_token());
    println!(
        "  institution  {}  ({institution})",
        callers.institution(institution).gateway_token()
    );
    println!();
    println!("  Send one as `Authorization: Bearer …`. More: cargo stack token --help");
    println!();
}
