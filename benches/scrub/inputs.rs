//! Ordinary inputs: captured envelopes, and documents that look like events with as many secrets as are asked for.

use bytes::Bytes;
use scrubline::scrub::Format;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/data");
/// Of the one large envelope.
const LARGE_BYTES: usize = 20 << 20;
/// Of documents that are made here.
const DOCUMENT_BYTES: usize = 64 << 10;

/// How many redactions an input takes.
#[derive(Clone, Copy)]
pub(super) enum Redactions {
    /// Whatever it is.
    Any,
    /// It was captured: some, and no secret of it may leave.
    Captured,
    Exactly(u64),
}

/// What is read, and what must come of it.
pub(super) struct Input {
    pub(super) name: String,
    pub(super) format: Format,
    pub(super) documents: Vec<Bytes>,
    /// The same as JSON documents, for those who read nothing else.
    pub(super) json: Vec<Bytes>,
    pub(super) redactions: Redactions,
}

impl Input {
    /// JSON documents.
    pub(super) fn json(name: impl Into<String>, json: Vec<Bytes>, redactions: Redactions) -> Input {
        Input {
            name: name.into(),
            format: Format::Json,
            documents: json.clone(),
            json,
            redactions,
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.documents.iter().map(|it| it.len() as u64).sum()
    }
}

/// Of each row of the table one.
pub(super) fn ordinary() -> Vec<Input> {
    let per_mille = |name, share| generated(name, DOCUMENT_BYTES, share);
    vec![
        bulk(),
        per_mille("clean", 0),
        per_mille("sparse", 50),
        // With a member of some 170 bytes beside each of some 50 with a secret.
        per_mille("dense", 600),
        large(),
    ]
}

fn envelopes() -> Vec<Bytes> {
    let data = Bytes::from(std::fs::read(format!("{DATA}/bulk.bin")).unwrap());
    let index = std::fs::read_to_string(format!("{DATA}/bulk.index")).unwrap();
    let place = |line: &str| {
        let (offset, length) = line.split_once(' ').unwrap();
        let offset: usize = offset.parse().unwrap();
        offset..offset + length.parse::<usize>().unwrap()
    };
    index.lines().map(|line| data.slice(place(line))).collect()
}

/// The JSON payloads of an envelope.
fn payloads(envelope: &Bytes) -> impl Iterator<Item = Bytes> {
    let lines = envelope.split(|byte| *byte == b'\n').skip(1);
    let payloads = lines.filter(|line| {
        line.starts_with(b"{")
            && !line.starts_with(b"{\"type\"")
            && serde_json::from_slice::<serde_json::Value>(line).is_ok()
    });
    payloads.map(|line| envelope.slice_ref(line))
}

/// The JSON payloads of the captured envelopes.
pub(super) fn bulk() -> Input {
    let documents = envelopes().iter().flat_map(payloads).collect();
    Input::json("bulk", documents, Redactions::Captured)
}

/// All of that again and again, as items of one envelope.
fn large() -> Input {
    let documents = bulk().documents;
    let mut envelope = b"{\"event_id\":\"9ec79c33ec9942ab8353589fcb2e04dc\"}\n".to_vec();
    for document in documents.iter().cycle() {
        if envelope.len() >= LARGE_BYTES {
            break;
        }
        envelope.extend_from_slice(b"{\"type\":\"event\"}\n");
        envelope.extend_from_slice(document);
        envelope.push(b'\n');
    }
    let envelope = Bytes::from(envelope);
    Input {
        name: "large".to_owned(),
        format: Format::Envelope,
        json: payloads(&envelope).collect(),
        documents: vec![envelope],
        redactions: Redactions::Captured,
    }
}

/// An event-like document of about `length` bytes; so many of a thousand members have a secret.
pub(super) fn generated(name: impl Into<String>, length: usize, per_mille: usize) -> Input {
    let mut text = String::from("{\"event_id\":\"9ec79c33ec9942ab8353589fcb2e04dc\",\"frames\":[");
    let mut secrets = 0;
    let mut index = 0;
    while index == 0 || text.len() < length {
        if index > 0 {
            text.push(',');
        }
        index += 1;
        if index * per_mille / 1000 > (index - 1) * per_mille / 1000 {
            secrets += 1;
            match secrets % 3 {
                0 => text.push_str("{\"Authorization\":\"Bearer 0123456789abcdef0123\"}"),
                1 => text.push_str("{\"url\":\"https://a.eu/x?page=2&token=0123456789\"}"),
                _ => text.push_str("[\"X-Api-Key\",\"0123456789abcdef0123456789abcd\"]"),
            }
        } else {
            text.push_str(&format!(
                "{{\"filename\":\"app/views/orders.py\",\"function\":\"charge_{index}\",\"lineno\":{index},\"in_app\":true,\
                 \"context_line\":\"    return gateway.charge(order, amount)\",\"vars\":{{\"order\":\"<Order {index}>\"}}}}"
            ));
        }
    }
    text.push_str("]}");
    Input::json(name, vec![Bytes::from(text)], Redactions::Exactly(secrets))
}

/// Documents that are all of one kind: one long string that nothing stands in, members with numbers, and text in which there is much to
/// look at and nothing to redact.
pub(super) fn pure() -> [Input; 3] {
    let repeated = |unit: &str| unit.repeat(DOCUMENT_BYTES / unit.len());
    let kinds = [
        (
            "plain string",
            format!("[\"{}\"]", repeated("nothing stands here ")),
        ),
        (
            "members",
            format!(
                "{{{}\"end\":0}}",
                repeated("\"lineno\":123,\"in_app\":true,")
            ),
        ),
        (
            "text",
            format!(
                "[\"{}\"]",
                repeated("GET /orders?page=2 took: 12 ms, user='anna' (ok) ")
            ),
        ),
    ];
    kinds.map(|(name, text)| Input::json(name, vec![Bytes::from(text)], Redactions::Exactly(0)))
}
