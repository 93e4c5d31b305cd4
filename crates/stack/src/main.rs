//! `cargo stack`: see [`stack::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    stack::cli::run()
}
