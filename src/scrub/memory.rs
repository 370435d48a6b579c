//! What was done with pieces of input, remembered, without the pieces: of each only a digest is kept, under a key that each plan draws anew.
//!
//! There is a fixed number of places. A piece takes the place of one that has not come again since the last look at it, so that a flood of
//! others drives out what does come again only slowly. Memory is taken as places are needed.

use std::sync::{Mutex, MutexGuard, OnceLock};

use super::digest::{Digest, Key};
use super::otherwise::Otherwise;

/// How many sets there are, how many of them get their memory at once, and how many pieces each has room for.
const SETS: usize = 1024;
const TOGETHER: usize = 4;
const WAYS: usize = 4;

/// Whether a piece that comes again is read once more, to see that the same comes of it: each second one of tests and fuzz targets.
pub(crate) const fn is_tried(piece: &[u8]) -> bool {
    cfg!(debug_assertions) && piece.len() % 2 == 1
}

/// A piece that has been read. It takes half a line of a processor's cache, or a whole one.
#[derive(Debug)]
#[repr(align(32))]
struct Known<T> {
    digest: Digest,
    came: T,
}

/// Pieces that have the same place.
#[derive(Debug)]
struct Set<T> {
    known: [Option<Known<T>>; WAYS],
    /// A part of each one's digest, so that most others need not be looked at.
    tags: [u32; WAYS],
    /// Which have come again.
    again: [bool; WAYS],
}

impl<T> Default for Set<T> {
    fn default() -> Self {
        Set {
            tags: [0; WAYS],
            again: [false; WAYS],
            known: [const { None }; WAYS],
        }
    }
}

impl<T> Set<T> {
    /// What came of a piece, which has come again.
    #[inline]
    fn find(&mut self, digest: &Digest) -> Option<&T> {
        let tag = digest.tag();
        let is_it = |known: &Known<T>| known.digest == *digest;
        let way = (0..WAYS)
            .find(|way| self.tags[*way] == tag && self.known[*way].as_ref().is_some_and(is_it))?;
        self.again[way] = true;
        self.known[way].as_ref().map(|known| &known.came)
    }

    /// The oldest that has not come again since it was passed over goes; or else the oldest.
    fn add(&mut self, known: Known<T>) {
        let again = &mut self.again;
        let gone = (0..WAYS)
            .find(|way| !std::mem::take(&mut again[*way]))
            .unwrap_or(0);
        self.tags[gone..].rotate_left(1);
        self.again[gone..].rotate_left(1);
        self.known[gone..].rotate_left(1);
        self.tags[WAYS - 1] = known.digest.tag();
        self.again[WAYS - 1] = false;
        self.known[WAYS - 1] = Some(known);
    }
}

type Sets<T> = Box<[Mutex<Set<T>>; TOGETHER]>;

/// What has come of the pieces that the streams of a plan have had.
#[derive(Debug)]
pub(crate) struct Memory<T> {
    key: Key,
    sets: Box<[OnceLock<Sets<T>>]>,
}

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Memory {
            key: Key::default(),
            sets: (0..SETS / TOGETHER).map(|_| OnceLock::new()).collect(),
        }
    }
}

impl<T> Clone for Memory<T> {
    /// An empty one: something else comes of the pieces of another plan.
    fn clone(&self) -> Self {
        Memory::default()
    }
}

impl<T> Memory<T> {
    /// Forgets everything, and keeps the memory for it.
    pub(crate) fn forget(&mut self) {
        for sets in self.sets.iter_mut().filter_map(OnceLock::get_mut) {
            **sets = Default::default();
        }
    }

    /// By what a piece is known again, where it stands as the context tells. Costs a look at each byte.
    #[inline]
    pub(crate) fn digest(&self, piece: &[u8], context: u64) -> Digest {
        self.key.digest(piece, context)
    }

    /// Where a piece has its place: among which sets, and in which of them.
    #[inline]
    fn place(&self, digest: &Digest) -> (&OnceLock<Sets<T>>, usize) {
        let place = digest.place();
        (
            &self.sets[place / TOGETHER % self.sets.len()],
            place % TOGETHER,
        )
    }

    /// A set, if it is not in use. One that was when a thread died is as good as none.
    fn look_into(set: &Mutex<Set<T>>) -> Option<MutexGuard<'_, Set<T>>> {
        set.try_lock().ok()
    }

    /// Takes what has come of a piece before.
    #[inline]
    pub(crate) fn recall<R>(&self, digest: &Digest, take: impl FnOnce(&T) -> R) -> Option<R> {
        if cfg!(debug_assertions) && Otherwise::Forgetful.is_asked() {
            return None;
        }
        let (sets, set) = self.place(digest);
        let mut set = Self::look_into(&sets.get()?[set])?;
        set.find(digest).map(take)
    }

    /// Remembers what has come of a piece.
    pub(crate) fn remember(&self, digest: Digest, came: T) {
        let (sets, set) = self.place(&digest);
        let Some(mut set) = Self::look_into(&sets.get_or_init(Box::default)[set]) else {
            return;
        };
        set.add(Known { digest, came });
    }
}

#[cfg(test)]
mod tests {
    use super::{Memory, WAYS};

    /// What comes again stays while others come that do not.
    #[test]
    fn what_comes_again_stays() {
        let memory = Memory::default();
        let piece = |number: u32| number.to_le_bytes();
        let often = memory.digest(&piece(0), 1);
        memory.remember(often, 0);
        for number in 1..100_000 {
            memory.remember(memory.digest(&piece(number), 1), number);
            assert_eq!(memory.recall(&often, |came| *came), Some(0));
        }
        let kept = (1..100_000).filter(|number| {
            let came = memory.recall(&memory.digest(&piece(*number), 1), |came| *came);
            assert!(came.is_none_or(|came| came == *number));
            came.is_some()
        });
        assert!((1024..=1024 * WAYS).contains(&kept.count()));
        assert_eq!(
            memory.recall(&memory.digest(&piece(0), 2), |came| *came),
            None
        );
    }

    #[test]
    fn a_piece_takes_one_line() {
        assert_eq!(size_of::<super::Known<crate::scrub::splice::Replay>>(), 64);
    }
}
