//! Scrubs an envelope as it streams: frames it, re-serialises its headers, and drives a [`JsonScrubber`] per item.
//!
//! ```text
//!  header \n  item header \n  payload [\n]  item header \n  payload [\n]
//! ```
//!
//! Header lines are read whole (they are bounded) and replaced by what [`header`] makes of them. A JSON item leaves without its
//! `length`, so that nothing waits for its end; newlines between its tokens become spaces. What is dropped leaves no byte. The JSON at the
//! head of a mixed payload is bounded like a header, and read whole: its length as it leaves stands in the item's header.
//!
//! | state | on | to |
//! | --- | --- | --- |
//! | `Header` | newline | `ItemHeader` |
//! | `ItemHeader` | newline | `Payload`, counted if the header has a `length` |
//! | `ItemHeader` | newline, and the payload is mixed | `MixedHead` |
//! | `MixedHead` | the end of the JSON | `Payload` |
//! | `Payload` | its last byte, or a newline | `Newline` |
//! | `Newline` | newline | `ItemHeader` |

mod container;
mod dsn;
mod gated;
mod header;
mod item;
mod left_out;
mod rekeying;
mod trace;

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::attachment::MaskedText;
use super::discards::{Discards, Quantity, Why};
use super::gate::Gate;
use super::json::{JsonScrubber, malformed};
use super::limits::Limits;
use super::outcome::{ItemOutcome, Malformed, Place, Reason, Report};
use super::plan::{Document, Plan};
use super::splice::{Reading, Splicer};
use container::Container;
pub use dsn::{Dsn, bare_key};
use gated::{PEEK_BYTES, Waiting};
pub use header::EnvelopeHead;
pub(crate) use header::is_event_id;
pub(crate) use item::is_text_file;
use item::{ItemTreatment, MixedBody, MixedHead};
use left_out::LeftOut;
pub use rekeying::Rekeying;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Header,
    ItemHeader,
    /// `left`: bytes of the payload to come.
    MixedHead {
        left: u64,
    },
    /// `left`: bytes to come, or `None` up to the newline.
    Payload {
        left: Option<u64>,
    },
    Newline,
}

/// The scrubber of one envelope.
#[derive(Debug)]
pub(crate) struct EnvelopeScrubber {
    plan: Arc<Plan>,
    gate: Arc<Gate>,
    /// Whether the envelope's trace is kept.
    sampled: bool,
    /// Whether it is known which trace that is.
    is_told: bool,
    /// The item that waits for its payload to tell the trace.
    waiting: Option<Waiting>,
    /// The beginning of its payload.
    peeked: Vec<u8>,
    /// The container that must have no element of a trace that is not kept.
    watched: Option<Container>,
    /// The item that is left out.
    left_out: Option<LeftOut>,
    /// What became of the items to which attachments belong.
    owner: Option<ItemOutcome>,
    /// What was left out of earlier envelopes, and is told with this one.
    earlier: Discards,
    header_bytes: usize,
    state: State,
    /// The header line in progress.
    line: Vec<u8>,
    line_start: u64,
    /// Index of the item in progress.
    item: usize,
    /// How the item in progress is read, if it is kept.
    kept: Kept,
    /// The mixed item whose head is read.
    mixed: Option<MixedItem>,
    /// Whether a cut is open: in a header line, or over a dropped item.
    cut: bool,
    json: JsonScrubber,
    text: MaskedText,
    head: Option<EnvelopeHead>,
    rekeying: Arc<Rekeying>,
}

/// How the item in progress is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// It is dropped.
    No,
    Json,
    Text,
    /// It passes as it is.
    As,
    /// A recording, whose first byte tells whether it is text.
    Recording,
    /// JSON, of which the beginning tells whether it is kept.
    Waiting,
}

/// A mixed item whose head is read.
#[derive(Debug)]
struct MixedItem {
    label: &'static str,
    head: MixedHead,
    body: MixedBody,
    length: u64,
    header: header::Rewritten,
}

impl EnvelopeScrubber {
    pub(crate) fn new(plan: Arc<Plan>, limits: &Limits) -> Self {
        let json = JsonScrubber::new(Arc::clone(&plan), Document::Other, limits, false, true);
        EnvelopeScrubber {
            plan,
            gate: Arc::default(),
            sampled: true,
            is_told: true,
            waiting: None,
            peeked: Vec::new(),
            watched: None,
            left_out: None,
            owner: None,
            earlier: Discards::default(),
            header_bytes: limits.header_bytes,
            state: State::Header,
            line: Vec::new(),
            line_start: 0,
            item: 0,
            kept: Kept::No,
            mixed: None,
            cut: false,
            json,
            text: MaskedText::new(),
            head: None,
            rekeying: Arc::default(),
        }
    }

    /// From now on (before the first byte), only what this gate lets pass does.
    pub(crate) fn set_gate(&mut self, gate: Arc<Gate>) {
        self.gate = gate;
    }

    /// If the gate reports at all, this was left out too, of earlier envelopes.
    pub(crate) fn also_report(&mut self, earlier: Discards) {
        self.earlier = earlier;
    }

    pub(crate) fn rekey(&mut self, rekeying: Arc<Rekeying>) {
        self.rekeying = rekeying;
    }

    pub(crate) fn head(&self) -> Option<&EnvelopeHead> {
        self.head.as_ref()
    }

    pub(crate) fn undecided(&mut self, end: u64, splicer: &mut Splicer) -> Option<u64> {
        match (self.state, self.kept) {
            (State::Payload { .. }, Kept::Json) => self.json.undecided(end, splicer),
            (State::Payload { .. }, Kept::Text) => self.text.undecided(end),
            (State::Payload { .. }, Kept::Waiting) => self.waiting.as_ref().map(|item| item.end),
            _ => None,
        }
    }

    pub(crate) fn end_chunk(&mut self, splicer: &mut Splicer) {
        if self.in_json() {
            self.json.end_chunk(splicer);
        }
    }

    /// Gives back what only saves time.
    pub(crate) fn spare(&mut self) {
        self.json.spare();
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.line.capacity()
            + self.peeked.capacity()
            + self.json.held_bytes()
            + self.text.held_bytes()
    }

    fn in_json(&self) -> bool {
        self.kept == Kept::Json && matches!(self.state, State::Payload { .. })
    }

    fn place(&self) -> Place {
        match self.state {
            State::Header => Place::EnvelopeHeader,
            State::ItemHeader => Place::ItemHeader(self.item),
            State::MixedHead { .. } | State::Payload { .. } | State::Newline => {
                Place::Item(self.item)
            }
        }
    }

    fn fail(&self, reason: Reason, offset: u64) -> Malformed {
        Malformed {
            offset,
            place: self.place(),
            reason,
        }
    }

    /// Reads a chunk; `base` is the offset of its first byte. Tells up to where: what its end cuts may be left for the next, if `may_leave`.
    pub(crate) fn push(
        &mut self,
        chunk: &[u8],
        may_leave: bool,
        base: u64,
        splicer: &mut Splicer,
        report: &mut Report,
    ) -> Result<usize, Malformed> {
        let mut at = 0;
        while at < chunk.len() {
            let offset = base + at as u64;
            match self.state {
                State::Header | State::ItemHeader => {
                    if self.line.is_empty() {
                        self.line_start = offset;
                        self.open_cut(offset, splicer);
                    }
                    let newline = memchr::memchr(b'\n', &chunk[at..]).map(|found| at + found);
                    let end = newline.unwrap_or(chunk.len());
                    if self.line.len() + (end - at) > self.header_bytes {
                        let reason = Reason::TooLarge {
                            what: "the line",
                            key: "limits.header_bytes",
                            limit: self.header_bytes as u64,
                        };
                        return Err(self.fail(reason, self.line_start));
                    }
                    self.line.extend_from_slice(&chunk[at..end]);
                    at = end;
                    if newline.is_some() {
                        self.end_line(base + end as u64, splicer, report)?;
                        at += 1;
                        // Empty heads and payloads end before they begin.
                        self.read_mixed_head(&[], base + at as u64, splicer, report)?;
                        if self.state == (State::Payload { left: Some(0) }) {
                            self.end_payload(base + at as u64, splicer, report)?;
                        }
                    }
                }
                State::MixedHead { .. } => {
                    at += self.read_mixed_head(&chunk[at..], offset, splicer, report)?;
                    if self.state == (State::Payload { left: Some(0) }) {
                        self.end_payload(base + at as u64, splicer, report)?;
                    }
                }
                State::Payload { left: Some(left) } => {
                    let take = (chunk.len() - at).min(usize::try_from(left).unwrap_or(usize::MAX));
                    let end = at + take;
                    let read = self.payload(chunk, at..end, may_leave, base, splicer, report)?;
                    let left = left - (read - at) as u64;
                    at = read;
                    self.state = State::Payload { left: Some(left) };
                    if at < end {
                        return Ok(at);
                    }
                    if left == 0 {
                        self.end_payload(base + at as u64, splicer, report)?;
                    }
                }
                State::Payload { left: None } => {
                    let newline = memchr::memchr(b'\n', &chunk[at..]).map(|found| at + found);
                    let end = newline.unwrap_or(chunk.len());
                    at = self.payload(chunk, at..end, may_leave, base, splicer, report)?;
                    if at < end {
                        return Ok(at);
                    }
                    if newline.is_some() {
                        self.end_payload(base + end as u64, splicer, report)?;
                    }
                }
                State::Newline => {
                    if chunk[at] != b'\n' {
                        return Err(
                            self.fail(Reason::Framing("more bytes than its length says"), offset)
                        );
                    }
                    at += 1;
                    self.next_item();
                }
            }
        }
        Ok(at)
    }

    pub(crate) fn finish(
        &mut self,
        length: u64,
        splicer: &mut Splicer,
        report: &mut Report,
    ) -> Result<(), Malformed> {
        match self.state {
            State::Header if self.line.is_empty() => return Err(self.fail(Reason::CutOff, length)),
            State::Header => self.end_line(length, splicer, report)?,
            State::ItemHeader if self.line.is_empty() => {}
            State::ItemHeader => {
                self.end_line(length, splicer, report)?;
                return self.finish(length, splicer, report);
            }
            State::MixedHead { .. } => {
                return Err(self.fail(
                    Reason::Framing("the payload is shorter than its length says"),
                    length,
                ));
            }
            State::Payload { left: Some(left) } if left > 0 => {
                return Err(self.fail(
                    Reason::Framing("the payload is shorter than its length says"),
                    length,
                ));
            }
            State::Payload { .. } => self.end_payload(length, splicer, report)?,
            State::Newline => {}
        }
        self.tell_discards(length, splicer, report);
        self.close_cut(length, splicer);
        Ok(())
    }

    fn open_cut(&mut self, at: u64, splicer: &mut Splicer) {
        if !self.cut {
            self.cut = true;
            splicer.cut(Reading::Both, at);
        }
    }

    fn close_cut(&mut self, at: u64, splicer: &mut Splicer) {
        if self.cut {
            self.cut = false;
            splicer.resume(Reading::Both, at);
        }
    }

    /// A header line is complete; `end` is the offset behind it.
    fn end_line(
        &mut self,
        end: u64,
        splicer: &mut Splicer,
        report: &mut Report,
    ) -> Result<(), Malformed> {
        let line = std::mem::take(&mut self.line);
        if self.state == State::Header {
            let envelope = header::envelope(
                &line,
                &self.plan,
                &self.gate,
                &self.rekeying,
                &mut self.json,
            )
            .map_err(|reason| self.fail(reason, self.line_start))?;
            self.put_header(envelope.header, end, splicer);
            self.head = Some(envelope.head);
            self.sampled = envelope.sampled;
            self.is_told = envelope.is_told;
            self.state = State::ItemHeader;
            return Ok(());
        }
        splicer.leave_path();
        let item = header::item(&line, &self.plan, self.header_bytes, &mut self.json)
            .map_err(|reason| self.fail(reason, self.line_start))?;
        if let ItemTreatment::Json {
            label,
            document,
            forces,
        } = item.treatment
            && self.waits(label)
        {
            self.waiting = Some(Waiting {
                label,
                document,
                forces,
                header: item.header,
                is_container: item.is_container,
                end,
            });
            self.kept = Kept::Waiting;
            self.state = State::Payload { left: item.length };
            return Ok(());
        }
        let treatment = self
            .gated(item.treatment)
            .map_err(|reason| self.fail(reason, self.line_start))?;
        let (outcome, label) = match treatment {
            ItemTreatment::Json {
                label,
                document,
                forces,
            } => {
                self.json.restart(document, forces);
                if label == "event" && !self.gate.lets_all("transaction") {
                    self.json.refuse_transactions();
                }
                self.put_header(item.header, end, splicer);
                self.kept = Kept::Json;
                (ItemOutcome::Forwarded, label)
            }
            ItemTreatment::Text { label } => {
                self.put_header(item.header, end, splicer);
                self.json.give_back();
                self.text.start(end + 1, splicer);
                self.kept = Kept::Text;
                (ItemOutcome::Forwarded, label)
            }
            ItemTreatment::Pass { label } => {
                self.put_header(item.header, end, splicer);
                self.kept = Kept::As;
                (ItemOutcome::Forwarded, label)
            }
            ItemTreatment::Mixed { label, head, body } => {
                // What becomes of it is known when its head has been read.
                let length = item.length.unwrap_or(0);
                self.mixed = Some(MixedItem {
                    label,
                    head,
                    body,
                    length,
                    header: item.header,
                });
                self.state = State::MixedHead { left: length };
                return Ok(());
            }
            ItemTreatment::Drop { label, outcome } => {
                self.leave_out(label, outcome, item.is_container);
                (outcome, label)
            }
        };
        self.own(label, outcome);
        report.item(label, outcome);
        self.state = State::Payload { left: item.length };
        Ok(())
    }

    /// Reads of the head of a mixed payload; tells how many bytes that were.
    fn read_mixed_head(
        &mut self,
        bytes: &[u8],
        offset: u64,
        splicer: &mut Splicer,
        report: &mut Report,
    ) -> Result<usize, Malformed> {
        let (State::MixedHead { left }, Some(item)) = (self.state, &self.mixed) else {
            return Ok(0);
        };
        let some = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let (some, ended) = match item.head {
            MixedHead::Bytes(length) => {
                let wanted = usize::try_from(length).unwrap_or(usize::MAX) - self.line.len();
                (some.min(wanted), some >= wanted)
            }
            // The newline is not part of it, and passes.
            MixedHead::Line => match memchr::memchr(b'\n', &bytes[..some]) {
                Some(newline) => (newline, true),
                None => (some, false),
            },
        };
        if self.line.is_empty() {
            self.line_start = offset;
        }
        self.line.extend_from_slice(&bytes[..some]);
        let left = left - some as u64;
        self.state = State::MixedHead { left };
        if self.line.len() > self.header_bytes {
            let reason = Reason::TooLarge {
                what: "the head of a mixed payload",
                key: "limits.header_bytes",
                limit: self.header_bytes as u64,
            };
            return Err(self.fail(reason, self.line_start));
        }
        if ended {
            self.end_mixed_head(left, offset + some as u64, splicer, report)?;
        } else if left == 0 {
            let reason = Reason::Framing("the head of a mixed payload does not end in it");
            return Err(self.fail(reason, offset + some as u64));
        }
        Ok(some)
    }

    /// The head of a mixed payload is complete; `end` is the offset behind it.
    fn end_mixed_head(
        &mut self,
        left: u64,
        end: u64,
        splicer: &mut Splicer,
        report: &mut Report,
    ) -> Result<(), Malformed> {
        let head = std::mem::take(&mut self.line);
        let Some(item) = self.mixed.take() else {
            return Ok(());
        };
        let counted = matches!(item.head, MixedHead::Bytes(_));
        let mixed = header::mixed(
            item.header,
            head,
            counted,
            item.length,
            &self.plan,
            &mut self.json,
        )
        .map_err(|reason| self.fail(reason, self.line_start))?;
        self.kept = match (item.body, mixed.file) {
            (MixedBody::Opaque, _) => Kept::As,
            (MixedBody::Recording, _) => Kept::Recording,
            (MixedBody::Attachment, ItemTreatment::Text { .. }) => Kept::Text,
            (MixedBody::Attachment, ItemTreatment::Pass { .. }) => Kept::As,
            (
                MixedBody::Attachment,
                ItemTreatment::Json { .. }
                | ItemTreatment::Mixed { .. }
                | ItemTreatment::Drop { .. },
            ) => Kept::No,
        };
        let outcome = match self.kept {
            Kept::No => ItemOutcome::DroppedByPolicy,
            Kept::Json | Kept::Text | Kept::As | Kept::Recording | Kept::Waiting => {
                self.put_header(mixed.rewritten, end, splicer);
                ItemOutcome::Forwarded
            }
        };
        if self.kept == Kept::Text {
            self.text.start(end, splicer);
        }
        if outcome == ItemOutcome::DroppedByPolicy {
            let quantity = Quantity {
                elements: None,
                bytes: Some(item.length),
            };
            report.discards.item(Why::Policy, item.label, quantity);
        }
        report.item(item.label, outcome);
        self.state = State::Payload { left: Some(left) };
        Ok(())
    }

    fn put_header(&mut self, header: header::Rewritten, end: u64, splicer: &mut Splicer) {
        splicer.insert(Reading::Both, &Bytes::from(header.text));
        for (rule, count) in header.redactions {
            for _ in 0..count {
                splicer.record(Reading::Both, rule, self.line_start);
            }
        }
        self.close_cut(end, splicer);
    }

    /// Reads `chunk[from..to]` of a payload; tells up to where.
    fn payload(
        &mut self,
        chunk: &[u8],
        Range { start, end: to }: Range<usize>,
        may_leave: bool,
        base: u64,
        splicer: &mut Splicer,
        report: &mut Report,
    ) -> Result<usize, Malformed> {
        let place = self.place();
        let mut from = start;
        if self.kept == Kept::Waiting {
            let some = (to - from).min(PEEK_BYTES - self.peeked.len());
            self.peeked.extend_from_slice(&chunk[from..from + some]);
            if self.peeked.len() < PEEK_BYTES {
                return Ok(to);
            }
            self.end_waiting(false, splicer, report)?;
            from += some;
        }
        if self.kept == Kept::Recording {
            // The newline behind the head comes first.
            let newlines = chunk[from..to].iter().take_while(|byte| **byte == b'\n');
            from += newlines.count();
            match chunk[from..to].first() {
                Some(b'[') => {
                    self.text.start(base + from as u64, splicer);
                    self.kept = Kept::Text;
                }
                Some(_) => self.kept = Kept::As,
                None => {}
            }
        }
        if let Some(left_out) = &mut self.left_out {
            left_out.push(&chunk[from..to]);
        }
        self.watch(&chunk[from..to], base + from as u64)?;
        match self.kept {
            Kept::No | Kept::As | Kept::Recording | Kept::Waiting => Ok(to),
            Kept::Json => {
                // Who else reads it would read again what is left.
                let may_leave = may_leave && self.watched.is_none() && self.left_out.is_none();
                self.json
                    .push(chunk, from..to, may_leave, base, splicer)
                    .map_err(|failure| malformed(failure, place))
            }
            Kept::Text => {
                let at = base + from as u64;
                self.text.push(&chunk[from..to], at, &self.plan, splicer);
                Ok(to)
            }
        }
    }

    fn end_payload(
        &mut self,
        at: u64,
        splicer: &mut Splicer,
        report: &mut Report,
    ) -> Result<(), Malformed> {
        self.end_waiting(true, splicer, report)?;
        self.watched = None;
        if let Some(left_out) = self.left_out.take() {
            left_out.tell(&mut report.discards);
        }
        match self.kept {
            Kept::No | Kept::As | Kept::Recording | Kept::Waiting => {}
            Kept::Json => {
                let place = self.place();
                self.json
                    .finish(at, splicer)
                    .map_err(|failure| malformed(failure, place))?;
            }
            Kept::Text => self.text.finish(at, &self.plan, splicer),
        }
        self.state = State::Newline;
        Ok(())
    }

    fn next_item(&mut self) {
        self.item += 1;
        self.state = State::ItemHeader;
    }
}
