//! What one document leaves to the next: the memory that it took, and the verdicts on the names that it had.
//!
//! Requests are many and small, and the events of an application have the same keys; looking each up anew would cost a small one more
//! than all the rest. Verdicts depend on nothing but the plan, which keeps them.

use std::sync::{Mutex, PoisonError};

use super::frame::Frame;
use super::keys::Keys;
use super::{FRAMES, KEYS};
use crate::scrub::blocks::Blocks;
use crate::scrub::text::TextMachine;
use crate::scrub::verdicts::Verdicts;

/// How many are kept, some 15 KiB each.
const KEPT: usize = 16;

/// What a scrubber of documents works with.
#[derive(Debug)]
pub(super) struct Workspace {
    pub(super) frames: Vec<Frame>,
    pub(super) machine: TextMachine,
    pub(super) blocks: Blocks,
    pub(super) verdicts: Verdicts<KEYS>,
    pub(super) keys: Keys,
}

impl Workspace {
    fn new() -> Self {
        Workspace {
            frames: Vec::new(),
            machine: TextMachine::new(),
            blocks: Blocks::new(),
            verdicts: Verdicts::new(),
            keys: Keys::default(),
        }
    }
}

/// Workspaces that are not in use.
#[derive(Debug, Default)]
pub(crate) struct Workspaces(Mutex<Vec<Workspace>>);

impl Clone for Workspaces {
    /// None: another plan has other verdicts.
    fn clone(&self) -> Self {
        Workspaces::default()
    }
}

impl Workspaces {
    pub(super) fn take(&self) -> Workspace {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.pop().unwrap_or_else(Workspace::new)
    }

    pub(super) fn put_back(&self, mut workspace: Workspace) {
        workspace.frames.clear();
        workspace.frames.shrink_to(FRAMES);
        workspace.machine.rest();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT {
            kept.push(workspace);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use crate::policy::{self, Policy};
    use crate::scrub::{Format, Limits, Output, Scrubber};

    /// Law 6 holds for each document, whatever the ones before it took.
    #[test]
    fn a_document_leaves_little_room_behind() {
        let plan = Policy::builtin(policy::DEFAULT).expect("built in").plan();
        for unit in ["lorem ipsum ", "&code=1", "\u{e9}\\u0041 "] {
            let document = format!("[\"?token=abc {}\"]", unit.repeat(1000));
            let mut scrubber = Scrubber::new(Arc::clone(&plan), Format::Json, &Limits::default());
            for chunk in document.as_bytes().chunks(200) {
                let chunk = Bytes::copy_from_slice(chunk);
                scrubber.push(chunk, &mut Output::new()).expect("JSON");
            }
            drop(scrubber);
            let kept = plan.workspaces.take().machine.held_bytes();
            assert!(kept <= 8 << 10, "{kept} bytes are kept");
        }
    }
}
