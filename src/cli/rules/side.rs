//! What stands on one side of `rules diff`, and in the folder of `rules test`: names of policies, packs, folders of packs, or a
//! configuration.

use std::path::Path;

use crate::config::{Loader, reading};
use crate::policy::Policy;

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
        Ok(vec![(part.to_owned(), reading::text(path)?)])
    } else {
        Err(format!(
            "{part}: there is no such policy ({}), file or folder",
            Policy::builtin_names().join(", ")
        ))
    }
}

/// The policy of a configuration file: one with a table `policy`, which no pack has.
fn configured(part: &str) -> Result<Option<Policy>, String> {
    let path = Path::new(part);
    if !path.is_file() {
        return Ok(None);
    }
    let table: toml::Table = match reading::text(path)?.parse() {
        Ok(table) => table,
        // The pack's reader says what is wrong.
        Err(_) => return Ok(None),
    };
    if !table.get("policy").is_some_and(toml::Value::is_table) {
        return Ok(None);
    }
    let loader = Loader::default().file(path).no_upstream();
    let resolved = loader.load().map_err(|error| error.to_string())?;
    let policy = resolved.config.load_policy();
    policy
        .map(Some)
        .map_err(|problems| super::super::located(&resolved, &problems.join("\n")))
}
