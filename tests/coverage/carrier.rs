//! Builds what carries a field, has it scrubbed, and finds the field in what comes out.

use std::sync::Arc;

use bytes::Bytes;
use scrubline::scrub::{Boundary, Format, Limits, Output, Plan, Scrubber};
use serde_json::{Map, Value, json};

use crate::fields::{Field, Place, Section};
use crate::probe::{MARKER, outcome};
use crate::support::scrub;

const ID: &str = "9ec79c33ec9942ab8353589fcb2e04dc";

/// Begins a part that is JSON here and MessagePack on the wire.
pub const PACKED: &str = "MSGPACK";

/// What came out.
#[derive(Debug)]
pub struct Came {
    pub bytes: Vec<u8>,
    /// What has become of the value that was put in.
    pub outcome: String,
}

/// Puts a value into a field and has what carries it scrubbed. The plan is that of the section ([`Section::plan`]).
pub fn send(plan: &Arc<Plan>, section: &Section, field: &Field, value: &Value) -> Came {
    match section.place {
        Place::Form | Place::FormEvent | Place::FormPacked => form(plan, section, field, value),
        Place::Body => document(plan, Format::Json, section, field, value),
        Place::Store => document(plan, Format::Store, section, field, value),
        Place::Header => header(plan, section, field, value),
        Place::Item
        | Place::Text
        | Place::ItemHeader
        | Place::Recording
        | Place::Meta
        | Place::Whole => item(plan, section, field, value),
    }
}

fn document(
    plan: &Arc<Plan>,
    format: Format,
    section: &Section,
    field: &Field,
    value: &Value,
) -> Came {
    let input = around(section, field, value).to_string();
    let (bytes, result) = scrub(plan, format, [input.as_bytes()]);
    let outcome = match result {
        Ok(()) => in_json(&bytes, field, value),
        Err(_) => "refused".to_owned(),
    };
    Came { bytes, outcome }
}

/// The header of an envelope.
fn header(plan: &Arc<Plan>, section: &Section, field: &Field, value: &Value) -> Came {
    let header = around(section, field, value);
    let input = format!("{header}\n{{\"type\":\"session\"}}\n{{}}\n");
    let (bytes, result) = scrub(plan, Format::Envelope, [input.as_bytes()]);
    let outcome = match (result, bytes.split(|byte| *byte == b'\n').next()) {
        (Ok(()), Some(line)) => in_json(line, field, value),
        (_, _) => "refused".to_owned(),
    };
    Came { bytes, outcome }
}

/// The item of an envelope: its header and its payload.
fn item(plan: &Arc<Plan>, section: &Section, field: &Field, value: &Value) -> Came {
    const REST: &str = "plain words";
    let mut header = match section.place {
        Place::Whole => serde_json::from_str(&field.path).expect("a header"),
        Place::ItemHeader => around(section, field, value),
        _ => section.header.clone(),
    };
    let json = || around(section, field, value).to_string();
    let text = || filled(field, &as_text(value));
    let payload = match section.place {
        Place::ItemHeader => REST.to_owned(),
        Place::Text | Place::Whole => text(),
        Place::Recording => format!("{{\"segment_id\":0}}\n{}", json()),
        Place::Meta => {
            header["meta_length"] = json!(json().len());
            json() + REST
        }
        _ => json(),
    };
    if section.place != Place::Item {
        header["length"] = json!(payload.len());
    }
    let input = format!("{{\"event_id\":\"{ID}\"}}\n{header}\n{payload}\n");
    let (bytes, result) = scrub(plan, Format::Envelope, [input.as_bytes()]);
    if result.is_err() {
        let outcome = "refused".to_owned();
        return Came { bytes, outcome };
    }
    let outcome = match payload_of(&bytes) {
        None => "dropped".to_owned(),
        Some((header, payload)) => match section.place {
            Place::Text | Place::Whole => {
                outcome(&json!(text()), &json!(String::from_utf8_lossy(payload)))
            }
            Place::ItemHeader => of(get(&header, &field.path), value),
            Place::Recording => {
                let line = memchr::memchr(b'\n', payload).expect("a first line");
                in_json(&payload[line + 1..], field, value)
            }
            Place::Meta => {
                let length = header["meta_length"].as_u64().expect("a length") as usize;
                in_json(&payload[..length], field, value)
            }
            _ => in_json(payload, field, value),
        },
    };
    Came { bytes, outcome }
}

/// The one item of an envelope, if it was not left out.
fn payload_of(envelope: &[u8]) -> Option<(Value, &[u8])> {
    let line = |bytes: &[u8]| memchr::memchr(b'\n', bytes).unwrap_or(bytes.len());
    let items = envelope.get(line(envelope) + 1..)?;
    if items.is_empty() {
        return None;
    }
    let header: Value = serde_json::from_slice(&items[..line(items)]).expect("a header");
    let payload = &items[line(items) + 1..];
    let length = header["length"].as_u64();
    let length = length.map_or_else(|| line(payload), |length| length as usize);
    Some((header, &payload[..length]))
}

fn in_json(bytes: &[u8], field: &Field, value: &Value) -> String {
    let document: Value = serde_json::from_slice(bytes).expect("JSON");
    let got = get(&document, &field.path);
    let outcome = of(got, value);
    let (Some(attribute), Ok(got)) = (attribute(&field.path), got) else {
        return outcome;
    };
    match get(&document, &format!("{attribute}/type")) {
        Ok(kind) if kind == type_of(got) => outcome,
        Ok(kind) => format!("{outcome}, but called {kind}"),
        Err(_) => format!("{outcome}, but without a type"),
    }
}

/// What has become of a value that stands there now, or of which nothing but what is around it does.
fn of(got: Result<&Value, &Value>, value: &Value) -> String {
    match got {
        Ok(got) => outcome(value, got),
        Err(around) if around == MARKER => "filtered with what is around it".to_owned(),
        Err(_) => "removed".to_owned(),
    }
}

/// The path of the attribute whose value this is, where attributes have a type too.
fn attribute(path: &str) -> Option<&str> {
    let attribute = path.strip_suffix("/value")?;
    attribute.contains("attributes/").then_some(attribute)
}

/// What an attribute's type is called.
fn type_of(value: &Value) -> &'static str {
    match value {
        Value::String(_) | Value::Null => "string",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::Array(_) | Value::Object(_) => "array",
    }
}

/// A request of a crash reporter.
fn form(plan: &Arc<Plan>, section: &Section, field: &Field, value: &Value) -> Came {
    let event = || around(section, field, value);
    let (name, content) = match section.place {
        Place::FormEvent => ("sentry", event().to_string().into_bytes()),
        Place::FormPacked => ("__sentry-event", packed(&event())),
        _ => {
            let text = filled(field, &as_text(value));
            let content = match text.strip_prefix(PACKED) {
                Some(json) => packed(&serde_json::from_str(json).expect("JSON")),
                None => text.into_bytes(),
            };
            (field.path.as_str(), content)
        }
    };
    let is_file = field.kind.0 == "file" || section.place == Place::FormPacked;
    let file = match is_file {
        true => format!("; filename=\"{name}\""),
        false => String::new(),
    };
    let mut body = Vec::new();
    let head = "--xYz\r\nContent-Disposition: form-data; name=";
    body.extend_from_slice(format!("{head}\"{name}\"{file}\r\n\r\n").as_bytes());
    body.extend_from_slice(&content);
    body.extend_from_slice(b"\r\n--xYz--\r\n");

    let boundary = Boundary::of("multipart/form-data; boundary=xYz");
    let mut scrubber = Scrubber::minidump(Arc::clone(plan), boundary, &Limits::default());
    let mut output = Output::new();
    let result = scrubber.push(Bytes::from(body), &mut output);
    let result = result.and_then(|()| scrubber.finish(&mut output));
    let mut bytes = Vec::new();
    while let Some(slice) = output.pop() {
        bytes.extend_from_slice(&slice.into_bytes());
    }
    let outcome = match (result, section.place) {
        (Err(_), _) => "refused".to_owned(),
        (Ok(()), Place::Form) => in_text(&bytes, value).to_owned(),
        (Ok(()), _) => match payload_of(&bytes) {
            Some((_, payload)) => in_json(payload, field, value),
            None => "dropped".to_owned(),
        },
    };
    Came { bytes, outcome }
}

/// What has become of a text that may stand anywhere in the output.
fn in_text(bytes: &[u8], value: &Value) -> &'static str {
    let has = |text: &str| memchr::memmem::find(bytes, text.as_bytes()).is_some();
    if has(&as_text(value)) {
        "passed"
    } else if has("&token=[Filtered]") {
        "scrubbed"
    } else if has("&token=***") {
        "masked"
    } else if has("[Filtered]") {
        "filtered"
    } else {
        "removed"
    }
}

fn as_text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// The text around a field, with the field in it.
fn filled(field: &Field, value: &str) -> String {
    let template = field.template.as_deref().expect("a text around the field");
    match template.contains("\"%\"") {
        true => template.replace("\"%\"", &json!(value).to_string()),
        false => template.replace('%', value),
    }
}

/// One step of a path: a member's name, and how many arrays are inside of it.
fn steps(path: &str) -> impl Iterator<Item = (&str, usize)> {
    path.split('/').map(|step| {
        let name = step.trim_end_matches("[]");
        (name, (step.len() - name.len()) / 2)
    })
}

/// The payload around a field, with the field in it.
fn around(section: &Section, field: &Field, value: &Value) -> Value {
    let mut document = section.payload.clone();
    put(&mut document, &field.path, value);
    if let Some(attribute) = attribute(&field.path) {
        let path = format!("{attribute}/type");
        put(&mut document, &path, &json!(type_of(value)));
    }
    document
}

/// Puts a value at a path, into the first element of each array.
fn put(document: &mut Value, path: &str, value: &Value) {
    let mut at = document;
    for (index, (name, arrays)) in steps(path).enumerate() {
        // A path that begins with an array has no name there.
        if index > 0 || !name.is_empty() {
            if !at.is_object() {
                *at = Value::Object(Map::new());
            }
            at = &mut at[name];
        }
        for _ in 0..arrays {
            if at.get(0).is_none() {
                *at = json!([null]);
            }
            at = &mut at[0];
        }
    }
    *at = value.clone();
}

/// What stands at a path, or the last on the way to it.
fn get<'a>(document: &'a Value, path: &str) -> Result<&'a Value, &'a Value> {
    let mut at = document;
    for (index, (name, arrays)) in steps(path).enumerate() {
        if index > 0 || !name.is_empty() {
            at = at.get(name).ok_or(at)?;
        }
        for _ in 0..arrays {
            at = at.get(0).ok_or(at)?;
        }
    }
    Ok(at)
}

/// A value in MessagePack.
fn packed(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    pack(value, &mut out);
    out
}

fn pack(value: &Value, out: &mut Vec<u8>) {
    let mut head = |kind: u8, length: usize| {
        out.push(kind);
        out.extend_from_slice(&(length as u32).to_be_bytes());
    };
    match value {
        Value::Null => out.push(0xc0),
        Value::Bool(it) => out.push(0xc2 + u8::from(*it)),
        Value::Number(it) => match it.as_u64() {
            Some(it) => {
                out.push(0xcf);
                out.extend_from_slice(&it.to_be_bytes());
            }
            None => {
                out.push(0xcb);
                out.extend_from_slice(&it.as_f64().expect("a number").to_be_bytes());
            }
        },
        Value::String(it) => {
            head(0xdb, it.len());
            out.extend_from_slice(it.as_bytes());
        }
        Value::Array(all) => {
            head(0xdd, all.len());
            all.iter().for_each(|it| pack(it, out));
        }
        Value::Object(all) => {
            head(0xdf, all.len());
            for (key, it) in all {
                pack(&json!(key), out);
                pack(it, out);
            }
        }
    }
}
