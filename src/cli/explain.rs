//! `scrubline explain`: each redaction of one document, by which rule, where, and why; never the value. Equal values have equal
//! labels, so that one can follow a secret through a document.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use bytes::Bytes;

use super::input::{Input, SecretChoice, compression, open};
use super::label::{Labels, place};
use super::rules::guess;
use super::scrub::{FormatArgument, refusal};
use super::{PolicyChoice, USAGE, fail};
use crate::scrub::{Format, Limits, Output, Scrubber};

/// Most bytes that are read at once.
const PIECE: usize = 512;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// What the input is
    #[arg(long, value_enum, default_value = "json")]
    format: FormatArgument,
    #[command(flatten)]
    policy: PolicyChoice,
    #[command(flatten)]
    secrets: SecretChoice,
    /// The document; - is standard input [default: -]
    file: Option<PathBuf>,
}

pub(super) fn run(arguments: Arguments) -> ExitCode {
    let policy = match arguments.policy.load() {
        Ok(policy) => policy,
        Err(error) => return fail(USAGE, error),
    };
    let policy = match arguments.secrets.add_to(&policy) {
        Ok(policy) => policy,
        Err(problems) => return fail(USAGE, problems),
    };
    let Input { name, mut reader } = match open(arguments.file.as_deref()) {
        Ok(input) => input,
        Err(why) => return fail(1, why),
    };
    let mut body = Vec::new();
    if let Err(error) = reader.read_to_end(&mut body) {
        return fail(1, format!("{name}: cannot be read: {error}"));
    }
    if let Some((what, how)) = compression(&body) {
        return fail(
            1,
            format!("{name}: is {what} data; unpack it first, as {how}"),
        );
    }
    let body = Bytes::from(body);
    let plan = policy.plan();
    let mut scrubber = Scrubber::new(
        Arc::clone(&plan),
        arguments.format.into(),
        &Limits::default(),
    );
    scrubber.record_redactions();
    let mut output = Output::new();
    // Of the piece with an error nothing is told, so pieces are short.
    let mut result = Ok(());
    let mut at = 0;
    while at < body.len() && result.is_ok() {
        let rest = &body[at..body.len().min(at + PIECE)];
        let line = memchr::memchr(b'\n', rest).map(|newline| newline + 1);
        let end = at + line.unwrap_or(rest.len());
        result = scrubber.push(body.slice(at..end), &mut output);
        while output.pop().is_some() {}
        at = end;
    }
    let result = result.and_then(|()| scrubber.finish(&mut output));
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
        Err(error) => {
            let (what, hint) = refusal(&error);
            let guessed = guess(Path::new(&name), &body);
            let hint = match FormatArgument::named(guessed) {
                Some(format) if !body.is_empty() && guessed != Format::from(arguments.format) => {
                    format!("it looks like {format}: try --format {format}")
                }
                _ => hint.to_owned(),
            };
            fail(
                1,
                format!("{name}: {what}: {error}; what is listed ends there ({hint})"),
            )
        }
    }
}
