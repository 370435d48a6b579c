//! `scrubline rules diff`: what a change of rules comes to. Without documents, the difference rule by rule; with documents, what the
//! new rules would newly redact in them, and what they would newly let through. No value is ever shown.
//!
//! It ends as `diff` does: with 0 where there is no difference, 1 where there is one, and 2 where something could not be compared.

use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bytes::Bytes;

use super::super::fail;
use super::super::label::{Labels, place};
use super::super::scrub::FormatArgument;
use super::{corpus, side};
use crate::policy::Policy;
use crate::scrub::{Format, Limits, Malformed, Output, Redaction, Scrubber};

/// There is a difference.
const DIFFERENT: u8 = 1;
/// Something could not be compared.
const TROUBLE: u8 = 2;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The rules as they were: the name of a policy or its file, a pack, a folder of packs, or several, separated by commas; or a
    /// configuration file, which without [policy] has the default one
    old: String,
    /// The rules as they are to be; the same
    new: String,
    /// Documents: files, or folders of them. Without any, the rules themselves are compared
    corpus: Vec<PathBuf>,
    /// What the documents are [default: by the ending of each file's name (json, ndjson, jsonl, envelope, txt, log), else by
    /// how it begins]
    #[arg(long, value_enum)]
    format: Option<FormatArgument>,
}

pub(super) fn run(arguments: Arguments) -> ExitCode {
    let (old, new) = match (side::policy(&arguments.old), side::policy(&arguments.new)) {
        (Ok(old), Ok(new)) => (old, new),
        (old, new) => {
            let problems: Vec<String> = [old.err(), new.err()].into_iter().flatten().collect();
            return fail(TROUBLE, problems.join("\n"));
        }
    };
    if arguments.corpus.is_empty() {
        return rules(&old, &new);
    }
    let files = match corpus::files(&arguments.corpus) {
        Ok(files) if files.is_empty() => return fail(TROUBLE, "there is no document to compare"),
        Ok(files) => files,
        Err(why) => return fail(TROUBLE, why),
    };
    let mut comparison = Comparison {
        old: &old,
        new: &new,
        labels: Labels::default(),
        text: String::new(),
        redacted: 0,
        let_through: 0,
        differing: 0,
    };
    let mut problems = Vec::new();
    for path in &files {
        if let Err(why) = comparison.file(path, arguments.format) {
            problems.push(why);
        }
    }
    comparison.text.push_str(&format!(
        "{} newly redacted, {} newly let through, in {} of {} files\n",
        comparison.redacted,
        comparison.let_through,
        comparison.differing,
        files.len()
    ));
    if let Err(error) = std::io::stdout().write_all(comparison.text.as_bytes()) {
        return fail(TROUBLE, error);
    }
    if !problems.is_empty() {
        return fail(TROUBLE, problems.join("\n"));
    }
    ended(comparison.differing > 0)
}

fn ended(differs: bool) -> ExitCode {
    match differs {
        true => ExitCode::from(DIFFERENT),
        false => ExitCode::SUCCESS,
    }
}

/// The difference rule by rule.
fn rules(old: &Policy, new: &Policy) -> ExitCode {
    let changes = old.changes(new);
    let mut lines: Vec<String> = changes.iter().map(ToString::to_string).collect();
    // An exception is no rule, and makes as much of a difference.
    let those = |sign: &str, of: &Policy, other: &Policy| -> Vec<String> {
        let only = of
            .allowed()
            .iter()
            .filter(|it| !other.allowed().contains(it));
        only.map(|allow| format!("{sign} exception: {allow}"))
            .collect()
    };
    lines.extend(those("-", old, new));
    lines.extend(those("+", new, old));
    lines.push(String::new());
    if let Err(error) = std::io::stdout().write_all(lines.join("\n").as_bytes()) {
        return fail(TROUBLE, error);
    }
    ended(lines.len() > 1)
}

struct Comparison<'a> {
    old: &'a Policy,
    new: &'a Policy,
    labels: Labels,
    /// What is to be printed.
    text: String,
    redacted: usize,
    let_through: usize,
    /// Files with a difference.
    differing: usize,
}

impl Comparison<'_> {
    fn file(&mut self, path: &Path, format: Option<FormatArgument>) -> Result<(), String> {
        let body = corpus::read(path)?;
        let format = format.map_or_else(|| corpus::guess(path, &body), Format::from);
        let said = |error: Malformed| {
            format!(
                "{}: is not compared: {error} (check --format)",
                path.display()
            )
        };
        let before = redactions(self.old, format, &body).map_err(said)?;
        let after = redactions(self.new, format, &body).map_err(said)?;
        let gone = beyond(&before, &after);
        let come = beyond(&after, &before);
        self.let_through += gone.len();
        self.redacted += come.len();
        self.differing += usize::from(!(gone.is_empty() && come.is_empty()));
        let mut lines: Vec<(u64, String)> = Vec::new();
        for (sign, policy, redactions) in [("-", self.old, gone), ("+", self.new, come)] {
            for redaction in redactions {
                let line = format!(
                    "{sign} {} byte {} {} {} at {}\n",
                    path.display(),
                    redaction.offset,
                    self.labels.of(&body, redaction),
                    rule_id(policy, redaction),
                    place(redaction)
                );
                lines.push((redaction.offset, line));
            }
        }
        lines.sort_by_key(|(offset, _)| *offset);
        self.text.extend(lines.into_iter().map(|(_, line)| line));
        Ok(())
    }
}

fn rule_id(policy: &Policy, redaction: &Redaction) -> String {
    let plan = policy.plan();
    let id = plan.rule_ids().get(usize::from(redaction.rule));
    id.cloned().unwrap_or_default()
}

/// What a policy redacts in a document.
fn redactions(policy: &Policy, format: Format, body: &Bytes) -> Result<Vec<Redaction>, Malformed> {
    let mut scrubber = Scrubber::new(policy.plan(), format, &Limits::default());
    scrubber.record_redactions();
    let mut output = Output::new();
    scrubber.push(body.clone(), &mut output)?;
    scrubber.finish(&mut output)?;
    Ok(scrubber.take_redactions())
}

fn span(redaction: &Redaction) -> Range<u64> {
    // What was never seen to end has at least its first byte.
    redaction.offset..redaction.end.max(redaction.offset + 1)
}

/// Those of `some` of which a part stands where `others` redact nothing.
fn beyond<'a>(some: &'a [Redaction], others: &[Redaction]) -> Vec<&'a Redaction> {
    let mut covered: Vec<Range<u64>> = others.iter().map(span).collect();
    covered.sort_by_key(|range| range.start);
    let is_covered = |redaction: &&Redaction| {
        let Range { mut start, end } = span(redaction);
        for range in &covered {
            if range.start <= start && start < range.end {
                start = range.end;
            }
        }
        start >= end
    };
    some.iter()
        .filter(|redaction| !is_covered(redaction))
        .collect()
}
