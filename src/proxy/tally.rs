//! [`Tally`]: what was left out and could not be told the collector yet, because nothing left in which it could ride. The next envelope of
//! the project takes it along.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::scrub::Discards;

/// Most projects that are kept in mind. A client can name any project; of one too many nothing is told.
const PROJECTS: usize = 1024;

/// What waits to be told, by project.
#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<HashMap<String, Discards>>);

impl Tally {
    /// What waits for a project. It waits again when this is dropped without having been told.
    pub(super) fn take(&self, project: &str) -> Untold<'_> {
        let mut projects = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Untold {
            tally: self,
            project: project.to_owned(),
            discards: projects.remove(project).unwrap_or_default(),
        }
    }

    /// Keeps in mind what was left out of a project's.
    pub(super) fn add(&self, project: &str, discards: &Discards) {
        if discards.is_empty() {
            return;
        }
        let mut projects = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if projects.len() < PROJECTS || projects.contains_key(project) {
            let waiting = projects.entry(project.to_owned()).or_default();
            waiting.absorb(discards);
        }
    }
}

/// What is about to be told.
#[derive(Debug)]
pub(super) struct Untold<'a> {
    tally: &'a Tally,
    project: String,
    discards: Discards,
}

impl Untold<'_> {
    pub(super) fn discards(&self) -> Discards {
        self.discards.clone()
    }

    /// The collector has it.
    pub(super) fn told(mut self) {
        self.discards = Discards::default();
    }
}

impl Drop for Untold<'_> {
    fn drop(&mut self) {
        self.tally.add(&self.project, &self.discards);
    }
}
