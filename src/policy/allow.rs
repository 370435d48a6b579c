//! Exceptions: what an operator lets through although a rule covers it, by name or by path, each with a reason.
//!
//! An exception must be right and must do something: one that names a rule that there is not, that no rule stands against, or
//! that stands there twice does not load. What `core.toml` covers can't be excepted.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::near::nearest;
use super::{Policy, PolicyError};
use crate::scrub::{Document, Kinds, Plan, Treatment};

/// The kinds of place, by their names in rules and exceptions.
pub const PLACES: [(&str, Kinds); 3] = [
    ("key", Kinds::KEY),
    ("header", Kinds::HEADER),
    ("param", Kinds::PARAM.or(Kinds::HOSTED)),
];

/// The kinds of document, by their names in rules and exceptions.
pub const DOCUMENTS: [(&str, Document); 4] = [
    ("event", Document::Event),
    ("container", Document::Container),
    ("session", Document::Session),
    ("other", Document::Other),
];

/// One exception.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allow {
    /// What is let through.
    pub what: Excepted,
    /// Why, in the operator's words; it is shown.
    pub reason: String,
}

/// What an exception lets through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Excepted {
    /// Values of a name. The name is treated as none at all.
    Name {
        /// The whole name, in any spelling.
        name: String,
        /// Against rules for these kinds of place ([`PLACES`]).
        kinds: Kinds,
        /// Against this rule only.
        rule: Option<String>,
    },
    /// The value at a path. It is looked at as text, and no rule by name or by path covers it.
    Path {
        /// Member names from the document's root, separated by `/`.
        path: String,
        /// In documents of this kind; in all if not said.
        document: Option<Document>,
    },
}

impl fmt::Display for Allow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            Excepted::Name { name, kinds, rule } => {
                write!(f, "the name {name}")?;
                if *kinds != Kinds::ALL {
                    write!(f, " as {}", places(*kinds).join(" or "))?;
                }
                match rule {
                    Some(rule) => write!(f, ", against the rule {rule} alone")?,
                    None => write!(f, ", against all rules")?,
                }
            }
            Excepted::Path { path, document } => {
                write!(f, "the path {path}")?;
                match document {
                    Some(document) => write!(f, " in documents of kind {}", kind(*document))?,
                    None => write!(f, " in all documents")?,
                }
            }
        }
        write!(f, ": {}", self.reason)
    }
}

/// The names of the kinds of place in a set.
pub fn places(kinds: Kinds) -> Vec<&'static str> {
    let those = PLACES.iter().filter(|(_, kind)| kind.meets(kinds));
    those.map(|(name, _)| *name).collect()
}

/// The name of a kind of document.
pub fn kind(document: Document) -> &'static str {
    let found = DOCUMENTS.iter().find(|(_, kind)| *kind == document);
    found.map_or("", |(name, _)| *name)
}

impl Policy {
    /// The same policy with exceptions. They are checked against its rules, all together.
    ///
    /// # Errors
    /// One does not say what there is, lets nothing through, stands there twice, or is one from what `core.toml` covers: each
    /// problem begins with `policy.allow[N]: `, N counted from 0.
    pub fn with_allowed(&self, allowed: &[Allow]) -> Result<Policy, PolicyError> {
        let mut problems = Vec::new();
        let mut plan = (*self.plan).clone();
        for (number, allow) in allowed.iter().enumerate() {
            let earlier = allowed[..number].iter().position(|it| same(it, allow));
            let checked = match earlier {
                Some(earlier) => Err(format!(
                    "the exception before it, number {} in the file, says that already; take one of them out",
                    earlier + 1
                )),
                None => self.check(allow),
            };
            let applied = checked.and_then(|()| apply(&plan, allow));
            match applied {
                Ok(applied) => plan = applied,
                Err(what) => problems.push(format!("policy.allow[{number}]: {what}")),
            }
        }
        for (number, allow) in allowed.iter().enumerate() {
            if problems.is_empty()
                && let Err(what) = left_over(&self.plan, &plan, allow)
            {
                problems.push(format!("policy.allow[{number}]: {what}"));
            }
        }
        if !problems.is_empty() {
            return Err(PolicyError { problems });
        }
        let changed = Policy {
            plan: Arc::new(plan),
            allowed: allowed.to_vec(),
            ..self.clone()
        };
        Ok(changed.hashed(&format!("{allowed:?}")))
    }

    /// What it lets through although a rule covers it.
    pub fn allowed(&self) -> &[Allow] {
        &self.allowed
    }

    fn check(&self, allow: &Allow) -> Result<(), String> {
        if allow.reason.trim().is_empty() {
            return Err("it has no reason; say why this may leave".to_owned());
        }
        match &allow.what {
            Excepted::Name { name, kinds, rule } => self.check_name(name, *kinds, rule.as_deref()),
            Excepted::Path { path, document } => {
                let documents: Vec<Document> = match document {
                    Some(document) => vec![*document],
                    None => Document::ALL.to_vec(),
                };
                self.check_path(path, &documents)
            }
        }
    }

    fn check_name(&self, name: &str, kinds: Kinds, rule: Option<&str>) -> Result<(), String> {
        let normal = Plan::normal_name(name);
        if normal.is_empty() || name.contains(['[', ']', '%', '?', '=', '&']) {
            return Err(format!(
                "'{name}' is no name; give it as a key or a header has it, without brackets or escapes"
            ));
        }
        if let Some(rule) = rule {
            self.check_rule(rule)?;
        }
        let covering = self.plan.rules_for_name(name, kinds);
        let ids: Vec<&str> = covering.iter().map(|(_, id)| *id).collect();
        match rule {
            Some(rule) if !ids.contains(&rule) => Err(match ids.as_slice() {
                [] => format!("the rule {rule} does not cover '{name}' {}", said(kinds)),
                others => format!(
                    "the rule {rule} does not cover '{name}' {}; {} does",
                    said(kinds),
                    others.join(", ")
                ),
            }),
            Some(_) => Ok(()),
            None => match ids.iter().find(|id| self.plan.is_fixed_rule(id)) {
                Some(core) => Err(core_covers(name, core)),
                None if ids.is_empty() => Err(self.nothing_to_allow(name, &normal, kinds)),
                None => Ok(()),
            },
        }
    }

    fn check_rule(&self, rule: &str) -> Result<(), String> {
        if self.plan.is_fixed_rule(rule) {
            return Err(format!(
                "{rule} can't be excepted from: what core.toml covers goes under every policy"
            ));
        }
        let Some(known) = self.rules.iter().find(|known| known.id == rule) else {
            let meant = match nearest(rule, self.rules.iter().map(|rule| rule.id.as_str())) {
                Some(meant) => format!("did you mean {meant}?"),
                None => "`scrubline rules list` shows all".to_owned(),
            };
            return Err(format!("there is no rule {rule}; {meant}"));
        };
        if known.kind != "name" {
            return Err(format!(
                "the rule {rule} covers no names (it is a rule by {}); leave `rule` out, or name one that does",
                known.kind
            ));
        }
        Ok(())
    }

    fn nothing_to_allow(&self, name: &str, normal: &str, kinds: Kinds) -> String {
        let phrases: BTreeSet<String> = self.plan.phrases().collect();
        let near = nearest(normal, phrases.iter().map(String::as_str));
        let meant = match near.filter(|near| *near != normal) {
            Some(meant) => format!("; did you mean '{meant}'?"),
            None => String::new(),
        };
        format!(
            "no rule covers '{name}' {}, so there is nothing to let through{meant}",
            said(kinds)
        )
    }

    fn check_path(&self, path: &str, documents: &[Document]) -> Result<(), String> {
        let members: Vec<String> = path.split('/').map(str::to_owned).collect();
        let wild = |member: &String| matches!(member.as_str(), "*" | "**");
        if members
            .iter()
            .all(|member| wild(member) || member.is_empty())
        {
            return Err(format!(
                "'{path}' names no member; write it as extra/build/token"
            ));
        }
        let last = members.len() - 1;
        let mut covered = wild(&members[last]);
        for (at, member) in members.iter().enumerate() {
            if wild(member) {
                continue;
            }
            let mut rules = self
                .plan
                .rules_for_name(member, Kinds::KEY.or(Kinds::HEADER));
            if at < last {
                // What a query or a text has inside may be let through.
                rules.retain(|(treatment, _)| covers_inside(*treatment));
            }
            if let Some((_, core)) = rules.iter().find(|(_, id)| self.plan.is_fixed_rule(id)) {
                return Err(core_covers(member, core));
            }
            // Where a part of the path is open, no rule for a place can be told.
            let known = &members[..=at];
            if !known.iter().any(wild) {
                for document in documents {
                    rules.extend(self.plan.rule_for_path(*document, known));
                    if at == last && self.plan.forces(*document, known) {
                        return Err(format!(
                            "policy says what the value of {path} is, and it can't be excepted"
                        ));
                    }
                }
            }
            let whole = |treatment: &Treatment| {
                matches!(
                    treatment,
                    Treatment::Replace
                        | Treatment::Null
                        | Treatment::Address
                        | Treatment::Pseudonym
                )
            };
            if let Some((_, id)) = rules
                .iter()
                .find(|(treatment, _)| at < last && whole(treatment))
            {
                return Err(format!(
                    "'{}' goes as a whole, by the rule {id}, and nothing in it can be let through by itself",
                    known.join("/")
                ));
            }
            covered |= rules.iter().any(|(treatment, _)| covers_inside(*treatment));
        }
        if covered {
            return Ok(());
        }
        let name = &members[last];
        let normal = Plan::normal_name(name);
        let hint = if members.iter().any(wild) {
            ". If it stands inside of what is covered, write the path out"
        } else {
            ""
        };
        Err(format!(
            "{} (in {path}){hint}",
            self.nothing_to_allow(name, &normal, Kinds::KEY.or(Kinds::HEADER))
        ))
    }
}

/// Whether what stands inside of a value that is treated so is covered with it.
fn covers_inside(treatment: Treatment) -> bool {
    match treatment {
        Treatment::Leaves
        | Treatment::Replace
        | Treatment::Null
        | Treatment::Address
        | Treatment::Pseudonym
        | Treatment::Cookies => true,
        Treatment::Query | Treatment::Text | Treatment::NotNames => false,
    }
}

fn core_covers(name: &str, core: &str) -> String {
    format!(
        "'{name}' can't be excepted: the rule {core} covers it, and what core.toml covers goes under every policy. \
         Where it is another rule that is meant, name it with `rule`"
    )
}

/// In which places, in words.
fn said(kinds: Kinds) -> String {
    if kinds == Kinds::ALL {
        "anywhere".to_owned()
    } else {
        format!("as {}", places(kinds).join(" or "))
    }
}

fn same(one: &Allow, other: &Allow) -> bool {
    match (&one.what, &other.what) {
        (
            Excepted::Name { name, kinds, rule },
            Excepted::Name {
                name: other_name,
                kinds: other_kinds,
                rule: other_rule,
            },
        ) => {
            Plan::normal_name(name) == Plan::normal_name(other_name)
                && kinds.meets(*other_kinds)
                && (rule == other_rule || rule.is_none() || other_rule.is_none())
        }
        (
            Excepted::Path { path, document },
            Excepted::Path {
                path: other_path,
                document: other_document,
            },
        ) => {
            path == other_path
                && (document == other_document || document.is_none() || other_document.is_none())
        }
        (Excepted::Name { .. }, Excepted::Path { .. })
        | (Excepted::Path { .. }, Excepted::Name { .. }) => false,
    }
}

fn apply(plan: &Plan, allow: &Allow) -> Result<Plan, String> {
    match &allow.what {
        Excepted::Name { name, kinds, rule } => {
            Ok(plan.with_allowed_name(name, *kinds, rule.as_deref()))
        }
        Excepted::Path { path, document } => {
            let members: Vec<String> = path.split('/').map(str::to_owned).collect();
            let documents = match document {
                Some(document) => std::slice::from_ref(document),
                None => &Document::ALL,
            };
            documents.iter().try_fold(plan.clone(), |plan, document| {
                plan.with_allowed_path(*document, &members)
                    .map_err(|error| error.to_string())
            })
        }
    }
}

/// With all exceptions made: does this one let its name through anywhere? Keys and headers are looked up as both, parameters
/// as all three.
fn left_over(before: &Plan, plan: &Plan, allow: &Allow) -> Result<(), String> {
    let Excepted::Name { name, kinds, .. } = &allow.what else {
        return Ok(());
    };
    let member = Kinds::KEY.or(Kinds::HEADER);
    let mut still = BTreeSet::new();
    for place in [member, Kinds::ALL] {
        if !place.meets(*kinds) || before.rule_for_name(name, place).is_none() {
            continue;
        }
        match plan.rule_for_name(name, place) {
            None => return Ok(()),
            Some(rule) => still.insert(rule),
        };
    }
    let still: Vec<&str> = still.into_iter().collect();
    Err(format!(
        "it lets nothing through: {} still covers '{name}' in these places (keys and headers are looked up as both, parameters as all three)",
        still.join(" and ")
    ))
}
