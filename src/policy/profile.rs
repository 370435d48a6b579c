//! Profiles: the policies that are built in. Each is one file that a person can read: what it promises, clause by clause, which rules keep
//! the promises, which items may leave by which door, and cases that show it.

use bytes::Bytes;
use serde::Deserialize;

use super::Policy;
use super::gate::DoorRules;
use super::pack::PersonalAction;
use crate::ingress::Ingress;
use crate::scrub::{Format, Limits, Output, Scrubber};

/// File name and text.
pub(super) const FILES: [(&str, &str); 5] = [
    (
        "sentry-eu.toml",
        include_str!("../../rules/policies/sentry-eu.toml"),
    ),
    (
        "strict.toml",
        include_str!("../../rules/policies/strict.toml"),
    ),
    (
        "errors-only.toml",
        include_str!("../../rules/policies/errors-only.toml"),
    ),
    (
        "pl-business.toml",
        include_str!("../../rules/policies/pl-business.toml"),
    ),
    (
        "observe.toml",
        include_str!("../../rules/policies/observe.toml"),
    ),
];

/// `rules/policies/*.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyFile {
    pub(super) policy: String,
    pub(super) version: u32,
    pub(super) description: String,
    pub(super) packs: Vec<String>,
    /// What becomes of personal data where a key for hashes is there, if not what the rules say.
    pub(super) personal: Option<PersonalAction>,
    /// The policy that is evaluated beside it, where an operator names none.
    pub(super) shadow: Option<String>,
    /// What may leave of what comes from servers.
    #[serde(default)]
    pub(super) server: DoorRules,
    /// What may leave of what comes from browsers, through the tunnel.
    #[serde(default)]
    pub(super) browser: DoorRules,
    #[serde(default)]
    pub(super) clause: Vec<Clause>,
}

/// A promise.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clause {
    /// The name of the policy, a dot, and its own.
    pub id: String,
    /// What is promised.
    pub says: String,
    /// The rules that keep it: ids, or `PACK.*` for all of a pack.
    #[serde(default)]
    pub rules: Vec<String>,
    /// The doors whose rules keep it: `server`, `browser`.
    #[serde(default)]
    pub doors: Vec<Door>,
    /// What shows it.
    #[serde(default)]
    pub(super) case: Vec<Case>,
}

/// A door by its name in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words say it")]
pub enum Door {
    #[default]
    Server,
    Browser,
}

impl Door {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Door::Server => "server",
            Door::Browser => "browser",
        }
    }
}

/// A document, and what must have gone of it and what must not.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    #[serde(default)]
    format: CaseFormat,
    #[serde(default)]
    door: Door,
    #[serde(rename = "in")]
    input: String,
    /// Parts of the document of which nothing may leave.
    #[serde(default)]
    removes: Vec<String>,
    /// What must leave.
    #[serde(default)]
    keeps: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CaseFormat {
    #[default]
    Event,
    Envelope,
    Json,
    Text,
    Query,
    Headers,
}

impl Case {
    /// What is wrong when it is tried.
    fn problems(&self, policy: &Policy) -> Vec<String> {
        let (format, ingress) = (
            match self.format {
                CaseFormat::Event => Format::Event,
                CaseFormat::Envelope => Format::Envelope,
                CaseFormat::Json => Format::Json,
                CaseFormat::Text => Format::Text,
                CaseFormat::Query => Format::Query,
                CaseFormat::Headers => Format::Headers,
            },
            match self.door {
                Door::Server => Ingress::Sidecar,
                Door::Browser => Ingress::Tunnel,
            },
        );
        let scrubber = Scrubber::new(policy.plan(), format, &Limits::default());
        let mut scrubber = scrubber.gated(policy.gate(ingress));
        let mut output = Output::new();
        let read = scrubber
            .push(Bytes::from(self.input.clone()), &mut output)
            .and_then(|()| scrubber.finish(&mut output));
        if let Err(error) = read {
            return vec![format!("it can't be read: {error}")];
        }
        let slices = std::iter::from_fn(|| output.pop());
        let bytes: Vec<u8> = slices.flat_map(|slice| slice.into_bytes()).collect();
        let out = String::from_utf8_lossy(&bytes);
        let mut problems = Vec::new();
        for part in &self.removes {
            if !self.input.contains(part) {
                problems.push(format!(
                    "{part:?} is not in it, so nothing is shown by its absence"
                ));
            }
            if out.contains(part) {
                problems.push(format!("{part:?} leaves"));
            }
        }
        let missing = self.keeps.iter().filter(|part| !out.contains(*part));
        problems.extend(missing.map(|part| format!("{part:?} does not leave")));
        problems
    }
}

/// What came of the cases of a clause.
#[derive(Debug, Clone)]
pub struct Tried {
    /// The clause's id.
    pub clause: String,
    /// How many cases it has.
    pub cases: usize,
    /// What is wrong, a line each.
    pub problems: Vec<String>,
}

/// A policy's file as it is read by people.
#[derive(Debug, Clone)]
pub struct Profile {
    file: PolicyFile,
    text: String,
}

impl Profile {
    /// A built-in profile by its name.
    pub fn builtin(name: &str) -> Option<Profile> {
        let wanted = |(file, _): &&(&str, &str)| file.strip_suffix(".toml") == Some(name);
        let (file, text) = FILES.iter().find(wanted)?;
        Profile::read(file, text).ok()
    }

    /// A profile from the text of a file.
    ///
    /// # Errors
    /// It is none: what is wrong, with the line.
    pub fn read(file: &str, text: &str) -> Result<Profile, String> {
        Ok(Profile {
            file: super::pack::read_policy(file, text)?,
            text: text.to_owned(),
        })
    }

    pub(super) fn file(&self) -> &PolicyFile {
        &self.file
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.file.policy
    }

    /// Its version.
    pub fn version(&self) -> u32 {
        self.file.version
    }

    /// What it is for.
    pub fn description(&self) -> &str {
        &self.file.description
    }

    /// What it promises.
    pub fn clauses(&self) -> &[Clause] {
        &self.file.clause
    }

    /// The file itself.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Tries the cases of all clauses with a policy, which is compiled from this file, and looks whether the rules that a clause
    /// names are there.
    pub fn try_cases(&self, policy: &Policy) -> Vec<Tried> {
        let tried = |clause: &Clause| {
            let mut problems = Vec::new();
            let prefix = format!("{}.", self.file.policy);
            if !clause.id.starts_with(&prefix) {
                problems.push(format!("its id does not begin with {prefix}"));
            }
            if self
                .clauses()
                .iter()
                .filter(|it| it.id == clause.id)
                .count()
                > 1
            {
                problems.push("its id stands twice".to_owned());
            }
            for rule in &clause.rules {
                let known = |id: &str| match rule.strip_suffix('*') {
                    Some(pack) => id.starts_with(pack),
                    None => id == rule,
                };
                if !policy.rules().iter().any(|it| known(&it.id)) {
                    problems.push(format!("the policy has no rule {rule}"));
                }
            }
            for (number, case) in clause.case.iter().enumerate() {
                let wrong = case.problems(policy).into_iter();
                problems.extend(wrong.map(|what| format!("case {}: {what}", number + 1)));
            }
            Tried {
                clause: clause.id.clone(),
                cases: clause.case.len(),
                problems,
            }
        };
        self.clauses().iter().map(tried).collect()
    }
}
