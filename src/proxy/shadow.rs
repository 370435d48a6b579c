//! [`Shadow`]: a second policy reads along, and what it would have done differently is counted. Nothing that comes out of it leaves.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::active::Active;
use crate::scrub::{Output, Report, Scrubber};

/// The scrubber of a second policy.
pub(super) struct Shadow {
    scrubber: Scrubber,
    failed: bool,
}

impl Shadow {
    pub(super) fn new(scrubber: Scrubber) -> Shadow {
        Shadow {
            scrubber,
            failed: false,
        }
    }

    /// Reads a chunk. What is malformed, the policy in force tells.
    pub(super) fn push(&mut self, chunk: &Bytes) {
        if !self.failed {
            let mut out = Output::new();
            self.failed = self.scrubber.push(chunk.clone(), &mut out).is_err();
        }
    }

    pub(super) fn finish(&mut self) {
        if !self.failed {
            self.failed = self.scrubber.finish(&mut Output::new()).is_err();
        }
    }

    pub(super) fn report(&self) -> &Report {
        self.scrubber.report()
    }
}

/// What one policy would have done more often than another, or less often: redactions by rule, and items left out by type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    /// By rule id: more redactions are positive.
    pub(crate) rules: Vec<(String, i64)>,
    /// By item type: more that are left out are positive.
    pub(crate) items: Vec<(&'static str, i64)>,
}

impl Difference {
    /// What the shadow of a policy would have done, beside what was done.
    pub(super) fn of(active: &Active, done: &Report, would: &Report) -> Difference {
        let Some(shadow) = &active.shadow else {
            return Difference::default();
        };
        let mut rules: BTreeMap<&str, i64> = BTreeMap::new();
        let (plan, other) = (active.policy.plan(), shadow.plan());
        for (plan, report, sign) in [(&plan, done, -1), (&other, would, 1)] {
            for (rule, count) in plan.rule_ids().iter().zip(&report.redactions) {
                *rules.entry(rule).or_default() += sign * *count as i64;
            }
        }
        let mut items: BTreeMap<&'static str, i64> = BTreeMap::new();
        for (report, sign) in [(done, -1), (would, 1)] {
            for (label, outcome, count) in &report.items {
                if outcome.is_dropped() {
                    *items.entry(label).or_default() += sign * *count as i64;
                }
            }
        }
        let rules = rules
            .into_iter()
            .map(|(rule, more)| (rule.to_owned(), more));
        Difference {
            rules: rules.filter(|(_, more)| *more != 0).collect(),
            items: items.into_iter().filter(|(_, more)| *more != 0).collect(),
        }
    }

    /// For the log: `pii.email +2, ip.header -1; left out: transaction +1`. `None` if there is none.
    pub(super) fn told(&self) -> Option<String> {
        let listed = |names: &mut dyn Iterator<Item = (&str, i64)>| {
            let all: Vec<String> = names
                .map(|(name, more)| format!("{name} {more:+}"))
                .collect();
            all.join(", ")
        };
        let rules = listed(&mut self.rules.iter().map(|(rule, more)| (rule.as_str(), *more)));
        let items = listed(&mut self.items.iter().copied());
        match (rules.is_empty(), items.is_empty()) {
            (true, true) => None,
            (false, true) => Some(rules),
            (true, false) => Some(format!("left out: {items}")),
            (false, false) => Some(format!("{rules}; left out: {items}")),
        }
    }
}

/// Reads along with the policy in force, if there is a shadow: `open` makes the scrubber of a policy.
pub(super) fn beside(
    active: &Arc<Active>,
    open: impl FnOnce(&crate::policy::Policy) -> Scrubber,
) -> Option<Shadow> {
    active
        .shadow
        .as_ref()
        .map(|policy| Shadow::new(open(policy)))
}
