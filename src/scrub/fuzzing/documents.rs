//! Documents of all formats in which the pieces of secrets stand in any order, derived from arbitrary bytes: laws 3 to 8, and law 1
//! for known secrets.
//!
//! A mutated document is most often malformed, or has a text that nothing reads. These are well-formed as far as their format asks, deep,
//! wide or long, with held values that overflow, and their strings are made of names, anchors of tokens, separators, quotes and
//! spellings of these, next to each other as no program writes them.

#![expect(clippy::panic, reason = "a broken law must stop the fuzzer")]

use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use crate::policy::Policy;
use crate::scrub::{Format, Plan};

use super::choices::Choices;
use super::{check_laws, default_plan, scrub, shown};

/// Secrets that the operator names, in one of the plans.
const KNOWN: [&[u8]; 3] = [
    b"hunter2x-KNOWN9",
    b"s3cr3t/Val+ue==\"q",
    "\u{17c}ona12345678".as_bytes(),
];

/// What a text is made of besides names and anchors.
const PIECES: [&str; 93] = [
    "\u{17c}ona12345678",
    "=",
    ":",
    ": ",
    "=>",
    ":=",
    "==",
    "&",
    ";",
    "?",
    "#",
    ",",
    " ",
    "\n",
    "\r\n",
    "\t",
    "|",
    "/",
    "\\",
    "\\\\",
    "\\n",
    "'",
    "\"",
    "`",
    "\\\"",
    "\\'",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "<",
    ">",
    "</",
    "/>",
    "\"}",
    "{\"",
    "')",
    "=\"",
    "%3D",
    "%253D",
    "%22",
    "%26",
    "%5B",
    "%20",
    "+",
    "&amp;",
    "&quot;",
    "&#61;",
    "\\u003d",
    "\\u0074oken",
    "%74oken",
    "://",
    "@",
    "@h/",
    "https://a.eu/x?b=1&code=",
    "https://u:p@h/",
    "postgres://u:",
    "u:pw@tcp(h)",
    "--token ",
    "--user ",
    "curl -u ",
    "Bearer ",
    "Basic dXNlcjpwYXNz",
    "-----BEGIN",
    "eyJ",
    "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
    "b'",
    "u'",
    "(b'cookie', b'",
    "map[",
    "Some(",
    "Array (",
    "string(3) ",
    "s:5:\"",
    "s:8:\"password\";",
    "$x",
    "[0]",
    "\n  - ",
    "|\n  ",
    "hunter2x-KNOWN9",
    "hunter2x-",
    "KNOWN9",
    "10.1.2.3",
    "a@b.eu",
    "\u{1b}[31m",
    "\u{e9}",
    "\u{142}",
    "\u{1f600}",
    "\u{a0}",
    "null",
    "...",
];

/// Values.
const VALUES: [&str; 10] = [
    "abc12345X",
    "hunter2",
    "[Filtered]",
    "x",
    "null",
    "Ab1-xyz_99.q",
    "\"q w\"",
    "{a:1}",
    "[1, 2]",
    "True",
];

/// Keys that mean something to the scrubber, and some that do not.
const KEYS: [&str; 48] = [
    "a",
    "b",
    "value",
    "key",
    "name",
    "type",
    "token",
    "password",
    "Authorization",
    "cookies",
    "query_string",
    "code",
    "data",
    "headers",
    "user",
    "id",
    "ip_address",
    "extra",
    "tags",
    "stringValue",
    "url",
    "message",
    "X-Api-Key",
    "string",
    "doubleValue",
    "items",
    "sdk",
    "settings",
    "infer_ip",
    "_meta",
    "val",
    "len",
    "contexts",
    "request",
    "env",
    "max_tokens",
    "https://x/?token=abc",
    "vars",
    "frames",
    "exception",
    "values",
    "stacktrace",
    "REMOTE_ADDR",
    "trace_id",
    "version",
    "ingest_settings",
    "attributes",
    "body",
];

/// Strings that are something as a whole.
const WHOLE: [&str; 17] = [
    "a",
    "token",
    "password",
    "Authorization",
    "--token",
    "string",
    "integer",
    "-u",
    "curl",
    "Cookie",
    "value",
    "null",
    "[Filtered]",
    "10.1.2.3",
    "b'authorization'",
    "transaction",
    "event",
];

/// Values of JSON that are no strings.
const SCALARS: [&str; 10] = [
    "true",
    "false",
    "null",
    "1",
    "-1",
    "0",
    "1.5e3",
    "12345678901",
    "79927398713",
    "4111111111111111",
];

/// Longest text, in bytes.
const TEXT_BYTES: usize = 12_000;
/// Longest key before it is escaped.
const KEY_BYTES: usize = 700;

/// The plans that documents are scrubbed with: the default, the one with all packs, and one with known secrets.
fn plans() -> &'static [Arc<Plan>; 3] {
    static PLANS: OnceLock<[Arc<Plan>; 3]> = OnceLock::new();
    PLANS.get_or_init(|| {
        let plain = default_plan();
        let strict = match Policy::builtin("strict") {
            Ok(policy) => policy.plan(),
            Err(error) => panic!("a policy does not load: {error}"),
        };
        let known = Arc::new(plain.with_known_secrets(KNOWN));
        [plain, strict, known]
    })
}

/// A document in the making.
struct Maker<'a> {
    choices: Choices<'a>,
    words: &'static [String],
    out: String,
}

/// The literals of all rules, and so all words of names and all anchors of tokens.
fn words() -> &'static [String] {
    static WORDS: OnceLock<Vec<String>> = OnceLock::new();
    WORDS.get_or_init(|| {
        let plan = &plans()[1];
        let texts = plan
            .literals
            .texts()
            .filter_map(|text| std::str::from_utf8(text).ok());
        let mut all: Vec<String> = texts.map(str::to_owned).collect();
        all.sort();
        all.dedup();
        all
    })
}

impl Maker<'_> {
    fn word(&mut self) -> &'static str {
        let high = self.choices.below(256) << 8;
        let index = (high | self.choices.below(256)) % self.words.len();
        &self.words[index]
    }

    /// Something long in which nothing is.
    fn padding(&mut self) -> String {
        let unit = self.choices.of(&[
            "x", "lorem ", "abc def ", "0", "-", "_", " ", "path/to/", "\u{e9}",
        ]);
        let most = [3, 10, 60, 64, 130, 500, 1100, 2100][self.choices.below(8)];
        let length = self.choices.below(256) * most / 256;
        unit.repeat(length.div_ceil(unit.len()))
    }

    fn text(&mut self) -> String {
        let mut text = String::new();
        let pieces = self.choices.below(10) + self.choices.below(3) * self.choices.below(12);
        for _ in 0..pieces {
            match self.choices.below(12) {
                0 | 1 => text.push_str(self.word()),
                2 => text.push_str(&self.padding()),
                3 => {
                    text.push_str(self.word());
                    text.push_str(self.choices.of(&[
                        "=",
                        ": ",
                        "\":\"",
                        "%3D",
                        "=>",
                        "' : '",
                        "\\\":\\\"",
                        " = ",
                        "\", \"",
                    ]));
                    text.push_str(self.choices.of(&VALUES));
                }
                4 => {
                    let word = self.word();
                    let from = self.choices.below(word.len() + 1);
                    text.push_str(word.get(from..).unwrap_or(word));
                }
                5 => text.push_str(self.choices.of(&KEYS)),
                _ => text.push_str(self.choices.of(&PIECES)),
            }
        }
        shorten(&mut text, TEXT_BYTES);
        text
    }

    /// A JSON string, with more escapes than it needs now and then.
    fn quoted(&mut self, text: &str) {
        let style = self.choices.below(4);
        let out = &mut self.out;
        out.push('"');
        for character in text.chars() {
            let code = u32::from(character);
            let _ = match character {
                '"' | '\\' => write!(out, "\\{character}"),
                '\n' => write!(out, "\\n"),
                '\r' => write!(out, "\\r"),
                '\t' => write!(out, "\\t"),
                _ if code < 0x20 => write!(out, "\\u{code:04x}"),
                _ if style == 0 && code < 0xD800 && code % 7 == 0 => write!(out, "\\u{code:04X}"),
                '/' if style == 1 => write!(out, "\\/"),
                _ if style == 2 && code > 0x7F => {
                    let mut units = [0; 2];
                    let units = character.encode_utf16(&mut units);
                    units
                        .iter()
                        .try_for_each(|unit| write!(out, "\\u{unit:04x}"))
                }
                _ => write!(out, "{character}"),
            };
        }
        out.push('"');
    }

    fn space(&mut self) {
        if self.choices.one_in(8) {
            let space = self.choices.of(&[" ", "\t", "\r", "  "]);
            let count = match self.choices.below(12) {
                0 => self.choices.below(70),
                _ => 1,
            };
            self.out.push_str(&space.repeat(count));
        }
    }

    fn key(&mut self) {
        let mut key = match self.choices.below(14) {
            0 => self.word().to_owned(),
            1 => self.text(),
            2 => self.padding(),
            _ => self.choices.of(&KEYS).to_owned(),
        };
        shorten(&mut key, KEY_BYTES);
        self.quoted(&key);
    }

    fn value(&mut self, depth: usize) {
        self.space();
        match self.choices.below(if depth == 0 { 8 } else { 13 }) {
            0 => self.out.push_str(self.choices.of(&SCALARS)),
            1 => {
                let whole = self.choices.of(&WHOLE);
                self.quoted(whole);
            }
            2 => {
                let padding = self.padding();
                self.quoted(&padding);
            }
            3..=7 => {
                let text = self.text();
                self.quoted(&text);
            }
            8..=10 => self.object(depth),
            _ => {
                let count = match self.choices.below(2) {
                    0 => 2,
                    _ => self.choices.below(6),
                };
                self.out.push('[');
                for index in 0..count {
                    self.comma(index);
                    self.value(depth - 1);
                }
                self.space();
                self.out.push(']');
            }
        }
        self.space();
    }

    fn comma(&mut self, index: usize) {
        if index > 0 {
            self.out.push(',');
        }
    }

    fn object(&mut self, depth: usize) {
        self.out.push('{');
        let count = self.choices.below(6);
        for index in 0..count {
            self.comma(index);
            self.space();
            self.key();
            self.space();
            self.out.push(':');
            self.value(depth.saturating_sub(1));
        }
        if self.choices.one_in(16) {
            self.comma(count);
            self.held();
        }
        self.space();
        self.out.push('}');
    }

    /// A member whose value waits for the name behind it, which may be more than is kept. There are no keys in it that could be secrets:
    /// how much is kept depends a bit on what stands in their place.
    fn held(&mut self) {
        let name = self.choices.of(&["token", "a", "Cookie"]);
        let members = self.choices.below(70);
        let long = self.padding();
        self.out.push_str("\"h\":{\"value\":[0");
        for _ in 0..members {
            let _ = write!(self.out, ",{{\"m\":\"{long}?token=ab ipsum\",\"n\":");
            self.value(0);
            self.out.push('}');
        }
        let _ = write!(self.out, "],\"m\":\"c?token=1\",\"key\":\"{name}\"}}");
    }

    /// Containers in containers, as deep as is allowed or a bit deeper.
    fn deep(&mut self) {
        let depth = 480 + self.choices.below(40);
        let mut closing = Vec::new();
        for _ in 0..depth {
            let (open, close) = match self.choices.below(4) {
                0 => ("[", "]"),
                1 => ("{\"a\":", "}"),
                2 => ("{\"value\":", ",\"key\":\"token\"}"),
                _ => ("{\"value\":", ",\"name\":\"a\"}"),
            };
            self.out.push_str(open);
            closing.push(close);
        }
        self.value(1);
        for close in closing.iter().rev() {
            self.out.push_str(close);
        }
    }

    fn item(&mut self) {
        let mut payload = Maker {
            choices: std::mem::replace(&mut self.choices, Choices::new(&[])),
            words: self.words,
            out: String::new(),
        };
        let depth = payload.choices.below(4);
        let head = match payload.choices.below(5) {
            0 | 1 => {
                payload.object(depth);
                let kinds = [
                    "event",
                    "feedback",
                    "session",
                    "client_report",
                    "transaction",
                ];
                format!("{{\"type\":\"{}\"}}", payload.choices.of(&kinds))
            }
            2 => {
                payload.object(depth);
                let kinds = ["event", "feedback", "user_report"];
                let kind = payload.choices.of(&kinds);
                format!("{{\"type\":\"{kind}\",\"length\":{}}}", payload.out.len())
            }
            3 => {
                let count = payload.choices.below(4) + 1;
                payload.out.push_str("{\"items\":[");
                for index in 0..count {
                    payload.comma(index);
                    payload.object(depth);
                }
                payload.out.push_str("]}");
                let kind = payload.choices.of(&["log", "trace_metric", "span"]);
                let length = payload.out.len();
                format!("{{\"type\":\"{kind}\",\"item_count\":{count},\"length\":{length}}}")
            }
            _ => {
                payload.out = payload.text();
                let length = payload.out.len();
                format!(
                    "{{\"type\":\"attachment\",\"length\":{length},\"filename\":\"a.txt\",\"content_type\":\"text/plain\"}}"
                )
            }
        };
        self.choices = payload.choices;
        self.out.push_str(&head);
        self.out.push('\n');
        self.out.push_str(&payload.out);
        self.out.push('\n');
    }

    fn document(&mut self) -> Format {
        let depth = self.choices.below(5);
        match self.choices.below(8) {
            0 if self.choices.one_in(8) => {
                self.deep();
                Format::Json
            }
            0 | 1 => {
                self.value(depth);
                Format::Json
            }
            2 => {
                self.object(depth);
                Format::Event
            }
            3 => {
                for _ in 0..=self.choices.below(5) {
                    self.object(depth.min(3));
                    self.out.push('\n');
                }
                Format::Ndjson
            }
            4 => {
                self.out
                    .push_str("{\"event_id\":\"9ec79c33ec9942ab8353589fcb2e04dc\"}\n");
                for _ in 0..=self.choices.below(4) {
                    self.item();
                }
                Format::Envelope
            }
            5 => {
                self.out = self.text();
                Format::Text
            }
            6 => {
                self.out = self.text();
                Format::Query
            }
            _ => {
                for _ in 0..=self.choices.below(4) {
                    let names = ["Cookie: ", "X-Api-Key: ", "Referer: ", "Accept: ", ""];
                    self.out.push_str(self.choices.of(&names));
                    let value = self.text();
                    self.out.push_str(&value);
                    self.out.push_str(self.choices.of(&["\r\n", ""]));
                }
                shorten(&mut self.out, TEXT_BYTES);
                Format::Headers
            }
        }
    }
}

/// Takes away what is too much.
fn shorten(text: &mut String, most: usize) {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
}

/// The fuzz target of that name: choices, from which a plan and a document are made. Besides the laws: what other documents have left to
/// a plan changes nothing.
pub fn documents(data: &[u8]) {
    let mut choices = Choices::new(data);
    let cuts = choices.cuts();
    let plan = &plans()[choices.below(3)];
    let afresh = choices.one_in(16);
    let mut maker = Maker {
        choices,
        words: words(),
        out: String::new(),
    };
    let format = maker.document();
    let input = maker.out.as_bytes();
    check_laws(plan, format, input, &cuts);
    if Arc::ptr_eq(plan, &plans()[2]) {
        let (out, _) = scrub(plan, format, [input]);
        for known in KNOWN {
            assert!(
                memchr::memmem::find(&out, known).is_none(),
                "law 1: a known secret is in the output:\n in {}\nout {}",
                shown(input),
                shown(&out)
            );
        }
    }
    if afresh {
        let (used, used_result) = scrub(plan, format, [input]);
        let (fresh, fresh_result) = scrub(&Arc::new((**plan).clone()), format, [input]);
        assert!(
            used == fresh && used_result == fresh_result,
            "other documents have told:\n used {}\nfresh {}\n{}",
            shown(&used),
            shown(&fresh),
            shown(input)
        );
    }
}
