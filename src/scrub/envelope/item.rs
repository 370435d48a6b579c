//! The table of item types: what is done with each. Protocol: the item types that Relay knows (`relay-server` envelope/item).

use crate::scrub::opaque::Opaque;
use crate::scrub::outcome::ItemOutcome;
use crate::scrub::plan::{Document, Plan};

/// What is done with an item. The label is its type, as metrics show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ItemTreatment {
    /// Its payload is JSON and is scrubbed as this kind of document.
    Json {
        label: &'static str,
        document: Document,
        forces: bool,
    },
    /// Its payload is text of a fixed length, in which what is found is masked.
    Text { label: &'static str },
    /// Nobody can vouch for its payload, and policy passes it as it is.
    Pass { label: &'static str },
    /// Its payload is JSON, and then something else.
    Mixed {
        label: &'static str,
        head: MixedHead,
        body: MixedBody,
    },
    /// It is left out.
    Drop {
        label: &'static str,
        outcome: ItemOutcome,
    },
}

impl ItemTreatment {
    /// The type of the item, as metrics show it.
    pub(super) fn label(&self) -> &'static str {
        match self {
            ItemTreatment::Json { label, .. }
            | ItemTreatment::Text { label }
            | ItemTreatment::Pass { label }
            | ItemTreatment::Mixed { label, .. }
            | ItemTreatment::Drop { label, .. } => label,
        }
    }
}

/// How far the JSON at the head of a mixed payload goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MixedHead {
    /// So many bytes (`meta_length`).
    Bytes(u64),
    /// Up to the first newline.
    Line,
}

/// What follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MixedBody {
    /// An attachment, which the JSON describes.
    Attachment,
    /// Rrweb events: JSON, which is text to us, or packed, which passes as it is.
    Recording,
    /// Bytes that policy passes as they are.
    Opaque,
}

/// What an item's header says of its payload.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Description<'a> {
    pub(super) content_type: Option<&'a str>,
    pub(super) attachment_type: Option<&'a str>,
    pub(super) filename: Option<&'a str>,
    pub(super) length: Option<u64>,
    /// So many bytes of the payload are JSON, and the rest is something else.
    pub(super) meta_length: Option<u64>,
}

impl Description<'_> {
    /// A mixed payload with these lengths, which must fit each other. What has none of them, or a head of more than
    /// `header_bytes`, is left out.
    fn mixed(&self, label: &'static str, body: MixedBody, header_bytes: usize) -> ItemTreatment {
        match (self.meta_length, self.length) {
            (Some(meta), Some(length)) if meta <= length && meta <= header_bytes as u64 => {
                ItemTreatment::Mixed {
                    label,
                    head: MixedHead::Bytes(meta),
                    body,
                }
            }
            _ => dropped(label),
        }
    }
}

fn dropped(label: &'static str) -> ItemTreatment {
    ItemTreatment::Drop {
        label,
        outcome: ItemOutcome::DroppedByPolicy,
    }
}

/// It passes as it is where policy passes this kind, and is left out else.
fn passed(label: &'static str, kind: Opaque, plan: &Plan) -> ItemTreatment {
    match plan.passes(kind) {
        true => ItemTreatment::Pass { label },
        false => dropped(label),
    }
}

/// Endings of the names of text files, for attachments that do not tell their type.
const TEXT_FILES: [&str; 15] = [
    "txt", "log", "csv", "tsv", "md", "xml", "html", "yaml", "yml", "ini", "conf", "cfg", "toml",
    "json", "env",
];

/// Whether a file is text, by its content type or, where that is not told, by its name.
pub(crate) fn is_text_file(content_type: Option<&str>, filename: Option<&str>) -> bool {
    let media = content_type.map(|media| {
        media
            .split(';')
            .next()
            .unwrap_or("")
            .trim()
            .to_ascii_lowercase()
    });
    match media.as_deref() {
        // JSON too: what a user attaches need not be whole, and must not cost the event.
        Some(
            "application/json" | "application/xml" | "application/x-ndjson" | "application/yaml",
        ) => true,
        Some(media) if !media.is_empty() => media.starts_with("text/"),
        Some(_) | None => filename
            .and_then(|name| name.rsplit_once('.'))
            .is_some_and(|(_, ending)| TEXT_FILES.contains(&ending.to_ascii_lowercase().as_str())),
    }
}

/// The content types of attachments that begin with JSON (trace attachments, and the name they are to have).
const MIXED_ATTACHMENTS: [&str; 2] = [
    "application/vnd.sentry.trace-attachment",
    "application/vnd.sentry.attachment.v2",
];

/// What an attachment is, by what its header says.
fn attachment(item: Description<'_>, plan: &Plan, header_bytes: usize) -> ItemTreatment {
    const LABEL: &str = "attachment";
    let media = item.content_type.unwrap_or("").trim();
    if MIXED_ATTACHMENTS.contains(&media) {
        return item.mixed(LABEL, MixedBody::Attachment, header_bytes);
    }
    if item.meta_length.is_some() {
        return dropped(LABEL);
    }
    match item.attachment_type.unwrap_or("event.attachment") {
        "event.view_hierarchy" => ItemTreatment::Json {
            label: LABEL,
            document: Document::Other,
            forces: false,
        },
        "event.attachment" | "event.applecrashreport" | "unreal.context" | "unreal.logs" => {
            file(item.content_type, item.filename, plan)
        }
        "event.minidump" => passed(LABEL, Opaque::Minidump, plan),
        _ => dropped(LABEL),
    }
}

/// What an attached file is.
pub(super) fn file(
    content_type: Option<&str>,
    filename: Option<&str>,
    plan: &Plan,
) -> ItemTreatment {
    const LABEL: &str = "attachment";
    match is_text_file(content_type, filename) {
        true => ItemTreatment::Text { label: LABEL },
        false => passed(LABEL, Opaque::Attachment, plan),
    }
}

/// A recording: a line of JSON, then events.
fn recording(item: Description<'_>, plan: &Plan) -> ItemTreatment {
    const LABEL: &str = "replay_recording";
    if !plan.passes(Opaque::Replay) || item.length.is_none() || item.meta_length.is_some() {
        return dropped(LABEL);
    }
    ItemTreatment::Mixed {
        label: LABEL,
        head: MixedHead::Line,
        body: MixedBody::Recording,
    }
}

/// Whether a payload of this type is a list of elements.
pub(super) fn is_container(content_type: Option<&str>) -> bool {
    content_type.is_some_and(|t| t.trim_ascii().starts_with("application/vnd.sentry.items."))
}

/// The types of items that attachments belong to, as the event of their envelope.
pub(super) const OWNERS: [&str; 4] = ["event", "transaction", "span", "feedback"];

/// The treatment of an item of this type. `header_bytes` bounds the head of a mixed payload.
pub(super) fn treatment(
    kind: &str,
    item: Description<'_>,
    plan: &Plan,
    header_bytes: usize,
) -> ItemTreatment {
    let content_type = item.content_type;
    let container = is_container(content_type);
    let json = |label, document, forces| ItemTreatment::Json {
        label,
        document,
        forces,
    };
    let is_json = content_type.is_none_or(|t| t.trim_ascii().to_ascii_lowercase().contains("json"));
    let media = content_type.unwrap_or("").trim();
    match kind {
        "event" => json("event", Document::Event, true),
        "transaction" => json("transaction", Document::Event, true),
        "feedback" => json("feedback", Document::Event, true),
        "log" => json("log", Document::Container, true),
        "trace_metric" => json("trace_metric", Document::Container, true),
        "span" if container => json("span", Document::Container, true),
        "span" => json("span", Document::Other, false),
        "session" => json("session", Document::Session, false),
        "sessions" => json("sessions", Document::Session, false),
        "user_report" => json("user_report", Document::Other, false),
        "client_report" => json("client_report", Document::Other, false),
        "security" => json("security", Document::Event, true),
        "raw_security" => json("raw_security", Document::Other, false),
        "metric_buckets" => json("metric_buckets", Document::Other, false),
        "profile" if is_json => json("profile", Document::Other, false),
        "profile_chunk" | "profile_chunk_ui" if is_json && item.meta_length.is_none() => {
            json("profile_chunk", Document::Other, false)
        }
        "profile" => dropped("profile"),
        "profile_chunk" | "profile_chunk_ui"
            if media == "application/x-perfetto-trace" && plan.passes(Opaque::Perfetto) =>
        {
            item.mixed("profile_chunk", MixedBody::Opaque, header_bytes)
        }
        "profile_chunk" | "profile_chunk_ui" => dropped("profile_chunk"),
        "attachment" => attachment(item, plan, header_bytes),
        // Left out unless a gate lets it pass: a collector may store it elsewhere than all else.
        "check_in" => json("check_in", Document::Other, false),
        "replay_event" if plan.passes(Opaque::Replay) => {
            json("replay_event", Document::Event, true)
        }
        "replay_event" => dropped("replay_event"),
        "replay_recording" => recording(item, plan),
        "replay_recording_not_chunked" => dropped("replay_recording"),
        "replay_video" => dropped("replay_video"),
        "statsd" => ItemTreatment::Text { label: "statsd" },
        "form_data" => dropped("form_data"),
        "unreal_report" => dropped("unreal_report"),
        "nel" => dropped("nel"),
        "integration" => dropped("integration"),
        _ => ItemTreatment::Drop {
            label: "unknown",
            outcome: ItemOutcome::DroppedUnknown,
        },
    }
}
