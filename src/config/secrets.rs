//! `[secrets]`: the operator's real secrets, by reference. Only this file reads them; their values are never shown.

use std::fmt;
use std::path::{Path, PathBuf};

use super::reading;
use super::value::Value;
use crate::scrub::LEAST_SECRET_BYTES;

/// Largest file that is taken for a secret, in bytes.
const LARGEST_FILE: u64 = 64 << 10;

/// `[secrets]`: where the values stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secrets {
    /// Names of environment variables.
    pub env: Vec<String>,
    /// Paths of files, or patterns of them (`/run/secrets/*`); hidden files are not meant.
    pub files: Vec<String>,
}

/// The values of secrets. `Debug` shows how many there are.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretValues(Vec<Vec<u8>>);

impl fmt::Debug for SecretValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretValues({})", self.0.len())
    }
}

impl SecretValues {
    /// The values, in no special order.
    pub fn values(&self) -> &[Vec<u8>] {
        &self.0
    }
}

impl Secrets {
    /// Reads all values. White space around a value is not part of it. A file of several lines is a secret as a whole, and so is
    /// each of its lines that could be one by itself; of `NAME=VALUE`, as an `.env` file has it, the value. A PEM block and a
    /// JSON document are one secret each.
    ///
    /// # Errors
    /// All that is wrong, a line each: a variable that is not set, a file that can't be read, a pattern that meets no file, a value
    /// that is too short to be looked for everywhere.
    pub fn read(&self) -> Result<SecretValues, Vec<String>> {
        self.read_as("secrets.env", "secrets.files")
    }

    /// The same, where the two lists have been given by other names.
    ///
    /// # Errors
    /// As `read`.
    pub fn read_as(&self, env: &str, from: &str) -> Result<SecretValues, Vec<String>> {
        let mut values = Vec::new();
        let mut problems = Vec::new();
        for (name, number) in self.env.iter().zip(1..) {
            match std::env::var_os(name) {
                Some(value) => take(
                    &format!("{env}: {name}"),
                    value.as_encoded_bytes(),
                    &mut values,
                    &mut problems,
                ),
                None if is_variable(name) => problems.push(format!(
                    "{env}: the environment has no {name}; set it, or leave it out"
                )),
                None => problems.push(format!("{env}: entry {number} {NO_VARIABLE}")),
            }
        }
        for pattern in &self.files {
            if pattern.is_empty() {
                problems.push(format!(
                    "{from}: an entry is empty; give the path of a file, or take it out"
                ));
                continue;
            }
            match files(pattern) {
                Ok(paths) => {
                    for path in paths {
                        match read(&path) {
                            Ok(value) => {
                                take(
                                    &format!("{from}: {}", path.display()),
                                    &value,
                                    &mut values,
                                    &mut problems,
                                );
                                values.extend(lines(value.trim_ascii()));
                            }
                            Err(what) => {
                                problems.push(format!("{from}: {}: {what}", path.display()));
                            }
                        }
                    }
                }
                Err(what) => problems.push(format!("{from}: {pattern}: {what}")),
            }
        }
        values.sort();
        values.dedup();
        if problems.is_empty() {
            Ok(SecretValues(values))
        } else {
            Err(problems)
        }
    }
}

fn take(what: &str, value: &[u8], values: &mut Vec<Vec<u8>>, problems: &mut Vec<String>) {
    let value = value.trim_ascii();
    if value.is_empty() {
        problems.push(format!("{what} is empty"));
    } else if value.len() < LEAST_SECRET_BYTES {
        problems.push(format!(
            "{what} has {} bytes, and so short a value would be found in much that is none; it takes at least {LEAST_SECRET_BYTES}",
            value.len()
        ));
    } else {
        values.push(value.to_vec());
    }
}

/// What is said of a name that is none. It is not shown: somebody may have given the secret where its name is asked for.
const NO_VARIABLE: &str = "is no name of an environment variable, which has letters, digits and _ (no $, and not the secret itself); give its name, as \
                           CRON_SECRET";

/// Whether it has the form of a variable's name, as shells have it.
fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A reference, in its form. What is none is not shown: it may be the secret itself.
pub(super) fn reference(value: &Value) -> Result<String, String> {
    let text = value.text()?;
    match text.split_once(':') {
        Some(("env", "")) => Err(
            "names no environment variable; write its name behind env:, as env:SCRUBLINE_KEY"
                .to_owned(),
        ),
        Some(("file", "")) => {
            Err("names no file; write its path behind file:, as file:/run/secrets/key".to_owned())
        }
        Some(("env" | "file", _)) => Ok(text.to_owned()),
        _ => Err("is no reference; give env:NAME or file:PATH".to_owned()),
    }
}

/// What a reference means: `env:NAME` or `file:PATH`.
pub(super) fn by_reference(reference: &str) -> Result<Vec<u8>, String> {
    let value = match reference.split_once(':') {
        Some(("env", name)) => std::env::var_os(name)
            .map(|value| value.as_encoded_bytes().to_vec())
            .ok_or_else(|| match is_variable(name) {
                false => format!("what stands behind env: {NO_VARIABLE}"),
                true => format!(
                    "the environment variable {name} is not set; set it where Scrubline is started, to {LEAST_SECRET_BYTES} bytes or more"
                )
            })?,
        Some(("file", path)) => read(Path::new(path)).map_err(|what| format!("{path}: {what}"))?,
        _ => return Err("is no reference; give env:NAME or file:PATH".to_owned()),
    };
    let value = value.trim_ascii();
    if value.len() < LEAST_SECRET_BYTES {
        return Err(format!(
            "{reference} has {} bytes; a key needs at least {LEAST_SECRET_BYTES}",
            value.len()
        ));
    }
    Ok(value.to_vec())
}

/// What could be a secret by itself in a file of several lines.
fn lines(file: &[u8]) -> Vec<Vec<u8>> {
    let is_one = !file.contains(&b'\n')
        || memchr::memmem::find(file, b"-----BEGIN ").is_some()
        || serde_json::from_slice::<serde::de::IgnoredAny>(file).is_ok();
    if is_one {
        return Vec::new();
    }
    file.split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.starts_with(b"# "))
        .map(|line| assigned(line).unwrap_or(line))
        .filter(|value| value.len() >= LEAST_SECRET_BYTES)
        .map(<[u8]>::to_vec)
        .collect()
}

/// The value of `NAME=VALUE`, with `export` in front or without, and quoted or not.
fn assigned(line: &[u8]) -> Option<&[u8]> {
    let line = line.strip_prefix(b"export ").unwrap_or(line);
    let equals = memchr::memchr(b'=', line)?;
    let (name, value) = (line[..equals].trim_ascii(), line[equals + 1..].trim_ascii());
    let is_name = name.first().is_some_and(|byte| !byte.is_ascii_digit())
        && name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    // The end of base64 looks like a name with nothing behind it.
    let is_padding = line.len().is_multiple_of(4) && (value.is_empty() || value == b"=");
    if !is_name || is_padding {
        return None;
    }
    let unquoted = match value {
        [b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\''] => inner,
        _ => value,
    };
    Some(unquoted)
}

/// The files that a path or a pattern means.
fn files(pattern: &str) -> Result<Vec<PathBuf>, String> {
    let options = glob::MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        // Kubernetes keeps what it mounts in hidden folders, and shows links to it.
        require_literal_leading_dot: true,
    };
    let is_pattern = pattern.contains(['*', '?', '[']);
    if !is_pattern {
        return Ok(vec![PathBuf::from(pattern)]);
    }
    let paths = glob::glob_with(pattern, options)
        .map_err(|error| format!("is no pattern: {}", error.msg))?;
    let mut found = Vec::new();
    for path in paths {
        let path = path.map_err(|error| format!("{}", error.error()))?;
        if path.is_file() {
            found.push(path);
        }
    }
    if found.is_empty() {
        return Err("meets no file".to_owned());
    }
    Ok(found)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let meta = std::fs::metadata(path).map_err(|error| reading::why(path, &error))?;
    if !meta.is_file() {
        return Err("is no file".to_owned());
    }
    if meta.len() > LARGEST_FILE {
        return Err(format!(
            "is larger than a secret is ({} bytes at most)",
            LARGEST_FILE
        ));
    }
    std::fs::read(path).map_err(|error| reading::why(path, &error))
}
