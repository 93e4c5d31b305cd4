//! The deployable binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    gongji::main()
}
