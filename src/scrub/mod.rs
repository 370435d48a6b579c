//! The scrub engine: bytes in, slices of the same memory and static replacements out. No I/O, no clock, no threads.
//!
//! A [`Scrubber`] takes one stream in chunks of any size and gives an [`Output`], a rope of [`Scrubbed`] slices. What is in it
//! may leave; nothing else may. Its state is bounded whatever the input: 64 KiB; for OTLP in Protocol Buffers
//! [`Limits::protobuf_bytes`], and for the fields of a minidump request [`Limits::form_bytes`].
//!
//! ```
//! use std::sync::Arc;
//! use bytes::Bytes;
//! use scrubline::policy::Policy;
//! use scrubline::scrub::{Format, Limits, Output, Scrubber};
//!
//! let policy = Policy::builtin("sentry-eu")?;
//! let mut scrubber = Scrubber::new(policy.plan(), Format::Json, &Limits::default());
//! let mut output = Output::new();
//! scrubber.push(Bytes::from_static(br#"{"url":"/x?page=2&to"#), &mut output)?;
//! scrubber.push(Bytes::from_static(br#"ken=abc"}"#), &mut output)?;
//! scrubber.finish(&mut output)?;
//! let scrubbed: Vec<u8> = std::iter::from_fn(|| output.pop()).flat_map(|slice| slice.into_bytes()).collect();
//! assert_eq!(scrubbed, br#"{"url":"/x?page=2&token=[Filtered]"}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod attachment;
mod blocks;
mod brackets;
mod check;
pub mod decode;
mod digest;
mod discards;
mod envelope;
pub mod fuzzing;
mod gate;
mod headers;
mod json;
mod known;
mod limits;
mod literals;
mod memory;
mod minidump;
mod msgpack;
mod multipart;
mod name;
mod opaque;
mod otherwise;
mod otlp;
mod outcome;
mod path;
mod personal;
mod plan;
mod rest;
mod scrubbed;
mod splice;
mod store;
mod string;
mod text;
mod token;
mod verdicts;

use std::sync::Arc;

use bytes::Bytes;

use envelope::EnvelopeScrubber;
use headers::HeaderScrubber;
use json::{JsonScrubber, malformed};
use minidump::MinidumpScrubber;
use otlp::{OtlpScrubber, SpanFilter};
use rest::Rest;
use splice::Splicer;
use store::StoreBody;
use text::{Context, Kind, Layer, TextMachine};

pub use discards::Discards;
pub use envelope::{Dsn, EnvelopeHead, Rekeying, bare_key};
pub use gate::{Action, Gate, ITEM_TYPES, SAMPLED_TYPES, Sampler};
pub use known::LEAST_SECRET_BYTES;
pub use limits::Limits;
pub use multipart::Boundary;
pub use name::{Kinds, Treatment};
pub use opaque::Opaque;
pub use otlp::Signal;
pub use outcome::{ItemOutcome, Malformed, Place, Reason, Report};
pub use path::{Forced, TooManyPlaces};
pub use personal::{Personal, Treated};
pub use plan::{Document, NameRule, PathRule, Plan, PlanBuilder, SafeNames};
pub use scrubbed::{Output, Scrubbed};
pub use splice::Redaction;
pub(crate) use string::is_clean;
pub use string::scrub_string;
pub use token::{Alphabet, TokenPart, TokenRule};

/// What replaces a secret: Sentry's own convention, which its UI shows as filtered.
pub(crate) const MARKER: &[u8] = b"[Filtered]";

/// So much may be held between chunks, in bytes, that there is no room beside it for what only saves time (law 6).
const MUCH_HELD: usize = 40 << 10;

/// What kind of document a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// One JSON document.
    Json,
    /// One JSON event: as `Json`, plus what policy adds to an event (`sdk.settings.infer_ip`).
    Event,
    /// One JSON event as the store endpoint takes it: as it is, in base64, packed and in base64, or any of these as the field
    /// `sentry_data` of a form. It comes out as `Event` does. Offsets of what is redacted or wrong in the event count in it.
    Store,
    /// JSON, one document a line.
    Ndjson,
    /// A Sentry envelope.
    Envelope,
    /// Plain text.
    Text,
    /// A URL query or form body, without a leading `?`.
    Query,
    /// Header lines, `Name: value`.
    Headers,
    /// An OTLP request in Protocol Buffers. It is kept whole, up to [`Limits::protobuf_bytes`], and leaves when it has ended.
    Otlp(Signal),
}

#[derive(Debug)]
enum Machine {
    Json(Box<JsonScrubber>),
    Ndjson(Box<JsonScrubber>),
    Envelope(Box<EnvelopeScrubber>),
    Text(Box<TextMachine>),
    Headers(Box<HeaderScrubber>),
    Otlp(Box<OtlpScrubber>),
    Minidump(Box<MinidumpScrubber>),
}

/// A synchronous, resumable scrubber for one stream.
///
/// After an error the stream is dead: what has been put out so far is clean, but it must not be passed on as if it were whole.
#[derive(Debug)]
pub struct Scrubber {
    plan: Arc<Plan>,
    /// What stands around the document is undone first.
    store: Option<Box<StoreBody>>,
    /// Spans are left out first.
    spans: Option<Box<SpanFilter>>,
    machine: Machine,
    splicer: Splicer,
    rest: Rest,
    report: Report,
    log: Vec<Redaction>,
    dead: Option<Malformed>,
}

impl Scrubber {
    /// A scrubber for one stream of this format under a policy's plan.
    pub fn new(plan: Arc<Plan>, format: Format, limits: &Limits) -> Self {
        let json = |document, forces| {
            Box::new(JsonScrubber::new(
                Arc::clone(&plan),
                document,
                limits,
                forces,
                false,
            ))
        };
        let text = |kind| {
            let mut machine = TextMachine::new();
            machine.start(kind, Layer::Plain, 0);
            Box::new(machine)
        };
        let machine = match format {
            Format::Json => Machine::Json(json(Document::Event, false)),
            Format::Event | Format::Store => Machine::Json(json(Document::Event, true)),
            Format::Ndjson => Machine::Ndjson(json(Document::Event, false)),
            Format::Envelope => {
                Machine::Envelope(Box::new(EnvelopeScrubber::new(Arc::clone(&plan), limits)))
            }
            Format::Text => Machine::Text(text(Kind::Plain)),
            Format::Query => Machine::Text(text(Kind::Query)),
            Format::Headers => Machine::Headers(Box::new(HeaderScrubber::new())),
            Format::Otlp(signal) => {
                let plan = Arc::clone(&plan);
                Machine::Otlp(Box::new(OtlpScrubber::new(plan, signal, limits)))
            }
        };
        let store = (format == Format::Store).then(|| Box::new(StoreBody::new(limits)));
        Scrubber {
            store,
            ..Scrubber::with(plan, machine)
        }
    }

    /// A scrubber for one request of a crash reporter: a form with this boundary, or, without one, a minidump and nothing else.
    ///
    /// If the plan passes minidumps ([`Plan::passes`]), the same comes out, scrubbed but for the dump. If not, what comes out is an
    /// envelope with the event that the form told of, and nothing where there was no form. It is kept, up to [`Limits::form_bytes`], and
    /// leaves when the request has ended.
    pub fn minidump(plan: Arc<Plan>, boundary: Option<Boundary>, limits: &Limits) -> Self {
        let minidump = MinidumpScrubber::new(Arc::clone(&plan), boundary, limits);
        Scrubber::with(plan, Machine::Minidump(Box::new(minidump)))
    }

    fn with(plan: Arc<Plan>, machine: Machine) -> Self {
        Scrubber {
            plan,
            store: None,
            spans: None,
            machine,
            splicer: Splicer::default(),
            rest: Rest::default(),
            report: Report::default(),
            log: Vec::new(),
            dead: None,
        }
    }

    /// The same scrubber, before its first byte, which also asks this gate what may leave: of an envelope's items, of the spans of
    /// an OTLP request in Protocol Buffers, of a minidump request's files; whether an event may be a transaction. Without it, [`Gate::default`] is asked.
    pub fn gated(mut self, gate: Arc<Gate>) -> Self {
        match &mut self.machine {
            Machine::Envelope(envelope) => envelope.set_gate(gate),
            Machine::Otlp(otlp) => otlp.set_gate(gate),
            Machine::Minidump(minidump) => minidump.set_gate(gate),
            Machine::Json(json) if json.is_forced() && !gate.lets_all("transaction") => {
                json.refuse_transactions();
            }
            Machine::Json(_) | Machine::Ndjson(_) | Machine::Text(_) | Machine::Headers(_) => {}
        }
        self
    }

    /// In an envelope's head, the keys of the DSN and of the trace leave as those that stand for them. [`EnvelopeHead`] has them as they
    /// came.
    pub fn rekeyed(mut self, rekeying: Arc<Rekeying>) -> Self {
        if let Machine::Envelope(envelope) = &mut self.machine {
            envelope.rekey(rekeying);
        }
        self
    }

    /// The same scrubber of an OTLP request for traces in JSON ([`Format::Json`]), which leaves out the spans of traces that the gate
    /// does not keep. If there can be such, the request is kept whole, up to [`Limits::protobuf_bytes`], and offsets count in what
    /// is left of it.
    pub fn sampling_spans(mut self, gate: &Gate, limits: &Limits) -> Self {
        let sampler = gate.sampler_of("span").cloned();
        self.spans = sampler.map(|sampler| Box::new(SpanFilter::new(sampler, limits)));
        self
    }

    /// An envelope that leaves also tells the collector what was left out of others, if its gate reports at all
    /// ([`Gate::with_reports`]). Only envelopes tell.
    pub fn also_report(&mut self, earlier: Discards) {
        if let Machine::Envelope(envelope) = &mut self.machine {
            envelope.also_report(earlier);
        }
    }

    /// Also logs each redaction with its place, for [`Scrubber::take_redactions`]. Costs memory and time: for reports, not for traffic.
    pub fn record_redactions(&mut self) {
        self.splicer.path = Some(String::new());
    }

    /// The redactions since the last call, if they are recorded.
    pub fn take_redactions(&mut self) -> Vec<Redaction> {
        std::mem::take(&mut self.log)
    }

    /// Takes the next chunk; what is ready goes to `out`, as slices of the chunk.
    ///
    /// # Errors
    /// The input is malformed or over a limit. Nothing is put out from the error on, and every later call fails alike.
    pub fn push(&mut self, chunk: Bytes, out: &mut Output) -> Result<(), Malformed> {
        if let Some(dead) = &self.dead {
            return Err(dead.clone());
        }
        if chunk.is_empty() {
            return Ok(());
        }
        self.report.bytes_in += chunk.len() as u64;
        if let Some(spans) = &mut self.spans {
            let kept = spans.push(&chunk);
            return kept.map_err(|failure| self.die(malformed(failure, Place::Document)));
        }
        let Some(mut store) = self.store.take() else {
            return self.read(chunk, out);
        };
        let result = self.read_store(&mut store, chunk, out);
        self.store = Some(store);
        result
    }

    /// Undoes what stands around a chunk of an event, and reads what comes out.
    fn read_store(
        &mut self,
        store: &mut StoreBody,
        chunk: Bytes,
        out: &mut Output,
    ) -> Result<(), Malformed> {
        let document = |failure| malformed(failure, Place::Document);
        if let Err(failure) = store.push(chunk) {
            return Err(self.die(document(failure)));
        }
        loop {
            match store.next() {
                Ok(Some(plain)) => self.read(plain, out)?,
                Ok(None) => return Ok(()),
                Err(failure) => return Err(self.die(document(failure))),
            }
        }
    }

    /// Reads a chunk of the document itself.
    fn read(&mut self, mut chunk: Bytes, out: &mut Output) -> Result<(), Malformed> {
        while !chunk.is_empty() {
            let piece = self.rest.join(&chunk);
            let read = self.read_piece(piece.bytes.clone(), piece.may_leave, out)?;
            self.rest.leave(&piece, read, &mut chunk);
        }
        Ok(())
    }

    /// Reads of a piece of the document; tells how many bytes that were. Only what `may_leave` is left.
    fn read_piece(
        &mut self,
        chunk: Bytes,
        may_leave: bool,
        out: &mut Output,
    ) -> Result<usize, Malformed> {
        // These write anew what they have read, and need no splicer.
        let rewritten = match &mut self.machine {
            Machine::Otlp(otlp) => Some(otlp.push(&chunk)),
            Machine::Minidump(minidump) => {
                let before = out.len();
                let read = minidump.push(chunk.clone(), out, &mut self.report);
                self.report.bytes_out += (out.len() - before) as u64;
                Some(read)
            }
            Machine::Json(_)
            | Machine::Ndjson(_)
            | Machine::Envelope(_)
            | Machine::Text(_)
            | Machine::Headers(_) => None,
        };
        if let Some(read) = rewritten {
            return match read {
                Ok(()) => Ok(chunk.len()),
                Err(failure) => Err(self.die(malformed(failure, Place::Document))),
            };
        }
        let base = self.splicer.base();
        self.splicer.begin(chunk.clone());
        let splicer = &mut self.splicer;
        let plan = &self.plan;
        let document = |failure| malformed(failure, Place::Document);
        let all = chunk.len();
        let read = match &mut self.machine {
            Machine::Json(json) => {
                let read = json.push(&chunk, 0..all, may_leave, base, splicer);
                read.map_err(document)
            }
            Machine::Ndjson(json) => {
                let read = push_lines(json, &chunk, base, splicer);
                read.map(|()| all).map_err(document)
            }
            Machine::Envelope(envelope) => {
                envelope.push(&chunk, may_leave, base, splicer, &mut self.report)
            }
            Machine::Text(text) => {
                text.run(&chunk, base, false, &mut Context { plan, splicer });
                Ok(all)
            }
            Machine::Headers(headers) => {
                headers.push(&chunk, base, &mut Context { plan, splicer });
                Ok(all)
            }
            // Read above.
            Machine::Otlp(_) | Machine::Minidump(_) => Ok(all),
        };
        let read = read.map_err(|error| self.die(error))?;
        self.splicer.shorten(read);
        let end = base + read as u64;
        let splicer = &mut self.splicer;
        let undecided = match &mut self.machine {
            Machine::Json(json) | Machine::Ndjson(json) => json.undecided(end, splicer),
            Machine::Envelope(envelope) => envelope.undecided(end, splicer),
            Machine::Text(text) => text.undecided(end),
            Machine::Headers(headers) => headers.undecided(end),
            Machine::Otlp(_) | Machine::Minidump(_) => None,
        };
        self.end_chunk(undecided, out);
        Ok(read)
    }

    /// The input has ended: the rest goes to `out`.
    ///
    /// # Errors
    /// The input is cut off, or malformed at its very end.
    pub fn finish(&mut self, out: &mut Output) -> Result<(), Malformed> {
        if let Some(dead) = &self.dead {
            return Err(dead.clone());
        }
        if let Some(spans) = self.spans.take() {
            let left = spans.finish(&mut self.report);
            let left = left.map_err(|failure| self.die(malformed(failure, Place::Document)))?;
            self.read(left, out)?;
        }
        let rest = self.rest.take();
        if !rest.is_empty() {
            self.read_piece(rest, false, out)?;
        }
        let length = self.splicer.base();
        let splicer = &mut self.splicer;
        let plan = &self.plan;
        let document = |failure| malformed(failure, Place::Document);
        if let Some(store) = &mut self.store
            && let Err(failure) = store.finish()
        {
            return Err(self.die(document(failure)));
        }
        let read = match &mut self.machine {
            Machine::Json(json) => json.finish(length, splicer).map_err(document),
            Machine::Ndjson(json) if json.is_untouched() => Ok(()),
            Machine::Ndjson(json) => json.finish(length, splicer).map_err(document),
            Machine::Envelope(envelope) => envelope.finish(length, splicer, &mut self.report),
            Machine::Text(text) => {
                text.run(b"", length, true, &mut Context { plan, splicer });
                Ok(())
            }
            Machine::Headers(headers) => {
                headers.finish(length, &mut Context { plan, splicer });
                Ok(())
            }
            Machine::Otlp(otlp) => {
                let before = out.len();
                let log = self.splicer.path.is_some().then_some(&mut self.log);
                let result = otlp.finish(out, &mut self.report, log);
                self.report.bytes_out += (out.len() - before) as u64;
                result.map_err(document)
            }
            Machine::Minidump(minidump) => {
                let before = out.len();
                let result = minidump.finish(out, &mut self.report);
                self.report.bytes_out += (out.len() - before) as u64;
                result.map_err(document)
            }
        };
        if let Err(error) = read {
            return Err(self.die(error));
        }
        self.end_chunk(None, out);
        Ok(())
    }

    /// What has been done so far.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Bytes that are held between chunks: what is undecided, held readings, names and lines in progress.
    pub fn held_bytes(&self) -> usize {
        let machine = match &self.machine {
            Machine::Json(json) | Machine::Ndjson(json) => json.held_bytes(),
            Machine::Envelope(envelope) => envelope.held_bytes(),
            Machine::Text(text) => text.held_bytes(),
            Machine::Headers(headers) => headers.held_bytes(),
            Machine::Otlp(otlp) => otlp.held_bytes(),
            Machine::Minidump(minidump) => minidump.held_bytes(),
        };
        let store = self.store.as_ref().map_or(0, |store| store.held_bytes());
        let spans = self.spans.as_ref().map_or(0, |spans| spans.held_bytes());
        machine + store + spans + self.rest.held_bytes() + self.splicer.held_bytes()
    }

    /// The envelope's head, once its line has been read ([`Format::Envelope`] only).
    pub fn head(&self) -> Option<&EnvelopeHead> {
        match &self.machine {
            Machine::Envelope(envelope) => envelope.head(),
            Machine::Json(_)
            | Machine::Ndjson(_)
            | Machine::Text(_)
            | Machine::Headers(_)
            | Machine::Otlp(_)
            | Machine::Minidump(_) => None,
        }
    }

    fn die(&mut self, error: Malformed) -> Malformed {
        self.dead = Some(error.clone());
        error
    }

    fn end_chunk(&mut self, undecided: Option<u64>, out: &mut Output) {
        let before = out.len();
        self.splicer.settle(undecided);
        match &mut self.machine {
            Machine::Json(json) | Machine::Ndjson(json) => json.end_chunk(&mut self.splicer),
            Machine::Envelope(envelope) => envelope.end_chunk(&mut self.splicer),
            Machine::Text(_) | Machine::Headers(_) | Machine::Otlp(_) | Machine::Minidump(_) => {}
        }
        self.splicer.release(out);
        if self.held_bytes() > MUCH_HELD {
            match &mut self.machine {
                Machine::Json(json) | Machine::Ndjson(json) => json.spare(),
                Machine::Envelope(envelope) => envelope.spare(),
                Machine::Text(_)
                | Machine::Headers(_)
                | Machine::Otlp(_)
                | Machine::Minidump(_) => {}
            }
        }
        self.report.bytes_out += (out.len() - before) as u64;
        for (rule, count) in self.splicer.counts() {
            self.report.count(rule, count);
        }
        self.log.extend(self.splicer.log());
    }
}

/// Feeds lines of JSON: each newline outside of a document ends one.
fn push_lines(
    json: &mut JsonScrubber,
    chunk: &[u8],
    base: u64,
    splicer: &mut Splicer,
) -> Result<(), (Reason, u64)> {
    let mut at = 0;
    while at < chunk.len() {
        let newline = memchr::memchr(b'\n', &chunk[at..]).map(|found| at + found);
        let end = newline.unwrap_or(chunk.len());
        json.push(chunk, at..end, false, base, splicer)?;
        at = end;
        if newline.is_some() {
            if !json.is_untouched() {
                json.finish(base + end as u64, splicer)?;
            }
            json.restart(Document::Event, false);
            splicer.leave_path();
            at += 1;
        }
    }
    Ok(())
}
