//! `scrubline explain`: each redaction of one document, by which rule, where, and why; never the value. Equal values have equal
//! labels, so that one can follow a secret through a document.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use bytes::Bytes;

use super::label::{Labels, place};
use super::scrub::FormatArgument;
use super::{PolicyChoice, USAGE, fail};
use crate::scrub::{Limits, Output, Scrubber};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// What the input is
    #[arg(long, value_enum, default_value = "json")]
    format: FormatArgument,
    #[command(flatten)]
    policy: PolicyChoice,
    /// The document
    file: PathBuf,
}

pub(super) fn run(arguments: Arguments) -> ExitCode {
    let policy = match arguments.policy.load() {
        Ok(policy) => policy,
        Err(error) => return fail(USAGE, error),
    };
    let body = match std::fs::read(&arguments.file) {
        Ok(body) => Bytes::from(body),
        Err(error) => return fail(1, format!("{}: {error}", arguments.file.display())),
    };
    let plan = policy.plan();
    let mut scrubber = Scrubber::new(
        Arc::clone(&plan),
        arguments.format.into(),
        &Limits::default(),
    );
    scrubber.record_redactions();
    let mut output = Output::new();
    let result = scrubber
        .push(body.clone(), &mut output)
        .and_then(|()| scrubber.finish(&mut output));
    let labels = Labels::default();
    let mut text = String::new();
    for redaction in scrubber.take_redactions() {
        let id = plan
            .rule_ids()
            .get(usize::from(redaction.rule))
            .map_or("", String::as_str);
        let why = policy
            .rules()
            .iter()
            .find(|rule| rule.id == id)
            .map_or("a rule of the engine itself", |rule| {
                rule.description.as_str()
            });
        let label = labels.of(&body, &redaction);
        let place = place(&redaction);
        text.push_str(&format!(
            "byte {:<8} {label} {id} at {place}: {why}\n",
            redaction.offset
        ));
    }
    if let Err(error) = std::io::stdout().write_all(text.as_bytes()) {
        return fail(1, error);
    }
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(1, format!("{}: {error}", arguments.file.display())),
    }
}
