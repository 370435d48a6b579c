//! Tries the examples of rules in every kind of place in which they could stand: by itself, escaped, in a URL, in JSON in a
//! string, and cut at each byte.

use std::sync::Arc;

use bytes::Bytes;

use super::examples::{Example, Text, examples};
use super::pack::Source;
use crate::scrub::{Format, Limits, Output, Plan, Scrubber, TooManyPlaces};

/// What a rule's evidence came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The rule's id.
    pub rule: String,
    /// How many times an example was tried.
    pub tries: usize,
    /// What failed, a line each, with the example's file and line.
    pub failures: Vec<String>,
}

/// Tries all examples of a pack; names with the whole plan, tokens and detectors by their rule alone.
pub(super) fn of_pack(source: &Source, plan: &Arc<Plan>) -> Result<Vec<Evidence>, TooManyPlaces> {
    Ok(examples(source)?
        .iter()
        .map(|example| of_rule(example, plan))
        .collect())
}

fn of_rule(example: &Example, plan: &Arc<Plan>) -> Evidence {
    let mut evidence = Evidence {
        rule: example.rule.clone(),
        tries: 0,
        failures: Vec::new(),
    };
    match &example.alone {
        Some(alone) => {
            for (texts, wanted) in [(&example.matches, true), (&example.ignores, false)] {
                for Text { place, text } in texts {
                    for (context, format, document) in text_contexts(text) {
                        let case = Case {
                            place,
                            context,
                            format,
                            document: &document,
                            wanted,
                        };
                        case.try_with(alone, &mut evidence);
                    }
                }
            }
        }
        None => {
            for Text { place, text } in &example.matches {
                for (context, format, document) in name_contexts(text, example) {
                    let case = Case {
                        place,
                        context,
                        format,
                        document: &document,
                        wanted: true,
                    };
                    case.try_with(plan, &mut evidence);
                }
            }
        }
    }
    evidence
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn text_contexts(text: &str) -> Vec<(&'static str, Format, String)> {
    let string = format!("{{\"m\":{}}}", quoted(text));
    let escaped: String = text
        .chars()
        .map(|character| match character {
            'a'..='e' | 'A'..='E' => format!("\\u{:04x}", u32::from(character)),
            other => {
                let quoted = quoted(&other.to_string());
                quoted[1..quoted.len() - 1].to_owned()
            }
        })
        .collect();
    let percent: String = text
        .bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect();
    vec![
        ("bare", Format::Text, text.to_owned()),
        ("in a JSON string", Format::Json, string.clone()),
        (
            "in a string with escapes",
            Format::Json,
            format!("{{\"m\":\"{escaped}\"}}"),
        ),
        (
            "in a URL",
            Format::Json,
            format!("{{\"u\":\"https://a.eu/x?q={percent}&n=1\"}}"),
        ),
        (
            "in JSON in a string",
            Format::Json,
            format!("{{\"m\":{}}}", quoted(&string)),
        ),
    ]
}

fn name_contexts(name: &str, example: &Example) -> Vec<(&'static str, Format, String)> {
    let mut contexts = Vec::new();
    let member = format!("{{{}:\"S5e6c7r8\"}}", quoted(name));
    if example.is_key {
        contexts.push(("as a key", Format::Json, member.clone()));
        contexts.push((
            "in JSON in a string",
            Format::Json,
            format!("{{\"m\":{}}}", quoted(&member)),
        ));
    }
    if example.is_header {
        contexts.push((
            "in a list of headers",
            Format::Json,
            format!("{{\"h\":[[{},\"S5e6c7r8\"]]}}", quoted(name)),
        ));
    }
    if example.is_parameter && !name.contains(['%', '[']) {
        contexts.push((
            "in a URL",
            Format::Json,
            format!("{{\"u\":\"/x?a=1&{name}=S5e6c7r8&b=2\"}}"),
        ));
    }
    contexts
}

/// An example in a document.
struct Case<'a> {
    place: &'a str,
    context: &'a str,
    format: Format,
    document: &'a str,
    /// Whether something is to be redacted.
    wanted: bool,
}

impl Case<'_> {
    /// Runs the document whole and cut at each byte.
    fn try_with(&self, plan: &Arc<Plan>, evidence: &mut Evidence) {
        let bytes = self.document.as_bytes();
        for cut in 0..bytes.len() {
            evidence.tries += 1;
            let mut scrubber = Scrubber::new(Arc::clone(plan), self.format, &Limits::default());
            let mut output = Output::new();
            let done = scrubber
                .push(Bytes::copy_from_slice(&bytes[..cut]), &mut output)
                .and_then(|()| scrubber.push(Bytes::copy_from_slice(&bytes[cut..]), &mut output))
                .and_then(|()| scrubber.finish(&mut output));
            let redacted = scrubber.report().redaction_count() > 0;
            if done.is_err() || redacted != self.wanted {
                let what = if self.wanted {
                    "is not found"
                } else {
                    "is found and should not be"
                };
                evidence.failures.push(format!(
                    "{}: rule '{}': {}, cut at {cut}: {what}: {}",
                    self.place, evidence.rule, self.context, self.document
                ));
                return;
            }
        }
    }
}
