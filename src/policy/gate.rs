//! [`DoorRules`]: which types of items may leave by one door, as a policy's file says it and an operator changes it.
//!
//! A type that an operator names goes by what he says; else by what the policy's file says; else by the `otherwise` of either.

use serde::Deserialize;

use super::near::nearest;
use crate::scrub::{Action, Gate, ITEM_TYPES, SAMPLED_TYPES, Sampler};

/// `[server]` and `[browser]` of a policy's file, and `[policy.server]` and `[policy.browser]` of a configuration.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DoorRules {
    /// Types that pass, scrubbed.
    pub pass: Vec<String>,
    /// Types that are left out.
    pub drop: Vec<String>,
    /// Types for which a request is refused.
    pub reject: Vec<String>,
    /// Types that pass where their trace is kept.
    pub sample: Vec<String>,
    /// What is done with types that are in none of these lists.
    #[serde(deserialize_with = "otherwise")]
    pub otherwise: Option<Action>,
    /// The part of all traces that is kept, from 0 to 1.
    pub traces_sample_rate: Option<f64>,
}

/// What may be done with all types that no list names, by name. There is no sampling of all: errors belong to no trace.
pub const OTHERWISE: [(&str, Action); 3] = [
    ("pass", Action::Pass),
    ("drop", Action::Drop),
    ("reject", Action::Reject),
];

fn otherwise<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Action>, D::Error> {
    let word = String::deserialize(deserializer)?;
    let known = OTHERWISE.iter().find(|(name, _)| *name == word);
    let known = known.map(|(_, action)| Some(*action));
    known.ok_or_else(|| serde::de::Error::custom(format!("{word:?} is none of pass, drop, reject")))
}

impl DoorRules {
    /// Each list, with its name and what it says.
    pub fn lists(&self) -> [(&'static str, Action, &[String]); 4] {
        [
            ("pass", Action::Pass, &self.pass),
            ("drop", Action::Drop, &self.drop),
            ("reject", Action::Reject, &self.reject),
            ("sample", Action::Sample, &self.sample),
        ]
    }

    /// All that is wrong with these rules, each with the key that is wrong.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        let mut seen: Vec<(&str, &str)> = Vec::new();
        for (key, action, types) in self.lists() {
            for name in types {
                if !ITEM_TYPES.contains(&name.as_str()) {
                    let hint = match nearest(name, ITEM_TYPES) {
                        Some(meant) => format!("did you mean '{meant}'?"),
                        None => format!("there are {}", ITEM_TYPES.join(", ")),
                    };
                    problems.push((key, format!("there is no item type '{name}'; {hint}")));
                    continue;
                }
                if action == Action::Sample && !SAMPLED_TYPES.contains(&name.as_str()) {
                    let what = format!(
                        "'{name}' belongs to no one trace and can't be sampled; only {} can",
                        SAMPLED_TYPES.join(", ")
                    );
                    problems.push((key, what));
                }
                if action == Action::Pass && name == "unknown" {
                    let what = "nobody can scrub items of unknown types, so they never pass";
                    problems.push((key, what.to_owned()));
                }
                match seen.iter().find(|(known, _)| known == name) {
                    Some((_, first)) => {
                        let what = format!("'{name}' stands in '{first}' already; name it once");
                        problems.push((key, what));
                    }
                    None => seen.push((name, key)),
                }
            }
        }
        if let Some(rate) = self.traces_sample_rate
            && !(0.0..=1.0).contains(&rate)
        {
            let what = format!("{rate} is no part of all traces; give a number from 0 to 1");
            problems.push(("traces_sample_rate", what));
        }
        problems
    }

    /// The gate of a door: these rules, and below them those of the policy's own file. With `key`, traces are kept by a hash with
    /// that key.
    pub fn gate(&self, below: &DoorRules, key: Option<&[u8]>) -> Gate {
        let mut gate = match self.otherwise.or(below.otherwise) {
            Some(action) => Gate::all(action),
            None => Gate::default(),
        };
        for rules in [below, self] {
            for (_, action, types) in rules.lists() {
                for name in types {
                    gate.set(name, action);
                }
            }
        }
        let rate = self.traces_sample_rate.or(below.traces_sample_rate);
        gate.with_sampler(Sampler::new(rate.unwrap_or(1.0), key))
    }
}
