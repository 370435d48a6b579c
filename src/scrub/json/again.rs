//! Containers that come again: the stack frames, contexts and lists of modules of an application are the same in one event after the other.
//!
//! What leaves of an object or array depends on nothing but its bytes, where it stands ([`JsonScrubber::place_of_value`]) and the plan. So
//! the streams of a plan share what they have found: where a container comes again, the same is done, and nothing of it is read
//! ([`Memory`]). It was read to its end before and is JSON, so it is again.
//!
//! That is tried only by the fast lane, with containers that are whole in the chunk at hand and not too long. One that the chunk's end cuts may be
//! left for the next chunk ([`Rest`](crate::scrub::rest::Rest)). To look one up costs a look for its
//! end and a digest of it, which is lost where nothing comes again; after some time without luck, only few are looked up. Builds with debug assertions
//! read each second container that comes again all the same, and stop if something else comes of it.

use super::lexer::{Container, MAX_DEPTH};
use super::{DEEP, JsonScrubber};
use crate::scrub::brackets::Brackets;
use crate::scrub::digest::Digest;
use crate::scrub::memory::{Memory, is_tried};
use crate::scrub::splice::{Passage, Replay, Splicer};

/// Shortest container that is remembered, in bytes.
const SHORTEST: usize = 48;
/// How many containers in one another are taken down at a time.
const OPEN: usize = 6;
/// How many in one container are looked up without luck before it is thought that nothing there comes again; from then on, only one of so many
/// is, and of what is in the others nothing.
const UNLUCKY: u8 = 6;
const SELDOM: u8 = 16;
/// The next one is looked up.
const LAST: u8 = UNLUCKY + SELDOM - 1;
/// In what is passed over so.
const PASSED: u8 = u8::MAX;

/// A container that is being read, and may be remembered.
#[derive(Debug, Clone, Copy)]
struct Begun {
    digest: Digest,
    passage: Passage,
    start: u64,
    end: u64,
    /// How many containers are around it.
    depth: usize,
    /// It has come before, and the same must come of it.
    is_tried: bool,
}

/// What is known of a container that begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// It has come before, and what was done then has been done: the index behind it.
    Before(usize),
    /// The chunk cuts it, and it may be left for the next.
    Cut,
    /// It is to be read.
    New,
}

/// What is known of the containers at hand.
#[derive(Debug)]
pub(super) struct Again {
    /// What the chunk at hand cuts may be left for the next, and has been.
    pub(super) may_leave: bool,
    pub(super) has_left: bool,
    /// From the outermost to the innermost.
    begun: Vec<Begun>,
    brackets: Brackets,
    /// By how many containers are around them, how many were looked up since one had come before; from [`UNLUCKY`] on, how many have come
    /// since one was.
    unlucky: [u8; DEEP],
}

impl Default for Again {
    fn default() -> Self {
        Again {
            may_leave: false,
            has_left: false,
            begun: Vec::new(),
            brackets: Brackets::default(),
            unlucky: [0; DEEP],
        }
    }
}

impl Again {
    /// One that has so many around it was looked up; whether it had come before.
    #[inline]
    fn count(&mut self, depth: usize, is_known: bool) {
        if let Some(unlucky) = self.unlucky.get_mut(depth) {
            *unlucky = if is_known { 0 } else { *unlucky + 1 };
        }
    }

    /// Gives back the memory that it has taken.
    pub(super) fn spare(&mut self) {
        self.begun = Vec::new();
        self.brackets = Brackets::default();
    }

    /// Another document begins.
    pub(super) fn restart(&mut self) {
        self.unlucky = [0; DEEP];
    }

    /// Whether one that begins, and has so many around it, is looked up.
    #[inline]
    fn is_worth_it(&mut self, depth: usize) -> bool {
        let Some(unlucky) = self.unlucky.get_mut(depth) else {
            return false;
        };
        let passes = match *unlucky {
            0..UNLUCKY => false,
            LAST => {
                *unlucky = UNLUCKY - 1;
                false
            }
            PASSED => true,
            _ => {
                *unlucky += 1;
                true
            }
        };
        self.see_inside(depth, if passes { PASSED } else { 0 });
        !passes
    }

    /// What is known of the containers in one that has so many around it.
    #[inline]
    fn see_inside(&mut self, depth: usize, unlucky: u8) {
        if let Some(inside) = self.unlucky.get_mut(depth + 1) {
            *inside = unlucky;
        }
    }

    /// Bytes that are kept between chunks.
    pub(super) fn held_bytes(&self) -> usize {
        self.begun.capacity() * size_of::<Begun>() + self.brackets.held_bytes()
    }
}

/// The containers that the streams of a plan have had; some 330 KiB, and what their edits take.
pub(crate) type Containers = Memory<Replay>;

impl JsonScrubber {
    /// Another chunk is at hand: what has begun in the one before is not whole in one.
    pub(super) fn forget_begun(&mut self, splicer: &mut Splicer) {
        self.again.begun.clear();
        self.again.brackets.clear();
        splicer.end_passages();
    }

    /// The place of a plain value that comes next, as far as what leaves of it depends on that.
    fn place_of_value(&self) -> Option<u64> {
        let depth = self.frames.len();
        let frame = self.frames.last().filter(|_| depth < DEEP)?;
        let in_array = frame.container == Container::Array;
        let (node, not_names, wrapper, role) = match in_array {
            true => (frame.node, frame.not_names, false, 0),
            false => {
                let next = &self.next;
                (next.node, next.not_names, next.wrapper, next.role.bits())
            }
        };
        let flags = [
            in_array,
            not_names,
            wrapper,
            frame.is_attributes,
            self.forces,
            self.one_line,
        ];
        let flags = flags
            .iter()
            .fold(0, |all, flag| all << 1 | u64::from(*flag));
        // Streams of one plan may have limits that differ.
        let limit = self.depth_limit.min(MAX_DEPTH) as u64;
        let parts = [
            (u64::from(node), 16),
            (depth as u64, 6),
            (u64::from(role), 8),
            (flags, 6),
            (limit, 10),
        ];
        Some(parts.iter().fold(0, |all, (part, bits)| all << bits | part))
    }

    /// A container begins at an index, as a plain value. If it has come before, the same is done. If not, it is taken down.
    #[inline(never)]
    pub(super) fn container_again(
        &mut self,
        bytes: &[u8],
        at: usize,
        base: u64,
        splicer: &mut Splicer,
    ) -> Seen {
        if !self.again.is_worth_it(self.frames.len()) {
            return Seen::New;
        }
        let Some(end) = self.again.brackets.end(bytes, at) else {
            let leaves = self.again.may_leave && self.again.brackets.is_cut(bytes, at);
            self.again.has_left = leaves;
            return if leaves { Seen::Cut } else { Seen::New };
        };
        if end - at < SHORTEST {
            self.again.count(self.frames.len(), false);
            return Seen::New;
        }
        let start = base + at as u64;
        let (Some(place), Some(piece)) = (self.place_of_value(), bytes.get(at..end)) else {
            return Seen::New;
        };
        if !splicer.is_plain(start) {
            return Seen::New;
        }
        let digest = self.plan.containers.digest(piece, place);
        let tried = is_tried(piece);
        let known = self.plan.containers.recall(&digest, |replay| {
            if !tried {
                splicer.replay(replay, start);
            }
        });
        let is_known = known.is_some();
        self.again.count(self.frames.len(), is_known);
        if is_known && !tried {
            return Seen::Before(end);
        }
        let passage = splicer.begin_passage();
        let begun = &mut self.again.begun;
        if begun.len() == OPEN {
            begun.remove(0);
        }
        begun.push(Begun {
            digest,
            passage,
            start,
            end: base + end as u64,
            depth: self.frames.len(),
            is_tried: is_known,
        });
        Seen::New
    }

    /// A container has ended before an offset; as many are around it as are open now. (`tells`: it says something of what comes
    /// behind it.)
    #[inline]
    pub(super) fn end_begun(&mut self, behind: u64, tells: bool, splicer: &mut Splicer) {
        let depth = self.frames.len();
        if self.again.begun.last().is_some_and(|it| it.depth >= depth) {
            self.remember_begun(behind, tells, splicer);
        }
    }

    #[inline(never)]
    fn remember_begun(&mut self, behind: u64, tells: bool, splicer: &mut Splicer) {
        let depth = self.frames.len();
        while let Some(begun) = self.again.begun.pop_if(|it| it.depth >= depth) {
            if begun.depth > depth || begun.end != behind || tells {
                continue;
            }
            let came = splicer.end_passage(begun.passage, begun.start, behind);
            let containers = &self.plan.containers;
            if begun.is_tried {
                let same = containers.recall(&begun.digest, |known| Some(known) == came.as_ref());
                assert_ne!(
                    same,
                    Some(false),
                    "something else came of a container the second time"
                );
            } else if let Some(replay) = came {
                containers.remember(begun.digest, replay);
            }
        }
        if self.again.begun.is_empty() {
            splicer.end_passages();
        }
    }
}
