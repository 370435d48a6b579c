//! A value as it was written, and what keys make of it; and values as `check` prints them.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use super::near::is_near;
use super::size;

/// An array of strings, as in a file.
fn array(text: &str) -> Option<Vec<String>> {
    let table: toml::Table = format!("list = {text}").parse().ok()?;
    let values = table.get("list").filter(|_| table.len() == 1)?.as_array()?;
    let texts = values.iter().map(|value| value.as_str().map(str::to_owned));
    texts.collect()
}

pub(super) fn quoted(value: impl fmt::Display) -> String {
    toml::Value::String(value.to_string()).to_string()
}

pub(super) fn listed(values: &[String]) -> String {
    let values = values.iter().cloned().map(toml::Value::String).collect();
    toml::Value::Array(values).to_string()
}

pub(super) fn named<T: PartialEq>(names: &[(&str, T)], value: T) -> String {
    names
        .iter()
        .find(|(_, it)| *it == value)
        .map(|(name, _)| quoted(name))
        .unwrap_or_default()
}

/// A value as it was written, before its key says what it must be.
pub(super) enum Value {
    Text(String),
    /// From a variable or a flag, where nothing tells a string from a list.
    Bare(String),
    Integer(i64),
    List(Vec<String>),
    /// A fraction or a boolean: what it is, and as it was written.
    Scalar(&'static str, String),
    /// Anything that no key takes: what it is.
    Other(&'static str),
}

impl Value {
    pub(super) fn text(&self) -> Result<&str, String> {
        match self {
            Value::Text(text) | Value::Bare(text) => Ok(text),
            Value::Integer(_) => Err("is an integer; put it in quotes".to_owned()),
            Value::List(_) => Err("is an array, not a string".to_owned()),
            Value::Scalar(what, _) | Value::Other(what) => Err(format!("is {what}, not a string")),
        }
    }

    /// An array of strings; outside of files, separated by commas or as it would stand in one. What was written is not
    /// shown: somebody may have given a secret where its name is asked for.
    pub(super) fn list(&self, example: &str) -> Result<Vec<String>, String> {
        match self {
            Value::List(values) => Ok(values.clone()),
            Value::Bare(text) if text.trim_start().starts_with('[') => {
                array(text).ok_or_else(|| {
                    format!("begins as an array of strings and is none; write it as {example}, or separate by commas")
                })
            }
            Value::Bare(text) => Ok(text
                .split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect()),
            Value::Text(_) => Err(format!("is a string, not an array; write it as {example}")),
            Value::Integer(_) => Err(format!("is an integer, not an array; write it as {example}")),
            Value::Scalar(what, _) | Value::Other(what) => {
                Err(format!("is {what}, not an array of strings; write it as {example}"))
            }
        }
    }

    pub(super) fn address(&self) -> Result<SocketAddr, String> {
        let (written, port) = match self {
            Value::Integer(n) => (n.to_string(), u16::try_from(*n).ok()),
            Value::Text(_)
            | Value::Bare(_)
            | Value::List(_)
            | Value::Scalar(..)
            | Value::Other(_) => {
                let text = self.text()?;
                if let Ok(address) = text.parse() {
                    return Ok(address);
                }
                let port = text.rsplit(':').next().and_then(|port| port.parse().ok());
                (format!("{text:?}"), port)
            }
        };
        Err(format!(
            "{written} is no address; give an IP and a port, as \"127.0.0.1:{}\"",
            port.unwrap_or(9180)
        ))
    }

    pub(super) fn duration(&self) -> Result<Duration, String> {
        match self {
            Value::Integer(n) => Err(format!("{n} has no unit; say what it is, as \"{n}s\"")),
            Value::Text(_)
            | Value::Bare(_)
            | Value::List(_)
            | Value::Scalar(..)
            | Value::Other(_) => {
                let text = self.text();
                size::parse_duration(text.map_err(|what| format!("{what}; write it as \"10s\""))?)
            }
        }
    }

    /// At least `least` bytes.
    pub(super) fn bytes(&self, least: u64) -> Result<u64, String> {
        let bytes = match self {
            Value::Integer(n) => u64::try_from(*n).map_err(|_| format!("{n} is negative"))?,
            Value::Text(_)
            | Value::Bare(_)
            | Value::List(_)
            | Value::Scalar(..)
            | Value::Other(_) => {
                let text = self.text();
                size::parse_bytes(text.map_err(|what| format!("{what}; write it as \"200MiB\""))?)?
            }
        };
        if bytes < least {
            return Err(format!(
                "{bytes} bytes are too few; give at least {}",
                size::show_bytes(least)
            ));
        }
        Ok(bytes)
    }

    pub(super) fn count(&self, least: u64, most: u64) -> Result<u64, String> {
        let range = || format!("give a number from {least} to {most}");
        let count = match self {
            Value::Integer(n) => {
                u64::try_from(*n).map_err(|_| format!("{n} is negative; {}", range()))?
            }
            Value::Text(text) | Value::Bare(text) => text
                .parse()
                .map_err(|_| format!("{text:?} is no number; {}", range()))?,
            Value::List(_) => return Err(format!("is an array; {}", range())),
            Value::Scalar(what, _) | Value::Other(what) => {
                return Err(format!("is {what}; {}", range()));
            }
        };
        if (least..=most).contains(&count) {
            Ok(count)
        } else {
            Err(format!("{count} is out of range; {}", range()))
        }
    }

    /// A part of the whole, from 0 to 1.
    pub(super) fn part(&self) -> Result<f64, String> {
        const RANGE: &str = "give a number from 0 to 1, as 0.1";
        let text = match self {
            Value::Integer(n) => n.to_string(),
            Value::Text(text) | Value::Bare(text) | Value::Scalar(_, text) => text.clone(),
            Value::List(_) => return Err(format!("is an array; {RANGE}")),
            Value::Other(what) => return Err(format!("is {what}; {RANGE}")),
        };
        let part = text.parse::<f64>();
        part.ok()
            .filter(|part| (0.0..=1.0).contains(part))
            .ok_or_else(|| format!("{text:?} is out of range or no number; {RANGE}"))
    }

    /// Yes or no.
    pub(super) fn switch(&self) -> Result<bool, String> {
        match self {
            Value::Scalar("a boolean", text) | Value::Bare(text) if text == "true" => Ok(true),
            Value::Scalar("a boolean", text) | Value::Bare(text) if text == "false" => Ok(false),
            Value::Text(_)
            | Value::Bare(_)
            | Value::Integer(_)
            | Value::List(_)
            | Value::Scalar(..)
            | Value::Other(_) => {
                Err("is no boolean; give true or false, without quotes".to_owned())
            }
        }
    }

    pub(super) fn one_of<T: Copy>(&self, names: &[(&str, T)]) -> Result<T, String> {
        let text = self.text()?;
        let known: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        names
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, value)| *value)
            .ok_or_else(|| {
                let names: Vec<String> =
                    names.iter().map(|(name, _)| format!("{name:?}")).collect();
                let lower = text.to_lowercase();
                // Between versions, nobody can tell which is meant.
                let meant = known
                    .iter()
                    .find(|name| name.starts_with(char::is_alphabetic) && is_near(&lower, name));
                let hint = meant.map(|name| format!("; did you mean {name:?}?"));
                format!(
                    "{text:?} is none of {}{}",
                    names.join(", "),
                    hint.unwrap_or_default()
                )
            })
    }
}

/// Reads each entry of a list, or tells all that is wrong with them; by their place, for a value that must not be shown.
pub(super) fn each<T>(
    texts: &[String],
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let mut entries = Vec::new();
    let mut wrong = Vec::new();
    for (text, number) in texts.iter().zip(1..) {
        match read(text) {
            Ok(entry) => entries.push(entry),
            Err(what) if texts.len() == 1 => wrong.push(what),
            Err(what) => wrong.push(format!("entry {number} {what}")),
        }
    }
    if wrong.is_empty() {
        Ok(entries)
    } else {
        Err(wrong.join("; "))
    }
}
