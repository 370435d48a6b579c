//! `[policy]`, and the policy that it comes to.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Config, Region, Waiver, projects, reading, secrets};
use crate::policy::{Allow, DoorRules, Doors, Policy, Profile};
use crate::scrub;

/// `[policy]`
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyChoice {
    /// The name of a built-in policy. Default `sentry-eu`.
    pub name: String,
    /// Paths of packs of the operator's own.
    pub packs: Vec<String>,
    /// What nobody can vouch for and is passed on all the same. Default none of it.
    pub pass: Vec<scrub::Opaque>,
    /// What becomes of personal data that the policy looks for, if not what its rules say.
    pub personal: Option<scrub::Treated>,
    /// What becomes of IP addresses in the fields made for them. Default removed.
    pub ip: scrub::Treated,
    /// Where the key for hashes of personal data stands: `env:NAME` or `file:PATH`; empty for none.
    pub hash_key: String,
    /// Where the key by which traces are sampled stands, likewise. Without one, a key that is no secret is used.
    pub sample_key: String,
    /// Whether the collector is told what was left out. Default yes.
    pub client_reports: bool,
    /// `[policy.server]` and `[policy.browser]`: what may leave by which door, where that is not what the policy says.
    pub doors: Doors<DoorRules>,
    /// A policy that is evaluated beside this one, to see what would be different; empty for that which the policy names, if it
    /// names one, and `none` for none.
    pub shadow: String,
    /// How often files are looked at for a change of policy. Default 5 s.
    pub watch: Duration,
    /// What is let through although a rule covers it.
    pub allow: Vec<Allow>,
}

/// What becomes of IP addresses, by name.
pub(super) const ADDRESSES: [(&str, scrub::Treated); 3] = [
    ("remove", scrub::Treated::Remove),
    ("truncate", scrub::Treated::Truncate),
    ("hash", scrub::Treated::Hash),
];

/// What becomes of personal data, by name.
pub(super) const PERSONAL: [(&str, Option<scrub::Treated>); 5] = [
    ("default", None),
    ("remove", Some(scrub::Treated::Remove)),
    ("mask", Some(scrub::Treated::Mask)),
    ("hash", Some(scrub::Treated::Hash)),
    ("truncate", Some(scrub::Treated::Truncate)),
];

impl Config {
    /// The keys that stand for those of `[[projects]]` at the collector.
    ///
    /// # Errors
    /// All that is wrong with them, a line each.
    pub fn load_projects(&self) -> Result<scrub::Rekeying, Vec<String>> {
        projects::load(&self.projects)
    }

    /// The policy that this configuration comes to, with its packs, secrets and keys.
    ///
    /// # Errors
    /// All that is wrong with it, a line each.
    pub fn load_policy(&self) -> Result<Policy, Vec<String>> {
        self.load_named(&self.policy.name, "policy.name")
    }

    /// The policy that is evaluated beside it, if one is: another one with the same packs, secrets, keys and exceptions.
    ///
    /// # Errors
    /// As for [`Config::load_policy`].
    pub fn load_shadow(&self) -> Result<Option<Policy>, Vec<String>> {
        let wanted = match self.policy.shadow.as_str() {
            "" => Policy::shadow_of(&self.policy.name),
            "none" => None,
            shadow => Some(shadow.to_owned()),
        };
        wanted
            .map(|name| self.load_named(&name, "policy.shadow"))
            .transpose()
    }

    /// All that counts at start only, in one text: whether it has changed can be told by it.
    pub(crate) fn beside_policy(&self) -> String {
        let Config {
            server,
            upstream,
            tunnel,
            projects,
            limits,
            policy: _,
            residency,
            secrets: _,
            log,
        } = self;
        let rest = (server, upstream, tunnel, projects, limits, residency, log);
        format!("{rest:?}")
    }

    /// The files that the policy is made of.
    pub(crate) fn policy_files(&self) -> Vec<PathBuf> {
        let keys = [&self.policy.hash_key, &self.policy.sample_key];
        let keys = keys.into_iter().filter_map(|key| key.strip_prefix("file:"));
        let packs = self.policy.packs.iter().map(String::as_str);
        let policies = [&self.policy.name, &self.policy.shadow];
        let policies = policies
            .into_iter()
            .map(String::as_str)
            .filter(|name| is_file(name));
        let mut files: Vec<PathBuf> = packs
            .chain(keys)
            .chain(policies)
            .map(PathBuf::from)
            .collect();
        for pattern in &self.secrets.files {
            files.extend(glob::glob(pattern).into_iter().flatten().flatten());
        }
        files
    }

    fn load_named(&self, name: &str, name_key: &str) -> Result<Policy, Vec<String>> {
        let mut own = Vec::new();
        let mut problems = Vec::new();
        for (number, path) in self.policy.packs.iter().enumerate() {
            if self.policy.packs[..number].contains(path) {
                problems.push(format!("policy.packs: {path} is named twice; take one out"));
                continue;
            }
            match reading::text(Path::new(path)) {
                Ok(text) => own.push((path.clone(), text)),
                Err(what) => problems.push(format!("policy.packs: {what}")),
            }
        }
        let mut referred = |key: &str, reference: &str| {
            if reference.is_empty() {
                return None;
            }
            secrets::by_reference(reference)
                .map_err(|what| problems.push(format!("{key}: {what}")))
                .ok()
        };
        let key = referred("policy.hash_key", &self.policy.hash_key);
        let sample_key = referred("policy.sample_key", &self.policy.sample_key);
        let values = self
            .secrets
            .read()
            .map_err(|more| problems.extend(more))
            .unwrap_or_default();
        if !problems.is_empty() {
            return Err(problems);
        }
        let said = |error: crate::policy::PolicyError, key: &str| {
            let problems = error.problems().iter();
            problems
                .map(|problem| format!("{key}: {problem}"))
                .collect::<Vec<_>>()
        };
        let loaded = match is_file(name) {
            true => {
                let text = reading::text(Path::new(name))
                    .map_err(|what| vec![format!("{name_key}: {what}")])?;
                let profile = Profile::read(name, &text)
                    .map_err(|problem| vec![format!("{name_key}: {problem}")])?;
                Policy::of_profile_with(&profile, &own)
            }
            false => Policy::builtin_with(name, &own),
        };
        let policy = loaded.map_err(|error| {
            // A pack's problem begins with its file's name.
            let of_pack = |problem: &String| {
                let mut packs = own.iter();
                packs.any(|(path, _)| problem.starts_with(&format!("{path}:")))
            };
            let key = match error.problems().iter().any(of_pack) {
                true => "policy.packs",
                false => name_key,
            };
            said(error, key)
        })?;
        let policy = policy
            .with_allowed(&self.policy.allow)
            .map_err(|error| error.problems().to_vec())?;
        let policy = policy
            .with_addresses(self.policy.ip)
            .with_personal(self.policy.personal, key.as_deref())
            .map_err(|error| said(error, "policy.hash_key"))?;
        policy
            .with_doors(
                &self.effective_doors(),
                sample_key.as_deref(),
                self.policy.client_reports,
            )
            .with_passing(&self.policy.pass)
            .with_known_secrets(values.values())
            .map_err(|error| said(error, "secrets"))
    }
}

/// Whether a policy is one of the operator's own: a file, and no name.
fn is_file(policy: &str) -> bool {
    policy.ends_with(".toml")
}

impl Config {
    /// What may leave by which door, with what `[residency]` says of it.
    fn effective_doors(&self) -> Doors<DoorRules> {
        let mut doors = self.policy.doors.clone();
        let named = |rules: &DoorRules| {
            let mut lists = rules.lists().into_iter();
            lists.any(|(_, _, types)| types.iter().any(|it| it == "check_in"))
        };
        let check_in = "check_in".to_owned();
        if self.residency.waive.contains(&Waiver::CheckIn) {
            if !named(&doors.server) {
                doors.server.pass.push(check_in);
            }
        } else if self.residency.region != Region::Any {
            for rules in [&mut doors.server, &mut doors.browser] {
                if !named(rules) {
                    rules.drop.push(check_in.clone());
                }
            }
        }
        doors
    }

    /// What a door lets pass and the region forbids.
    pub(super) fn unwaived(&self) -> Option<String> {
        let forbids = self.residency.region != Region::Any
            && !self.residency.waive.contains(&Waiver::CheckIn);
        let doors = [
            ("server", &self.policy.doors.server),
            ("browser", &self.policy.doors.browser),
        ];
        let mut doors = doors.into_iter();
        let (door, _) =
            doors.find(|(_, rules)| forbids && rules.pass.iter().any(|it| it == "check_in"))?;
        Some(format!(
            "policy.{door}.pass has check_in, and residency.region is \"eu\": Sentry may store check-ins in the United States, \
             whatever the region; waive that by residency.waive = [\"check_in\"], or take it out"
        ))
    }
}
