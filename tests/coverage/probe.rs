//! What is put into a field, and what may be said of what has become of it.

use serde_json::{Value, json};

/// The secret in all probes. It has no form of its own: only what is around it tells what it is.
pub const CANARY: &str = "Kq7Zr2Wm9Xt4Bv6";

/// So much of the secret is a usable part of it.
const PART: usize = 6;

pub const MARKER: &str = "[Filtered]";

const DSN: &str = "https://0123456789abcdef0123456789abcdef@o1.ingest.de.sentry.io/42";

/// What a field holds: a word of the lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind(pub String);

/// The values that show what is done with a field. Each has the secret but for the plain one.
#[derive(Debug)]
pub struct Probes {
    /// What is usual there.
    pub plain: Value,
    /// The secret in a text.
    pub text: Value,
    /// The secret under a name that tells it.
    pub name: Option<Value>,
    /// The secret in a name.
    pub key: Option<Value>,
}

impl Kind {
    pub fn of(word: &str) -> Kind {
        let kind = Kind(word.to_owned());
        kind.plain();
        kind
    }

    /// Whether names in it are names of something else, so that a secret's name tells nothing.
    pub fn has_other_names(&self) -> bool {
        self.0 == "packages"
    }

    fn plain(&self) -> Value {
        match self.0.as_str() {
            "text" | "line" | "file" => json!("plain words"),
            "word" => json!("ok"),
            "url" => json!("https://shop.example/orders?page=2"),
            "query" => json!("page=2&sort=up"),
            "path" => json!("/srv/app/main.py"),
            "id" => json!("9ec79c33ec9942ab8353589fcb2e04dc"),
            "span" => json!("b72fa28504b07285"),
            "media" => json!("text/plain"),
            "ip" => json!("203.0.113.9"),
            "person" => json!("ip:203.0.113.9"),
            "email" => json!("ann@example.com"),
            "time" => json!(1_760_000_000.25),
            "date" => json!("2026-01-01T12:30:45Z"),
            "dsn" => json!(DSN),
            "number" => json!(42),
            "flag" => json!(true),
            "list" => json!(["plain words", "more of them"]),
            "map" => json!({"note": "plain words", "size": 3}),
            "pairs" => json!([["note", "plain words"], ["size", "3"]]),
            "packages" => json!({"flask": "3.0.2"}),
            other => panic!("nothing holds '{other}'"),
        }
    }

    pub fn probes(&self) -> Probes {
        let secret = format!("https://x.example/?page=2&token={CANARY}");
        let text = match self.0.as_str() {
            "url" => secret.clone(),
            "dsn" => DSN.replace('@', &format!(":{CANARY}@")),
            "query" => format!("page=2&token={CANARY}"),
            _ => format!("see {secret}"),
        };
        let (text, name, key) = match self.0.as_str() {
            "list" => (json!(["plain words", text]), None, None),
            "map" => (
                json!({"note": text, "size": 3}),
                Some(json!({"note": "plain words", "password": CANARY})),
                Some(json!({secret: "plain words"})),
            ),
            "packages" => (
                json!({"flask": text}),
                Some(json!({"flask": "3.0.2", "password": "3.0.2"})),
                Some(json!({secret: "3.0.2"})),
            ),
            "pairs" => (
                json!([["note", text], ["size", "3"]]),
                Some(json!([["note", "plain words"], ["password", CANARY]])),
                Some(json!([[secret, "plain words"]])),
            ),
            _ => (json!(text), None, None),
        };
        Probes {
            plain: self.plain(),
            text,
            name,
            key,
        }
    }
}

/// Texts that tell of a secret in them.
fn texts() -> [String; 4] {
    [
        format!("see https://x.example/?token={CANARY}"),
        format!("postgres://svc:{CANARY}@db.example/app"),
        format!("Authorization: Bearer {CANARY}"),
        json!({"note": 1, "password": CANARY}).to_string(),
    ]
}

/// Values that tell of a secret by what is in a text, whatever the field is for.
pub fn telling_texts() -> Vec<Value> {
    let [url, user, header, json] = texts();
    let key = format!("https://x.example/?token={CANARY}");
    vec![
        json!({key: "plain words"}),
        json!([url, {"note": header.clone()}]),
        json!([["note", user.clone()]]),
        json!(url),
        json!(user),
        json!(header),
        json!(json),
    ]
}

/// Values that tell of a secret by a member's name.
pub fn telling_names() -> Vec<Value> {
    vec![
        json!({"password": CANARY}),
        json!({"note": {"more": [{"apiToken": CANARY}]}}),
        json!({"headers": {"Cookie": format!("a={CANARY}"), "X-Cron-Secret": [CANARY]}}),
        json!({"Proxy-Authorization": CANARY, "x-mailbox-webhook-secret": CANARY, "set_cookie": [CANARY]}),
        json!({"session.token": {"value": CANARY, "type": "string"}}),
        json!([["password", CANARY]]),
        json!({"key": "password", "value": CANARY}),
    ]
}

/// Whether the secret, or a usable part of it, is in what came out.
pub fn leaks(out: &[u8]) -> bool {
    let mut parts = CANARY.as_bytes().windows(PART);
    parts.any(|part| memchr::memmem::find(out, part).is_some())
}

/// What has become of a value, in a word or a few.
pub fn outcome(put: &Value, got: &Value) -> String {
    let stars = "*".repeat(CANARY.len());
    let is_filtered = |leaf: &str| leaf == MARKER;
    let is_masked = |leaf: &str| leaf.bytes().all(|byte| byte == b'*');
    let word = if got == put {
        "passed"
    } else if got.is_null() {
        "null"
    } else if *got == json!({}) {
        "emptied"
    } else if leaves(got, &is_filtered) || (are_pairs(put) && seconds(got, &is_filtered)) {
        "filtered"
    } else if *got == replaced(put, MARKER) {
        "scrubbed"
    } else if *got == replaced(put, &stars) {
        "masked"
    } else if leaves(got, &is_masked) {
        "masked whole"
    } else if let Some((added, rest)) = added(put, got) {
        return format!("{}, `{added}` added", outcome(put, &rest));
    } else if let Some(before) = put.as_str().and_then(|text| text.split_once(CANARY))
        && got
            .as_str()
            .is_some_and(|got| got.starts_with(&format!("{}{stars}", before.0)))
    {
        "masked with what follows"
    } else {
        return format!("set to `{got}`");
    };
    word.to_owned()
}

/// The first member that an object has and had not, and the object without it.
fn added(put: &Value, got: &Value) -> Option<(String, Value)> {
    let scrubbed = replaced(put, MARKER);
    let (had, has) = (scrubbed.as_object()?, got.as_object()?);
    if has.len() != had.len() + 1 || !had.keys().all(|key| has.contains_key(key)) {
        return None;
    }
    let member = has.keys().rfind(|key| !had.contains_key(*key))?.clone();
    let mut rest = has.clone();
    rest.remove(&member);
    Some((member, Value::Object(rest)))
}

fn are_pairs(value: &Value) -> bool {
    let is_pair = |it: &Value| {
        it.as_array()
            .is_some_and(|it| it.len() == 2 && it[0].is_string())
    };
    value.as_array().is_some_and(|all| all.iter().all(is_pair))
}

/// Whether this is true of what follows the name in each pair.
fn seconds(value: &Value, is: &impl Fn(&str) -> bool) -> bool {
    let is = |pair: &Value| pair.get(1).is_some_and(|second| leaves(second, is));
    value.as_array().is_some_and(|all| all.iter().all(is))
}

/// The value with something in the secret's place.
fn replaced(value: &Value, marker: &str) -> Value {
    let text = value.to_string().replace(CANARY, marker);
    serde_json::from_str(&text).expect("JSON")
}

/// Whether all leaves are texts of which this is true. What is no secret anywhere does not count.
fn leaves(value: &Value, is: &impl Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => is(text),
        Value::Array(all) => all.iter().all(|it| leaves(it, is)),
        Value::Object(all) => all.values().all(|it| leaves(it, is)),
        Value::Null | Value::Bool(_) => true,
        Value::Number(_) => false,
    }
}
