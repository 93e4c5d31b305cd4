//! The command line of Gongji as a process that a story can kill.

use std::process::ExitCode;

fn main() -> ExitCode {
    gongji::main()
}
