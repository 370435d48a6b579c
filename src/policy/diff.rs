//! The difference of two policies, rule by rule, as their packs have them.

use std::collections::BTreeSet;
use std::fmt;

use toml::{Table, Value};

use super::Policy;
use super::pack::Source;

/// Keys under which a pack has rules with ids.
const RULES: [&str; 4] = ["name", "path", "token", "detect"];
/// Keys that say what a pack is, and nothing of what it covers.
const HEAD: [&str; 3] = ["pack", "version", "description"];

/// What a pack says in one place: a rule, or one of the tables beside them.
#[derive(Debug, Clone)]
pub(super) struct Definition {
    /// The rule's id, or the pack and the key.
    id: String,
    /// `name`, `path`, `token`, `detect`, or `pack`.
    kind: &'static str,
    value: Value,
}

impl Definition {
    /// Whether it is a rule for personal data.
    pub(super) fn seeks_personal(&self) -> bool {
        let what = self.value.get("what").and_then(Value::as_str);
        self.kind == "detect" && what.is_some_and(|it| it != "user_info")
    }

    /// Whether this is what it does with what it finds.
    pub(super) fn does(&self, action: &str) -> bool {
        self.value.get("do").and_then(Value::as_str) == Some(action)
    }
}

/// What a pack says, in its order within each key.
pub(super) fn definitions(source: &Source) -> Vec<Definition> {
    let table = &source.table;
    let rules = RULES.iter().flat_map(|kind| {
        let rules = table.get(*kind).and_then(Value::as_array);
        rules.into_iter().flatten().filter_map(move |rule| {
            Some(Definition {
                id: rule.get("id")?.as_str()?.to_owned(),
                kind,
                value: rule.clone(),
            })
        })
    });
    let rest = table
        .iter()
        .filter(|(key, _)| !RULES.contains(&key.as_str()) && !HEAD.contains(&key.as_str()))
        .map(|(key, value)| Definition {
            id: format!("{}[{key}]", source.pack.pack),
            kind: "pack",
            value: value.clone(),
        });
    rules.chain(rest).collect()
}

/// What became of one rule, or of one table of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The rule's id, or the pack and the table (`credentials[safe]`).
    pub id: String,
    /// `name`, `path`, `token`, `detect`, or `pack` for a table beside the rules.
    pub kind: &'static str,
    /// What.
    pub what: Changed,
}

/// How a rule has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// It is new.
    Added,
    /// It is there no longer.
    Removed,
    /// It says something else, key by key.
    Altered(Vec<String>),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Change { id, kind, what } = self;
        match what {
            Changed::Added => write!(f, "+ {id} ({kind})"),
            Changed::Removed => write!(f, "- {id} ({kind})"),
            Changed::Altered(keys) => write!(f, "~ {id} ({kind}): {}", keys.join("; ")),
        }
    }
}

impl Policy {
    /// What another policy says otherwise: what it lacks, what it has changed, and what is new in it, in that order.
    pub fn changes(&self, new: &Policy) -> Vec<Change> {
        let find = |definitions: &[Definition], id: &str| {
            definitions.iter().find(|it| it.id == id).cloned()
        };
        let change = |of: &Definition, what| Change {
            id: of.id.clone(),
            kind: of.kind,
            what,
        };
        let mut changes = Vec::new();
        let mut altered = Vec::new();
        for old in self.definitions.iter() {
            match find(&new.definitions, &old.id) {
                None => changes.push(change(old, Changed::Removed)),
                Some(now) => {
                    let keys = altered_keys(old, &now);
                    if !keys.is_empty() {
                        altered.push(change(&now, Changed::Altered(keys)));
                    }
                }
            }
        }
        changes.extend(altered);
        for now in new.definitions.iter() {
            if find(&self.definitions, &now.id).is_none() {
                changes.push(change(now, Changed::Added));
            }
        }
        changes
    }
}

fn altered_keys(old: &Definition, new: &Definition) -> Vec<String> {
    let mut keys = Vec::new();
    if old.kind != new.kind {
        keys.push(format!("was a rule by {}", old.kind));
    }
    match (&old.value, &new.value) {
        (Value::Table(old), Value::Table(new)) => compare(old, new, &mut keys),
        (old, new) => keys.extend(list(old, new)),
    }
    keys
}

fn compare(old: &Table, new: &Table, keys: &mut Vec<String>) {
    let all: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for key in all {
        match (old.get(key), new.get(key)) {
            (Some(old), Some(new)) => keys.extend(list(old, new).map(|it| format!("{key} {it}"))),
            (None, Some(new)) => keys.push(format!("{key} = {} is new", shown(new))),
            (Some(old), None) => keys.push(format!("{key} = {} is gone", shown(old))),
            (None, None) => {}
        }
    }
}

/// How a value has changed: of lists, what came and what went.
fn list(old: &Value, new: &Value) -> Option<String> {
    if old == new {
        return None;
    }
    let (Some(before), Some(after)) = (old.as_array(), new.as_array()) else {
        return Some(format!("was {}, is {}", shown(old), shown(new)));
    };
    let those = |sign: &str, of: &[Value], other: &[Value]| -> Vec<String> {
        let only = of.iter().filter(|value| !other.contains(value));
        only.map(|value| format!("{sign}{}", shown(value)))
            .collect()
    };
    let mut parts = those("-", before, after);
    parts.extend(those("+", after, before));
    if parts.is_empty() {
        parts.push("in another order".to_owned());
    }
    Some(parts.join(" "))
}

fn shown(value: &Value) -> String {
    value.to_string().replace('\n', " ")
}
