//! Takes an envelope apart for showing. It is lenient: what it can't read is not shown.

use serde::Deserialize;
use serde_json::Value;

/// One item.
pub(super) struct Item<'a> {
    pub(super) kind: String,
    pub(super) payload: &'a [u8],
}

#[derive(Deserialize)]
struct Header {
    #[serde(rename = "type")]
    kind: String,
    length: Option<usize>,
}

/// The items of an envelope, in order.
pub(super) fn items(envelope: &[u8]) -> Vec<Item<'_>> {
    let (_, mut rest) = line(envelope);
    let mut items = Vec::new();
    while !rest.is_empty() {
        let (header, behind) = line(rest);
        if header.is_empty() {
            // The newline behind a payload of known length.
            rest = behind;
            continue;
        }
        let Ok(header) = serde_json::from_slice::<Header>(header) else {
            break;
        };
        let (payload, behind) = match header.length {
            Some(length) => behind.split_at(length.min(behind.len())),
            None => line(behind),
        };
        items.push(Item {
            kind: header.kind,
            payload,
        });
        rest = behind;
    }
    items
}

fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b'\n', bytes) {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[]),
    }
}

/// A place in a JSON document, as reports write it: `request.headers.Cookie`, `values[0].type`.
pub(super) fn member(path: &str, key: &str) -> String {
    match path {
        "" => key.to_owned(),
        _ => format!("{path}.{key}"),
    }
}

/// The same, of an array's element.
pub(super) fn element(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}

/// Calls `visit` with the path of every value that is no container.
pub(super) fn leaves(path: &str, value: &Value, visit: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                leaves(&member(path, key), value, visit);
            }
        }
        Value::Array(elements) => {
            for (index, value) in elements.iter().enumerate() {
                leaves(&element(path, index), value, visit);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => visit(path, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_with_and_without_length() {
        let envelope = b"{}\n{\"type\":\"attachment\",\"length\":3}\na\nb\n{\"type\":\"event\"}\n{\"a\":1}\n{\"type\":\"x\",\"length\":0}\n";
        let found: Vec<_> = items(envelope)
            .into_iter()
            .map(|item| (item.kind, item.payload.to_vec()))
            .collect();
        let item = |kind: &str, payload: &[u8]| (kind.to_owned(), payload.to_vec());
        assert_eq!(
            found,
            [
                item("attachment", b"a\nb"),
                item("event", b"{\"a\":1}"),
                item("x", b"")
            ]
        );
        assert!(items(b"no envelope").is_empty());
    }

    #[test]
    fn paths() {
        let value = serde_json::json!({"a": [{"b": 1}, null], "c": {}});
        let mut found = Vec::new();
        leaves("", &value, &mut |path, _| found.push(path.to_owned()));
        assert_eq!(found, ["a[0].b", "a[1]"]);
    }
}
