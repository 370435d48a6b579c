//! `[[policy.allow]]`: the operator's exceptions, as tables of the file. Whether they go with the policy shows when that is loaded.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::file::convert;
use super::keys::POLICY_ALLOW;
use super::load::{Draft, Mistake, Source};
use super::near::is_near;
use super::value::{Value, listed, quoted};
use crate::policy::{self, Allow, DOCUMENTS, Excepted, PLACES};
use crate::scrub::{Document, Kinds};

/// The keys of an exception.
const KEYS: [&str; 6] = ["name", "in", "rule", "path", "document", "reason"];

/// The tables of an array, if it has nothing else in it, and something.
pub(super) fn tables<'a>(value: &'a DeValue<'_>) -> Option<Vec<Spanned<&'a DeTable<'a>>>> {
    let array = value.as_array().filter(|array| !array.is_empty())?;
    array
        .iter()
        .map(|value| {
            let table = value.get_ref().as_table()?;
            Some(Spanned::new(value.span(), table))
        })
        .collect()
}

/// Reads the tables into `draft`; `offset` is that of their key.
pub(super) fn read(
    offset: usize,
    tables: &[Spanned<&DeTable<'_>>],
    at: &dyn Fn(usize) -> Source,
    draft: &mut Draft,
) {
    draft.sources.insert(POLICY_ALLOW, at(offset));
    draft.config.policy.allow.clear();
    for table in tables {
        let source = at(table.span().start);
        match exception(table, at) {
            Ok(allow) => {
                draft.config.policy.allow.push(allow);
                draft.allow_sources.push(source);
            }
            Err(mistakes) => {
                let mistakes = mistakes.into_iter().map(|(place, text)| Mistake {
                    place: Some(place.unwrap_or_else(|| source.clone())),
                    text: format!("{POLICY_ALLOW}: {text}"),
                });
                draft.mistakes.extend(mistakes);
            }
        }
    }
}

/// What is wrong, and where, if not with the table as a whole.
type Wrong = (Option<Source>, String);

fn exception(
    table: &Spanned<&DeTable<'_>>,
    at: &dyn Fn(usize) -> Source,
) -> Result<Allow, Vec<Wrong>> {
    let mut wrong: Vec<Wrong> = Vec::new();
    let (mut name, mut path, mut rule, mut reason) = (None, None, None, None);
    let mut kinds = None;
    let mut document = None;
    for (key, value) in *table.get_ref() {
        let place = || Some(at(key.span().start));
        let key = key.get_ref().as_ref();
        let value = convert(value.get_ref());
        let mut text = |into: &mut Option<String>| match value.text() {
            Ok(text) => *into = Some(text.to_owned()),
            Err(what) => wrong.push((place(), format!("{key}: {what}"))),
        };
        match key {
            "name" => text(&mut name),
            "path" => text(&mut path),
            "rule" => text(&mut rule),
            "reason" => text(&mut reason),
            "in" => match places(&value) {
                Ok(set) => kinds = Some(set),
                Err(what) => wrong.push((place(), format!("in: {what}"))),
            },
            "document" => match value.one_of(&DOCUMENTS) {
                Ok(kind) => document = Some(kind),
                Err(what) => wrong.push((place(), format!("document: {what}"))),
            },
            other => wrong.push((place(), unknown(other))),
        }
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let whole = |what: &str| Err(vec![(None, what.to_owned())]);
    let what = match (name, path) {
        (Some(name), None) => {
            if document.is_some() {
                return whole("'document' goes with a path; a name counts in all documents");
            }
            let kinds = kinds.unwrap_or(Kinds::ALL);
            Excepted::Name { name, kinds, rule }
        }
        (None, Some(path)) => {
            if rule.is_some() || kinds.is_some() {
                return whole("'rule' and 'in' go with a name; at a path no rule by name counts");
            }
            if let Some(meant) = as_path(&path) {
                return whole(&format!(
                    "the path {path} is no member's; between members stands a slash, and indices are left out: path = \"{meant}\""
                ));
            }
            Excepted::Path { path, document }
        }
        (Some(_), Some(_)) => {
            return whole("it has a name and a path; make two exceptions of them");
        }
        (None, None) => {
            return whole(
                "it says not what is let through; give it a name (name = \"session_id\") or a path (path = \"extra/build/token\")",
            );
        }
    };
    match reason.filter(|reason| !reason.trim().is_empty()) {
        Some(reason) => Ok(Allow { what, reason }),
        None => {
            whole("it has no reason; say why this may leave, as reason = \"a public build number\"")
        }
    }
}

/// How a path is to be written that is one of a report's: with dots, or with indices. A single member may have dots in its name only
/// below another.
fn as_path(path: &str) -> Option<String> {
    let mut plain = String::new();
    let mut index = false;
    for character in path.chars() {
        match character {
            '[' => index = true,
            ']' if index => index = false,
            _ if index && character.is_ascii_digit() => {}
            _ if index => return None,
            other => plain.push(other),
        }
    }
    let dotted = !plain.contains('/') && plain.contains('.');
    if dotted {
        plain = plain.replace('.', "/");
    }
    (dotted || plain.len() != path.len()).then_some(plain)
}

fn unknown(key: &str) -> String {
    match KEYS.iter().find(|known| is_near(key, known)) {
        Some(meant) => format!("unknown key {key}; did you mean {meant}?"),
        None => format!("unknown key {key}; an exception has {}", KEYS.join(", ")),
    }
}

/// The kinds of place that a list names.
fn places(value: &Value) -> Result<Kinds, String> {
    let names = value.list("[\"key\"]")?;
    if names.is_empty() {
        return Err("is empty; leave it out where all places are meant".to_owned());
    }
    names.into_iter().try_fold(Kinds::NONE, |set, name| {
        let kind = Value::Text(name).one_of(&PLACES)?;
        Ok(set.or(kind))
    })
}

/// The exceptions as one array.
pub(super) fn show(allow: &[Allow]) -> String {
    let tables: Vec<String> = allow.iter().map(show_one).collect();
    if tables.is_empty() {
        return "[]".to_owned();
    }
    format!("[{}]", tables.join(", "))
}

fn show_one(allow: &Allow) -> String {
    let mut parts = Vec::new();
    match &allow.what {
        Excepted::Name { name, kinds, rule } => {
            parts.push(format!("name = {}", quoted(name)));
            if *kinds != Kinds::ALL {
                let names: Vec<String> = policy::places(*kinds)
                    .into_iter()
                    .map(str::to_owned)
                    .collect();
                parts.push(format!("in = {}", listed(&names)));
            }
            parts.extend(rule.as_ref().map(|rule| format!("rule = {}", quoted(rule))));
        }
        Excepted::Path { path, document } => {
            parts.push(format!("path = {}", quoted(path)));
            let shown =
                |document: Document| format!("document = {}", quoted(policy::kind(document)));
            parts.extend(document.map(shown));
        }
    }
    parts.push(format!("reason = {}", quoted(&allow.reason)));
    format!("{{ {} }}", parts.join(", "))
}
