//! The user's own traffic: what was taken out, by item type, place and rule. Values are never held here, not even scrubbed
//! ones longer than it takes to find the markers in them.

use std::collections::VecDeque;

use serde_json::Value;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::mpsc::Receiver;

use super::collector::Arrival;
use super::envelope::{items, leaves};
use super::paint::{Style, place};
use super::{Failure, say};
use crate::proxy::Finished;
use crate::scrub::{ItemOutcome, Report};

/// Places that are listed of one item.
const PLACES: usize = 24;
/// Arrivals that wait for the end of their request.
const DIGESTS: usize = 64;
/// What a scrubbed string holds.
const MARKER: &str = "[Filtered]";
/// Members that policy sets to `null`; elsewhere a `null` is nobody's doing but the SDK's.
const NULLED: [&str; 2] = ["ip_address", "client_ip"];

/// Where markers stand in what arrived.
struct Digest {
    project: String,
    body_bytes: u64,
    items: Vec<Places>,
}

struct Places {
    kind: String,
    /// In text: how often something was masked. Absent in JSON, which has places.
    masked: Option<usize>,
    paths: Vec<String>,
    /// How many there are beyond those.
    more: usize,
}

/// Lists requests as they end; until nobody reads, or the proxy is gone.
pub(super) async fn follow(
    rules: &[String],
    style: Style,
    arrivals: &mut Receiver<Arrival>,
    finished: &mut broadcast::Receiver<Finished>,
) -> Result<(), Failure> {
    let mut digests = VecDeque::new();
    loop {
        let ended = tokio::select! {
            biased;
            Some(arrival) = arrivals.recv() => {
                keep(&mut digests, &arrival);
                continue;
            }
            ended = finished.recv() => ended,
        };
        match ended {
            Ok(finished) => {
                // What belongs to it came before it ended.
                while let Ok(arrival) = arrivals.try_recv() {
                    keep(&mut digests, &arrival);
                }
                let digest = take(&mut digests, &finished);
                say(&render(&finished, digest.as_ref(), rules, style))?;
            }
            Err(RecvError::Lagged(missed)) => {
                say(&format!("\n{missed} requests came too fast to be listed\n"))?;
            }
            Err(RecvError::Closed) => return Ok(()),
        }
    }
}

fn keep(digests: &mut VecDeque<Digest>, arrival: &Arrival) {
    if digests.len() == DIGESTS {
        digests.pop_front();
    }
    digests.push_back(digest(arrival));
}

/// The arrival that belongs to a request: nothing joins the two but the project and the size of what went out.
fn take(digests: &mut VecDeque<Digest>, finished: &Finished) -> Option<Digest> {
    let body_bytes = finished.report.as_ref()?.bytes_out;
    let at = digests.iter().position(|digest| {
        digest.body_bytes == body_bytes && Some(&digest.project) == finished.project.as_ref()
    })?;
    digests.remove(at)
}

fn digest(arrival: &Arrival) -> Digest {
    let found = match arrival.store {
        true => vec![places("event", &arrival.body)],
        false => items(&arrival.body)
            .iter()
            .map(|item| places(&item.kind, item.payload))
            .collect(),
    };
    Digest {
        project: arrival.project.clone(),
        body_bytes: arrival.body.len() as u64,
        items: found,
    }
}

fn places(kind: &str, payload: &[u8]) -> Places {
    let mut places = Places {
        kind: place(kind),
        masked: None,
        paths: Vec::new(),
        more: 0,
    };
    let Ok(value) = serde_json::from_slice::<Value>(payload) else {
        places.masked = Some(masks(payload));
        return places;
    };
    leaves("", &value, &mut |path, leaf| {
        let marked = match leaf {
            Value::String(text) => text.contains(MARKER),
            Value::Null => NULLED.contains(&path.rsplit('.').next().unwrap_or_default()),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => false,
        };
        if marked && places.paths.len() < PLACES {
            places.paths.push(place(path));
        } else if marked {
            places.more += 1;
        }
    });
    places
}

/// Runs of asterisks: what is found in text leaves as that. Fewer than three stand in many a text.
fn masks(text: &[u8]) -> usize {
    text.split(|byte| *byte != b'*')
        .filter(|run| run.len() >= 3)
        .count()
}

fn render(finished: &Finished, digest: Option<&Digest>, rules: &[String], style: Style) -> String {
    let project = finished.project.as_deref().unwrap_or("none");
    let mut text = format!(
        "\n{} {}, answered {}",
        style.bold(&format!("project {project}:")),
        finished.outcome.replace('_', " "),
        finished.status
    );
    if let Some(detail) = &finished.detail {
        text.push_str(&format!(": {detail}"));
    }
    let Some(report) = &finished.report else {
        text.push('\n');
        return text;
    };
    text.push_str(&format!(
        "; {} bytes scrubbed to {}\n",
        report.bytes_in, report.bytes_out
    ));
    for Places {
        kind,
        masked,
        paths,
        more,
    } in digest.map(|it| it.items.as_slice()).unwrap_or_default()
    {
        let found = match (masked, paths.is_empty()) {
            (Some(0), _) => ": nothing masked".to_owned(),
            (Some(masked), _) => format!(": {masked} masked with asterisks"),
            (None, true) => ": no marker".to_owned(),
            (None, false) => String::new(),
        };
        text.push_str(&format!("  {kind}{found}\n"));
        for path in paths {
            text.push_str(&format!("    {path}\n"));
        }
        if *more > 0 {
            text.push_str(&format!("    … and {more} more\n"));
        }
    }
    for (kind, outcome, count) in &report.items {
        let Some(why) = left_out(kind, *outcome) else {
            continue;
        };
        text.push_str(&format!("  {kind}: {count} left out ({why})\n"));
    }
    text.push_str(&by_rule(report, rules));
    text
}

/// Why items of this type did not go on, if so.
pub(super) fn left_out(kind: &str, outcome: ItemOutcome) -> Option<&'static str> {
    match outcome {
        ItemOutcome::Forwarded => None,
        ItemOutcome::DroppedByPolicy if kind == "attachment" => {
            Some("binary: only attachments that say they are text pass")
        }
        ItemOutcome::DroppedByPolicy => Some("policy forbids this type"),
        ItemOutcome::DroppedBySampling => Some("its trace is none of those that are kept"),
        ItemOutcome::DroppedUnknown => Some("nobody knows this type"),
    }
}

fn by_rule(report: &Report, rules: &[String]) -> String {
    let counts: Vec<String> = rules
        .iter()
        .zip(&report.redactions)
        .filter(|(_, count)| **count > 0)
        .map(|(rule, count)| format!("{rule} {count}"))
        .collect();
    match counts.is_empty() {
        true => String::new(),
        false => format!("  by rule: {}\n", counts.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn arrival(body: &'static [u8]) -> Arrival {
        Arrival {
            project: "1".to_owned(),
            store: false,
            head: String::new(),
            body: Bytes::from_static(body),
        }
    }

    #[test]
    fn places_are_told_and_values_are_not() {
        let body: &[u8] = b"{}\n{\"type\":\"event\"}\n\
            {\"message\":\"hello\",\"user\":{\"ip_address\":null,\"id\":null},\"url\":\"/?token=[Filtered]&page=2\"}\n";
        let finished = Finished {
            project: Some("1".to_owned()),
            outcome: "forwarded",
            status: 200,
            detail: None,
            report: Some(Report {
                redactions: vec![0, 2],
                items: vec![
                    ("event", ItemOutcome::Forwarded, 1),
                    ("attachment", ItemOutcome::DroppedByPolicy, 2),
                ],
                bytes_in: 200,
                bytes_out: body.len() as u64,
                ..Report::default()
            }),
        };
        let rules = ["core.a".to_owned(), "core.b".to_owned()];
        let mut digests = VecDeque::from([digest(&arrival(b"{}\n")), digest(&arrival(body))]);
        let mine = take(&mut digests, &finished).unwrap();
        assert_eq!(digests.len(), 1);
        assert_eq!(
            render(&finished, Some(&mine), &rules, Style::Plain),
            format!(
                "\nproject 1: forwarded, answered 200; 200 bytes scrubbed to {}\n  event\n    url\n    user.ip_address\n  \
                 attachment: 2 left out (binary: only attachments that say they are text pass)\n  by rule: core.b 2\n",
                body.len()
            )
        );
    }

    #[test]
    fn a_refused_request_is_told_too() {
        let finished = Finished {
            project: None,
            outcome: "not_found",
            status: 404,
            detail: Some("no such route".to_owned()),
            report: None,
        };
        assert_eq!(
            render(&finished, None, &[], Style::Plain),
            "\nproject none: not found, answered 404: no such route\n"
        );
    }

    #[test]
    fn what_is_masked_in_text_is_counted() {
        for (payload, found) in [
            ("password=*******\ntoken=***", ": 2 masked with asterisks"),
            ("**bold** and 2*3", ": nothing masked"),
            ("{}", ": no marker"),
        ] {
            let body = format!(
                "{{}}\n{{\"type\":\"attachment\",\"length\":{}}}\n{payload}\n",
                payload.len()
            );
            let finished = Finished {
                project: Some("1".to_owned()),
                outcome: "forwarded",
                status: 200,
                detail: None,
                report: Some(Report::default()),
            };
            let arrival = Arrival {
                body: Bytes::from(body),
                ..arrival(b"")
            };
            let told = render(&finished, Some(&digest(&arrival)), &[], Style::Plain);
            assert!(told.ends_with(&format!("  attachment{found}\n")), "{told}");
        }
    }
}
