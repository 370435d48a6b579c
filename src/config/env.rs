//! Environment variables: `SCRUBLINE_SECTION__KEY`. Those without a double underscore are not ours: Kubernetes sets
//! `SCRUBLINE_PORT`, `SCRUBLINE_SERVICE_HOST` and more in every pod beside a service named `scrubline`.

use std::ffi::OsString;

use super::keys::keys;
use super::load::{Draft, Mistake, Source};
use super::value::Value;

const PREFIX: &str = "SCRUBLINE_";

/// Reads what is ours into `draft`, in the order of the names.
pub(super) fn read(variables: &[(OsString, OsString)], draft: &mut Draft) {
    let mut ours: Vec<(&str, &OsString)> = variables
        .iter()
        .filter_map(|(name, value)| Some((name.to_str()?, value)))
        .filter(|(name, _)| key(name).is_some())
        .collect();
    ours.sort();
    for (name, value) in ours {
        let source = Source::Environment(name.to_owned());
        match (key(name), value.to_str()) {
            (Some(key), Some(text)) => draft.set(&key, Value::Bare(text.to_owned()), source, &key),
            (_, None) => draft.mistakes.push(Mistake {
                place: Some(source),
                text: "is not UTF-8".to_owned(),
            }),
            (None, _) => {}
        }
    }
}

/// One line for each variable that is not ours, and would be with other underscores or in capitals. No mistakes: somebody
/// else may have set them, for purposes of their own.
pub(super) fn near_misses(variables: &[(OsString, OsString)]) -> Vec<String> {
    let mut names: Vec<&str> = variables
        .iter()
        .filter_map(|(name, _)| name.to_str())
        .filter(|name| key(name).is_none())
        .collect();
    names.sort_unstable();
    let meant = |name: &str| {
        let words = words(name);
        let key = keys().find(|key| self::words(&variable(key.name)) == words)?;
        if !key.name.contains('.') {
            return Some(format!(
                "{name} is ignored; {} stands in the configuration file only",
                key.name
            ));
        }
        Some(format!(
            "{name} is ignored; {} is set by {}",
            key.name,
            variable(key.name)
        ))
    };
    names.into_iter().filter_map(meant).collect()
}

/// A variable's name, however many underscores stand between its words.
fn words(variable: &str) -> String {
    let upper = variable.to_ascii_uppercase();
    let words: Vec<&str> = upper.split('_').filter(|word| !word.is_empty()).collect();
    words.join("_")
}

/// The key that a variable names: `SCRUBLINE_SERVER__LISTEN` is `server.listen`.
fn key(variable: &str) -> Option<String> {
    let name = variable.strip_prefix(PREFIX)?;
    let key = name.replace("__", ".").to_ascii_lowercase();
    name.contains("__").then_some(key)
}

/// The variable that names a key.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_ascii_uppercase())
}
