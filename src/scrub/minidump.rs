//! Requests of crash reporters: a minidump, files, and an event in whatever form its SDK puts into a form.
//!
//! The event may be spread over fields; they are brought together as Relay does it (`endpoints/minidump.rs`, and `merge_formdata` and
//! `merge_attachments` of its processor):
//!
//! | part | what it adds |
//! | --- | --- |
//! | `sentry`, `sentry___NAME` | JSON of an event, or of a part of it |
//! | `sentry__1`, `sentry__2`, … | such JSON in pieces |
//! | `sentry[key][sub]` | one member |
//! | `__sentry-event` | an event in MessagePack (or JSON) |
//! | `__sentry-breadcrumb1`, `…2` | breadcrumbs in MessagePack, the older ones in one of them |
//! | any other field | a member of `extra` |
//! | `upload_file_minidump` | the minidump |
//! | any other file | an attachment |
//!
//! Nobody can vouch for a minidump: it has stacks, heap, and on Linux the environment. By default it is left out, and what is left is
//! sent on as an *envelope* with the event and its text attachments, since a collector refuses a minidump request without one. Where
//! policy passes it ([`Opaque::Minidump`]), the request stays one: files stream through, and the event follows as the field `sentry`.
//!
//! Fields, and the text files of an envelope, are kept until the body ends, each up to [`Limits::form_bytes`].

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::attachment::MaskedText;
use super::envelope::{is_event_id, is_text_file};
use super::gate::{Action, Gate};
use super::limits::Limits;
use super::msgpack;
use super::multipart::{Boundary, Failure, Multipart, PartHead, Piece, put_head};
use super::name::{Kinds, Treatment, Words, last_part};
use super::opaque::Opaque;
use super::outcome::{ItemOutcome, Malformed, Reason, Report};
use super::plan::Plan;
use super::scrubbed::Output;
use super::splice::Splicer;
use super::string::scrub_string;
use super::text::LITERALS;
use super::{Format, MARKER, Scrubber};

/// The part with the dump.
const DUMP: &str = "upload_file_minidump";
const EVENT: &str = "__sentry-event";
/// Longest type of a part, in bytes.
const MEDIA: usize = 128;
/// What a part costs beside its name and bytes.
const PART_BYTES: usize = 64;
const BREADCRUMBS: [&str; 2] = ["__sentry-breadcrumb1", "__sentry-breadcrumb2"];
/// What an event says that has no words of its own.
const LEFT_OUT: &str = "A native crash. Its minidump was left out by policy.";

/// The scrubber of one request.
#[derive(Debug)]
pub(crate) struct MinidumpScrubber {
    /// `None`: the body is a dump and nothing else.
    form: Option<Multipart>,
    parts: Parts,
}

/// What has come of the parts.
#[derive(Debug)]
struct Parts {
    plan: Arc<Plan>,
    gate: Arc<Gate>,
    limits: Limits,
    /// The boundary of what is sent on, where the dump passes.
    boundary: Option<Boundary>,
    part: Part,
    /// Fields that make the event, by name, in order.
    fields: Vec<(String, Vec<u8>)>,
    field_bytes: usize,
    /// Text files for the envelope: name, content type, bytes.
    files: Vec<(String, Option<String>, Vec<u8>)>,
    file_bytes: usize,
}

/// The part in progress.
#[derive(Debug)]
enum Part {
    /// It adds to the last field.
    Field,
    /// It is passed on as it is.
    Passed,
    /// It is left out.
    Left,
    /// Text that is masked and passed on.
    Masked(Box<Masked>),
    /// Text that is kept for the envelope.
    Kept,
}

/// A text that streams through.
#[derive(Debug)]
struct Masked {
    text: MaskedText,
    splicer: Splicer,
}

impl MinidumpScrubber {
    /// `boundary`: that of the form, or `None` where the body is the dump alone.
    pub(crate) fn new(plan: Arc<Plan>, boundary: Option<Boundary>, limits: &Limits) -> Self {
        let passes = plan.passes(Opaque::Minidump);
        let form = boundary
            .as_ref()
            .map(|boundary| Multipart::new(boundary, limits.header_bytes));
        let part = match (&form, passes) {
            (None, true) => Part::Passed,
            (None, false) | (Some(_), _) => Part::Left,
        };
        MinidumpScrubber {
            form,
            parts: Parts {
                plan,
                gate: Arc::default(),
                limits: limits.clone(),
                boundary: boundary.filter(|_| passes),
                part,
                fields: Vec::new(),
                field_bytes: 0,
                files: Vec::new(),
                file_bytes: 0,
            },
        }
    }

    /// From now on, only files that this gate lets pass do.
    pub(crate) fn set_gate(&mut self, gate: Arc<Gate>) {
        self.parts.gate = gate;
    }

    pub(crate) fn push(
        &mut self,
        chunk: Bytes,
        out: &mut Output,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let parts = &mut self.parts;
        match &mut self.form {
            Some(form) => form.push(chunk, &mut |piece, at| parts.piece(piece, at, out, report)),
            None => parts.bytes(chunk, 0, out, report),
        }
    }

    /// The body has ended.
    pub(crate) fn finish(&mut self, out: &mut Output, report: &mut Report) -> Result<(), Failure> {
        match &mut self.form {
            Some(form) => {
                form.finish()?;
                self.parts.finish(out, report)
            }
            None => {
                let passes = matches!(self.parts.part, Part::Passed);
                report.item("minidump", outcome(passes));
                Ok(())
            }
        }
    }

    pub(crate) fn held_bytes(&self) -> usize {
        let form = self.form.as_ref().map_or(0, Multipart::held_bytes);
        let part = match &self.parts.part {
            Part::Masked(masked) => masked.text.held_bytes() + masked.splicer.held_bytes(),
            Part::Field | Part::Passed | Part::Left | Part::Kept => 0,
        };
        form + part + self.parts.field_bytes + self.parts.file_bytes
    }
}

fn outcome(passes: bool) -> ItemOutcome {
    match passes {
        true => ItemOutcome::Forwarded,
        false => ItemOutcome::DroppedByPolicy,
    }
}

impl Parts {
    fn piece(
        &mut self,
        piece: Piece,
        at: u64,
        out: &mut Output,
        report: &mut Report,
    ) -> Result<(), Failure> {
        match piece {
            Piece::Head(head) => self.begin(head, at, out, report),
            Piece::Bytes(bytes) => self.bytes(bytes, at, out, report),
            Piece::End => {
                self.end(out, report);
                Ok(())
            }
        }
    }

    fn begin(
        &mut self,
        head: PartHead,
        at: u64,
        out: &mut Output,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let event = head.name == EVENT || BREADCRUMBS.contains(&head.name.as_str());
        let filename = head.filename.clone().filter(|_| !event);
        let dump = head.name == DUMP;
        self.part = match filename {
            None if !dump => {
                self.fields.push((head.name.clone(), Vec::new()));
                self.add_field(head.name.len() + PART_BYTES, at)?;
                Part::Field
            }
            filename => {
                let filename = filename.unwrap_or_default();
                let (filename, redacted) = scrub_string(&self.plan, &filename);
                for redaction in redacted {
                    report.count(redaction.rule, 1);
                }
                // As it leaves, so that reading it again comes to the same. Crashpad says octets of every file, and so nothing.
                let content_type = head.content_type.as_deref().and_then(media);
                let content_type = content_type.filter(|it| *it != "application/octet-stream");
                if dump {
                    report.item("minidump", outcome(self.boundary.is_some()));
                    match self.boundary {
                        Some(_) => Part::Passed,
                        None => Part::Left,
                    }
                } else if self.gate.action("attachment") == Action::Reject {
                    return Err((Reason::Refused("attachment"), at));
                } else if self.gate.action("attachment") != Action::Pass {
                    report.item("attachment", ItemOutcome::DroppedByPolicy);
                    Part::Left
                } else if is_text_file(content_type, Some(&filename)) {
                    match self.boundary {
                        Some(_) => {
                            report.item("attachment", ItemOutcome::Forwarded);
                            Part::Masked(Box::new(Masked::new()))
                        }
                        None => {
                            let content_type = content_type.map(str::to_owned);
                            self.files
                                .push((filename.clone(), content_type, Vec::new()));
                            self.part = Part::Kept;
                            self.add_file(filename.len() + PART_BYTES, report);
                            return Ok(());
                        }
                    }
                } else if self.boundary.is_some() && self.plan.passes(Opaque::Attachment) {
                    report.item("attachment", ItemOutcome::Forwarded);
                    Part::Passed
                } else {
                    report.item("attachment", ItemOutcome::DroppedByPolicy);
                    Part::Left
                }
            }
        };
        if let (Some(boundary), Part::Passed | Part::Masked(_)) = (&self.boundary, &self.part) {
            let (filename, _) = scrub_string(&self.plan, &head.filename.unwrap_or_default());
            let (name, _) = scrub_string(&self.plan, &head.name);
            let head = PartHead {
                name,
                filename: Some(filename),
                content_type: head
                    .content_type
                    .as_deref()
                    .and_then(media)
                    .map(str::to_owned),
            };
            let mut text = Vec::new();
            put_head(&mut text, boundary, &head);
            out.push(Bytes::from(text));
        }
        Ok(())
    }

    /// More is kept of a field.
    fn add_field(&mut self, bytes: usize, at: u64) -> Result<(), Failure> {
        self.field_bytes += bytes;
        if self.field_bytes > self.limits.form_bytes {
            let reason = Reason::TooLarge {
                what: "what the form says of the event",
                key: "limits.form_bytes",
                limit: self.limits.form_bytes as u64,
            };
            return Err((reason, at));
        }
        Ok(())
    }

    /// More is kept of the last file. One file too many does not cost the event: it is left out.
    fn add_file(&mut self, bytes: usize, report: &mut Report) -> bool {
        self.file_bytes += bytes;
        if self.file_bytes <= self.limits.form_bytes {
            return true;
        }
        self.files.pop();
        let cost = |(name, _, value): &(String, Option<String>, Vec<u8>)| {
            name.len() + PART_BYTES + value.len()
        };
        self.file_bytes = self.files.iter().map(cost).sum();
        report.item("attachment", ItemOutcome::DroppedByPolicy);
        self.part = Part::Left;
        false
    }

    fn bytes(
        &mut self,
        bytes: Bytes,
        at: u64,
        out: &mut Output,
        report: &mut Report,
    ) -> Result<(), Failure> {
        match &mut self.part {
            Part::Left => {}
            Part::Passed => out.push(bytes),
            Part::Masked(masked) => masked.push(bytes, &self.plan, out, report),
            Part::Field => {
                self.add_field(bytes.len(), at)?;
                if let Some((_, value)) = self.fields.last_mut() {
                    value.extend_from_slice(&bytes);
                }
            }
            Part::Kept => {
                if self.add_file(bytes.len(), report)
                    && let Some((_, _, value)) = self.files.last_mut()
                {
                    value.extend_from_slice(&bytes);
                }
            }
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Output, report: &mut Report) {
        match std::mem::replace(&mut self.part, Part::Left) {
            Part::Field | Part::Left | Part::Kept => {}
            Part::Passed => out.push(Bytes::from_static(b"\r\n")),
            Part::Masked(mut masked) => {
                masked.finish(&self.plan, out, report);
                out.push(Bytes::from_static(b"\r\n"));
            }
        }
    }

    /// All parts are there: the event is put together and scrubbed.
    fn finish(&mut self, out: &mut Output, report: &mut Report) -> Result<(), Failure> {
        let mut fields = std::mem::take(&mut self.fields);
        self.scrub_parameters(&mut fields, report);
        let mut event = event(fields, self.boundary.is_some())?;
        self.scrub_lists(&mut event, report);
        match self.boundary.take() {
            None => self.envelope(&event, out, report),
            Some(boundary) => self.form(&boundary, &event, out, report),
        }
    }

    /// A field of a form is a parameter, and its name may say what that of a member would not: such a value goes here.
    fn scrub_parameters(&self, fields: &mut [(String, Vec<u8>)], report: &mut Report) {
        let mut words = Words::default();
        for (name, value) in fields {
            let tells_nothing = value.is_empty() || LITERALS.contains(&value.as_slice());
            if tells_nothing || is_of_event(name) {
                continue;
            }
            let names = &self.plan.names;
            let verdict = names.look_up(last_part(name.as_bytes()), Kinds::PARAM, &mut words);
            if let Some(verdict) = verdict {
                *value = MARKER.to_vec();
                report.count(verdict.rule, 1);
            }
        }
    }

    /// `sentry[tags][0][0]=token` and `sentry[tags][0][1]=…` are a list in a form, and an object here: what is a pair in the one is
    /// so in the other.
    fn scrub_lists(&self, event: &mut Value, report: &mut Report) {
        match event {
            Value::Array(values) => {
                for value in values {
                    self.scrub_lists(value, report);
                }
            }
            Value::Object(members) => {
                for value in members.values_mut() {
                    self.scrub_lists(value, report);
                }
                let mut words = Words::default();
                let pair = members.len() == 2;
                let mut denied = |index: usize| {
                    let name = members.get(&index.to_string())?.as_str()?.as_bytes();
                    let kinds = Kinds::KEY.or(Kinds::HEADER);
                    let names = &self.plan.names;
                    let verdict = names.look_up_pair_name(name, kinds, &mut words)?;
                    let counts = pair || verdict.kinds.meets(Kinds::HEADER);
                    (verdict.treatment != Treatment::Query && counts).then_some(verdict.rule)
                };
                let mut covered = Vec::new();
                let mut index = 0;
                while index + 1 < members.len() {
                    let rule = denied(index).filter(|_| pair || denied(index + 1).is_none());
                    covered.extend(rule.map(|rule| (index + 1, rule)));
                    index += 1 + usize::from(rule.is_some());
                }
                for (index, rule) in covered {
                    if let Some(value) = members.get_mut(&index.to_string()) {
                        report.count(rule, replace_leaves(value));
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// The event and the files as an envelope, through the scrubber of envelopes.
    fn envelope(
        &mut self,
        event: &Value,
        out: &mut Output,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let id = event
            .get("event_id")
            .filter(|id| id.as_str().is_some_and(is_event_id));
        let header: Map<String, Value> = id
            .map(|id| ("event_id".to_owned(), id.clone()))
            .into_iter()
            .collect();
        let mut envelope = format!(
            "{}\n{{\"type\":\"event\"}}\n{event}\n",
            Value::Object(header)
        )
        .into_bytes();
        for (filename, content_type, bytes) in std::mem::take(&mut self.files) {
            let mut header = Map::new();
            header.insert("type".to_owned(), "attachment".into());
            header.insert("length".to_owned(), bytes.len().into());
            header.insert("filename".to_owned(), filename.into());
            if let Some(content_type) = content_type {
                header.insert("content_type".to_owned(), content_type.into());
            }
            envelope.extend_from_slice(format!("{}\n", Value::Object(header)).as_bytes());
            envelope.extend_from_slice(&bytes);
            envelope.push(b'\n');
        }
        let scrubber = Scrubber::new(Arc::clone(&self.plan), Format::Envelope, &self.limits);
        through(scrubber, envelope, out, report)
    }

    /// The event as the last field of the form.
    fn form(
        &self,
        boundary: &Boundary,
        event: &Value,
        out: &mut Output,
        report: &mut Report,
    ) -> Result<(), Failure> {
        report.item("event", ItemOutcome::Forwarded);
        let mut scrubbed = Output::new();
        let scrubber = Scrubber::new(Arc::clone(&self.plan), Format::Event, &self.limits);
        through(
            scrubber,
            event.to_string().into_bytes(),
            &mut scrubbed,
            report,
        )?;
        let mut text = Vec::with_capacity(scrubbed.len());
        while let Some(slice) = scrubbed.pop() {
            text.extend_from_slice(&slice.into_bytes());
        }
        // In the order in which a second pass would write it.
        let event: Value = serde_json::from_slice(&text).map_err(|_| (NO_EVENT, 0))?;
        let head = PartHead {
            name: "sentry".to_owned(),
            filename: None,
            content_type: None,
        };
        let mut part = Vec::new();
        put_head(&mut part, boundary, &head);
        part.extend_from_slice(format!("{event}\r\n--{}--\r\n", boundary.as_str()).as_bytes());
        out.push(Bytes::from(part));
        Ok(())
    }
}

/// Scrubs a document that is here as a whole.
fn through(
    mut scrubber: Scrubber,
    document: Vec<u8>,
    out: &mut Output,
    report: &mut Report,
) -> Result<(), Failure> {
    scrubber
        .push(Bytes::from(document), out)
        .and_then(|()| scrubber.finish(out))
        // Its offsets are those of a document that nobody sent.
        .map_err(|Malformed { reason, .. }| (reason, 0))?;
    report.absorb(scrubber.report());
    Ok(())
}

/// The type of a part without its parameters, which may say anything (RFC 9110, section 8.3.1); `None`: it is none.
fn media(text: &str) -> Option<&str> {
    let essence = text.split(';').next().unwrap_or_default().trim();
    let (kind, subtype) = essence.split_once('/')?;
    let is_token = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+-._".contains(&b))
    };
    (essence.len() <= MEDIA && is_token(kind) && is_token(subtype)).then_some(essence)
}

impl Masked {
    fn new() -> Self {
        let mut masked = Masked {
            text: MaskedText::new(),
            splicer: Splicer::default(),
        };
        masked.text.start(0, &mut masked.splicer);
        masked
    }

    fn push(&mut self, chunk: Bytes, plan: &Plan, out: &mut Output, report: &mut Report) {
        let at = self.splicer.base();
        self.splicer.begin(chunk.clone());
        self.text.push(&chunk, at, plan, &mut self.splicer);
        let undecided = self.text.undecided(at + chunk.len() as u64);
        self.release(undecided, out, report);
    }

    fn finish(&mut self, plan: &Plan, out: &mut Output, report: &mut Report) {
        let at = self.splicer.base();
        self.text.finish(at, plan, &mut self.splicer);
        self.release(None, out, report);
    }

    fn release(&mut self, undecided: Option<u64>, out: &mut Output, report: &mut Report) {
        self.splicer.settle(undecided);
        self.splicer.release(out);
        for (rule, count) in self.splicer.counts() {
            report.count(rule, count);
        }
    }
}

const NO_EVENT: Reason = Reason::Framing("a form field that is to be JSON of an event and is none");
const NO_TEXT: Reason = Reason::Framing("a form field that is not valid UTF-8");
const NO_OBJECT: Reason = Reason::Framing("an event that is no object");

/// Puts the event together.
fn event(fields: Vec<(String, Vec<u8>)>, has_dump: bool) -> Result<Value, Failure> {
    let mut event = Value::Object(Map::new());
    let mut pieces: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
    let mut breadcrumbs: [Vec<Value>; 2] = [Vec::new(), Vec::new()];
    for (name, value) in fields {
        let index = BREADCRUMBS.iter().position(|it| *it == name);
        if let Some(index) = index {
            // A file in which the SDK has written nothing yet is empty.
            breadcrumbs[index].extend(msgpack::read(&value).map_err(|(reason, _)| (reason, 0))?);
        } else if name == EVENT {
            for part in packed(&value)? {
                merge(&mut event, part, 0);
            }
        } else if name == "sentry" || name.starts_with("sentry___") {
            merge(&mut event, json(&value)?, 0);
        } else if let Some(number) = name
            .strip_prefix("sentry__")
            .and_then(|number| number.parse().ok())
        {
            pieces.insert(number, value);
        } else {
            let text = String::from_utf8(value).map_err(|_| (NO_TEXT, 0))?;
            let keys = brackets(&name);
            let keys = keys.unwrap_or_else(|| vec!["extra", name.as_str()]);
            let leaf = keys
                .into_iter()
                .rev()
                .fold(Value::from(text), |value, key| {
                    Value::Object(Map::from_iter([(key.to_owned(), value)]))
                });
            merge(&mut event, leaf, 0);
        }
    }
    if !pieces.is_empty() {
        let whole: Vec<u8> = pieces.into_values().flatten().collect();
        merge(&mut event, json(&whole)?, 0);
    }
    let Value::Object(members) = &mut event else {
        return Err((NO_OBJECT, 0));
    };
    let crumbs = in_order(breadcrumbs);
    if !crumbs.is_empty() {
        members.insert("breadcrumbs".to_owned(), Value::Array(crumbs));
    }
    // What Relay takes it for, once it has seen the dump.
    let mut default = |key: &str, value: &str| {
        members.entry(key).or_insert_with(|| value.into());
    };
    default("platform", "native");
    default("level", "fatal");
    if !has_dump
        && !["message", "logentry", "exception"]
            .iter()
            .any(|key| members.contains_key(*key))
    {
        members.insert("message".to_owned(), LEFT_OUT.into());
    }
    Ok(event)
}

/// Whether a field is an event, or a part of one, in some form of its own.
fn is_of_event(name: &str) -> bool {
    BREADCRUMBS.contains(&name)
        || name == EVENT
        || name == "sentry"
        || name.starts_with("sentry__")
        || brackets(name).is_some()
}

/// Puts the marker in place of every leaf that tells something; says of how many.
fn replace_leaves(value: &mut Value) -> u64 {
    match value {
        Value::Array(values) => values.iter_mut().map(replace_leaves).sum(),
        Value::Object(members) => members.values_mut().map(replace_leaves).sum(),
        Value::Null | Value::Bool(_) => 0,
        Value::String(text)
            if text.is_empty()
                || LITERALS.contains(&text.as_bytes())
                || text.as_bytes() == MARKER =>
        {
            0
        }
        Value::Number(_) | Value::String(_) => {
            *value = String::from_utf8_lossy(MARKER).into_owned().into();
            1
        }
    }
}

fn json(text: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(text).map_err(|_| (NO_EVENT, 0))
}

/// MessagePack, or JSON: no map of MessagePack begins with a brace.
fn packed(bytes: &[u8]) -> Result<Vec<Value>, Failure> {
    match bytes.trim_ascii_start().first() {
        Some(b'{') => Ok(vec![json(bytes)?]),
        Some(_) | None => msgpack::read(bytes).map_err(|(reason, _)| (reason, 0)),
    }
}

/// The keys of `sentry[key][sub]`.
fn brackets(name: &str) -> Option<Vec<&str>> {
    let keys = name.strip_prefix("sentry[")?.strip_suffix(']')?;
    let keys: Vec<&str> = keys.split("][").collect();
    (keys.len() <= MERGE_DEPTH && keys.iter().all(|key| !key.contains(['[', ']']))).then_some(keys)
}

/// Far deeper than an event; what is deeper is taken as a whole.
const MERGE_DEPTH: usize = 64;

/// Objects are brought together member by member; of anything else the later one stays.
fn merge(into: &mut Value, from: Value, depth: usize) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) if depth <= MERGE_DEPTH => {
            for (key, value) in from {
                match into.get_mut(&key) {
                    Some(known) => merge(known, value, depth + 1),
                    None => {
                        into.insert(key, value);
                    }
                }
            }
        }
        (into, from) => *into = from,
    }
}

/// Breadcrumbs of two files that take turns, the older first, and as many as the longer of them has.
fn in_order([first, second]: [Vec<Value>; 2]) -> Vec<Value> {
    let most = first.len().max(second.len());
    let last = |crumbs: &[Value]| {
        let time = crumbs.last().and_then(|crumb| crumb.get("timestamp"));
        time.map(|time| {
            time.as_str()
                .map_or_else(|| time.to_string(), str::to_owned)
        })
    };
    let mut crumbs = match last(&first) <= last(&second) {
        true => [first, second],
        false => [second, first],
    }
    .concat();
    crumbs.drain(..crumbs.len() - most);
    crumbs
}
