//! Ways to come to the same that are asked for only to compare, on one thread.

use std::cell::Cell;

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Otherwise {
    /// Bytes are read one by one, whatever the processor has.
    Bytewise = 1,
    /// Nothing is recalled; in builds with debug assertions.
    Forgetful = 2,
    /// Pieces of any length leave what they cut; in builds with debug assertions.
    Leaving = 4,
}

thread_local! {
    /// Those that are asked for, as a set.
    static ASKED: Cell<u8> = const { Cell::new(0) };
}

impl Otherwise {
    /// Whether it is asked for.
    #[inline]
    pub(crate) fn is_asked(self) -> bool {
        ASKED.get() & self as u8 != 0
    }

    fn when<T>(self, act: impl FnOnce() -> T) -> T {
        let before = ASKED.replace(ASKED.get() | self as u8);
        let done = act();
        ASKED.set(before);
        done
    }
}

/// Does something as a processor does that reads bytes one by one.
pub fn bytewise<T>(act: impl FnOnce() -> T) -> T {
    Otherwise::Bytewise.when(act)
}

/// Does something as if nothing had come before, in builds with debug assertions.
pub fn forgetful<T>(act: impl FnOnce() -> T) -> T {
    Otherwise::Forgetful.when(act)
}

/// Does something where pieces of any length leave what they cut, in builds with debug assertions.
pub fn leaving<T>(act: impl FnOnce() -> T) -> T {
    Otherwise::Leaving.when(act)
}
