//! Secrets that stand in a configuration themselves, as far as their form tells (the pack `tokens`). None is shown.

use std::path::Path;

use crate::config::{Resolved, Source};
use crate::policy::{self, Policy};
use crate::scrub::{Plan, scrub_string};

const BY_REFERENCE: &str = "secrets stand in a configuration by reference only: env:NAME, file:PATH, or a name in secrets.env";

/// What looks like a secret, each with its place: in the values, wherever they come from, and in all else of the file, comments above all.
pub(super) fn literals(resolved: &Resolved, file: Option<&Path>) -> Vec<String> {
    let Ok(policy) = Policy::builtin(policy::DEFAULT) else {
        return Vec::new();
    };
    let plan = policy.plan();
    let mut found = Vec::new();
    let mut lines = Vec::new();
    for (key, value) in resolved.settings() {
        if let Some((_, rule)) = first(&plan, &value) {
            let source = resolved.source(key);
            if let Source::File(_, line) = source {
                lines.push(*line);
            }
            found.push(format!(
                "{source}: {key}: holds what looks like a secret (rule {rule}); {BY_REFERENCE}"
            ));
        }
    }
    let text = file.and_then(|file| Some((file, std::fs::read_to_string(file).ok()?)));
    if let Some((file, text)) = text {
        let mut others = in_text(&plan, &text);
        others.retain(|(line, _)| !lines.contains(line));
        found.extend(others.into_iter().map(|(line, rule)| {
            format!(
                "{}:{line}: holds what looks like a secret (rule {rule}), be it in a comment; {BY_REFERENCE}",
                file.display()
            )
        }));
    }
    found
}

/// The first thing that is a secret by its form: its offset, and the rule that knows it.
fn first<'a>(plan: &'a Plan, text: &str) -> Option<(u64, &'a str)> {
    let redactions = scrub_string(plan, text).1;
    redactions.iter().find_map(|it| {
        let rule = plan.rule_ids().get(usize::from(it.rule))?;
        rule.starts_with("tokens.")
            .then_some((it.offset, rule.as_ref()))
    })
}

/// The lines of a file that hold one. A name in front must not hide it, so words are looked at by themselves, and comments of several
/// lines as one text.
fn in_text<'a>(plan: &'a Plan, text: &str) -> Vec<(usize, &'a str)> {
    let mut found = Vec::new();
    let mut comment = String::new();
    let mut begins = 0;
    for (number, line) in (1..).zip(text.lines().chain([""])) {
        match line.trim_start().strip_prefix('#') {
            Some(said) => {
                if comment.is_empty() {
                    begins = number;
                }
                comment.push_str(said.trim());
                comment.push('\n');
            }
            None => {
                let comment = std::mem::take(&mut comment);
                if let Some((offset, rule)) = first(plan, &comment) {
                    let before = comment.bytes().take(offset as usize);
                    let lines = before.filter(|byte| *byte == b'\n').count();
                    found.push((begins + lines, rule));
                }
            }
        }
        let bare = line.split(char::is_whitespace);
        let parts = line.split(|c: char| c.is_whitespace() || "\"'`=:;,()[]{}<>#".contains(c));
        if let Some((_, rule)) = bare.chain(parts).find_map(|word| first(plan, word)) {
            found.push((number, rule));
        }
    }
    found.sort_unstable();
    found.dedup_by_key(|(line, _)| *line);
    found
}
