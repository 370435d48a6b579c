//! Policies: TOML in, a [`Plan`] out. A policy names rule packs; a pack holds rules, each with its own evidence.
//!
//! A policy that does not compile completely is not loaded: every rule's examples are tried when it is.

mod compile;
mod evidence;
mod pack;

use std::fmt;
use std::sync::Arc;

pub use evidence::Evidence;

use crate::scrub::{LEAST_SECRET_BYTES, Opaque, Plan, Treated};

/// The packs that are built in: file name and text.
const PACKS: [(&str, &str); 7] = [
    ("core.toml", include_str!("../../rules/core.toml")),
    (
        "credentials.toml",
        include_str!("../../rules/credentials.toml"),
    ),
    ("tokens.toml", include_str!("../../rules/tokens.toml")),
    ("pii.toml", include_str!("../../rules/pii.toml")),
    ("pii-pl.toml", include_str!("../../rules/pii-pl.toml")),
    ("ip.toml", include_str!("../../rules/ip.toml")),
    ("sentry.toml", include_str!("../../rules/sentry.toml")),
];

/// The policies that are built in: file name and text.
const POLICIES: [(&str, &str); 2] = [
    (
        "sentry-eu.toml",
        include_str!("../../rules/policies/sentry-eu.toml"),
    ),
    (
        "strict.toml",
        include_str!("../../rules/policies/strict.toml"),
    ),
];

/// The name of the default policy.
pub const DEFAULT: &str = "sentry-eu";

/// A compiled policy. Cheap to clone; one is taken for a whole request.
#[derive(Debug, Clone)]
pub struct Policy {
    name: String,
    description: String,
    packs: Vec<(String, u32)>,
    rules: Vec<RuleInfo>,
    plan: Arc<Plan>,
}

/// What a rule is, for lists and explanations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleInfo {
    /// Its id.
    pub id: String,
    /// How it matches: `name`, `path`, `token` or `detect`.
    pub kind: &'static str,
    /// What it is for.
    pub description: String,
}

impl Policy {
    /// Compiles a built-in policy by name (`sentry-eu`).
    ///
    /// # Errors
    /// There is no such policy, or one of its rules cannot be compiled or contradicts its examples: all problems, with file and line
    /// where it is known.
    pub fn builtin(name: &str) -> Result<Policy, PolicyError> {
        Self::builtin_with(name, &[])
    }

    /// The same, with packs of the operator's own behind its packs: each the name of a file, and its text.
    ///
    /// # Errors
    /// As for [`Policy::builtin`]; a pack of one's own must hold to the same rules.
    pub fn builtin_with(name: &str, own: &[(String, String)]) -> Result<Policy, PolicyError> {
        let files: Vec<pack::PolicyFile> = POLICIES
            .iter()
            .map(|(file, text)| pack::read_policy(file, text))
            .collect::<Result<_, _>>()
            .map_err(|problem| PolicyError {
                problems: vec![problem],
            })?;
        let Some(file) = files.iter().find(|file| file.policy == name) else {
            let known = Self::builtin_names().join(", ");
            return Err(PolicyError {
                problems: vec![format!("there is no policy '{name}'; known: {known}")],
            });
        };
        let mut problems = Vec::new();
        let mut packs = Vec::new();
        for wanted in &file.packs {
            match PACKS
                .iter()
                .find(|(file, _)| file.strip_suffix(".toml") == Some(wanted))
            {
                Some((file, text)) => match pack::read_pack(file, text) {
                    Ok(pack) => packs.push((*file, pack)),
                    Err(problem) => problems.push(problem),
                },
                None => problems.push(format!("policy '{name}': there is no pack '{wanted}'")),
            }
        }
        for (file, text) in own {
            match pack::read_pack(file, text) {
                Ok(pack) => packs.push((file.as_str(), pack)),
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(PolicyError { problems });
        }
        let plan = compile::compile(&packs).map_err(|problems| PolicyError { problems })?;
        Ok(Policy {
            name: file.policy.clone(),
            description: file.description.clone(),
            packs: packs
                .iter()
                .map(|(_, pack)| (pack.pack.clone(), pack.version))
                .collect(),
            rules: packs.iter().flat_map(|(_, pack)| infos(pack)).collect(),
            plan,
        })
    }

    /// The same policy with another treatment of personal data, if one is said, and a key for hashes of it.
    ///
    /// # Errors
    /// Personal data is to be hashed, and there is no key.
    pub fn with_personal(
        &self,
        treated: Option<Treated>,
        key: Option<&[u8]>,
    ) -> Result<Policy, PolicyError> {
        let plan = self.plan.with_personal(treated, key);
        if plan.lacks_hash_key() {
            return Err(PolicyError {
                problems: vec![
                    "personal data is to be hashed, and there is no key for it: set policy.hash_key"
                        .to_owned(),
                ],
            });
        }
        Ok(Policy {
            plan: Arc::new(plan),
            ..self.clone()
        })
    }

    /// The same policy, which also takes these values out wherever they stand.
    ///
    /// # Errors
    /// One of them is shorter than [`LEAST_SECRET_BYTES`]; none is ever shown.
    pub fn with_known_secrets(&self, values: &[Vec<u8>]) -> Result<Policy, PolicyError> {
        if values.iter().any(|value| value.len() < LEAST_SECRET_BYTES) {
            return Err(PolicyError {
                problems: vec![format!(
                    "a known secret is shorter than {LEAST_SECRET_BYTES} bytes"
                )],
            });
        }
        let values = values.iter().map(Vec::as_slice);
        Ok(Policy {
            plan: Arc::new(self.plan.with_known_secrets(values)),
            ..self.clone()
        })
    }

    /// The same policy, which also passes these kinds of content on as they are.
    pub fn with_passing(&self, kinds: &[Opaque]) -> Policy {
        Policy {
            plan: Arc::new(self.plan.with_passing(kinds)),
            ..self.clone()
        }
    }

    /// The names of all built-in policies.
    pub fn builtin_names() -> Vec<&'static str> {
        POLICIES
            .iter()
            .filter_map(|(file, _)| file.strip_suffix(".toml"))
            .collect()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it promises, in a sentence.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The compiled form that the engine runs.
    pub fn plan(&self) -> Arc<Plan> {
        Arc::clone(&self.plan)
    }

    /// Its rules, in the order of their packs; the engine's own are not among them.
    pub fn rules(&self) -> &[RuleInfo] {
        &self.rules
    }

    /// Tries the examples of all rules of the built-in packs in every kind of place, cut at each byte.
    ///
    /// # Errors
    /// A pack or a rule can't be read or compiled.
    pub fn try_builtin_rules() -> Result<Vec<Evidence>, PolicyError> {
        Self::try_rules(&PACKS)
    }

    /// The same for packs that are given, each by the name of its file and its text.
    ///
    /// # Errors
    /// As for [`Policy::try_builtin_rules`].
    pub fn try_rules(files: &[(&str, &str)]) -> Result<Vec<Evidence>, PolicyError> {
        let mut packs = Vec::new();
        let mut problems = Vec::new();
        for (file, text) in files {
            match pack::read_pack(file, text) {
                Ok(pack) => packs.push((*file, pack)),
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(PolicyError { problems });
        }
        let plan = compile::compile(&packs).map_err(|problems| PolicyError { problems })?;
        Ok(packs
            .iter()
            .flat_map(|(_, pack)| evidence::of_pack(pack, &plan))
            .collect())
    }

    /// Its packs, each with its version.
    pub fn packs(&self) -> Vec<(String, u32)> {
        self.packs.clone()
    }
}

/// What the rules of a pack are.
fn infos(pack: &pack::Pack) -> Vec<RuleInfo> {
    let info = |kind, id: &String, description: &String| RuleInfo {
        id: id.clone(),
        kind,
        description: description.clone(),
    };
    let names = pack.name.iter();
    let paths = pack.path.iter();
    let tokens = pack.token.iter();
    let detectors = pack.detect.iter();
    names
        .map(|rule| info("name", &rule.id, &rule.description))
        .chain(paths.map(|rule| info("path", &rule.id, &rule.description)))
        .chain(tokens.map(|rule| info("token", &rule.id, &rule.description)))
        .chain(detectors.map(|rule| info("detect", &rule.id, &rule.description)))
        .collect()
}

/// Why a policy did not load: every problem at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    problems: Vec<String>,
}

impl PolicyError {
    /// The problems, one line each.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("\n"))
    }
}

impl std::error::Error for PolicyError {}
