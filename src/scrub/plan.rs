//! [`Plan`]: a compiled policy as plain data. The policy module builds it; the engine only reads it.

use super::json::{Containers, SharedKeys, Workspaces};
use super::known::KnownSecrets;
use super::literals::{Literal, Literals, Signals};
use super::name::{Allowance, Kinds, Names, Treatment, Verdict, Words};
use super::opaque::{Opaque, Passing};
use super::path::{Forced, PathTree, TooManyPlaces};
use super::personal::{Personal, PersonalData, Treated};
use super::splice::Redaction;
use super::string::scrub_string;
use super::text::{Skims, Texts};
use super::token::{TokenRule, Tokens};

/// A compiled policy: denied names, path rules, and the ids of the rules behind them.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(crate) names: Names,
    pub(crate) paths: PathTree,
    rules: Vec<String>,
    pub(crate) held_rule: u16,
    pub(crate) forced_rule: u16,
    pub(crate) dsn_secret_rule: u16,
    pub(crate) no_text_rule: u16,
    /// The rule for user and password in a URL.
    pub(crate) user_info: Option<u16>,
    /// Hosts whose URLs have parameters of [`Kinds::HOSTED`].
    pub(crate) hosts: Vec<String>,
    pub(crate) tokens: Tokens,
    /// What of a text can be passed over.
    pub(crate) skims: Skims,
    /// What a text has somewhere in which a rule may find something.
    pub(crate) literals: Literals,
    pub(crate) known: KnownSecrets,
    pub(crate) personal: PersonalData,
    pub(crate) known_rule: u16,
    passing: Passing,
    pub(crate) workspaces: Workspaces,
    /// What is known of the keys that streams have met.
    pub(crate) keys: SharedKeys,
    /// What has come of the texts that streams have had.
    pub(crate) texts: Texts,
    /// The same of objects and arrays.
    pub(crate) containers: Containers,
}

impl Plan {
    /// Keys, texts and containers that streams have had come as if for the first time.
    pub(crate) fn forget(&mut self) {
        self.workspaces = Workspaces::default();
        self.keys = SharedKeys::default();
        self.texts.forget();
        self.containers.forget();
    }
}

/// One entry of a rule that matches names. Phrases are written as people write names; they are normalised here.
#[derive(Debug, Clone, Default)]
pub struct NameRule {
    /// The rule's id.
    pub id: String,
    /// In which kinds of place it applies.
    pub kinds: Kinds,
    /// What it does; [`Treatment::Leaves`] if not said.
    pub treatment: Option<Treatment>,
    /// Whole names.
    pub exact: Vec<String>,
    /// Phrases at a name's end.
    pub last: Vec<String>,
    /// Phrases anywhere in a name.
    pub any: Vec<String>,
    /// First and last phrase with something between.
    pub gap: Vec<(String, String)>,
    /// Nothing is ever excepted from it.
    pub fixed: bool,
}

/// What names look like secrets and are none, and which prefixes carry a header name.
#[derive(Debug, Clone, Default)]
pub struct SafeNames {
    /// Whole names that are safe.
    pub exact: Vec<String>,
    /// Last words that make a name safe (`count`, `at`).
    pub last: Vec<String>,
    /// Phrases that make a name safe wherever they stand in it (`time to`).
    pub any: Vec<String>,
    /// A word and a plural right behind it that count something (`prompt`, `tokens`), or a plural and the word at the name's end
    /// right behind it (`tokens`, `evaluated`).
    pub counters: Vec<(String, String)>,
    /// A word and a plural anywhere behind it that count something (`max`, `tokens`).
    pub quantities: Vec<(String, String)>,
    /// Prefixes after which a name of these kinds follows (`http request header`).
    pub prefixes: Vec<(String, Kinds)>,
}

/// A rule for the value at a path of member names; `*` stands for one member, `**` for any number of them. Where the paths of
/// two rules meet, the narrower one counts: that with fewer `**`, then that with more names.
#[derive(Debug, Clone)]
pub struct PathRule {
    /// The rule's id.
    pub id: String,
    /// Which documents it applies to.
    pub document: Document,
    /// Member names from the root; array elements are transparent.
    pub path: Vec<String>,
    /// Names are compared without case (ASCII).
    pub caseless: bool,
    /// What happens to the value.
    pub treatment: Treatment,
}

/// The kinds of JSON document that path rules tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Document {
    /// An error event, transaction or feedback.
    Event,
    /// A container of logs, spans or metrics.
    Container,
    /// A session update or a batch of them.
    Session,
    /// Any other JSON.
    Other,
}

impl Document {
    /// All kinds, in the order of their roots in the path tree.
    pub const ALL: [Document; 4] = [
        Document::Event,
        Document::Container,
        Document::Session,
        Document::Other,
    ];
}

/// Builds a [`Plan`].
#[derive(Debug, Default)]
pub struct PlanBuilder {
    names: Names,
    paths: PathTree,
    rules: Vec<String>,
    user_info: Option<u16>,
    hosts: Vec<String>,
    tokens: Tokens,
    literals: Literals,
    personal: PersonalData,
}

impl PlanBuilder {
    /// An empty plan: nothing is covered.
    pub fn new() -> Self {
        Self::default()
    }

    fn rule(&mut self, id: &str) -> u16 {
        match self.rules.iter().position(|known| known == id) {
            Some(index) => index as u16,
            None => {
                self.rules.push(id.to_owned());
                (self.rules.len() - 1) as u16
            }
        }
    }

    /// The phrases of this rule that stand in an earlier one which does something else with them, each with that rule's
    /// id. Of such two only the first would count, in the places of both.
    pub fn clashes(&self, rule: &NameRule) -> Vec<(String, String)> {
        let names = &self.names;
        let exact = rule.exact.iter().map(|it| (it.clone(), names.exact(it)));
        let last = rule.last.iter().map(|it| (it.clone(), names.last(it)));
        let any = rule.any.iter().map(|it| (it.clone(), names.any(it)));
        let gap = rule
            .gap
            .iter()
            .map(|(first, last)| (format!("{first} … {last}"), names.gap(first, last)));
        let treatment = rule.treatment.unwrap_or(Treatment::Leaves);
        exact
            .chain(last)
            .chain(any)
            .chain(gap)
            .filter_map(|(phrase, verdict)| {
                let other = verdict.filter(|verdict| verdict.treatment != treatment)?;
                Some((phrase, self.rules.get(usize::from(other.rule))?.clone()))
            })
            .collect()
    }

    /// Adds a rule that matches names.
    pub fn name_rule(&mut self, rule: &NameRule) {
        let index = self.rule(&rule.id);
        if rule.fixed {
            self.names.fix(index);
        }
        let verdict = Verdict {
            rule: index,
            kinds: rule.kinds,
            treatment: rule.treatment.unwrap_or(Treatment::Leaves),
        };
        for phrase in &rule.exact {
            self.names.add_exact(phrase, verdict);
        }
        for phrase in &rule.last {
            self.names.add_last(phrase, verdict);
        }
        for phrase in &rule.any {
            self.names.add_any(phrase, verdict);
        }
        for (first, last) in &rule.gap {
            self.names.add_gap(first, last, verdict);
        }
    }

    /// A word that ends in `suffix` counts as this phrase (`accesstoken` as `token`).
    pub fn suffix(&mut self, suffix: &str, stands_for: &str) {
        self.names.add_suffix(suffix, stands_for);
    }

    /// Adds names that are safe.
    pub fn safe_names(&mut self, safe: &SafeNames) {
        for phrase in &safe.exact {
            self.names.add_safe(phrase);
        }
        for word in &safe.last {
            self.names.add_safe_last(word);
        }
        for phrase in &safe.any {
            self.names.add_safe_any(phrase);
        }
        for (first, second) in &safe.counters {
            self.names.add_counter(first, second);
        }
        for (word, plural) in &safe.quantities {
            self.names.add_quantity(word, plural);
        }
        for (prefix, kinds) in &safe.prefixes {
            self.names.add_prefix(prefix, *kinds);
        }
    }

    /// Adds a rule for a path.
    pub fn path_rule(&mut self, rule: &PathRule) {
        let index = self.rule(&rule.id);
        self.paths.add(
            rule.document,
            &rule.path,
            rule.caseless,
            rule.treatment,
            index,
        );
    }

    /// Marks a path whose objects are no key/value pairs although they have a `value` (an exception).
    /// `numbers`: only where the value is a number (a metric).
    pub fn not_pairs(&mut self, document: Document, path: &[String], numbers: bool) {
        self.paths.add_not_pairs(document, path, numbers);
    }

    /// Requires a member: forced to this JSON text if present, else appended where the document's object ends.
    pub fn forced(&mut self, document: Document, forced: Forced) {
        self.paths.add_forced(document, &forced);
    }

    /// Adds a rule for user and password in URLs.
    pub fn user_info_rule(&mut self, id: &str) {
        self.user_info = Some(self.rule(id));
    }

    /// Adds a rule for personal data of a kind.
    pub fn personal_rule(&mut self, id: &str, kind: Personal, treated: Treated) {
        let index = self.rule(id);
        self.personal.add(kind, index, treated);
    }

    /// Adds a rule for bare tokens.
    pub fn token_rule(&mut self, rule: &TokenRule) {
        let index = self.rule(&rule.id);
        self.tokens.add(index, rule, &mut self.literals);
    }

    /// Adds hosts whose URLs have parameters of [`Kinds::HOSTED`]; hosts below them count too.
    pub fn hosts(&mut self, hosts: &[String]) {
        self.hosts
            .extend(hosts.iter().map(|host| host.to_ascii_lowercase()));
    }

    /// The plan. The engine's own rules are added last.
    ///
    /// # Errors
    /// The paths of its rules can't be followed together.
    pub fn build(mut self) -> Result<Plan, TooManyPlaces> {
        self.paths.compile()?;
        let held_rule = self.rule("pair.held_too_long");
        let forced_rule = self.rule("sentry.forced_setting");
        let dsn_secret_rule = self.rule("sentry.dsn_secret");
        let no_text_rule = self.rule("attachment.no_text");
        let known_rule = self.rule("secrets.known");
        self.names.note_words(&mut self.literals);
        if self.user_info.is_some() {
            // Of `://`, however the colon is written.
            self.literals.add(&Literal::exactly(b"://", Signals::USER));
            self.literals.add(&Literal::exactly(b";//", Signals::USER));
            for network in [b"@tcp(".as_slice(), b"@unix(", b"@udp("] {
                self.literals
                    .add(&Literal::exactly(network, Signals::USER.or(Signals::LOGIN)));
            }
        }
        Ok(Plan {
            dsn_secret_rule,
            no_text_rule,
            known: KnownSecrets::default(),
            known_rule,
            passing: Passing::default(),
            names: self.names,
            paths: self.paths,
            rules: self.rules,
            user_info: self.user_info,
            hosts: self.hosts,
            skims: Skims::new(&self.tokens),
            tokens: self.tokens,
            literals: self.literals.sealed(),
            personal: self.personal,
            held_rule,
            forced_rule,
            workspaces: Workspaces::default(),
            keys: SharedKeys::default(),
            texts: Texts::default(),
            containers: Containers::default(),
        })
    }
}

impl Plan {
    /// Whether there can be something in a string only where there is a literal, or a sign that tells something by itself.
    #[inline]
    pub(crate) fn tells_by_literals(&self) -> bool {
        self.known.is_empty() && self.personal.is_empty() && !self.literals.has_short()
    }

    /// The same plan, which also looks for these values wherever they stand. Each is at least [`LEAST_SECRET_BYTES`] long.
    ///
    /// [`LEAST_SECRET_BYTES`]: super::LEAST_SECRET_BYTES
    pub fn with_known_secrets<'a>(&self, values: impl IntoIterator<Item = &'a [u8]>) -> Plan {
        let mut plan = self.clone();
        for value in values {
            plan.known.add(value);
        }
        plan.known.arrange();
        plan
    }

    /// The same plan with a key for hashes of personal data and, if said, another treatment for all kinds.
    pub fn with_personal(&self, treated: Option<Treated>, key: Option<&[u8]>) -> Plan {
        let mut plan = self.clone();
        if let Some(treated) = treated {
            plan.personal.treat_all(treated);
        }
        if let Some(key) = key {
            plan.personal.set_key(key);
        }
        plan
    }

    /// The same plan, which makes this of IP addresses in the fields made for them ([`Treatment::Address`]): nothing
    /// ([`Treated::Remove`]), a shorter one ([`Treated::Truncate`]), or a keyed hash as the `id` of the user who has none
    /// ([`Treated::Hash`]).
    pub fn with_addresses(&self, treated: Treated) -> Plan {
        let mut plan = self.clone();
        plan.personal.treat_addresses(treated);
        plan
    }

    /// The same plan, which passes these on as they are.
    pub fn with_passing(&self, kinds: &[Opaque]) -> Plan {
        Plan {
            passing: Passing::of(kinds),
            ..self.clone()
        }
    }

    /// Whether what nobody can vouch for is passed on, if it is of this kind.
    pub fn passes(&self, kind: Opaque) -> bool {
        self.passing.has(kind)
    }

    /// Whether personal data is to be hashed and there is no key: it is removed then.
    pub fn lacks_hash_key(&self) -> bool {
        self.personal.lacks_key()
    }

    /// Whether a known secret stands in a text, in any of its forms.
    pub(crate) fn has_known_secret(&self, text: &str) -> bool {
        let is_known = |redaction: &Redaction| redaction.rule == self.known_rule;
        !self.known.is_empty() && scrub_string(self, text).1.iter().any(is_known)
    }

    /// How many known secrets it looks for.
    pub fn known_secrets(&self) -> usize {
        self.known.len()
    }

    /// The same plan, which lets this whole name through in places of these kinds: as far as one rule covers it, or all. Rules
    /// from which nothing is excepted ([`NameRule::fixed`]) still cover it. An id that no rule has changes nothing.
    pub fn with_allowed_name(&self, name: &str, kinds: Kinds, rule: Option<&str>) -> Plan {
        let mut plan = self.clone();
        let index = |id: &str| plan.rules.iter().position(|known| known == id);
        let rule = match rule.map(index) {
            None => None,
            Some(Some(index)) => Some(index as u16),
            Some(None) => return plan,
        };
        plan.names.allow(name, Allowance { kinds, rule });
        plan
    }

    /// The same plan, which lets through what stands at this path (as [`PathRule::path`]): it is looked at as text, and no
    /// rule by name or path covers it, unless nothing is excepted from that rule ([`NameRule::fixed`]).
    ///
    /// # Errors
    /// The paths can't be followed together.
    pub fn with_allowed_path(
        &self,
        document: Document,
        path: &[String],
    ) -> Result<Plan, TooManyPlaces> {
        let mut plan = self.clone();
        plan.paths.add_allowed(document, path);
        plan.paths.compile()?;
        Ok(plan)
    }

    /// Whether nothing is excepted from a rule, by its index: those of the engine, and those that say so.
    pub(crate) fn is_fixed(&self, rule: u16) -> bool {
        rule >= self.held_rule || self.names.is_fixed(rule)
    }

    /// Whether nothing is excepted from the rule with this id.
    pub fn is_fixed_rule(&self, id: &str) -> bool {
        let index = self.rules.iter().position(|known| known == id);
        index.is_some_and(|index| self.is_fixed(index as u16))
    }

    /// What is done at a path of member names (without `*` and `**`) by a rule for that path, with the rule's id.
    pub fn rule_for_path(&self, document: Document, path: &[String]) -> Option<(Treatment, &str)> {
        let node = path.iter().fold(PathTree::root(document), |node, name| {
            self.paths.child(node, name.as_bytes())
        });
        let (treatment, rule) = self.paths.node(node).action?;
        Some((treatment, self.rules.get(usize::from(rule))?))
    }

    /// Whether a member at this path must have a value that policy says.
    pub fn forces(&self, document: Document, path: &[String]) -> bool {
        let node = path.iter().fold(PathTree::root(document), |node, name| {
            self.paths.child(node, name.as_bytes())
        });
        self.paths.node(node).forced.is_some()
    }

    /// Whether a name is safe, whatever rules say ([`SafeNames::exact`]), and whether it is but for rules that name it as a whole
    /// ([`SafeNames::last`]).
    pub fn safety_of_name(&self, name: &str) -> (bool, bool) {
        self.names.safety(name)
    }

    /// All phrases that rules name, in normal form: lower case, words apart by one space.
    pub fn phrases(&self) -> impl Iterator<Item = String> {
        let phrases = self.names.phrases();
        phrases.map(|phrase| String::from_utf8_lossy(phrase).into_owned())
    }

    /// A name in normal form: lower case, words apart by one space.
    pub fn normal_name(name: &str) -> String {
        String::from_utf8_lossy(&Names::normal(name)).into_owned()
    }

    /// The id of the rule that covers a name in a place of one of these kinds, if any.
    pub fn rule_for_name(&self, name: &str, kinds: Kinds) -> Option<&str> {
        let verdict = self
            .names
            .look_up(name.as_bytes(), kinds, &mut Words::default())?;
        self.rules
            .get(usize::from(verdict.rule))
            .map(String::as_str)
    }

    /// All rules that cover a name in a place of one of these kinds, in the order in which they count: what each does, and
    /// its id. Costs a copy of all names: for tools, not for streams.
    pub fn rules_for_name(&self, name: &str, kinds: Kinds) -> Vec<(Treatment, &str)> {
        let id = |rule: u16| self.rules.get(usize::from(rule)).map(String::as_str);
        self.names
            .covering(name, kinds)
            .iter()
            .filter_map(|verdict| Some((verdict.treatment, id(verdict.rule)?)))
            .collect()
    }

    /// The ids of all rules; a rule's index is its place in `Report::redactions`.
    pub fn rule_ids(&self) -> &[String] {
        &self.rules
    }
}
