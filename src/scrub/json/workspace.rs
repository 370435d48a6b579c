//! What one document leaves to the next: the memory that it took, and the verdicts on the names that it had.
//!
//! Requests are many and small, and the events of an application have the same keys; looking each up anew would cost a small one more
//! than all the rest. Verdicts depend on nothing but the plan, which keeps them.

use std::sync::{Mutex, PoisonError};

use super::frame::Frame;
use super::keys::Keys;
use super::{FRAMES, KEYS};
use crate::scrub::blocks::Blocks;
use crate::scrub::text::{Kind, Layer, TextMachine};
use crate::scrub::verdicts::Verdicts;

/// How many are kept, some 40 KiB each.
const KEPT: usize = 16;

/// What a text machine may have taken that is kept; most take some bytes less.
const MACHINE_BYTES: usize = 15 << 10;

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
        workspace.machine.start(Kind::Plain, Layer::Plain, 0);
        // What few texts need is not there while others need something else.
        if workspace.machine.held_bytes() > MACHINE_BYTES {
            workspace.machine = TextMachine::new();
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT {
            kept.push(workspace);
        }
    }
}
