//! What is wrong with the text of a pack or of a policy's file: where, in which rule, and what to write. The parser's own words are about
//! types of this program, which nobody knows who writes a rule.

use toml::de::{DeTable, DeValue};

use super::near;

/// Which kind of file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    Pack,
    Policy,
}

/// Sections that only a configuration has.
const SECTIONS: [&str; 6] = [
    "upstream",
    "tunnel",
    "limits",
    "residency",
    "secrets",
    "log",
];

/// Keys that stand at the top of a file, and in no table.
const OF_FILES: [&str; 4] = ["pack", "policy", "version", "packs"];

/// What to write where a key is missing.
const HINTS: [(&str, &str); 17] = [
    ("pack", "name the pack, as pack = \"acme\""),
    ("policy", "name the policy, as policy = \"acme\""),
    ("version", "give it a number, as version = 1"),
    ("description", "say what it is for"),
    ("packs", "name its packs, as packs = [\"core\"]"),
    ("id", "give it one, as id = \"acme.word\""),
    ("in", "say where the name counts, as in = [\"key\"]"),
    ("do", "say what is done, as do = \"replace\""),
    (
        "matches",
        "give examples that it must cover, as matches = [\"…\"]",
    ),
    (
        "ignores",
        "give examples that it must not cover, as ignores = [\"…\"]",
    ),
    ("source", "say which document describes the form"),
    ("what", "say what is looked for, as what = \"email\""),
    (
        "document",
        "say which documents have it, as document = \"event\"",
    ),
    (
        "paths",
        "name the places, as paths = [\"extra/internal_note\"]",
    ),
    ("alphabet", "name one, as alphabet = \"digit\""),
    ("length", "give the least and the most, as length = [8, 64]"),
    ("says", "say what is promised"),
];

/// All of it in a line, with the name of the file in front.
pub(super) fn told(file: &str, text: &str, error: &toml::de::Error, expected: Expected) -> String {
    let at = error.span().map_or(0, |span| span.start);
    let line = text[..at].matches('\n').count() + 1;
    let message = error.message();
    if text.trim().is_empty() {
        return format!("{file}: is empty; rules/README.md has what belongs in it");
    }
    let Ok(root) = DeTable::parse(text) else {
        return format!("{file}:{line}: {}", no_toml(text, error));
    };
    let root = root.get_ref();
    if let Some(other) = another(root, expected) {
        return format!("{file}: {other}");
    }
    let Place { within, key } = Place::find(root, at, message);
    let is_inside = within.is_some();
    let kind = match expected {
        Expected::Pack => "in a pack",
        Expected::Policy => "in a policy",
    };
    let place = if is_inside { "here" } else { kind };
    let what = words(message, &key, place).unwrap_or_else(|| message.replace('\n', ", "));
    let parts = [within.unwrap_or_default(), key, what];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    format!("{file}:{line}: {}", parts.join(": "))
}

/// Why a text is no TOML.
pub(crate) fn no_toml(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().replace('\n', ", ");
    let key = error.span().and_then(|span| text.get(span));
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    match key {
        Some(key) if message == "duplicate key" && key.chars().all(plain) => {
            format!("is no TOML: the key {key} stands twice in its table; take one out")
        }
        _ => format!("is no TOML: {message}"),
    }
}

/// What it is, if it is clearly another kind of file.
fn another(root: &DeTable<'_>, expected: Expected) -> Option<&'static str> {
    let value = |key: &str| root.get(key).map(|value| value.get_ref());
    let is_text = |key| value(key).is_some_and(DeValue::is_str);
    let is_table = |key| value(key).is_some_and(DeValue::is_table);
    match expected {
        Expected::Pack if value("pack").is_some() => None,
        Expected::Policy if is_text("policy") => None,
        Expected::Pack if is_text("policy") => {
            Some("is a policy, and a pack is wanted; a policy is named in policy.name")
        }
        Expected::Policy if is_text("pack") => {
            Some("is a pack, and a policy is wanted; a pack is named in policy.packs")
        }
        Expected::Pack | Expected::Policy => {
            let is_configuration = is_table("policy")
                || SECTIONS.iter().any(|section| is_table(section))
                || expected == Expected::Pack && is_table("server");
            is_configuration.then_some(match expected {
                Expected::Pack => "is a configuration, and a pack is wanted (rules/README.md)",
                Expected::Policy => "is a configuration, and a policy is wanted (rules/README.md)",
            })
        }
    }
}

/// Where something stands.
struct Place {
    /// The rule, or the table.
    within: Option<String>,
    /// The key in it, or keys separated by dots.
    key: String,
}

impl Place {
    fn find<'a>(root: &'a DeTable<'a>, at: usize, message: &str) -> Place {
        // What stands under a header goes up to the next.
        let mut nearest: Option<(usize, &'a str, &'a DeTable<'a>)> = None;
        let mut consider = |start: usize, name: &'a str, table: &'a DeTable<'a>| {
            if start <= at && nearest.is_none_or(|(known, _, _)| known <= start) {
                nearest = Some((start, name, table));
            }
        };
        for (key, value) in root {
            match value.get_ref() {
                DeValue::Table(table) => consider(value.span().start, key.get_ref(), table),
                DeValue::Array(elements) => {
                    for element in elements {
                        if let DeValue::Table(table) = element.get_ref() {
                            consider(element.span().start, key.get_ref(), table);
                        }
                    }
                }
                DeValue::String(_)
                | DeValue::Integer(_)
                | DeValue::Float(_)
                | DeValue::Boolean(_)
                | DeValue::Datetime(_) => {}
            }
        }
        // What the file itself lacks is told of its first byte, at which the first rule may stand.
        let lacks = between(message, "missing field `");
        let nearest = nearest
            .filter(|(_, _, table)| {
                lacks.is_none_or(|field| !OF_FILES.contains(&field) && !table.contains_key(field))
            })
            // A table that is to be a list of tables is a value of the file.
            .filter(|(start, _, _)| *start < at || lacks.is_some());
        // A table of a name that there is not is a mistake of the file, too.
        let strange = between(message, "unknown field `")
            .and_then(|field| root.get_key_value(field))
            .is_some_and(|(key, _)| key.span().contains(&at));
        let Some((_, name, table)) = nearest.filter(|_| !strange) else {
            return Place {
                within: None,
                key: match strange || lacks.is_some() {
                    true => String::new(),
                    false => key_at(root, at),
                },
            };
        };
        let id = table.get("id").and_then(|id| id.get_ref().as_str());
        let is_list = root
            .get(name)
            .is_some_and(|value| value.get_ref().is_array());
        let within = match id {
            Some(id) if name == "clause" => format!("clause '{id}'"),
            Some(id) => format!("rule '{id}'"),
            None if is_list => format!("[[{name}]]"),
            None => format!("[{name}]"),
        };
        Place {
            within: Some(within),
            key: key_at(table, at),
        }
    }
}

/// The keys that lead to what stands here.
fn key_at(table: &DeTable<'_>, at: usize) -> String {
    let mut entries = table.iter();
    let Some((key, value)) = entries.find(|(_, value)| value.span().contains(&at)) else {
        return String::new();
    };
    let inner = match value.get_ref() {
        DeValue::Table(table) => Some(table),
        DeValue::Array(elements) => {
            let mut elements = elements.iter();
            let element = elements.find(|element| element.span().contains(&at));
            element.and_then(|element| element.get_ref().as_table())
        }
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_) => None,
    };
    let inner = inner.map(|table| key_at(table, at)).unwrap_or_default();
    match inner.is_empty() {
        true => key.get_ref().to_string(),
        false => format!("{}.{inner}", key.get_ref()),
    }
}

/// What stands behind this beginning, up to the next backtick.
fn between<'a>(message: &'a str, start: &str) -> Option<&'a str> {
    let rest = message.strip_prefix(start)?;
    rest.split_once('`').map(|(inside, _)| inside)
}

/// The parser's message in other words, if it is one of those that are known.
fn words(message: &str, key: &str, place: &str) -> Option<String> {
    if let Some(field) = between(message, "missing field `") {
        let hint = HINTS.iter().find(|(name, _)| *name == field);
        let hint = hint.map_or("write it", |(_, hint)| *hint);
        return Some(format!("'{field}' is missing; {hint}"));
    }
    if let Some(field) = between(message, "unknown field `") {
        return Some(format!(
            "there is no key or table '{field}' {place}; {}",
            known(message, field)
        ));
    }
    if let Some(word) = between(message, "unknown variant `") {
        return Some(format!("'{word}' is unknown; {}", known(message, word)));
    }
    if message.starts_with("data did not match any variant of untagged enum Part") {
        let what = "is no part: give text, or { alphabet = \"digit\", length = [8, 64] }, with an alphabet that there is";
        return Some(what.to_owned());
    }
    let wrong = ["invalid type: ", "invalid value: ", "invalid length "];
    let wrong = wrong.iter().find_map(|start| message.strip_prefix(start))?;
    let (found, wanted) = wrong.split_once(", expected ")?;
    if wanted == "a sequence" && found == "map" {
        return Some(format!(
            "is one table, and may be many: write [[{key}]], in two brackets"
        ));
    }
    Some(format!("is {}; give {}", shown(found), type_of(wanted)))
}

/// What is meant, or all that there is: the words in backticks behind the first.
fn known(message: &str, word: &str) -> String {
    let all: Vec<&str> = message.split('`').skip(3).step_by(2).collect();
    near::known(word, &all)
}

fn shown(found: &str) -> String {
    let number = |start: &str| found.strip_prefix(start).map(|it| it.trim_matches('`'));
    if let Some(number) = number("integer ").or(number("floating point ")) {
        return format!("the number {number}");
    }
    if let Some(value) = number("boolean ") {
        return value.to_owned();
    }
    if let Ok(length) = found.parse::<usize>() {
        return format!("a list of {length}");
    }
    let what = match found {
        "map" => "a table",
        "sequence" => "a list",
        it if it.starts_with("string") => "text",
        it => it,
    };
    what.to_owned()
}

fn type_of(wanted: &str) -> &str {
    match wanted {
        "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "f64" => "a number from 0 to 1",
        "a string" | "string" => "text in quotes",
        "a boolean" => "true or false",
        "a sequence" => "a list, as [\"…\"]",
        "a tuple of size 2" => "a list of two",
        it if it == "a map" || it.starts_with("struct ") => "a table",
        it => it,
    }
}
