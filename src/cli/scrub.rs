//! `scrubline scrub`: one document from a file or standard input to standard output, streaming.

use std::io::{self, BufWriter, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use clap::ValueEnum;

use super::input::{SecretChoice, compression, open};
use super::{PolicyChoice, USAGE, fail};
use crate::ingress::Ingress;
use crate::scrub::{
    Format, ItemOutcome, Limits, Malformed, Output, Plan, Redaction, Report, Scrubber,
};

/// Bytes read at a time.
const CHUNK_BYTES: usize = 64 << 10;

/// The input cannot be read, is malformed, or the output is gone.
const FAILED: u8 = 1;

#[derive(Debug, clap::Args)]
#[command(override_usage = "scrubline scrub [OPTIONS] --format <FORMAT> [FILE]")]
pub(super) struct Arguments {
    /// What the input is
    #[arg(long, value_enum)]
    format: FormatArgument,
    #[command(flatten)]
    policy: PolicyChoice,
    /// Write one JSON line per redaction to standard error: rule, path and byte offset, never the value; at the end, one
    /// per type of envelope item that was left out
    #[arg(long)]
    report: bool,
    /// Of an envelope, also leave out what may not leave by this door; without it, every item passes that can be scrubbed
    #[arg(long, value_enum)]
    door: Option<DoorArgument>,
    #[command(flatten)]
    secrets: SecretChoice,
    /// The input; - is standard input [default: -]
    file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DoorArgument {
    /// What servers send
    Server,
    /// What browsers send, through the tunnel
    Browser,
}

impl DoorArgument {
    fn ingress(self) -> Ingress {
        match self {
            DoorArgument::Server => Ingress::Sidecar,
            DoorArgument::Browser => Ingress::Tunnel,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum FormatArgument {
    /// One JSON document
    Json,
    /// JSON, one document a line
    Ndjson,
    /// A Sentry envelope
    Envelope,
    /// Plain text
    Text,
    /// A URL query or form body
    Query,
    /// Header lines
    Headers,
}

impl FormatArgument {
    /// How a format is named, if it is one of these.
    pub(super) fn named(format: Format) -> Option<String> {
        let mut all = Self::value_variants().iter();
        let found = all.find(|it| Format::from(**it) == format)?;
        Some(found.to_possible_value()?.get_name().to_owned())
    }
}

impl From<FormatArgument> for Format {
    fn from(argument: FormatArgument) -> Self {
        match argument {
            FormatArgument::Json => Format::Json,
            FormatArgument::Ndjson => Format::Ndjson,
            FormatArgument::Envelope => Format::Envelope,
            FormatArgument::Text => Format::Text,
            FormatArgument::Query => Format::Query,
            FormatArgument::Headers => Format::Headers,
        }
    }
}

/// Why a run ended early.
enum Failure {
    Read(io::Error),
    Write(io::Error),
    Refused {
        error: Malformed,
        /// From 1, where the input is one of lines.
        line: Option<usize>,
        /// Whether anything has been put out.
        begun: bool,
    },
    /// The input is compressed: how, and what undoes it.
    Compressed(&'static str, &'static str),
}

/// What is wrong with an input, and what to do.
pub(super) fn refusal(error: &Malformed) -> (&'static str, &'static str) {
    if error.reason.is_limit() {
        ("over a limit", "scrub has the default limits")
    } else {
        (
            "malformed",
            "check --format, and that the input is complete",
        )
    }
}

impl Failure {
    /// With the name of the input in front.
    fn of(&self, input: &str) -> String {
        match self {
            Failure::Read(error) => format!("{input}: cannot be read: {error}"),
            Failure::Write(error) => format!("standard output: cannot be written: {error}"),
            Failure::Refused { error, line, begun } => {
                let line = line.map(|line| format!(":{line}")).unwrap_or_default();
                let (what, hint) = refusal(error);
                let left = if *begun {
                    "what came out before is clean, but not whole"
                } else {
                    "nothing came out"
                };
                format!("{input}{line}: {what}: {error}; {left} ({hint})")
            }
            Failure::Compressed(what, how) => {
                format!("{input}: is {what} data; unpack it first, as {how}")
            }
        }
    }
}

pub(super) fn run(arguments: Arguments) -> ExitCode {
    let policy = match arguments.policy.clone().load() {
        Ok(policy) => policy,
        Err(error) => return fail(USAGE, error),
    };
    let policy = match arguments.secrets.clone().add_to(&policy) {
        Ok(policy) => policy,
        Err(problems) => return fail(USAGE, problems),
    };
    let input = match open(arguments.file.as_deref()) {
        Ok(input) => input,
        Err(why) => return fail(FAILED, why),
    };
    let plan = policy.plan();
    let mut scrubber = Scrubber::new(
        Arc::clone(&plan),
        arguments.format.into(),
        &Limits::default(),
    );
    if let Some(door) = arguments.door {
        scrubber = scrubber.gated(policy.gate(door.ingress()));
    }
    if arguments.report {
        scrubber.record_redactions();
    }
    let lines = matches!(arguments.format, FormatArgument::Ndjson).then(Lines::default);
    let result = pump(
        &mut scrubber,
        input.reader,
        lines,
        arguments.report.then_some(&*plan),
    );
    if arguments.report {
        print_dropped(scrubber.report());
    }
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output has had enough.
        Err(Failure::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(failure) => fail(FAILED, failure.of(&input.name)),
    }
}

/// Newlines seen so far, to tell the line of an offset.
#[derive(Default)]
struct Lines {
    /// The last chunk, and its offset.
    chunk: Bytes,
    offset: u64,
    /// Newlines before it.
    before: usize,
}

impl Lines {
    fn add(&mut self, chunk: &Bytes) {
        self.before += newlines(&self.chunk);
        self.offset += self.chunk.len() as u64;
        self.chunk = chunk.clone();
    }

    /// The line of an offset in the last chunk, or before it on the line with which that chunk begins: no document of
    /// one line can be wrong any earlier.
    fn at(&self, offset: u64) -> usize {
        let inside = usize::try_from(offset.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        1 + self.before + newlines(&self.chunk[..inside.min(self.chunk.len())])
    }
}

fn newlines(bytes: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', bytes).count()
}

/// Reads, scrubs and writes until the input ends. With a plan, redactions are reported.
fn pump(
    scrubber: &mut Scrubber,
    mut input: impl Read,
    mut lines: Option<Lines>,
    report: Option<&Plan>,
) -> Result<(), Failure> {
    let mut target = BufWriter::new(io::stdout().lock());
    let mut output = Output::new();
    let mut buffer = BytesMut::new();
    let mut first = true;
    loop {
        let chunk = read_chunk(&mut input, &mut buffer).map_err(Failure::Read)?;
        if std::mem::take(&mut first)
            && let Some((what, how)) = compression(&chunk)
        {
            return Err(Failure::Compressed(what, how));
        }
        if let Some(lines) = &mut lines {
            lines.add(&chunk);
        }
        let ended = chunk.is_empty();
        let result = if ended {
            scrubber.finish(&mut output)
        } else {
            scrubber.push(chunk, &mut output)
        };
        while let Some(slice) = output.pop() {
            target
                .write_all(&slice.into_bytes())
                .map_err(Failure::Write)?;
        }
        // What is scrubbed leaves before the next read, so that a slow input is seen as it comes.
        target.flush().map_err(Failure::Write)?;
        if let Some(plan) = report {
            print_report(plan, scrubber.take_redactions());
        }
        result.map_err(|error| Failure::Refused {
            line: lines.as_ref().map(|lines| lines.at(error.offset)),
            begun: scrubber.report().bytes_out > 0,
            error,
        })?;
        if ended {
            return Ok(());
        }
    }
}

/// The next bytes of the input, as many as one read gives; empty at its end.
fn read_chunk(input: &mut impl Read, buffer: &mut BytesMut) -> io::Result<Bytes> {
    buffer.resize(CHUNK_BYTES, 0);
    loop {
        match input.read(buffer) {
            Ok(read) => {
                let chunk = buffer.split_to(read).freeze();
                // What is left of the allocation is used for the next read.
                return Ok(chunk);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn print_report(plan: &Plan, redactions: Vec<Redaction>) {
    let mut target = io::stderr().lock();
    for redaction in redactions {
        let rule = plan.rule_ids().get(usize::from(redaction.rule));
        let line = serde_json::json!({
            "rule": rule,
            "path": redaction.path,
            "offset": redaction.offset,
        });
        // Nothing is to be done where standard error is gone.
        let _ = writeln!(target, "{line}");
    }
}

/// The items of an envelope that were left out: their types and why.
fn print_dropped(report: &Report) {
    let mut target = io::stderr().lock();
    for (kind, outcome, count) in &report.items {
        if *outcome != ItemOutcome::Forwarded {
            let line =
                serde_json::json!({"dropped": kind, "outcome": outcome.label(), "count": count});
            let _ = writeln!(target, "{line}");
        }
    }
}
