//! The table of item types: what is done with each. Protocol: the item types that Relay knows (`relay-server` envelope/item).

use crate::scrub::outcome::ItemOutcome;
use crate::scrub::plan::Document;

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
    /// It is left out.
    Drop {
        label: &'static str,
        outcome: ItemOutcome,
    },
}

/// What an item's header says of its payload.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Description<'a> {
    pub(super) content_type: Option<&'a str>,
    pub(super) attachment_type: Option<&'a str>,
    pub(super) filename: Option<&'a str>,
    /// Part of the payload is something else (`meta_length`).
    pub(super) is_mixed: bool,
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

/// What an attachment is, by what its header says.
fn attachment(item: Description<'_>) -> ItemTreatment {
    let drop = ItemTreatment::Drop {
        label: "attachment",
        outcome: ItemOutcome::DroppedByPolicy,
    };
    let kind = item.attachment_type.unwrap_or("event.attachment");
    let text = ItemTreatment::Text {
        label: "attachment",
    };
    if item.is_mixed {
        return drop;
    }
    if kind == "event.view_hierarchy" {
        return ItemTreatment::Json {
            label: "attachment",
            document: Document::Other,
            forces: false,
        };
    }
    if !matches!(
        kind,
        "event.attachment" | "event.applecrashreport" | "unreal.context" | "unreal.logs"
    ) {
        return drop;
    }
    match is_text_file(item.content_type, item.filename) {
        true => text,
        false => drop,
    }
}

/// The treatment of an item of this type.
pub(super) fn treatment(kind: &str, item: Description<'_>) -> ItemTreatment {
    let content_type = item.content_type;
    let container =
        content_type.is_some_and(|t| t.trim_ascii().starts_with("application/vnd.sentry.items."));
    let json = |label, document, forces| ItemTreatment::Json {
        label,
        document,
        forces,
    };
    let drop = |label| ItemTreatment::Drop {
        label,
        outcome: ItemOutcome::DroppedByPolicy,
    };
    let is_json = content_type.is_none_or(|t| t.trim_ascii().to_ascii_lowercase().contains("json"));
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
        "profile_chunk" | "profile_chunk_ui" if is_json => {
            json("profile_chunk", Document::Other, false)
        }
        "profile" => drop("profile"),
        "profile_chunk" | "profile_chunk_ui" => drop("profile_chunk"),
        "attachment" => attachment(item),
        "check_in" => drop("check_in"),
        "replay_event" => drop("replay_event"),
        "replay_recording" | "replay_recording_not_chunked" => drop("replay_recording"),
        "replay_video" => drop("replay_video"),
        "statsd" => ItemTreatment::Text { label: "statsd" },
        "form_data" => drop("form_data"),
        "unreal_report" => drop("unreal_report"),
        "nel" => drop("nel"),
        "integration" => drop("integration"),
        _ => ItemTreatment::Drop {
            label: "unknown",
            outcome: ItemOutcome::DroppedUnknown,
        },
    }
}
