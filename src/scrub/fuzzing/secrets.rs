//! Pairs of documents that are the same but for one secret, derived from arbitrary bytes: laws 1 and 2.
//!
//! A [`Template`] is built from the inside out: a place that the contract covers (a name in some spelling, in some notation), then
//! prose and structure around it, each through the escapes of what it stands in. Filled with two secrets it gives two documents,
//! whose outputs must be the same bytes, and have no part of either secret, however they are cut.

#![expect(clippy::panic, reason = "a broken law must stop the fuzzer")]

use std::fmt::Write as _;
use std::sync::Arc;

use crate::scrub::{Format, MARKER, Plan};

use super::choices::Choices;
use super::{default_plan, scrub, shown, split};

/// So many characters of a secret in a row are a usable part of it.
const PART_CHARACTERS: usize = 6;

/// Names of headers that are denied, in words.
const HEADERS: [&str; 13] = [
    "authorization",
    "cookie",
    "x cron secret",
    "x mailbox webhook secret",
    "proxy authorization",
    "set cookie",
    "x hub secret",
    "x gitlab token",
    "x api key",
    "x csrf token",
    "x xsrf token",
    "x amz security token",
    "php auth pw",
];

/// Names of JSON keys that are denied beyond the headers', in words.
const KEYS: [&str; 18] = [
    "password",
    "token",
    "secret",
    "user passwd",
    "db pwd",
    "passphrase",
    "api key",
    "access token",
    "client secret",
    "private key",
    "aws secret access key",
    "refresh tokens",
    "session id",
    "csrf",
    "jwt",
    "otp",
    "accesstoken",
    "has\u{142}o",
];

/// Names of parameters that are denied, as they are written.
const PARAMETERS: [&str; 22] = [
    "token",
    "code",
    "password",
    "secret",
    "access_token",
    "client_secret",
    "api_key",
    "sig",
    "signature",
    "X-Amz-Signature",
    "X-Amz-Credential",
    "x-goog-signature",
    "passwd",
    "pwd",
    "pass",
    "otp",
    "jwt",
    "assertion",
    "SAMLResponse",
    "code_verifier",
    "session",
    "sid",
];

/// Names that are none of a secret.
const HARMLESS: [&str; 8] = [
    "a",
    "extra",
    "vars",
    "n\u{61}m\u{e9}",
    "max_tokens",
    "author",
    "status",
    "o",
];

/// What may stand before or behind a secret in a text, and opens nothing that it does not close.
const PROSE: [&str; 12] = [
    "",
    "request failed",
    "GET /a/b?page=2&sort=up HTTP/1.1",
    "caf\u{e9} \u{1f600} \u{17c}\u{f3}\u{142}w",
    "{\"n\":1,\"m\":[true,null]}",
    "level=info n=5",
    "see https://a.eu/x#top.",
    "Unexpected token < in JSON at position 0",
    "[1, 2] (three) <four/>",
    "100% of 5 + 3 = 8",
    "'x': \"y\"",
    "C:\\new\\table",
];

/// An escape, character by character, so that the spelling of a text is the spelling of its parts.
#[derive(Debug, Clone, Copy)]
enum Layer {
    /// The inside of a JSON string; some characters are escaped that need not be, by a number.
    Json(u8),
    /// The inside of a JSON string in which nothing is escaped that need not be.
    Plain,
    /// A URL's parameter.
    Percent(u8),
    /// The inside of a string as Python's `repr` shows it, in single quotes.
    Repr,
    /// What stands in an element or attribute of HTML.
    Html,
}

impl Layer {
    fn spell(self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for character in text.chars() {
            // Writing to a string can't fail.
            let _ = self.letter(character, &mut out);
        }
        out
    }

    fn letter(self, character: char, out: &mut String) -> std::fmt::Result {
        let code = u32::from(character);
        match self {
            Layer::Json(style) if spare(character, style) => match style % 2 {
                0 => write!(out, "\\u{code:04x}"),
                _ => write!(out, "\\u{code:04X}"),
            },
            Layer::Json(_) | Layer::Plain => match character {
                '"' | '\\' => write!(out, "\\{character}"),
                '\n' => write!(out, "\\n"),
                '\r' => write!(out, "\\r"),
                '\t' => write!(out, "\\t"),
                _ if code < 0x20 => write!(out, "\\u{code:04x}"),
                _ => write!(out, "{character}"),
            },
            Layer::Percent(style) => {
                let plain = character.is_ascii_alphanumeric() || "-_.~".contains(character);
                if plain && !(style > 0 && spare(character, style)) {
                    return write!(out, "{character}");
                }
                let mut buffer = [0; 4];
                for byte in character.encode_utf8(&mut buffer).bytes() {
                    match style % 2 {
                        0 => write!(out, "%{byte:02X}")?,
                        _ => write!(out, "%{byte:02x}")?,
                    }
                }
                Ok(())
            }
            Layer::Html => match character {
                '&' => write!(out, "&amp;"),
                '<' => write!(out, "&lt;"),
                '>' => write!(out, "&gt;"),
                '"' => write!(out, "&quot;"),
                '\'' => write!(out, "&#39;"),
                _ => write!(out, "{character}"),
            },
            Layer::Repr => match character {
                '\'' | '\\' => write!(out, "\\{character}"),
                '\n' => write!(out, "\\n"),
                '\r' => write!(out, "\\r"),
                '\t' => write!(out, "\\t"),
                _ if code < 0x20 => write!(out, "\\x{code:02x}"),
                _ => write!(out, "{character}"),
            },
        }
    }
}

/// Whether a character is one of those that are escaped though they need not be. No part of another escape is: no program escapes
/// half of an escape.
fn spare(character: char, style: u8) -> bool {
    let in_escapes = character.is_ascii_hexdigit() || "nrtux\\%".contains(character);
    character.is_ascii() && !in_escapes && (u32::from(character) + u32::from(style)) % 9 == 0
}

/// Of what a secret may be made where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Letters {
    /// Letters and digits.
    Word,
    /// The same, so that prose has no such word: eight or more, and both letters and digits among them.
    Strong,
    /// The same, sixteen or more.
    Long,
    /// Digits.
    Number,
    /// What stands unquoted behind `=`.
    Unquoted,
    /// What a URL may have in a parameter.
    Parameter,
    /// One line without quotes and backslashes.
    Shell,
    /// One line.
    Line,
    /// Anything.
    Any,
}

impl Letters {
    const WORD: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    fn others(self) -> &'static str {
        match self {
            Letters::Word | Letters::Strong | Letters::Long | Letters::Number => "",
            Letters::Unquoted => "-_.~/+:@",
            Letters::Parameter => "-_.~/+:@!$*%",
            Letters::Shell => "-_.~/+:@!$*% ,;=&?#()[]{}|^<>\u{e9}\u{1f600}",
            Letters::Line => "-_.~/+:@!$*% ,;=&?#()[]{}|^<>\u{e9}\u{1f600}\\'\"`\t",
            Letters::Any => "-_.~/+:@!$*% ,;=&?#()[]{}|^<>\u{e9}\u{1f600}\\'\"`\t\r\n\u{1}",
        }
    }

    fn least(self) -> usize {
        match self {
            Letters::Strong => 8,
            Letters::Long => 16,
            Letters::Word
            | Letters::Number
            | Letters::Unquoted
            | Letters::Parameter
            | Letters::Shell
            | Letters::Line
            | Letters::Any => 1,
        }
    }

    /// A secret. It has a digit, so that it is no `null` and no other word, and begins and ends with a letter or digit, so that no
    /// white space around it is its own.
    fn secret(self, choices: &mut Choices<'_>) -> String {
        if self == Letters::Number {
            let digits = (0..choices.below(18)).map(|_| char::from(b'0' + choices.byte() % 10));
            return "7".chars().chain(digits).collect();
        }
        let length = match choices.below(12) {
            0 => self.least(),
            1 => 200 + 3 * choices.below(256),
            _ => self.least() + choices.below(40),
        };
        let word: Vec<char> = Self::WORD.chars().collect();
        let all: Vec<char> = Self::WORD.chars().chain(self.others().chars()).collect();
        let mut secret = String::new();
        for at in 0..length {
            let from = if at == 0 { &word } else { &all };
            secret.push(from[choices.below(from.len())]);
            if at == 0 && self == Letters::Line {
                // No name of a type, behind which a bracket or quote would begin the value (`Some("x")`, `b'x'`).
                secret.push('+');
            }
        }
        secret.push_str(["7", "k7", "7Z", "Q4x"][choices.below(4)]);
        if self == Letters::Strong && !secret.contains(|it: char| it.is_ascii_alphabetic()) {
            // Behind a generic name, digits alone are no secret.
            secret.push('k');
        }
        secret
    }
}

/// A document with a hole for a secret.
#[derive(Debug, Clone)]
struct Template {
    before: String,
    after: String,
    /// How the secret is spelled in it, from the inside out.
    layers: Vec<Layer>,
    letters: Letters,
}

impl Template {
    fn hole(letters: Letters) -> Template {
        Template {
            before: String::new(),
            after: String::new(),
            layers: Vec::new(),
            letters,
        }
    }

    /// With this around it, as it is.
    fn between(self, before: &str, after: &str) -> Template {
        Template {
            before: format!("{before}{}", self.before),
            after: format!("{}{after}", self.after),
            ..self
        }
    }

    /// All of it escaped.
    fn through(mut self, layer: Layer) -> Template {
        self.before = layer.spell(&self.before);
        self.after = layer.spell(&self.after);
        self.layers.push(layer);
        self
    }

    fn filled(&self, secret: &str) -> String {
        let spelled = self
            .layers
            .iter()
            .fold(secret.to_owned(), |text, layer| layer.spell(&text));
        format!("{}{spelled}{}", self.before, self.after)
    }

    /// The parts of a secret that would be of use, in each spelling that it goes through.
    fn parts(&self, secret: &str) -> Vec<String> {
        let characters: Vec<char> = secret.chars().collect();
        let mut parts = Vec::new();
        for part in characters.windows(PART_CHARACTERS) {
            let mut part: String = part.iter().collect();
            for layer in &self.layers {
                let spelled = layer.spell(&part);
                if spelled != part {
                    parts.push(std::mem::replace(&mut part, spelled));
                }
            }
            parts.push(part);
        }
        parts
    }
}

/// A name in words in one of the spellings that are one name.
fn spelled(words: &str, choices: &mut Choices<'_>) -> String {
    let parts: Vec<&str> = words.split(' ').collect();
    let title = |part: &&str| part[..1].to_uppercase() + &part[1..];
    match choices.below(8) {
        0 => parts.join("-"),
        1 => parts.join("_"),
        2 => parts.join("_").to_uppercase(),
        3 => format!("HTTP_{}", parts.join("_").to_uppercase()),
        4 => parts.iter().map(title).collect::<Vec<_>>().join("-"),
        5 => parts[0].to_owned() + &parts[1..].iter().map(title).collect::<String>(),
        6 => format!("http.request.header.{}", parts.join("-")),
        _ => parts.join("."),
    }
}

fn header(choices: &mut Choices<'_>) -> String {
    let words = choices.of(&HEADERS);
    spelled(words, choices)
}

/// The name of a header as headers are written.
fn field(choices: &mut Choices<'_>) -> String {
    let words = choices.of(&HEADERS);
    let title = |part: &str| part[..1].to_uppercase() + &part[1..];
    match choices.below(4) {
        0 => words.replace(' ', "-"),
        1 => words.replace(' ', "-").to_uppercase(),
        2 => format!("HTTP_{}", words.replace(' ', "_").to_uppercase()),
        _ => words.split(' ').map(title).collect::<Vec<_>>().join("-"),
    }
}

/// A denied JSON key.
fn key(choices: &mut Choices<'_>) -> String {
    if choices.one_in(2) {
        return header(choices);
    }
    let words = choices.of(&KEYS);
    spelled(words, choices)
}

/// A denied key that has letters, digits, `_` and `-` only, as programs name things.
fn identifier(choices: &mut Choices<'_>) -> String {
    let words = choices.of(&KEYS[..17]);
    match choices.below(4) {
        0 => words.replace(' ', "_"),
        1 => words.replace(' ', "_").to_uppercase(),
        2 => words.replace(' ', "-"),
        _ => format!("db_{}1", words.replace(' ', "_")),
    }
}

fn parameter(choices: &mut Choices<'_>) -> String {
    let name = choices.of(&PARAMETERS);
    match choices.below(6) {
        0 => name.to_uppercase(),
        1 => format!("%{:02x}{}", name.as_bytes()[0], &name[1..]),
        2 => format!("user[{name}]"),
        3 => format!("{name}[]"),
        _ => name.to_owned(),
    }
}

/// A place in a text, all of it on lines of its own where its value ends with the line.
fn in_text(choices: &mut Choices<'_>) -> Template {
    use Letters::{Any, Line, Shell, Strong, Unquoted, Word};
    let scheme = choices.of(&["", "", "Bearer ", "Basic ", "Token "]);
    let hole = Template::hole;
    match choices.below(34) {
        0..=4 => in_url(choices),
        5 => hole(Line).between(&format!("{}: {scheme}", field(choices)), "\n"),
        6 => hole(Line).between(
            &format!("POST / HTTP/1.1\r\nHost: a.eu\r\n{}: ", field(choices)),
            "\r\nAccept: */*\r\n",
        ),
        7 => {
            let (flag, name) = (choices.of(&["-H", "--header"]), field(choices));
            let quote = choices.of(&["'", "\""]);
            hole(Shell).between(
                &format!("curl {flag} {quote}{name}: {scheme}"),
                &format!("{quote} https://a.eu/?page=1"),
            )
        }
        8 => hole(Word).between(
            &format!("app --{} ", identifier(choices).replace('_', "-")),
            " --verbose",
        ),
        9 => hole(Unquoted).between(
            &format!("app --{}=", identifier(choices).replace('_', "-")),
            " --verbose",
        ),
        10 => hole(Shell).between(&format!("app --{} \"", identifier(choices)), "\" run"),
        11 => hole(Any).through(Layer::Repr).between(
            &format!("{{'n': 1, '{}': '{scheme}", key(choices)),
            "', 'm': 2}",
        ),
        12 => hole(Any).through(Layer::Repr).between(
            &format!("[(b'host', b'a.eu'), (b'{}', b'", header(choices)),
            "'), (b'accept', b'*/*')]",
        ),
        13 => hole(Any)
            .through(Layer::Repr)
            .between(&format!("Config({}='", identifier(choices)), "', n=1)"),
        14 => json_in_text(choices),
        15 => json_in_text(choices)
            .through(Layer::Html)
            .between("<div data-a=\"", "\">x</div>"),
        16 => hole(Shell).between(&format!("{{\"{}\"=>\"", key(choices)), "\", \"n\"=>1}"),
        17 => hole(Shell).between(
            &format!("{{:{}=>\"", identifier(choices).replace('-', "_")),
            "\", :n=>1}",
        ),
        18 => hole(Line).between(
            &format!("Array\n(\n    [{}] => ", identifier(choices)),
            "\n    [n] => 1\n)\n",
        ),
        19 => hole(Unquoted).between(&format!("{{a=1, {}=", identifier(choices)), ", n=1}"),
        20 => hole(Unquoted).between(&format!("User(id=3, {}=", identifier(choices)), ", n=1)"),
        21 => hole(Word).between(
            &format!("map[N:[1] {}:[{scheme}", field(choices)),
            "] Z:[1]]",
        ),
        22 => hole(Word).between(&format!("{{User:ann {}:", identifier(choices)), " N:1}"),
        23 => {
            let name = identifier(choices);
            hole(Unquoted).between(&format!("<a><{name}>"), &format!("</{name}></a>"))
        }
        24 => hole(Unquoted).between(
            &format!("<user name=\"ann\" {}=\"", identifier(choices)),
            "\"/>",
        ),
        25 => hole(Unquoted).between(&format!("level=info {}=", identifier(choices)), " msg=done"),
        26 => hole(Shell).between(
            &format!("level=info {}=\"", identifier(choices)),
            "\" msg=done",
        ),
        27 => hole(Unquoted).between(&format!("[db]\n{}=", identifier(choices)), "\nuser=ann\n"),
        28 => hole(Shell).between(
            &format!("db:\n  {}: \"", identifier(choices)),
            "\"\n  user: ann\n",
        ),
        29 => hole(Strong).between(&format!("{}: ", identifier(choices)), "\nuser: ann\n"),
        30 => hole(Word).between("curl -u ann:", " https://a.eu/"),
        31 => hole(Shell).between(
            &format!("{{ n: 1, {}: '", identifier(choices).replace('-', "_")),
            "', m: 2 }",
        ),
        32 => hole(Shell).between(
            &format!(
                "Config {{ {}: Some(\"",
                identifier(choices).replace('-', "_")
            ),
            "\"), n: 1 }",
        ),
        _ => hole(Unquoted).between(
            &format!("Server=db;{}=", choices.of(&["Password", "Pwd"])),
            ";Timeout=3",
        ),
    }
}

/// A member of a JSON object in a text.
fn json_in_text(choices: &mut Choices<'_>) -> Template {
    let layer = layer(choices);
    let member = member(choices, layer);
    member.between("{\"n\":1, ", " ,\"m\":[2]}")
}

/// A URL in a text: a parameter, at some depth of percent-encoding, or user info.
fn in_url(choices: &mut Choices<'_>) -> Template {
    let mut template = match choices.below(8) {
        0 => {
            let scheme = choices.of(&["https", "postgres", "redis", "amqp", "mongodb+srv"]);
            Template::hole(Letters::Word)
                .between(&format!("{scheme}://svc:"), "@db.eu:5432/app?n=1")
        }
        1 => {
            let name = parameter(choices);
            Template::hole(Letters::Unquoted).between(&format!("a=1;{name}="), ";b=2")
        }
        2 => {
            let name = parameter(choices);
            Template::hole(Letters::Word).between(&format!("/p;{name}="), "/q?z=1")
        }
        _ => {
            let front = choices.of(&[
                "https://a.eu/x?",
                "/cb#",
                "/x?page=2&",
                "https://a.eu:8080/a/b?n[]=1&n[]=2&",
                "/x?q=%20a%2Fb+c&",
            ]);
            let back = choices.of(&["&b=2", "#top", "", "&sort=up#x", "&token_count=5"]);
            let name = parameter(choices);
            Template::hole(Letters::Parameter).between(&format!("{front}{name}="), back)
        }
    };
    for _ in 0..choices.below(6).saturating_sub(2) {
        let style = if choices.one_in(2) { 0 } else { choices.byte() };
        template = template
            .through(Layer::Percent(style))
            .between("/go?next=", "&z=1");
    }
    match choices.below(5) {
        0 => template.between("<a href=\"", "\">x</a>"),
        1 => template.between("GET ", " HTTP/1.1"),
        2 => template.between("{\"u\":\"", "\",\"w\":[1]}"),
        3 => template.between("open '", "' failed"),
        _ => template,
    }
}

/// Prose around a text, on the same line or on others.
fn in_prose(template: Template, choices: &mut Choices<'_>) -> Template {
    let glue = choices.of(&[" ", "\n", " \n\t", "\r\n"]);
    let mut before = choices.of(&PROSE).to_owned();
    if choices.one_in(12) {
        before = format!("{before} {}", "lorem ipsum ".repeat(choices.below(100)));
    }
    let after = choices.of(&PROSE);
    template.between(&format!("{before}{glue}"), &format!("{glue}{after}"))
}

fn layer(choices: &mut Choices<'_>) -> Layer {
    match choices.below(3) {
        0 => Layer::Json(choices.byte()),
        _ => Layer::Plain,
    }
}

/// A value of a denied key: each leaf in it is secret, and one is the hole.
fn value(choices: &mut Choices<'_>, layer: Layer) -> Template {
    let string = |letters| Template::hole(letters).through(layer).between("\"", "\"");
    match choices.below(10) {
        0 => Template::hole(Letters::Number),
        1 => string(Letters::Any).between("[\"x1\" , ", ",null]"),
        2 => string(Letters::Any).between("{\"a\":{\"b\":[ ", "]} ,\"on\":true}"),
        3 => Template::hole(Letters::Number).between("{\"a\":-1.5e3,\"b\":", "}"),
        4 => string(Letters::Long).between("{\"a\":1,", ":\"y\"}"),
        _ => string(Letters::Any),
    }
}

/// A member of an object in which a name covers the secret. A name of JSON in a string has its escapes from outside.
fn member(choices: &mut Choices<'_>, layer: Layer) -> Template {
    let name = layer.spell(&key(choices));
    value(choices, layer).between(&format!("\"{name}\": "), "")
}

/// A member of a JSON object with the secret somewhere in it.
fn in_json(choices: &mut Choices<'_>) -> Template {
    let layer = layer(choices);
    let string = |letters| Template::hole(letters).through(layer).between("\"", "\"");
    let any = || string(Letters::Any);
    match choices.below(30) {
        0..=4 => member(choices, layer),
        5 => {
            let name = layer.spell(&header(choices));
            any().between(
                &format!("\"headers\":[[\"host\",\"a.eu\"],[\"{name}\", "),
                "]]",
            )
        }
        6 => {
            let name = key(choices);
            Template::hole(Letters::Any)
                .through(Layer::Repr)
                .through(layer)
                .between(
                    &format!("\"h\":[[\"b'host'\",\"b'a'\"],[\"b'{name}'\",\"b'"),
                    "'\"]]",
                )
        }
        7 => {
            let (label, name) = (choices.of(&["key", "name"]), layer.spell(&key(choices)));
            value(choices, layer).between(
                &format!("\"l\":[{{\"{label}\":\"{name}\",\"n\":1,\"value\":"),
                "},{\"key\":\"a\",\"value\":\"b\"}]",
            )
        }
        8 => {
            let (label, name) = (choices.of(&["key", "name"]), layer.spell(&key(choices)));
            value(choices, layer).between(
                "\"l\":[{\"value\" : ",
                &format!(" ,\"n\":1,\"{label}\":\"{name}\"}}]"),
            )
        }
        9 => {
            let (name, kind) = (
                layer.spell(&key(choices)),
                choices.of(&["string", "array", "boolean"]),
            );
            any().between(
                &format!("\"attributes\":{{\"{name}\":{{\"value\":"),
                &format!(",\"type\":\"{kind}\"}}}}"),
            )
        }
        10 => {
            let (name, kind) = (
                layer.spell(&key(choices)),
                choices.of(&["integer", "double"]),
            );
            Template::hole(Letters::Number).between(
                &format!("\"attributes\":{{\"{name}\":{{\"type\":\"{kind}\",\"value\":"),
                "}}",
            )
        }
        11 => {
            let name = layer.spell(&key(choices));
            let hole = match choices.below(3) {
                0 => any().between("{\"stringValue\":", "}"),
                1 => Template::hole(Letters::Number).between("{\"intValue\":\"", "\"}"),
                _ => any().between("{\"arrayValue\":{\"values\":[{\"stringValue\":", "}]}}"),
            };
            match choices.below(2) {
                0 => hole.between(
                    &format!("\"attributes\":[{{\"key\":\"{name}\",\"value\":"),
                    "}]",
                ),
                _ => hole.between(
                    "\"attributes\":[{\"value\":",
                    &format!(",\"key\":\"{name}\"}}]"),
                ),
            }
        }
        12 => {
            let name = field(choices);
            any().between(
                &format!("\"rawHeaders\":[\"Host\",\"a\",\"{name}\","),
                ",\"Accept\",\"b\"]",
            )
        }
        13 => {
            let name = identifier(choices);
            string(Letters::Shell).between(
                &format!("\"argv\":[\"app\",\"--{name}\","),
                ",\"--verbose\",\"x\"]",
            )
        }
        14 => string(Letters::Any).between("\"cookies\":{\"a\":\"b\",\"sid\":", "}"),
        15 => string(Letters::Word).between("\"cookies\":[[\"a\",\"b\"],[\"sid\",", "]]"),
        16 => Template::hole(Letters::Unquoted).between("\"cookies\":\"a=b; sid=", "; c=d\""),
        17 => {
            let name = choices.of(&PARAMETERS);
            any().between(
                &format!("\"query_string\":[[\"a\",\"b\"],[\"{name}\","),
                "]]",
            )
        }
        18 => {
            let name = choices.of(&PARAMETERS);
            any().between(&format!("\"query_string\":{{\"{name}\":"), ",\"n\":\"1\"}")
        }
        19 => {
            let (label, name) = (
                choices.of(&["query_string", "http.query", "url.query"]),
                parameter(choices),
            );
            Template::hole(Letters::Parameter)
                .between(&format!("\"{label}\":\"a=1&{name}="), "&b=2\"")
        }
        20 => {
            let name = choices.of(&["request_body", "http.request.body.data", "response_body"]);
            any().between(&format!("\"{name}\":{{\"a\":[1,"), "]}")
        }
        21 => in_text(choices).through(layer).between("\"", "\":1"),
        _ => {
            let mut text = in_text(choices);
            if choices.one_in(2) {
                text = in_prose(text, choices);
            }
            for _ in 0..choices.below(8).saturating_sub(3) {
                text = in_string(text, choices);
            }
            text.through(layer).between("\"m\":\"", "\"")
        }
    }
}

/// A text in a string of JSON, mostly as programs write it, or of a `repr`.
fn in_string(text: Template, choices: &mut Choices<'_>) -> Template {
    match choices.below(6) {
        0 => {
            let layer = Layer::Json(choices.byte());
            text.through(layer).between("{\"m\":\"", "\",\"z\":1}")
        }
        1 => text.through(Layer::Repr).between("{'m': '", "', 'z': 1}"),
        _ => text
            .through(Layer::Plain)
            .between("{\"m\":\"", "\",\"z\":1}"),
    }
}

/// Members of the root of an event that policy takes out by their place.
fn at_root(choices: &mut Choices<'_>) -> Template {
    let hole = Template::hole(Letters::Any)
        .through(Layer::Plain)
        .between("\"", "\"");
    match choices.below(4) {
        0 => hole.between("\"request\":{\"data\":{\"a\":[", ",5]}}"),
        1 => hole.between("\"user\":{\"id\":\"7\",\"ip_address\":", "}"),
        2 => hole.between("\"_meta\":{\"a\":{\"\":{\"val\":", "}}}"),
        _ => hole.between("\"contexts\":{\"response\":{\"data\":", "}}"),
    }
}

/// An object with this member, at some depth.
fn nested(member: Template, choices: &mut Choices<'_>) -> Template {
    let mut template = object(member, choices);
    let depth = match choices.below(16) {
        0 => 50,
        _ => choices.below(5),
    };
    for _ in 0..depth {
        template = match choices.below(3) {
            0 => template.between("\"values\":[ ", ", 1]"),
            1 => template.between("\"contexts\" :", ""),
            _ => template.between("\"breadcrumbs\":{\"values\":[{\"n\":[]},", "]}"),
        };
        template = object(template, choices);
    }
    template
}

/// An object with this member among others.
fn object(member: Template, choices: &mut Choices<'_>) -> Template {
    let other = |choices: &mut Choices<'_>| {
        let (name, text) = (
            choices.of(&HARMLESS),
            Layer::Plain.spell(choices.of(&PROSE)),
        );
        match choices.below(4) {
            0 => format!("\"{name}\":[1.50, \"{text}\"]"),
            1 => format!("\"{name}\" : null"),
            2 => format!("\"{name}\":{{\"type\":\"x\",\"n\":[{{}},[]]}}"),
            _ => format!("\"{name}\":\"{text}\""),
        }
    };
    let before = match choices.below(2) {
        0 => "{".to_owned(),
        _ => format!("{{{} , ", other(choices)),
    };
    let after = match choices.below(2) {
        0 => "}".to_owned(),
        _ => format!(",{}}}", other(choices)),
    };
    member.between(&before, &after)
}

/// A document with a place in it that the policy covers.
fn document(choices: &mut Choices<'_>) -> (Format, Template) {
    let event = |choices: &mut Choices<'_>| {
        if choices.one_in(12) {
            let member = at_root(choices);
            return object(member, choices);
        }
        let member = in_json(choices);
        nested(member, choices)
    };
    match choices.below(12) {
        0 => {
            let text = in_text(choices);
            (Format::Text, in_prose(text, choices))
        }
        1 => {
            let name = parameter(choices);
            let hole = Template::hole(Letters::Parameter);
            (Format::Query, hole.between(&format!("a=1&{name}="), "&b=2"))
        }
        2 => {
            let hole = Template::hole(Letters::Line);
            let name = field(choices);
            (
                Format::Headers,
                hole.between(&format!("Host: a.eu\r\n{name}: "), "\r\nAccept: */*\r\n"),
            )
        }
        3 => {
            let url = in_url(choices);
            (
                Format::Headers,
                url.between("Host: a.eu\r\nReferer: ", "\r\nAccept: */*\r\n"),
            )
        }
        4 => (Format::Event, event(choices)),
        5 => (Format::Store, event(choices)),
        6 => {
            let kind = choices.of(&["event", "transaction", "log", "span"]);
            let member = in_json(choices);
            let item = nested(member, choices);
            (
                Format::Envelope,
                item.between(
                    &format!("{{}}\n{{\"type\":\"{kind}\"}}\n"),
                    "\n{\"type\":\"session\"}\n{}\n",
                ),
            )
        }
        7 => (
            Format::Ndjson,
            event(choices).between("{\"a\":1}\n", "\n{\"b\":2}\n"),
        ),
        _ => (Format::Json, event(choices)),
    }
}

/// The fuzz target of that name: choices, from which a document and two secrets for it are made.
pub fn secrets(data: &[u8]) {
    let mut choices = Choices::new(data);
    let cuts = choices.cuts();
    let (format, template) = document(&mut choices);
    let first = template.letters.secret(&mut choices);
    let mut second = template.letters.secret(&mut choices);
    if second == first {
        second.push('7');
    }
    check_pair(&default_plan(), format, &template, [&first, &second], &cuts);
}

/// Checks laws 1 and 2, whole and cut.
fn check_pair(
    plan: &Arc<Plan>,
    format: Format,
    template: &Template,
    secrets: [&str; 2],
    cuts: &[usize],
) {
    let expected = clean(plan, format, template, secrets[0], cuts);
    let other = clean(plan, format, template, secrets[1], cuts);
    if expected != other {
        panic!(
            "law 2: the output tells the secret ({format:?}):\n in {}\n in {}\nout {}\nout {}",
            template.filled(secrets[0]),
            template.filled(secrets[1]),
            shown(&expected),
            shown(&other)
        );
    }
}

/// What comes out with this secret, the same in all cuts and without any part of it.
fn clean(
    plan: &Arc<Plan>,
    format: Format,
    template: &Template,
    secret: &str,
    cuts: &[usize],
) -> Vec<u8> {
    let document = template.filled(secret);
    let input = document.as_bytes();
    let (out, result) = scrub(plan, format, [input]);
    match result {
        Err(error) => panic!("law 8: refused: {error} ({format:?}): {document}"),
        Ok(0) => panic!("law 1: nothing is redacted ({format:?}): {document}"),
        Ok(_) => {}
    }
    // What stands there anyway tells nothing.
    let rest = format!("{} {} {}", template.before, template.after, shown(MARKER));
    for part in template.parts(secret) {
        if memchr::memmem::find(&out, part.as_bytes()).is_some() && !rest.contains(&part) {
            panic!(
                "law 1: '{part}' of the secret is in the output ({format:?}):\n in {document}\nout {}",
                shown(&out)
            );
        }
    }
    let bytes = input.chunks(1).collect();
    for chunks in [split(input, cuts), bytes] {
        let (cut, result) = scrub(plan, format, chunks);
        if result.is_err() || cut != out {
            panic!(
                "law 4: cut at {cuts:?} or byte by byte ({format:?}):\n in {document}\nout {}\ncut {}",
                shown(&out),
                shown(&cut)
            );
        }
    }
    out
}
