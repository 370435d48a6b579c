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
    /// It is left out.
    Drop {
        label: &'static str,
        outcome: ItemOutcome,
    },
}

/// The treatment of an item of this type and content type.
pub(super) fn treatment(kind: &str, content_type: Option<&str>) -> ItemTreatment {
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
        "attachment" => drop("attachment"),
        "check_in" => drop("check_in"),
        "replay_event" => drop("replay_event"),
        "replay_recording" | "replay_recording_not_chunked" => drop("replay_recording"),
        "replay_video" => drop("replay_video"),
        "statsd" => drop("statsd"),
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
