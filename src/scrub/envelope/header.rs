//! Envelope and item headers: read strictly, written anew from an allow-list.
//!
//! Collectors read headers more loosely than the specification says (over several lines, with duplicate keys), so what is not
//! exactly one compact line here could be read as something else there. Everything that is kept goes through the same scrubber
//! as payloads do.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::dsn::Dsn;
use super::item::{self, Description, ItemTreatment};
use super::rekeying::{Rekeying, StandIn};
use super::trace;
use crate::scrub::gate::{Gate, Sampled};
use crate::scrub::is_clean;
use crate::scrub::json::JsonScrubber;
use crate::scrub::name::RuleIndex;
use crate::scrub::outcome::Reason;
use crate::scrub::plan::{Document, Plan};
use crate::scrub::scrubbed::Output;
use crate::scrub::splice::Splicer;

/// What the header line of an envelope says, as far as others need it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnvelopeHead {
    /// The event's id, as sent: 32 hex digits, or a UUID with dashes.
    pub event_id: Option<String>,
    /// The `dsn` field, as sent.
    pub dsn: Option<Dsn>,
}

/// What the header line of an envelope comes to.
#[derive(Debug)]
pub(super) struct Envelope {
    pub(super) head: EnvelopeHead,
    /// Whether its trace is one of those that are kept.
    pub(super) sampled: bool,
    /// Whether it tells which trace that is.
    pub(super) is_told: bool,
    pub(super) header: Rewritten,
}

/// A header line as it leaves, and what was redacted in it.
#[derive(Debug)]
pub(super) struct Rewritten {
    pub(super) text: Vec<u8>,
    pub(super) redactions: Vec<(RuleIndex, u64)>,
}

impl Rewritten {
    /// Says of a container that it has so many elements, if it says of any number. (In a string, a quote has a backslash before it, so
    /// that what is looked for is a key.)
    pub(super) fn recount(&mut self, elements: usize) {
        const KEY: &[u8] = b"\"item_count\":";
        if let Some(at) = memchr::memmem::find(&self.text, KEY) {
            let at = at + KEY.len();
            let digits = self.text[at..].iter().take_while(|it| it.is_ascii_digit());
            let end = at + digits.count();
            self.text.splice(at..end, elements.to_string().into_bytes());
        }
    }
}

/// What an item's header line says.
#[derive(Debug)]
pub(super) struct ItemHead {
    pub(super) treatment: ItemTreatment,
    pub(super) length: Option<u64>,
    /// Whether its payload is a list of elements (`{"items": […]}`).
    pub(super) is_container: bool,
    pub(super) header: Rewritten,
}

/// The members of a trace context that may leave. What a client copied from `baggage` beyond them stays.
const TRACE: [&str; 9] = [
    "trace_id",
    "public_key",
    "sample_rate",
    "sample_rand",
    "sampled",
    "release",
    "environment",
    "transaction",
    "org_id",
];
const SDK: [&str; 4] = ["name", "version", "integrations", "packages"];

/// Room for as many members, and bytes of a line, as most headers have.
const MEMBERS: usize = 8;
const LINE: usize = 512;

/// Reads the envelope's header line. Keys for which another one stands leave as that one.
pub(super) fn envelope(
    line: &[u8],
    plan: &Plan,
    gate: &Gate,
    rekeying: &Rekeying,
    json: &mut JsonScrubber,
) -> Result<Envelope, Reason> {
    let members = object(line)?;
    let all = Sampled::Kept {
        rate: None,
        rand: None,
    };
    let (sampled, is_told) = match gate.samples() {
        true => trace::decide(&members, gate.sampler())?,
        false => (all, true),
    };
    let mut head = EnvelopeHead::default();
    let mut out = Writer::new();
    let mut secrets = 0;
    let mut stand_ins = Vec::new();
    for (key, value) in &members.0 {
        match &**key {
            "event_id" => {
                if value.get() == "null" {
                    continue;
                }
                let id = string(value)
                    .filter(|id| is_event_id(id))
                    .ok_or(Reason::Header("event_id is no id"))?;
                out.string(key, &id);
                head.event_id = Some(id);
            }
            "sent_at" => {
                let time = string(value)
                    .filter(|t| is_time(t))
                    .ok_or(Reason::Header("sent_at is no time"))?;
                out.string(key, &time);
            }
            "dsn" => {
                let text = string(value).ok_or(Reason::Header("dsn is no DSN"))?;
                let dsn = Dsn::parse(&text).ok_or(Reason::Header("dsn is no DSN"))?;
                secrets += u64::from(dsn.has_secret());
                let rekeyed = rekeying.upstream_key(dsn.key());
                // One with something to scrub in it is left out: the request says where it goes.
                let stays = match rekeyed {
                    // The key that is put in is known, and no secret of the client's.
                    Some(_) => dsn.with_key("0"),
                    None => dsn.to_public(),
                };
                let goes = !plan.has_known_secret(&stays);
                if is_clean(plan, &dsn.place()) && goes {
                    let leaves = match rekeyed {
                        Some(upstream) => dsn.with_key(&upstream),
                        None => dsn.to_public(),
                    };
                    let stand_in = StandIn::new("dsn", leaves, line);
                    out.string(key, stand_in.place());
                    stand_ins.push(stand_in);
                }
                head.dsn = Some(dsn);
            }
            "trace" => {
                let stand_in = trace_key(value)
                    .and_then(|key| rekeying.upstream_key(&key))
                    .map(|upstream| StandIn::new("public_key", upstream, line));
                let corrected = trace::corrected(value, sampled)?;
                let value = corrected.as_deref().unwrap_or(value);
                out.part(key, value, &TRACE, true, stand_in.as_ref())?;
                stand_ins.extend(stand_in);
            }
            "sdk" => out.part(key, value, &SDK, false, None)?,
            _ => {}
        }
    }
    let mut header = scrubbed(out.finish(), json)?;
    for stand_in in stand_ins {
        header.text = stand_in.put_back(&header.text);
    }
    if secrets > 0 {
        header.redactions.push((plan.dsn_secret_rule, secrets));
    }
    Ok(Envelope {
        head,
        sampled: sampled != Sampled::Dropped,
        is_told,
        header,
    })
}

/// The key of the project in which a trace began, as the trace context has it.
fn trace_key(context: &RawValue) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Context {
        public_key: String,
    }
    let context: Context = serde_json::from_str(context.get()).ok()?;
    Some(context.public_key)
}

/// Reads an item's header line.
pub(super) fn item(
    line: &[u8],
    plan: &Plan,
    header_bytes: usize,
    json: &mut JsonScrubber,
) -> Result<ItemHead, Reason> {
    if line.is_empty() {
        return Err(Reason::Framing("an empty line instead of an item header"));
    }
    let members = object(line)?;
    let mut out = Writer::new();
    let mut kind = None;
    let mut content_type = None;
    let mut attachment_type = None;
    let is_attachment = members
        .0
        .iter()
        .any(|(key, value)| key == "type" && value.get() == "\"attachment\"");
    let mut meta_length = None;
    let mut length = None;
    for (key, value) in &members.0 {
        match &**key {
            "type" => {
                let text = string(value).ok_or(Reason::Header("type is no string"))?;
                out.string(key, &text);
                kind = Some(text);
            }
            "length" => {
                if value.get() == "null" {
                    continue;
                }
                length = Some(
                    unsigned(value).ok_or(Reason::Header("length is no plain unsigned integer"))?,
                );
            }
            "item_count" => {
                unsigned(value).ok_or(Reason::Header("item_count is no plain unsigned integer"))?;
                out.raw(key, value.get());
            }
            "content_type" => {
                let text = string(value)
                    .filter(|t| is_plain(t))
                    .ok_or(Reason::Header("content_type is malformed"))?;
                out.string(key, &text);
                content_type = Some(text);
            }
            "attachment_type" if is_attachment => {
                let text = string(value)
                    .filter(|t| is_plain(t))
                    .ok_or(Reason::Header("attachment_type is malformed"))?;
                out.string(key, &text);
                attachment_type = Some(text);
            }
            "filename" if is_attachment => {
                if let Some(name) = string(value) {
                    out.string(key, &name);
                }
            }
            "meta_length" => {
                if value.get() == "null" {
                    continue;
                }
                let reason = Reason::Header("meta_length is no plain unsigned integer");
                meta_length = Some(unsigned(value).ok_or(reason)?);
            }
            // The span that an attachment belongs to.
            "span_id" if is_attachment => {
                let id = string(value)
                    .filter(|id| id.len() == 16 && id.bytes().all(|b| b.is_ascii_hexdigit()));
                match id {
                    Some(id) => out.string(key, &id),
                    None => out.raw(key, "null"),
                }
            }
            "platform" | "sentry_release" | "sentry_environment" => {
                if let Some(text) = string(value) {
                    out.string(key, &text);
                }
            }
            _ => {}
        }
    }
    let kind = kind.ok_or(Reason::Header("the item has no type"))?;
    let mut header = scrubbed(out.finish(), json)?;
    // As it leaves, so that reading it again comes to the same.
    let filename = if is_attachment {
        serde_json::from_slice::<FileName>(&header.text)
            .ok()
            .and_then(|name| name.filename)
    } else {
        None
    };
    let treatment = item::treatment(
        &kind,
        Description {
            content_type: content_type.as_deref(),
            attachment_type: attachment_type.as_deref(),
            filename: filename.as_deref(),
            length,
            meta_length,
        },
        plan,
        header_bytes,
    );
    if let (ItemTreatment::Text { .. } | ItemTreatment::Pass { .. }, Some(length)) =
        (treatment, length)
    {
        // The only items that keep it: what they say in so many bytes is masked byte for byte, or passed.
        header.text.pop();
        header
            .text
            .extend_from_slice(format!(",\"length\":{length}}}").as_bytes());
    }
    Ok(ItemHead {
        treatment,
        length,
        is_container: item::is_container(content_type.as_deref()),
        header,
    })
}

/// What the head of a mixed payload comes to.
#[derive(Debug)]
pub(super) struct Mixed {
    /// The item's header line, its newline, and the head of the payload.
    pub(super) rewritten: Rewritten,
    /// What is done with the rest, if it is an attachment.
    pub(super) file: ItemTreatment,
}

/// Scrubs the JSON at the head of a mixed payload, and completes the item's header: the lengths in it are those of what leaves.
pub(super) fn mixed(
    mut header: Rewritten,
    head: Vec<u8>,
    counted: bool,
    length: u64,
    plan: &Plan,
    json: &mut JsonScrubber,
) -> Result<Mixed, Reason> {
    if head.trim_ascii_start().first() != Some(&b'{') {
        return Err(Reason::Json("the head of a mixed payload is no object"));
    }
    let came = head.len() as u64;
    let mut head = scrubbed(head, json)?;
    // As it leaves, so that reading it again comes to the same.
    let described: FileDescription = serde_json::from_slice(&head.text).unwrap_or_default();
    let file = item::file(
        described.content_type.as_deref(),
        described.filename.as_deref(),
        plan,
    );
    let meta_length = head.text.len() as u64;
    let length = length - came + meta_length;
    header.text.pop();
    if counted {
        let text = format!(",\"meta_length\":{meta_length}");
        header.text.extend_from_slice(text.as_bytes());
    }
    let text = format!(",\"length\":{length}}}\n");
    header.text.extend_from_slice(text.as_bytes());
    header.text.append(&mut head.text);
    header.redactions.append(&mut head.redactions);
    Ok(Mixed {
        rewritten: header,
        file,
    })
}

/// What the head of a trace attachment says of its body.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct FileDescription {
    filename: Option<String>,
    content_type: Option<String>,
}

/// The file name in an item's header.
#[derive(serde::Deserialize)]
struct FileName {
    filename: Option<String>,
}

/// A key, which is borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// The members of a header, in order.
pub(super) struct Members<'a>(pub(super) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members: Vec<(Cow<'de, str>, &'de RawValue)> = Vec::with_capacity(MEMBERS);
                while let Some((Key(key), value)) = map.next_entry()? {
                    if members.iter().any(|(known, _)| *known == key) {
                        return Err(serde::de::Error::custom("duplicate key"));
                    }
                    members.push((key, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Read)
    }
}

pub(super) fn object(line: &[u8]) -> Result<Members<'_>, Reason> {
    if line.last() == Some(&b'\r') {
        return Err(Reason::Framing("a carriage return before the newline"));
    }
    if line.first() != Some(&b'{') || line.last() != Some(&b'}') {
        return Err(Reason::Framing("not one JSON object on one line"));
    }
    let text = std::str::from_utf8(line).map_err(|_| Reason::Json("not valid UTF-8"))?;
    serde_json::from_str(text).map_err(|error| {
        if error.is_data() {
            Reason::Framing("a key stands twice")
        } else {
            Reason::Json("not one JSON object on one line")
        }
    })
}

pub(super) fn string(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

fn unsigned(value: &RawValue) -> Option<u64> {
    let digits = value.get();
    let plain =
        digits.bytes().all(|b| b.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    if plain {
        digits.parse::<u32>().ok().map(u64::from)
    } else {
        None
    }
}

pub(crate) fn is_event_id(text: &str) -> bool {
    let hex = |part: &str| part.bytes().all(|b| b.is_ascii_hexdigit());
    let parts: Vec<&str> = text.split('-').collect();
    match parts.as_slice() {
        [whole] => whole.len() == 32 && hex(whole),
        [a, b, c, d, e] => {
            (a.len(), b.len(), c.len(), d.len(), e.len()) == (8, 4, 4, 4, 12)
                && parts.iter().all(|part| hex(part))
        }
        _ => false,
    }
}

/// An RFC 3339 time, as far as it matters here: nothing but a time fits.
fn is_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    bytes.len() >= 19
        && [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18]
            .into_iter()
            .all(digit)
        && bytes[4] == b'-'
        && bytes[7] == b'-'
        && matches!(bytes[10], b'T' | b't' | b' ')
        && ends_time(&text[19..])
}

/// The rest of a time behind its seconds: a fraction, and an offset.
fn ends_time(rest: &str) -> bool {
    let offset = match rest.strip_prefix('.') {
        None => rest,
        Some(behind) => {
            let offset = behind.trim_start_matches(|it: char| it.is_ascii_digit());
            if !(1..=9).contains(&(behind.len() - offset.len())) {
                return false;
            }
            offset
        }
    };
    match offset.as_bytes() {
        [] | [b'Z' | b'z'] => true,
        [b'+' | b'-', a, b, b':', c, d] | [b'+' | b'-', a, b, c, d] => {
            [a, b, c, d].into_iter().all(u8::is_ascii_digit)
        }
        _ => false,
    }
}

fn is_plain(text: &str) -> bool {
    text.len() <= 128
        && text
            .bytes()
            .all(|b| (0x20..0x7F).contains(&b) && b != b'"' && b != b'\\')
}

/// Writes a compact object.
struct Writer {
    text: Vec<u8>,
}

impl Writer {
    fn new() -> Self {
        let mut text = Vec::with_capacity(LINE);
        text.push(b'{');
        Writer { text }
    }

    fn key(&mut self, key: &str) {
        if self.text.len() > 1 {
            self.text.push(b',');
        }
        self.quoted(key);
        self.text.push(b':');
    }

    fn quoted(&mut self, text: &str) {
        let written = serde_json::to_writer(&mut self.text, text);
        debug_assert!(written.is_ok(), "a string can be written to memory");
    }

    fn string(&mut self, key: &str, text: &str) {
        self.key(key);
        self.quoted(text);
    }

    /// A value as it was written, less the white space between its tokens.
    fn raw(&mut self, key: &str, json: &str) {
        self.key(key);
        if !json.bytes().any(|byte| byte.is_ascii_whitespace()) {
            return self.text.extend_from_slice(json.as_bytes());
        }
        let mut in_string = false;
        let mut escaped = false;
        for byte in json.bytes() {
            if in_string {
                in_string = escaped || byte != b'"';
                escaped = !escaped && byte == b'\\';
            } else if byte.is_ascii_whitespace() {
                continue;
            } else {
                in_string = byte == b'"';
            }
            self.text.push(byte);
        }
    }

    /// An object of which only these members are kept; with `scalars`, only those that are no containers. The value of one may leave
    /// as its stand-in.
    fn part(
        &mut self,
        key: &str,
        value: &RawValue,
        keep: &[&str],
        scalars: bool,
        stand_in: Option<&StandIn>,
    ) -> Result<(), Reason> {
        if !value.get().starts_with('{') {
            return Ok(());
        }
        let members = object(value.get().as_bytes())?;
        let mut inner = Writer::new();
        for (name, value) in &members.0 {
            let scalar = !value.get().starts_with(['{', '[']);
            if !keep.contains(&&**name) || (scalars && !scalar) {
                continue;
            }
            match stand_in.filter(|stand_in| stand_in.key() == name) {
                Some(stand_in) => inner.string(name, stand_in.place()),
                None => inner.raw(name, value.get()),
            }
        }
        self.key(key);
        self.text.append(&mut inner.finish());
        Ok(())
    }

    fn finish(mut self) -> Vec<u8> {
        self.text.push(b'}');
        self.text
    }
}

/// Scrubs a rewritten header like any other JSON, with the envelope's idle scrubber.
fn scrubbed(text: Vec<u8>, json: &mut JsonScrubber) -> Result<Rewritten, Reason> {
    let chunk = Bytes::from(text);
    let length = chunk.len() as u64;
    json.restart(Document::Other, false);
    let mut splicer = Splicer::default();
    let mut output = Output::new();
    splicer.begin(chunk.clone());
    json.push(&chunk, 0..chunk.len(), false, 0, &mut splicer)
        .map_err(|(reason, _)| reason)?;
    json.finish(length, &mut splicer)
        .map_err(|(reason, _)| reason)?;
    splicer.settle(None);
    splicer.release(&mut output);
    let mut text = Vec::with_capacity(chunk.len());
    while let Some(slice) = output.pop() {
        text.extend_from_slice(&slice.into_bytes());
    }
    let redactions = splicer.counts().collect();
    Ok(Rewritten { text, redactions })
}
