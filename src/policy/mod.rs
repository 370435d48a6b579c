//! Policies: TOML in, a [`Plan`] out. A policy names rule packs; a pack holds rules, each with its own evidence.
//!
//! A policy that does not compile completely is not loaded: every rule's examples are tried when it is.

mod allow;
mod compile;
mod diff;
mod evidence;
mod examples;
mod gate;
mod near;
mod pack;
mod profile;
mod token;
mod words;

use std::fmt;
use std::sync::Arc;

pub use allow::{Allow, DOCUMENTS, Excepted, PLACES, kind, places};

pub use diff::{Change, Changed};
pub use evidence::Evidence;
pub use gate::{DoorRules, OTHERWISE};
pub use profile::{Clause, Door, Profile, Tried};

use diff::Definition;
use pack::Source;
#[cfg(feature = "proxy")]
pub(crate) use words::no_toml;

use sha2::{Digest, Sha256};

use crate::ingress::Ingress;
use crate::scrub::{Alphabet, Gate, LEAST_SECRET_BYTES, Opaque, Plan, Treated};

/// The packs that are built in: file name and text.
const PACKS: [(&str, &str); 10] = [
    ("core.toml", include_str!("../../rules/core.toml")),
    (
        "credentials.toml",
        include_str!("../../rules/credentials.toml"),
    ),
    ("tokens.toml", include_str!("../../rules/tokens.toml")),
    ("pii.toml", include_str!("../../rules/pii.toml")),
    ("pii-pl.toml", include_str!("../../rules/pii-pl.toml")),
    ("ip.toml", include_str!("../../rules/ip.toml")),
    ("bank.toml", include_str!("../../rules/bank.toml")),
    ("ksef.toml", include_str!("../../rules/ksef.toml")),
    ("user.toml", include_str!("../../rules/user.toml")),
    ("sentry.toml", include_str!("../../rules/sentry.toml")),
];

/// The name of the default policy.
pub const DEFAULT: &str = "sentry-eu";

/// A compiled policy. Cheap to clone; one is taken for a whole request.
#[derive(Debug, Clone)]
pub struct Policy {
    name: String,
    description: String,
    packs: Vec<PackInfo>,
    rules: Vec<RuleInfo>,
    /// What the packs say, rule by rule.
    definitions: Arc<[Definition]>,
    allowed: Vec<Allow>,
    /// What its file says of the doors.
    doors: Doors<DoorRules>,
    /// What becomes of personal data where there is a key, if not what the rules say.
    keyed: Option<Treated>,
    gates: Doors<Arc<Gate>>,
    plan: Arc<Plan>,
    hash: String,
}

/// One of each for the doors by which telemetry comes in.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Doors<T> {
    /// What comes from servers.
    pub server: T,
    /// What comes from browsers, through the tunnel.
    pub browser: T,
}

impl<T> Doors<T> {
    /// That of a door.
    pub fn of(&self, ingress: Ingress) -> &T {
        match ingress {
            Ingress::Sidecar => &self.server,
            Ingress::Tunnel => &self.browser,
        }
    }
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

/// Which pack it is: two packs of one name and version are the same only if their hashes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackInfo {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// SHA-256 of the text of its file.
    pub sha256: [u8; 32],
}

impl PackInfo {
    fn of(source: &Source) -> PackInfo {
        PackInfo {
            name: source.pack.pack.clone(),
            version: source.pack.version,
            sha256: source.sha256,
        }
    }

    /// The hash in full, in hexadecimal digits.
    pub fn hash(&self) -> String {
        hex(&self.sha256)
    }
}

/// Its name, its version, and the first twelve digits of its hash.
impl fmt::Display for PackInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:.12}", self.name, self.version, self.hash())
    }
}

/// The pack that every policy has.
const CORE: &str = "core";

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
        Self::of_file(Self::policy_file(name)?, own)
    }

    /// The policy that a profile is the file of.
    ///
    /// # Errors
    /// As for [`Policy::builtin`].
    pub fn of_profile(profile: &Profile) -> Result<Policy, PolicyError> {
        Self::of_profile_with(profile, &[])
    }

    /// The same, with packs of the operator's own behind its packs.
    ///
    /// # Errors
    /// As for [`Policy::builtin_with`]; and no policy is without the core names.
    pub fn of_profile_with(
        profile: &Profile,
        own: &[(String, String)],
    ) -> Result<Policy, PolicyError> {
        let file = profile.file();
        if !file.packs.iter().any(|pack| pack == CORE) {
            let problem = format!(
                "policy '{}': packs: {CORE} is missing; no policy is without it",
                file.policy
            );
            return Err(PolicyError {
                problems: vec![problem],
            });
        }
        Self::of_file(file.clone(), own)
    }

    fn of_file(file: profile::PolicyFile, own: &[(String, String)]) -> Result<Policy, PolicyError> {
        let problems: Vec<String> = [("server", &file.server), ("browser", &file.browser)]
            .into_iter()
            .flat_map(|(door, rules)| {
                let name = &file.policy;
                let told = move |(key, what)| format!("policy '{name}': {door}.{key}: {what}");
                rules.problems().into_iter().map(told)
            })
            .collect();
        if !problems.is_empty() {
            return Err(PolicyError { problems });
        }
        let mut files = Self::packs_of(&file)?;
        files.extend_from_slice(own);
        let doors = Doors {
            server: file.server,
            browser: file.browser,
        };
        let policy = Policy {
            name: file.policy,
            description: file.description,
            doors,
            keyed: file.personal.map(compile::treated),
            ..Self::of_packs(&files)?
        };
        let text = format!("{:?} {:?}", policy.packs, policy.doors);
        Ok(policy
            .with_doors(&Doors::default(), None, false)
            .hashed(&text))
    }

    /// A policy of nothing but these packs: each the name of a file, and its text. It has no name.
    ///
    /// # Errors
    /// One of them can't be read, or one of their rules can't be compiled or contradicts its examples: all problems, with file and
    /// line.
    pub fn of_packs(files: &[(String, String)]) -> Result<Policy, PolicyError> {
        let packs = read_all(
            files
                .iter()
                .map(|(file, text)| (file.as_str(), text.as_str())),
        )?;
        let plan = compile::compile(&packs).map_err(|problems| PolicyError { problems })?;
        Ok(Policy {
            name: String::new(),
            description: String::new(),
            packs: packs.iter().map(PackInfo::of).collect(),
            rules: packs
                .iter()
                .flat_map(|source| infos(&source.pack))
                .collect(),
            definitions: packs.iter().flat_map(diff::definitions).collect(),
            allowed: Vec::new(),
            doors: Doors::default(),
            keyed: None,
            gates: Doors::default(),
            plan,
            hash: String::new(),
        })
    }

    /// The packs of a policy's file, in its order: the name of each, and its text.
    ///
    /// # Errors
    /// It names a pack that there is not.
    pub fn profile_packs(profile: &Profile) -> Result<Vec<(String, String)>, PolicyError> {
        Self::packs_of(profile.file())
    }

    /// The packs of a built-in policy, in its order: file name and text.
    ///
    /// # Errors
    /// There is no such policy, or it names a pack that there is not.
    pub fn builtin_packs(name: &str) -> Result<Vec<(String, String)>, PolicyError> {
        Self::packs_of(&Self::policy_file(name)?)
    }

    fn packs_of(file: &profile::PolicyFile) -> Result<Vec<(String, String)>, PolicyError> {
        let name = &file.policy;
        let of = |wanted: &String| {
            let named = |(file, _): &&(&str, &str)| file.strip_suffix(".toml") == Some(wanted);
            match PACKS.iter().find(named) {
                Some((file, text)) => Ok(((*file).to_owned(), (*text).to_owned())),
                None => {
                    let all = PACKS
                        .iter()
                        .filter_map(|(file, _)| file.strip_suffix(".toml"));
                    let hint = near::known(wanted, &all.collect::<Vec<_>>());
                    Err(format!(
                        "policy '{name}': packs: there is no pack '{wanted}'; {hint}"
                    ))
                }
            }
        };
        let found: Vec<Result<_, String>> = file.packs.iter().map(of).collect();
        let problems: Vec<String> = found.iter().filter_map(|it| it.clone().err()).collect();
        if !problems.is_empty() {
            return Err(PolicyError { problems });
        }
        Ok(found.into_iter().flatten().collect())
    }

    fn policy_file(name: &str) -> Result<profile::PolicyFile, PolicyError> {
        let problem = |problem| PolicyError {
            problems: vec![problem],
        };
        let files: Vec<profile::PolicyFile> = profile::FILES
            .iter()
            .map(|(file, text)| pack::read_policy(file, text))
            .collect::<Result<_, _>>()
            .map_err(problem)?;
        files
            .into_iter()
            .find(|file| file.policy == name)
            .ok_or_else(|| {
                let hint = near::known(name, &Self::builtin_names());
                problem(format!(
                    "there is no policy '{name}'; {hint} (a file of your own is named by its path, which ends in .toml)"
                ))
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
        let treated = treated.or(key.and(self.keyed));
        let plan = self.plan.with_personal(treated, key);
        if plan.lacks_hash_key() {
            return Err(PolicyError {
                problems: vec![
                    "there is no key, and the policy is to hash (policy.ip, policy.personal, or a rule): set policy.hash_key to env:NAME or file:PATH"
                        .to_owned(),
                ],
            });
        }
        let changed = Policy {
            plan: Arc::new(plan),
            ..self.clone()
        };
        Ok(changed.hashed(&format!("personal {treated:?}")))
    }

    /// The same policy, which makes this of IP addresses in the fields made for them; [`Policy::with_personal`] comes after it, and says
    /// whether there is a key.
    pub fn with_addresses(&self, treated: Treated) -> Policy {
        let changed = Policy {
            plan: Arc::new(self.plan.with_addresses(treated)),
            ..self.clone()
        };
        changed.hashed(&format!("addresses {treated:?}"))
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
        let secrets = values.iter().map(Vec::as_slice);
        let changed = Policy {
            plan: Arc::new(self.plan.with_known_secrets(secrets)),
            ..self.clone()
        };
        Ok(changed.hashed(&format!("{} secrets", values.len())))
    }

    /// The same policy, which also passes these kinds of content on as they are.
    pub fn with_passing(&self, kinds: &[Opaque]) -> Policy {
        let changed = Policy {
            plan: Arc::new(self.plan.with_passing(kinds)),
            ..self.clone()
        };
        changed.hashed(&format!("passing {kinds:?}"))
    }

    /// The same policy, with an operator's rules for its doors above those of its own file; which are right
    /// ([`DoorRules::problems`]). With `key`, traces are kept by a hash with that key; with `reports`, envelopes that leave tell the
    /// collector what was left out.
    pub fn with_doors(
        &self,
        rules: &Doors<DoorRules>,
        key: Option<&[u8]>,
        reports: bool,
    ) -> Policy {
        let gate = |own: &DoorRules, below: &DoorRules| {
            Arc::new(own.gate(below, key).with_reports(reports))
        };
        let changed = Policy {
            gates: Doors {
                server: gate(&rules.server, &self.doors.server),
                browser: gate(&rules.browser, &self.doors.browser),
            },
            ..self.clone()
        };
        changed.hashed(&format!("{rules:?} reports {reports}"))
    }

    /// What its file says of the doors.
    pub fn doors(&self) -> &Doors<DoorRules> {
        &self.doors
    }

    /// The policy that a built-in one wants to be evaluated beside it, if it wants any.
    pub fn shadow_of(name: &str) -> Option<String> {
        Self::policy_file(name).ok()?.shadow
    }

    /// What may leave of what came by this door.
    pub fn gate(&self, ingress: Ingress) -> Arc<Gate> {
        Arc::clone(self.gates.of(ingress))
    }

    /// The names of all built-in policies.
    pub fn builtin_names() -> Vec<&'static str> {
        profile::FILES
            .iter()
            .filter_map(|(file, _)| file.strip_suffix(".toml"))
            .collect()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What tells it from another: the first twelve hexadecimal digits of SHA-256 over its file, its packs, and all that an
    /// operator has changed of it. Of known secrets, only their number counts, so that nobody can guess at them.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Computes the hash anew, after a change of which this is all that matters.
    fn hashed(mut self, change: &str) -> Policy {
        let mut digest = Sha256::new();
        digest.update(self.hash.as_bytes());
        digest.update(change.as_bytes());
        self.hash = hex(&digest.finalize()).chars().take(12).collect();
        self
    }

    /// Whether a rule of it looks for personal data.
    pub fn seeks_personal(&self) -> bool {
        let mut definitions = self.definitions.iter();
        definitions.any(Definition::seeks_personal)
    }

    /// Whether a rule of it is for the addresses of users.
    pub fn seeks_addresses(&self) -> bool {
        self.definitions.iter().any(|it| it.does("address"))
    }

    /// Whether it puts keyed hashes in place of something where there is a key, personal data being treated so, if that is said.
    pub fn hashes(&self, personal: Option<Treated>) -> bool {
        let by_rule = |it: &Definition| match personal.or(self.keyed) {
            Some(treated) => it.seeks_personal() && treated == Treated::Hash,
            None => it.does("hash"),
        };
        let mut definitions = self.definitions.iter();
        definitions.any(|it| it.does("pseudonym") || by_rule(it))
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
        let packs = read_all(files.iter().copied())?;
        let plan = compile::compile(&packs).map_err(|problems| PolicyError { problems })?;
        let mut all = Vec::new();
        for source in &packs {
            let evidence = evidence::of_pack(source, &plan).map_err(|error| PolicyError {
                problems: vec![error.to_string()],
            })?;
            all.extend(evidence);
        }
        Ok(all)
    }

    /// Its packs, in their order.
    pub fn packs(&self) -> &[PackInfo] {
        &self.packs
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The alphabets that packs name, in no order: each name, and its characters.
pub fn alphabets() -> Vec<(&'static str, Alphabet)> {
    let all = pack::Letters::ALL.iter();
    all.map(|(name, letters)| (*name, token::letters(*letters)))
        .collect()
}

/// Reads packs, or says all that is wrong with them.
fn read_all<'a>(
    files: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Vec<Source>, PolicyError> {
    let mut packs = Vec::new();
    let mut problems = Vec::new();
    for (file, text) in files {
        match Source::read(file, text) {
            Ok(pack) => packs.push(pack),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(packs)
    } else {
        Err(PolicyError { problems })
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
        .map(|rule| info("name", &rule.get_ref().id, &rule.get_ref().description))
        .chain(paths.map(|rule| info("path", &rule.get_ref().id, &rule.get_ref().description)))
        .chain(tokens.map(|rule| info("token", &rule.get_ref().id, &rule.get_ref().description)))
        .chain(
            detectors.map(|rule| info("detect", &rule.get_ref().id, &rule.get_ref().description)),
        )
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
