//! [`Current`]: the policy that is in force. A request takes it once and keeps it, so that no request sees two; a new one takes its place
//! as a whole or not at all.

use std::sync::{Arc, PoisonError, RwLock};

use crate::delivery::CleanTexts;
use crate::policy::Policy;

/// A policy that is, or was, in force.
#[derive(Debug)]
pub(crate) struct Active {
    pub(crate) policy: Policy,
    /// Evaluated beside it, to see what would be different; nothing leaves by it.
    pub(crate) shadow: Option<Policy>,
    /// 1 for the one that the process started with, and one more for each that took its place.
    pub(crate) generation: u64,
    /// What it finds nothing in.
    pub(crate) clean: CleanTexts,
}

/// The policy that is in force.
#[derive(Debug)]
pub(crate) struct Current(RwLock<Arc<Active>>);

impl Current {
    pub(crate) fn new(policy: Policy, shadow: Option<Policy>) -> Current {
        Current(RwLock::new(Arc::new(Active {
            policy,
            shadow,
            generation: 1,
            clean: CleanTexts::default(),
        })))
    }

    pub(crate) fn get(&self) -> Arc<Active> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on this one is in force.
    pub(crate) fn replace(&self, policy: Policy, shadow: Option<Policy>) -> Arc<Active> {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(Active {
            policy,
            shadow,
            generation: current.generation + 1,
            clean: CleanTexts::default(),
        });
        Arc::clone(&current)
    }
}
