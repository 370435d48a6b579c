//! The TOML file: sections of keys, each known to the table in `keys.rs`. Every value keeps its line.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::keys::{POLICY_ALLOW, PROJECTS, keys};
use super::load::{Draft, Mistake, Source};
use super::near::near_section;
use super::value::Value;
use super::{DEFAULT_FILE, allow, projects, reading};
use crate::policy::no_toml;

/// A configuration is a few dozen lines; what is larger than this is some other file.
const FILE_BYTES: u64 = 1 << 20;

const TABLE: &str = "a table";
const TABLES: &str = "an array of tables";

/// Reads `path` into `draft`.
pub(super) fn read(path: &Path, draft: &mut Draft) {
    match text_of(path) {
        Ok(text) => parse(path, &text, draft),
        Err(why) => {
            draft.unread = true;
            draft.mistakes.push(Mistake {
                place: None,
                text: format!("{}: {why}", path.display()),
            });
        }
    }
}

fn text_of(path: &Path) -> Result<String, String> {
    let metadata = std::fs::metadata(path).map_err(|error| {
        if error.kind() == std::io::ErrorKind::NotFound && path.is_symlink() {
            "is a link to what is not there; put the file there, or take the link away".to_owned()
        } else if error.kind() == std::io::ErrorKind::NotFound {
            "there is no such file; --config names the configuration file".to_owned()
        } else {
            reading::why(path, &error)
        }
    })?;
    if metadata.is_dir() && path == Path::new(DEFAULT_FILE) {
        return Err(
            "is a directory, and the configuration file is looked for there; take it away, or name the file with \
             --config (container engines make a directory where a file that is to be mounted is missing)"
                .to_owned(),
        );
    }
    if metadata.is_dir() {
        return Err(format!(
            "is a directory; name the file in it, as {}",
            path.join("scrubline.toml").display()
        ));
    }
    if metadata.len() > FILE_BYTES {
        return Err(format!(
            "has {} bytes; that is no configuration file",
            metadata.len()
        ));
    }
    let bytes = std::fs::read(path).map_err(|error| reading::why(path, &error))?;
    String::from_utf8(bytes)
        .map_err(|error| format!("is not UTF-8 at byte {}", error.utf8_error().valid_up_to()))
}

fn parse(path: &Path, text: &str, draft: &mut Draft) {
    let at = |offset: usize| Source::File(path.to_owned(), line_of(text, offset));
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let place = at(error.span().map_or(0, |span| span.start));
        draft.mistakes.push(Mistake {
            place: Some(place),
            text: no_toml(text, error),
        });
    }
    if !errors.is_empty() {
        // What could be recovered might be something else than what was meant.
        draft.unread = true;
        return;
    }
    if let Some(what) = another(root.get_ref()) {
        draft.unread = true;
        draft.mistakes.push(Mistake {
            place: Some(at(0)),
            text: what.to_owned(),
        });
        return;
    }
    // Maps are ordered by name; mistakes should come in the order of the file.
    let mut settings = Vec::new();
    collect("", root.get_ref(), &at, &mut settings, draft);
    settings.sort_by_key(|(offset, _, _)| *offset);
    for (offset, name, value) in settings {
        let is_table = matches!(value, Value::Other(TABLE));
        if matches!(value, Value::Other(TABLES)) && is_section(&name) {
            draft.unread = true;
            draft.mistakes.push(Mistake {
                place: Some(at(offset)),
                text: format!(
                    "{name} is a section, and no list: write [{name}] once, in one pair of brackets"
                ),
            });
            continue;
        }
        let known = keys().any(|key| key.name == name);
        if is_table && !known && (!name.contains('.') || near_section(&name).is_some()) {
            draft.unknown_section(&name, at(offset));
        } else {
            draft.set(&name, value, at(offset), &name);
        }
    }
}

/// What it is, if it is clearly another file of ours.
fn another(root: &DeTable<'_>) -> Option<&'static str> {
    let is_text = |key| root.get(key).is_some_and(|value| value.get_ref().is_str());
    if is_text("pack") {
        return Some("is a pack, and no configuration; name it in policy.packs");
    }
    is_text("policy").then_some(
        "is a policy's file, and no configuration; name it in policy.name, or by --policy",
    )
}

/// The settings of a section and of the sections in it, each with its offset and its whole name.
fn collect(
    section: &str,
    table: &DeTable<'_>,
    at: &dyn Fn(usize) -> Source,
    settings: &mut Vec<(usize, String, Value)>,
    draft: &mut Draft,
) {
    for (key, value) in table {
        let name = match section {
            "" => key.get_ref().to_string(),
            section => format!("{section}.{}", key.get_ref()),
        };
        let offset = key.span().start;
        if name == POLICY_ALLOW
            && let Some(tables) = allow::tables(value.get_ref())
        {
            allow::read(offset, &tables, at, draft);
            continue;
        }
        if name == PROJECTS
            && let Some(tables) = allow::tables(value.get_ref())
        {
            projects::read(offset, &tables, at, draft);
            continue;
        }
        match value.get_ref().as_table().filter(|_| is_section(&name)) {
            Some(table) => collect(&name, table, at, settings, draft),
            None => settings.push((offset, name, convert(value.get_ref()))),
        }
    }
}

/// Whether there are settings below this name.
fn is_section(name: &str) -> bool {
    keys().any(|key| {
        key.name
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('.'))
    })
}

pub(super) fn convert(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Integer(number),
            Err(_) => Value::Other("too large a number"),
        },
        DeValue::Float(number) => Value::Scalar("a fraction", number.as_str().to_owned()),
        DeValue::Boolean(value) => Value::Scalar("a boolean", value.to_string()),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(values) => {
            let texts: Option<Vec<String>> = values
                .iter()
                .map(|value| value.get_ref().as_str().map(str::to_owned))
                .collect();
            match texts {
                Some(texts) => Value::List(texts),
                None if values.iter().any(|value| value.get_ref().is_table()) => {
                    Value::Other(TABLES)
                }
                None => Value::Other("an array of something else than strings"),
            }
        }
        DeValue::Table(_) => Value::Other(TABLE),
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
        + 1
}
