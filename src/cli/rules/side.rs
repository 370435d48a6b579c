//! What stands on one side of `rules diff`, and in the folder of `rules test`: names of policies, packs, folders of packs, or a
//! configuration.

use std::path::Path;

use crate::config::{Loader, is_section, reading};
use crate::policy::{Policy, Profile};

/// The packs of a folder, in the order of their files' names: the name of each, and its text.
pub(super) fn folder(dir: &Path) -> Result<Vec<(String, String)>, String> {
    if dir.is_file() {
        return Err(format!(
            "{}: is a file; name the directory that it is in",
            dir.display()
        ));
    }
    let said = |error: std::io::Error| reading::about(dir, &error);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(said)? {
        let path = entry.map_err(said)?.path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            let name = path.file_name().unwrap_or_default();
            files.push((name.to_string_lossy().into_owned(), reading::text(&path)?));
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(format!(
            "{}: there is no pack in it (*.toml)",
            dir.display()
        ));
    }
    Ok(files)
}

/// The policy that a word of the command line stands for: parts separated by commas, whose packs count together.
pub(super) fn policy(word: &str) -> Result<Policy, String> {
    let parts: Vec<&str> = word.split(',').map(str::trim).collect();
    if let [part] = parts.as_slice()
        && let Some(policy) = configured(part)?
    {
        return Ok(policy);
    }
    let mut files = Vec::new();
    for part in parts {
        files.extend(packs(part)?);
    }
    Policy::of_packs(&files).map_err(|error| error.to_string())
}

fn packs(part: &str) -> Result<Vec<(String, String)>, String> {
    let path = Path::new(part);
    if Policy::builtin_names().contains(&part) {
        Policy::builtin_packs(part).map_err(|error| error.to_string())
    } else if path.is_dir() {
        folder(path)
    } else if path.exists() {
        let text = reading::text(path)?;
        match kind(&text) {
            Kind::Pack | Kind::Unread => Ok(vec![(part.to_owned(), text)]),
            Kind::Policy => {
                let profile = Profile::read(part, &text)?;
                Policy::profile_packs(&profile).map_err(|error| format!("{part}: {error}"))
            }
            Kind::Configuration => Err(format!(
                "{part}: is a configuration, which stands alone; name it without a comma, and further packs in its policy.packs"
            )),
            Kind::Unknown => Err(format!(
                "{part}: is no pack (pack = \"…\"), no policy (policy = \"…\") and no configuration (a section, as [policy]); \
                 rules/README.md and scrubline.example.toml have all that belongs in them"
            )),
        }
    } else {
        Err(format!(
            "{part}: there is no such policy ({}), file or folder",
            Policy::builtin_names().join(", ")
        ))
    }
}

/// What a file is, by its keys.
enum Kind {
    Pack,
    Policy,
    Configuration,
    Unknown,
    /// It is no TOML; the reader of packs says what is wrong.
    Unread,
}

fn kind(text: &str) -> Kind {
    let Ok(table) = text.parse::<toml::Table>() else {
        return Kind::Unread;
    };
    if table.contains_key("pack") {
        return Kind::Pack;
    }
    if table.get("policy").is_some_and(toml::Value::is_str) {
        return Kind::Policy;
    }
    // A pack without its name has rules.
    let mut keys = table.keys();
    match keys.next() {
        Some(_) if table.keys().any(|key| is_section(key)) => Kind::Configuration,
        Some(_) if table.contains_key("version") || table.contains_key("description") => Kind::Pack,
        Some(_) | None => Kind::Unknown,
    }
}

/// The policy of a configuration file. One that says nothing of it has the default.
fn configured(part: &str) -> Result<Option<Policy>, String> {
    let path = Path::new(part);
    if !path.is_file() {
        return Ok(None);
    }
    match kind(&reading::text(path)?) {
        Kind::Configuration => {}
        Kind::Policy => {
            let profile = Profile::read(part, &reading::text(path)?)?;
            let policy = Policy::of_profile(&profile);
            return policy.map(Some).map_err(|error| format!("{part}: {error}"));
        }
        Kind::Pack | Kind::Unknown | Kind::Unread => return Ok(None),
    }
    let loader = Loader::default().file(path).no_upstream();
    let resolved = loader.load().map_err(|error| error.to_string())?;
    let policy = resolved.config.load_policy();
    policy
        .map(Some)
        .map_err(|problems| super::super::located(&resolved, &problems.join("\n")))
}
