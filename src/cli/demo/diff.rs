//! Two JSON documents, member by member: what changed, with a little of what did not around it.

use serde_json::Value;

use super::envelope::{element, member};

/// Unchanged members that are shown before and after one that changed.
const CONTEXT: usize = 1;

/// One line of the comparison. Values are JSON text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Same {
        path: String,
        value: String,
    },
    Changed {
        path: String,
        pieces: Vec<Piece>,
    },
    Removed {
        path: String,
        old: String,
    },
    Added {
        path: String,
        new: String,
    },
    /// So many unchanged ones.
    Skipped(usize),
}

/// A piece of a changed value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Kept(String),
    Replaced { old: String, new: String },
}

/// Compares two documents; `None` if one of them is no JSON.
pub(super) fn compare(before: &[u8], after: &[u8]) -> Option<Vec<Line>> {
    let before = serde_json::from_slice(before).ok()?;
    let after = serde_json::from_slice(after).ok()?;
    let mut lines = Vec::new();
    walk("", &before, &after, &mut lines);
    Some(thin_out(lines))
}

fn walk(path: &str, before: &Value, after: &Value, lines: &mut Vec<Line>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) if !before.is_empty() => {
            for (key, old) in before {
                let path = member(path, key);
                match after.get(key) {
                    Some(new) => walk(&path, old, new, lines),
                    None => lines.push(Line::Removed {
                        path,
                        old: old.to_string(),
                    }),
                }
            }
            for (key, new) in after.iter().filter(|(key, _)| !before.contains_key(*key)) {
                lines.push(Line::Added {
                    path: member(path, key),
                    new: new.to_string(),
                });
            }
        }
        (Value::Array(before), Value::Array(after))
            if !before.is_empty() && before.len() == after.len() =>
        {
            for (index, (old, new)) in before.iter().zip(after).enumerate() {
                walk(&element(path, index), old, new, lines);
            }
        }
        _ if before == after => lines.push(Line::Same {
            path: path.to_owned(),
            value: before.to_string(),
        }),
        _ => lines.push(Line::Changed {
            path: path.to_owned(),
            pieces: pieces(&before.to_string(), &after.to_string()),
        }),
    }
}

/// Leaves out what is unchanged and not near a change.
fn thin_out(lines: Vec<Line>) -> Vec<Line> {
    let changed: Vec<bool> = lines
        .iter()
        .map(|line| !matches!(line, Line::Same { .. }))
        .collect();
    let mut kept = Vec::new();
    let mut skipped = 0;
    for (n, line) in lines.into_iter().enumerate() {
        let near = &changed[n.saturating_sub(CONTEXT)..(n + CONTEXT + 1).min(changed.len())];
        if near.contains(&true) {
            if skipped > 0 {
                kept.push(Line::Skipped(skipped));
                skipped = 0;
            }
            kept.push(line);
        } else {
            skipped += 1;
        }
    }
    if skipped > 0 {
        kept.push(Line::Skipped(skipped));
    }
    kept
}

/// Finds what each marker stands for: the text between the markers is in the old value, in the same order.
fn pieces(old: &str, new: &str) -> Vec<Piece> {
    const MARKER: &str = "[Filtered]";
    let replaced = |old: &str, new: &str| Piece::Replaced {
        old: old.to_owned(),
        new: new.to_owned(),
    };
    let whole = || vec![replaced(old, new)];
    let mut kept = new.split(MARKER);
    let first = kept.next().unwrap_or_default();
    let Some(mut rest) = old.strip_prefix(first) else {
        return whole();
    };
    let kept: Vec<&str> = kept.collect();
    let mut pieces = vec![Piece::Kept(first.to_owned())];
    for (n, text) in kept.iter().enumerate() {
        let found = match n + 1 == kept.len() {
            // The last runs to the end.
            true => rest.ends_with(text).then(|| rest.len() - text.len()),
            false => rest.find(text),
        };
        let Some(at) = found else {
            return whole();
        };
        pieces.push(match &rest[..at] {
            MARKER => Piece::Kept(MARKER.to_owned()),
            secret => replaced(secret, MARKER),
        });
        pieces.push(Piece::Kept((*text).to_owned()));
        rest = &rest[at + text.len()..];
    }
    if kept.is_empty() {
        return whole();
    }
    pieces.retain(|piece| *piece != Piece::Kept(String::new()));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(text: &str) -> Piece {
        Piece::Kept(text.to_owned())
    }

    fn replaced(old: &str, new: &str) -> Piece {
        Piece::Replaced {
            old: old.to_owned(),
            new: new.to_owned(),
        }
    }

    #[test]
    fn markers_are_found_inside_values() {
        for (old, new, expected) in [
            (
                "\"/x?token=abc&page=2\"",
                "\"/x?token=[Filtered]&page=2\"",
                vec![
                    kept("\"/x?token="),
                    replaced("abc", "[Filtered]"),
                    kept("&page=2\""),
                ],
            ),
            (
                "\"a=1&b=[Filtered]\"",
                "\"a=[Filtered]&b=[Filtered]\"",
                vec![
                    kept("\"a="),
                    replaced("1", "[Filtered]"),
                    kept("&b="),
                    kept("[Filtered]"),
                    kept("\""),
                ],
            ),
            (
                "{\"a\":1}",
                "\"[Filtered]\"",
                vec![replaced("{\"a\":1}", "\"[Filtered]\"")],
            ),
            (
                "\"10.0.0.1\"",
                "null",
                vec![replaced("\"10.0.0.1\"", "null")],
            ),
        ] {
            assert_eq!(pieces(old, new), expected, "{old}");
        }
    }

    #[test]
    fn unchanged_members_are_thinned_out() {
        let before = br#"{"a":1,"b":2,"c":"x","d":4,"e":5}"#;
        let after = br#"{"a":1,"b":2,"c":"[Filtered]","d":4,"e":5,"f":6}"#;
        let same = |path: &str, value: &str| Line::Same {
            path: path.to_owned(),
            value: value.to_owned(),
        };
        assert_eq!(
            compare(before, after).unwrap(),
            [
                Line::Skipped(1),
                same("b", "2"),
                Line::Changed {
                    path: "c".to_owned(),
                    pieces: vec![kept("\""), replaced("x", "[Filtered]"), kept("\"")],
                },
                same("d", "4"),
                same("e", "5"),
                Line::Added {
                    path: "f".to_owned(),
                    new: "6".to_owned(),
                },
            ]
        );
        assert_eq!(compare(b"{", b"{}"), None);
    }
}
