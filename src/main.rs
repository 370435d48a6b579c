//! The program: everything is in the library.

#![allow(
    unsafe_code,
    reason = "an option of the allocator can be set by nothing else"
)]

use std::process::ExitCode;

/// A request takes some hundred small allocations, which cost a fifth of it with the system's allocator (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc 2: after how many milliseconds free memory is given back to the system.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

fn main() -> ExitCode {
    // What the policy took to compile would stay resident until much has been asked for, and most often nothing is
    // (docs/performance.md). `MIMALLOC_PURGE_DELAY` in the environment still counts.
    // SAFETY: it changes a number in the allocator's table of options, which has this one, and there is no other thread yet.
    unsafe { libmimalloc_sys::mi_option_set_default(PURGE_DELAY, 0) };
    scrubline::cli::run(std::env::args_os())
}

#[cfg(test)]
mod tests {
    use super::PURGE_DELAY;

    #[test]
    fn the_option_is_the_one_that_is_meant() {
        // SAFETY: it reads a number of the allocator's table of options, which has this one.
        let unset = unsafe { libmimalloc_sys::mi_option_get(PURGE_DELAY) };
        // The only option that is 10 beside a percentage and a multiplier, which come later (`options.c`).
        assert_eq!(unset, 10, "mimalloc has its options in another order now");
    }
}
