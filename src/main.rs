//! The program: everything is in the library.

use std::process::ExitCode;

/// A request takes some hundred small allocations, which cost a fifth of it with the system's allocator (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    scrubline::cli::run(std::env::args_os())
}
