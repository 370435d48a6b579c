//! OTLP traces and logs in Protocol Buffers: each message is read, scrubbed field by field and written anew.
//!
//! The lengths of messages stand before them and messages stand in messages, so nothing can leave before the body has ended: it
//! is kept whole, up to [`Limits::protobuf_bytes`]. While it is written anew, its scrubbed form comes on top, which is longer where short values
//! become markers: together at most eight times the length of the body. It is read where it lies, by the tables in [`schema`]: a tree of structs would
//! take a hundred times the bytes of a message made of empty ones.
//!
//! What is done is what the JSON form of OTLP gets: every string is text; an attribute goes by its name, and then its value becomes the
//! string `[Filtered]`. Beyond that, fields that the tables don't have are left out, and bytes that are no text become the marker.

mod sample;
mod schema;
mod wire;

use std::sync::Arc;

use bytes::Bytes;

use super::MARKER;
use super::discards::Why;
use super::gate::{Gate, Sampler};
use super::limits::Limits;
use super::name::{Kinds, RuleIndex, Treatment, Verdict, Words, last_part};
use super::outcome::{ItemOutcome, Reason, Report};
use super::plan::Plan;
use super::scrubbed::Output;
use super::splice::Redaction;
use super::string::StringScrubber;
use super::text::{self, LITERALS};
pub(crate) use sample::SpanFilter;
use schema::{Kind, Schema, any_value, key_value};
use wire::{Failure, Field, Value, fields, insert_head, put};

/// Depth of messages in messages. Protocol Buffers' libraries read no deeper by default.
const DEPTH: usize = 100;

/// What an OTLP request brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    /// `ExportTraceServiceRequest`
    Traces,
    /// `ExportLogsServiceRequest`
    Logs,
}

/// The scrubber of one request.
#[derive(Debug)]
pub(crate) struct OtlpScrubber {
    plan: Arc<Plan>,
    gate: Arc<Gate>,
    signal: Signal,
    limit: usize,
    body: Vec<u8>,
}

impl OtlpScrubber {
    pub(crate) fn new(plan: Arc<Plan>, signal: Signal, limits: &Limits) -> Self {
        OtlpScrubber {
            plan,
            gate: Arc::default(),
            signal,
            limit: limits.protobuf_bytes,
            body: Vec::new(),
        }
    }

    /// From now on, only what this gate lets pass does.
    pub(crate) fn set_gate(&mut self, gate: Arc<Gate>) {
        self.gate = gate;
    }

    pub(crate) fn push(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        if self.body.len() + chunk.len() > self.limit {
            let reason = Reason::TooLarge {
                what: "the protobuf body",
                key: "limits.protobuf_bytes",
                limit: self.limit as u64,
            };
            return Err((reason, 0));
        }
        self.body.extend_from_slice(chunk);
        Ok(())
    }

    /// The body has ended: its scrubbed form goes to `out`, what was redacted to the list.
    pub(crate) fn finish(
        &mut self,
        out: &mut Output,
        report: &mut Report,
        log: Option<&mut Vec<Redaction>>,
    ) -> Result<(), Failure> {
        let body = std::mem::take(&mut self.body);
        let mut walk = Walk {
            plan: &self.plan,
            strings: StringScrubber::new(),
            words: Words::default(),
            found: Vec::new(),
            report,
            log,
            path: Vec::new(),
            unknown: 0,
            sampler: self.gate.sampler_of("span"),
            spans: (0, 0),
        };
        let root = match self.signal {
            Signal::Traces => &schema::TRACES,
            Signal::Logs => &schema::LOGS,
        };
        let mut scrubbed = Vec::with_capacity(body.len());
        walk.message(root, &body, 0, &mut scrubbed)?;
        let (unknown, spans) = (walk.unknown, walk.spans);
        tell_spans(spans, report);
        report.add_items("otlp_field", ItemOutcome::DroppedUnknown, unknown);
        out.push(Bytes::from(scrubbed));
        Ok(())
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.body.capacity()
    }
}

/// What is done with a value, by the name of its attribute.
#[derive(Debug, Clone, Copy)]
enum How {
    Text,
    Query,
    Cookies(RuleIndex),
    /// It becomes the marker, unless it tells nothing.
    Goes(RuleIndex),
    /// It is left out.
    Null(RuleIndex),
}

impl How {
    fn of(verdict: Option<Verdict>, around: How) -> How {
        match (verdict.map(|it| (it.treatment, it.rule)), around) {
            (_, How::Cookies(rule)) => How::Goes(rule),
            (None | Some((Treatment::NotNames, _)), How::Query) => How::Query,
            (None | Some((Treatment::NotNames | Treatment::Text, _)), _) => How::Text,
            (Some((Treatment::Leaves | Treatment::Replace, rule)), _) => How::Goes(rule),
            (Some((Treatment::Null | Treatment::Address | Treatment::Pseudonym, rule)), _) => {
                How::Null(rule)
            }
            (Some((Treatment::Cookies, rule)), _) => How::Cookies(rule),
            (Some((Treatment::Query, _)), _) => How::Query,
        }
    }
}

/// One walk through a body.
struct Walk<'a> {
    plan: &'a Plan,
    strings: StringScrubber,
    words: Words,
    /// What was redacted in the string at hand.
    found: Vec<Redaction>,
    report: &'a mut Report,
    /// Where redactions are told, if anybody wants to know. There may be as many as a few bytes have room for.
    log: Option<&'a mut Vec<Redaction>>,
    /// Names of the fields around the value at hand: as many as messages are open.
    path: Vec<&'static str>,
    /// How many fields were left out because no table has them.
    unknown: u64,
    /// Which traces are kept, if not all are.
    sampler: Option<&'a Sampler>,
    /// Where not all are: how many spans were kept, and how many left out.
    spans: (u64, u64),
}

/// Counts spans that were kept, and spans that were left out because their trace was.
fn tell_spans((kept, dropped): (u64, u64), report: &mut Report) {
    report.add_items("span", ItemOutcome::Forwarded, kept);
    report.add_items("span", ItemOutcome::DroppedBySampling, dropped);
    report.discards.add(Why::SampleRate, "span", dropped);
}

impl Walk<'_> {
    /// A message of which a table tells the fields. It starts at an offset of the body.
    fn message(
        &mut self,
        schema: &Schema,
        message: &[u8],
        base: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        for field in fields(message, base) {
            let field = field?;
            let Some((_, name, kind)) = schema.fields.iter().find(|it| it.0 == field.number) else {
                self.unknown += 1;
                continue;
            };
            if let (Kind::Message(inner), Value::Bytes(span), Some(sampler)) =
                (kind, field.value, self.sampler)
                && std::ptr::eq(*inner, schema::span())
            {
                let kept = sampler.keeps(trace_id(span, field.value_at)?);
                self.spans.0 += u64::from(kept);
                self.spans.1 += u64::from(!kept);
                if !kept {
                    continue;
                }
            }
            self.path.push(name);
            match (kind, field.value) {
                (Kind::Varint, Value::Varint(_))
                | (Kind::Fixed64, Value::Fixed64(_))
                | (Kind::Fixed32, Value::Fixed32(_)) => put(out, field.number, field.value),
                (Kind::Id(longest), Value::Bytes(id)) => {
                    if id.len() > *longest {
                        return Err((Reason::Framing("an id of too many bytes"), field.value_at));
                    }
                    put(out, field.number, field.value);
                }
                (Kind::Text, Value::Bytes(text)) => {
                    self.text(text::Kind::Plain, text, field, out)?;
                }
                (Kind::Attribute, Value::Bytes(message)) => {
                    self.nested(field, out, |walk, inner| {
                        walk.attribute(How::Text, message, field.value_at, inner)
                    })?;
                }
                (Kind::Value, Value::Bytes(message)) => {
                    self.nested(field, out, |walk, inner| {
                        walk.value(How::Text, message, field.value_at, inner)
                    })?;
                }
                (Kind::Message(schema), Value::Bytes(message)) => {
                    self.nested(field, out, |walk, inner| {
                        walk.message(schema, message, field.value_at, inner)
                    })?;
                }
                _ => return Err((WRONG_TYPE, field.at)),
            }
            self.path.pop();
        }
        Ok(())
    }

    /// Writes a field that is a message.
    fn nested(
        &mut self,
        field: Field<'_>,
        out: &mut Vec<u8>,
        write: impl FnOnce(&mut Self, &mut Vec<u8>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if self.path.len() > DEPTH {
            return Err((TOO_DEEP, field.at));
        }
        // Its length is known when it has been written; what is written moves a few bytes on.
        let start = out.len();
        write(self, out)?;
        insert_head(out, start, field.number);
        Ok(())
    }

    /// `KeyValue`. Fields may come in any order, and twice: any of its keys can deny all of its values.
    fn attribute(
        &mut self,
        around: How,
        message: &[u8],
        base: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        let mut verdict = None;
        for field in fields(message, base) {
            if let Field {
                number: key_value::KEY,
                value: Value::Bytes(key),
                ..
            } = field?
            {
                let kinds = match around {
                    How::Query => Kinds::KEY.or(Kinds::HEADER).or(Kinds::PARAM),
                    How::Text | How::Cookies(_) | How::Goes(_) | How::Null(_) => {
                        Kinds::KEY.or(Kinds::HEADER)
                    }
                };
                let names = &self.plan.names;
                let found = names.look_up(last_part(key), kinds, &mut self.words);
                verdict = verdict.or(found);
            }
        }
        let how = How::of(verdict, around);
        for field in fields(message, base) {
            let field = field?;
            match (field.number, field.value) {
                (key_value::KEY, Value::Bytes(key)) => {
                    self.text(text::Kind::Plain, key, field, out)?;
                }
                (key_value::VALUE, Value::Bytes(value)) => {
                    self.path.push("value");
                    self.nested(field, out, |walk, inner| {
                        walk.value(how, value, field.value_at, inner)
                    })?;
                    self.path.pop();
                }
                (key_value::KEY | key_value::VALUE, _) => return Err((WRONG_TYPE, field.at)),
                _ => self.unknown += 1,
            }
        }
        Ok(())
    }

    /// `AnyValue`
    fn value(
        &mut self,
        how: How,
        message: &[u8],
        base: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        for field in fields(message, base) {
            let field = field?;
            match (field.number, field.value) {
                (any_value::STRING, Value::Bytes(text)) => match how {
                    How::Text => self.text(text::Kind::Plain, text, field, out)?,
                    How::Query => self.text(text::Kind::Query, text, field, out)?,
                    How::Cookies(rule) => self.text(text::Kind::Cookie(rule), text, field, out)?,
                    How::Goes(rule) => {
                        if text.is_empty() || LITERALS.contains(&text) {
                            put(out, field.number, field.value);
                        } else {
                            self.goes(rule, field, out);
                        }
                    }
                    How::Null(rule) => self.record(rule, field),
                },
                (any_value::BOOL, Value::Varint(_)) => put(out, field.number, field.value),
                (any_value::INT, Value::Varint(number)) => {
                    let digits = (number as i64).to_string();
                    self.number(how, &digits, field, out);
                }
                (any_value::DOUBLE, Value::Fixed64(bytes)) => {
                    let digits = f64::from_le_bytes(bytes).to_string();
                    self.number(how, &digits, field, out);
                }
                (any_value::ARRAY | any_value::KVLIST, Value::Bytes(list)) => match how {
                    How::Goes(rule) => self.goes(rule, field, out),
                    How::Null(rule) => self.record(rule, field),
                    How::Text | How::Query | How::Cookies(_) => {
                        self.path.push(match field.number {
                            any_value::ARRAY => "arrayValue",
                            _ => "kvlistValue",
                        });
                        self.nested(field, out, |walk, inner| match field.number {
                            any_value::ARRAY => walk.elements(how, list, field.value_at, inner),
                            _ => walk.members(how, list, field.value_at, inner),
                        })?;
                        self.path.pop();
                    }
                },
                (any_value::BYTES, Value::Bytes(bytes)) => match how {
                    How::Goes(rule) | How::Cookies(rule) if !bytes.is_empty() => {
                        self.goes(rule, field, out);
                    }
                    How::Null(rule) => self.record(rule, field),
                    How::Text | How::Query | How::Goes(_) | How::Cookies(_) => {
                        self.bytes(bytes, field, out)?;
                    }
                },
                (any_value::STRING..=any_value::BYTES, _) => return Err((WRONG_TYPE, field.at)),
                _ => self.unknown += 1,
            }
        }
        Ok(())
    }

    /// `KeyValueList`
    fn members(
        &mut self,
        how: How,
        message: &[u8],
        base: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        self.list(message, base, out, |walk, element, at, inner| {
            walk.attribute(how, element, at, inner)
        })
    }

    /// `ArrayValue`. It may be a pair, or a list of arguments or headers: a name, and what it names behind it.
    fn elements(
        &mut self,
        how: How,
        message: &[u8],
        base: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        let mut total = 0;
        for field in fields(message, base) {
            total += usize::from(field?.number == schema::VALUES);
        }
        let mut count = 0;
        let mut before = None;
        let mut is_command = false;
        self.list(message, base, out, |walk, element, at, inner| {
            count += 1;
            let (is_string, name) = walk.announced(element, &mut is_command, at)?;
            let goes = match before.take() {
                Some((rule, strong)) => {
                    let pair = count == 2 && total == 2;
                    (pair || (strong && is_string && name.is_none())).then_some(rule)
                }
                None => None,
            };
            let how = match goes {
                Some(rule) => How::Goes(rule),
                None => {
                    before = name.filter(|(_, strong)| *strong || count == 1);
                    how
                }
            };
            walk.value(how, element, at, inner)
        })
    }

    /// Whether an `AnyValue` is a string, and the rule that covers it as a name; with `true`, of a header or flag, which names what
    /// comes next in any list.
    fn announced(
        &mut self,
        element: &[u8],
        is_command: &mut bool,
        base: u64,
    ) -> Result<(bool, Option<(RuleIndex, bool)>), Failure> {
        let mut is_string = false;
        let mut found = None;
        for field in fields(element, base) {
            let field = field?;
            let (any_value::STRING, Value::Bytes(name)) = (field.number, field.value) else {
                continue;
            };
            is_string = true;
            *is_command |= text::is_http_client(name);
            if *is_command && text::takes_user(name) {
                found = self.plan.user_info.map(|rule| (rule, true));
                continue;
            }
            let names = &self.plan.names;
            let words = &mut self.words;
            let kinds = Kinds::KEY.or(Kinds::HEADER);
            if let Some(verdict) = names.look_up_pair_name(name, kinds, words)
                && verdict.treatment != Treatment::Query
            {
                let strong = verdict.kinds.meets(Kinds::HEADER)
                    || name.starts_with(b"-")
                    || names.look_up(name, Kinds::HEADER, words).is_some();
                found = Some((verdict.rule, strong));
            }
        }
        Ok((is_string, found))
    }

    /// `ArrayValue` or `KeyValueList`, each of whose elements `write` writes.
    fn list(
        &mut self,
        message: &[u8],
        base: u64,
        out: &mut Vec<u8>,
        mut write: impl FnMut(&mut Self, &[u8], u64, &mut Vec<u8>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        for field in fields(message, base) {
            let field = field?;
            match (field.number, field.value) {
                (schema::VALUES, Value::Bytes(element)) => {
                    self.path.push("values");
                    self.nested(field, out, |walk, inner| {
                        write(walk, element, field.value_at, inner)
                    })?;
                    self.path.pop();
                }
                (schema::VALUES, _) => return Err((WRONG_TYPE, field.at)),
                _ => self.unknown += 1,
            }
        }
        Ok(())
    }

    /// A number goes by its name, or for what it says.
    fn number(&mut self, how: How, digits: &str, field: Field<'_>, out: &mut Vec<u8>) {
        match how {
            How::Goes(rule) | How::Cookies(rule) => self.goes(rule, field, out),
            How::Null(rule) => self.record(rule, field),
            How::Text | How::Query => {
                let digits = digits.as_bytes();
                let personal = &self.plan.personal;
                if self.plan.known.is_in(digits) {
                    self.goes(self.plan.known_rule, field, out);
                } else if let Some(kind) = personal.number(digits)
                    && let Some(rule) = personal.rule(kind)
                {
                    let text = personal.replacement(kind, digits, digits);
                    put(out, any_value::STRING, Value::Bytes(&text));
                    self.record(rule, field);
                } else {
                    put(out, field.number, field.value);
                }
            }
        }
    }

    /// Bytes stay if they are text with nothing in it; nobody can vouch for others.
    fn bytes(&mut self, bytes: &[u8], field: Field<'_>, out: &mut Vec<u8>) -> Result<(), Failure> {
        let is_text = std::str::from_utf8(bytes)
            .is_ok_and(|text| !text.chars().any(|c| c.is_control() && !c.is_whitespace()));
        if is_text {
            self.text(text::Kind::Plain, bytes, field, out)
        } else {
            self.goes(self.plan.no_text_rule, field, out);
            Ok(())
        }
    }

    /// Writes a string, scrubbed as text.
    fn text(
        &mut self,
        kind: text::Kind,
        text: &[u8],
        field: Field<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        if std::str::from_utf8(text).is_err() {
            let reason = Reason::Framing("a string that is not valid UTF-8");
            return Err((reason, field.value_at));
        }
        let mut found = std::mem::take(&mut self.found);
        let scrubbed = self.strings.scrub(self.plan, kind, text, &mut found);
        for redaction in found.drain(..) {
            self.tell(
                redaction.rule,
                field.value_at + redaction.offset,
                field.value_at + redaction.end,
            );
        }
        self.found = found;
        let text = scrubbed.as_deref().unwrap_or(text);
        put(out, field.number, Value::Bytes(text));
        Ok(())
    }

    /// Writes the marker in place of a field of an `AnyValue`.
    fn goes(&mut self, rule: RuleIndex, field: Field<'_>, out: &mut Vec<u8>) {
        put(out, any_value::STRING, Value::Bytes(MARKER));
        self.record(rule, field);
    }

    fn record(&mut self, rule: RuleIndex, field: Field<'_>) {
        let length = match field.value {
            Value::Bytes(bytes) => bytes.len() as u64,
            Value::Fixed64(_) => 8,
            Value::Fixed32(_) => 4,
            Value::Varint(_) => 1,
        };
        self.tell(rule, field.value_at, field.value_at + length);
    }

    fn tell(&mut self, rule: RuleIndex, offset: u64, end: u64) {
        self.report.count(rule, 1);
        if let Some(log) = &mut self.log {
            log.push(Redaction {
                rule,
                offset,
                end,
                path: self.path.join("."),
            });
        }
    }
}

/// The id of a span's trace; of several, as Protocol Buffers reads them, the last. Empty, if it has none.
fn trace_id(span: &[u8], base: u64) -> Result<&[u8], Failure> {
    let mut id: &[u8] = &[];
    for field in fields(span, base) {
        if let Field {
            number: schema::SPAN_TRACE_ID,
            value: Value::Bytes(bytes),
            ..
        } = field?
        {
            id = bytes;
        }
    }
    Ok(id)
}

const WRONG_TYPE: Reason = Reason::Framing("a field of another type than OTLP gives it");
const TOO_DEEP: Reason =
    Reason::Framing("nested deeper than the 100 messages that Protocol Buffers' libraries read");
