//! The deployable binary.

use std::process::ExitCode;

/// A charge makes thousands of small allocations on one thread and frees them on another, which the system's allocator
/// took a quarter of the process's time for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    gongji::main()
}
