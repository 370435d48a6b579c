//! `[policy.server]` and `[policy.browser]`: what an operator changes of the policy's own rules for the two doors.

use super::keys::Key;
use super::load::Mistake;
use super::value::{Value, listed, quoted};
use crate::policy::{DoorRules, Doors, OTHERWISE};
use crate::scrub::Action;

/// `[policy.server]`
pub(super) const SERVER: &[Key] = &[
    Key {
        name: "policy.server.pass",
        set: |config, value| types("pass", value).map(|it| config.policy.doors.server.pass = it),
        show: |config| listed(&config.policy.doors.server.pass),
    },
    Key {
        name: "policy.server.drop",
        set: |config, value| types("drop", value).map(|it| config.policy.doors.server.drop = it),
        show: |config| listed(&config.policy.doors.server.drop),
    },
    Key {
        name: "policy.server.reject",
        set: |config, value| {
            types("reject", value).map(|it| config.policy.doors.server.reject = it)
        },
        show: |config| listed(&config.policy.doors.server.reject),
    },
    Key {
        name: "policy.server.sample",
        set: |config, value| {
            types("sample", value).map(|it| config.policy.doors.server.sample = it)
        },
        show: |config| listed(&config.policy.doors.server.sample),
    },
    Key {
        name: "policy.server.otherwise",
        set: |config, value| otherwise(value).map(|it| config.policy.doors.server.otherwise = it),
        show: |config| show_otherwise(&config.policy.doors.server),
    },
    Key {
        name: "policy.server.traces_sample_rate",
        set: |config, value| {
            rate(value).map(|it| config.policy.doors.server.traces_sample_rate = it)
        },
        show: |config| show_rate(&config.policy.doors.server),
    },
];

/// `[policy.browser]`
pub(super) const BROWSER: &[Key] = &[
    Key {
        name: "policy.browser.pass",
        set: |config, value| types("pass", value).map(|it| config.policy.doors.browser.pass = it),
        show: |config| listed(&config.policy.doors.browser.pass),
    },
    Key {
        name: "policy.browser.drop",
        set: |config, value| types("drop", value).map(|it| config.policy.doors.browser.drop = it),
        show: |config| listed(&config.policy.doors.browser.drop),
    },
    Key {
        name: "policy.browser.reject",
        set: |config, value| {
            types("reject", value).map(|it| config.policy.doors.browser.reject = it)
        },
        show: |config| listed(&config.policy.doors.browser.reject),
    },
    Key {
        name: "policy.browser.sample",
        set: |config, value| {
            types("sample", value).map(|it| config.policy.doors.browser.sample = it)
        },
        show: |config| listed(&config.policy.doors.browser.sample),
    },
    Key {
        name: "policy.browser.otherwise",
        set: |config, value| otherwise(value).map(|it| config.policy.doors.browser.otherwise = it),
        show: |config| show_otherwise(&config.policy.doors.browser),
    },
    Key {
        name: "policy.browser.traces_sample_rate",
        set: |config, value| {
            rate(value).map(|it| config.policy.doors.browser.traces_sample_rate = it)
        },
        show: |config| show_rate(&config.policy.doors.browser),
    },
];

/// What stands for a value that nobody has set: the policy's own counts.
const POLICYS_OWN: &str = "default";

/// A list of item types that are right by themselves.
fn types(list: &str, value: &Value) -> Result<Vec<String>, String> {
    let types = value.list("[\"session\"]")?;
    let mut rules = DoorRules::default();
    match list {
        "pass" => rules.pass.clone_from(&types),
        "drop" => rules.drop.clone_from(&types),
        "reject" => rules.reject.clone_from(&types),
        _ => rules.sample.clone_from(&types),
    }
    match rules.problems().into_iter().next() {
        Some((_, what)) => Err(what),
        None => Ok(types),
    }
}

fn otherwise(value: &Value) -> Result<Option<Action>, String> {
    let [pass, drop, reject] = OTHERWISE.map(|(name, action)| (name, Some(action)));
    value.one_of(&[(POLICYS_OWN, None), pass, drop, reject])
}

fn show_otherwise(rules: &DoorRules) -> String {
    let name = OTHERWISE
        .iter()
        .find(|(_, it)| rules.otherwise == Some(*it));
    quoted(name.map_or(POLICYS_OWN, |(name, _)| name))
}

fn rate(value: &Value) -> Result<Option<f64>, String> {
    match value {
        Value::Text(text) | Value::Bare(text) if text == POLICYS_OWN => Ok(None),
        Value::Text(_)
        | Value::Bare(_)
        | Value::Integer(_)
        | Value::List(_)
        | Value::Scalar(..)
        | Value::Other(_) => value
            .part()
            .map(Some)
            .map_err(|what| format!("{what}, or \"{POLICYS_OWN}\"")),
    }
}

fn show_rate(rules: &DoorRules) -> String {
    match rules.traces_sample_rate {
        Some(rate) => toml::Value::Float(rate).to_string(),
        None => quoted(POLICYS_OWN),
    }
}

/// Lists that are right each by itself and can't be right together.
pub(super) fn clashes(doors: &Doors<DoorRules>) -> Vec<Mistake> {
    let of = |door: &str, rules: &DoorRules| {
        let mistake = |(key, what)| Mistake {
            place: None,
            text: format!("policy.{door}.{key}: {what}"),
        };
        rules
            .problems()
            .into_iter()
            .map(mistake)
            .collect::<Vec<_>>()
    };
    [of("server", &doors.server), of("browser", &doors.browser)].concat()
}
