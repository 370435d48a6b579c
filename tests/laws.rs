//! The laws as properties of generated documents. What is generated says itself where its secrets are.

#![allow(
    dead_code,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    missing_docs
)]

#[path = "support/scrub.rs"]
mod support;

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;
use scrubline::policy::Policy;
use scrubline::scrub::fuzzing::{check_laws, check_secrets, documents, secrets};
use scrubline::scrub::{Format, Limits, Output, Scrubber, Treated};
use support::plan;

/// Stands in a template for the secret.
const HOLE: &str = "\u{2205}";

/// Denied names of headers and JSON keys, in words.
const KEYS: [&str; 16] = [
    "authorization",
    "proxy authorization",
    "cookie",
    "set cookie",
    "x cron secret",
    "x mailbox webhook secret",
    "password",
    "user passwd",
    "api key",
    "access token",
    "refresh token",
    "client secret",
    "private key",
    "session id",
    "csrf",
    "jwt",
];
/// Denied names of parameters, in words.
const PARAMETERS: [&str; 12] = [
    "secret",
    "token",
    "code",
    "password",
    "access_token",
    "client_secret",
    "api_key",
    "sig",
    "X-Amz-Signature",
    "otp",
    "SAMLResponse",
    "sid",
];

/// Members with an object or array, `#`, where that is one thing or another.
const PLACES: [&str; 28] = [
    "\"a\":#",
    "\"a\":[#]",
    "\"a\":[#,#,1]",
    "\"a\":[\"b\",#]",
    "\"a\":[\"Cookie\",#]",
    "\"a\":[\"curl\",#]",
    "\"a\":[[[[#]]]]",
    "\"a\":{\"b\":{\"c\":#}}",
    "\"a\":[#,{\"stringValue\":\"s3cr3tvalue0\"}]",
    "\"b\":{\"a\":{\"c\":#}}",
    "\"b\":{\"attributes\":{\"c\":#}}",
    "\"b\":{\"attributes\":#}",
    "\"password\":#",
    "\"password\":{\"value\":#,\"type\":\"string\"}",
    "\"cookies\":#",
    "\"headers\":#",
    "\"attributes\":#",
    "\"attributes\":{\"password\":#}",
    "\"query_string\":#",
    "\"key\":\"password\",\"value\":#",
    "\"value\":#,\"key\":\"password\"",
    "\"value\":#,\"key\":\"a\"",
    "\"stringValue\":#",
    "\"request\":{\"data\":#,\"headers\":#,\"env\":#,\"cookies\":#,\"query_string\":#}",
    "\"sdk\":#",
    "\"user\":#",
    "\"contexts\":{\"trace\":#,\"response\":#}",
    "\"extra\":{\"a\":#},\"modules\":#,\"breadcrumbs\":{\"values\":[{\"data\":#}]}",
];

/// Objects of which more or less goes, by where they stand.
const PIECES: [&str; 4] = [
    "{\"m\":{\"value\":\"s3cr3tvalue0\",\"key\":\"password\"},\"n\":[1,2,3]}",
    "{\"value\":\"s3cr3tvalue0 and more of it\",\"key\":\"password\"}",
    "{\"stringValue\" :\"Authorization\"                        }",
    "{\"a\":\n[\"https://a.eu/x?token=s3cr3tvalue0\",\n{\n\"n\":1}]}",
];

/// A name in one of the spellings that are one name.
fn spelled(words: &str, style: u8) -> String {
    let parts: Vec<&str> = words.split(' ').collect();
    let title = |part: &str| part[..1].to_uppercase() + &part[1..];
    match style % 8 {
        0 => parts.join("-"),
        1 => parts.join("_"),
        2 => parts.join("_").to_uppercase(),
        3 => format!("HTTP_{}", parts.join("_").to_uppercase()),
        4 => parts.iter().map(|p| title(p)).collect::<Vec<_>>().join("-"),
        5 => parts[0].to_owned() + &parts[1..].iter().map(|p| title(p)).collect::<String>(),
        6 => format!("http.request.header.{}", parts.join("-")),
        _ => parts.join("."),
    }
}

/// A string's inside as JSON writes it; by style, some characters are escaped that need not be.
fn escaped(text: &str, style: u8) -> String {
    let mut out = String::new();
    for (at, character) in text.chars().enumerate() {
        let extra = character != '\u{2205}'
            && character.is_ascii()
            && style > 0
            && at % 7 == usize::from(style % 7);
        match character {
            '"' | '\\' => {
                out.push('\\');
                out.push(character);
            }
            '&' | '=' if style % 2 == 1 => out.push_str(&format!("\\u{:04x}", character as u32)),
            _ if extra => out.push_str(&format!("\\u{:04X}", character as u32)),
            _ => out.push(character),
        }
    }
    out
}

/// Percent-encodes what a URL parameter must encode; the hole stays as it is.
fn percent(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{2205}' => c.to_string(),
            c if c.is_ascii_alphanumeric() || "-_.~".contains(c) => c.to_string(),
            c => c.to_string().bytes().map(|b| format!("%{b:02X}")).collect(),
        })
        .collect()
}

/// A text with a parameter whose value is the hole.
fn text_with_parameter() -> impl Strategy<Value = String> {
    let urls = prop_oneof![
        Just("https://a.eu/x?page=2&N=V&sort=up#top"),
        Just("?N=V"),
        Just("N=V&a=1"),
        Just("/cb#N=V&state=ok"),
        Just("GET '/x?N=V' failed (see https://b.eu/?N=V)"),
        Just("a=1;N=V;b=2"),
        Just("<a href=\"/x?b=1&amp;N=V\">"),
        Just("{\"u\":\"/x?N=V\",\"w\":[1]}"),
        Just("/p;N=V/q?z=1"),
        Just("?u[N]=V&N[]=V&N[0]=V"),
        Just("/go?next=/x?N=V"),
    ];
    (
        urls,
        prop::sample::select(PARAMETERS.as_slice()),
        0..4_u8,
        0..3_u8,
    )
        .prop_map(|(url, name, case, depth)| {
            let name = match case {
                0 => name.to_owned(),
                1 => name.to_uppercase(),
                2 => format!("%{:02x}{}", name.as_bytes()[0], &name[1..]),
                _ => format!("new_{name}")
                    .replace("new_code", "code")
                    .replace("new_sig", "sig")
                    .replace("new_sid", "sid"),
            };
            let name = if case == 3
                && (name.contains("otp") || name.contains("SAML") || name.contains("Amz"))
            {
                name.replace("new_", "")
            } else {
                name
            };
            let mut text = url.replace('N', &name).replace('V', HOLE);
            for _ in 0..depth {
                text = format!("/go?n={}&z=1", percent(&text));
            }
            text
        })
}

/// A JSON value whose leaves are all secret.
fn secret_value() -> impl Strategy<Value = String> {
    let leaf = Just(format!("\"{HOLE}\""));
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3)
                .prop_map(|items| format!("[{}]", items.join(" , "))),
            prop::collection::vec(inner, 1..3).prop_map(|items| {
                let members: Vec<String> = items
                    .iter()
                    .enumerate()
                    .map(|(at, item)| format!("\"m{at}\" : {item}"))
                    .collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

/// Harmless JSON.
fn harmless() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("-1.50e+3".to_owned()),
        Just("\"\"".to_owned()),
        "[a-z <>.,:'()]{0,20}".prop_map(|text| format!("\"{text}\"")),
        Just("\"caf\u{e9} \\ud83d\\ude00 \\\\ \\/\"".to_owned()),
        Just("{\"value\":\"x\",\"type\":\"string\"}".to_owned()),
        Just("[\"a\",\"b\"]".to_owned()),
    ]
}

/// A member of an object that holds the hole where a rule covers it.
fn covered_member() -> impl Strategy<Value = String> {
    let name = (prop::sample::select(KEYS.as_slice()), any::<u8>())
        .prop_map(|(words, style)| spelled(words, style));
    prop_oneof![
        (name.clone(), secret_value(), any::<u8>())
            .prop_map(|(name, value, style)| format!("\"{}\":{value}", escaped(&name, style % 9))),
        (name.clone(), any::<u8>()).prop_map(|(name, style)| format!(
            "\"headers\":[[\"host\",\"a.eu\"],[\"{}\", \"{HOLE}\"]]",
            escaped(&name, style % 9)
        )),
        name.clone().prop_map(|name| format!(
            "\"h\":[[\"b'host'\",\"b'a'\"],[\"b'{name}'\",\"b'{HOLE}'\"]]"
        )),
        (name.clone(), secret_value())
            .prop_map(|(name, value)| format!("\"l\":[{{\"key\":\"{name}\",\"value\":{value}}}]")),
        (name.clone(), secret_value()).prop_map(|(name, value)| format!(
            "\"l\":[{{\"value\":{value} ,\"n\":1, \"name\":\"{name}\"}}]"
        )),
        name.clone().prop_map(|name| format!(
            "\"attributes\":{{\"{name}\":{{\"value\":\"{HOLE}\",\"type\":\"string\"}}}}"
        )),
        name.prop_map(|name| format!(
            "\"attributes\":[{{\"value\":{{\"stringValue\":\"{HOLE}\"}},\"key\":\"{name}\"}}]"
        )),
        Just(format!("\"cookies\":{{\"sid\":\"{HOLE}\"}}")),
        Just(format!("\"cookies\":\"a={HOLE}; b={HOLE}\"")),
        Just(format!(
            "\"rawHeaders\":[\"Host\",\"a\",\"Cookie\",\"{HOLE}\",\"Accept\",\"b\"]"
        )),
        (text_with_parameter(), any::<u8>())
            .prop_map(|(text, style)| format!("\"t\":\"{}\"", escaped(&text, style % 9))),
        (text_with_parameter(), any::<u8>())
            .prop_map(|(text, style)| format!("\"{}\":1", escaped(&text, style % 9))),
        Just(format!(
            "\"query_string\":[[\"code\",\"{HOLE}\"],[\"a\",\"b\"]]"
        )),
        Just(format!("\"query_string\":{{\"code\":\"{HOLE}\"}}")),
        Just(format!("\"query_string\":\"code={HOLE}&a=1\"")),
    ]
}

/// An object with covered and harmless members at some depth.
fn document() -> impl Strategy<Value = String> {
    let member = prop_oneof![
        2 => covered_member(),
        2 => ("[a-z]{1,6}", harmless()).prop_map(|(key, value)| format!("\"x{key}\" :{value}")),
    ];
    let object = prop::collection::vec(member, 1..5)
        .prop_map(|members| format!("{{{}}}", members.join(", ")));
    object.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3)
                .prop_map(|items| format!("{{\"values\":[{}],\"n\":1}}", items.join(","))),
            inner.prop_map(|inner| format!("{{\"data\":{inner} }}")),
        ]
    })
}

/// 400 cases each, from a fixed seed, so that a run says something of a change and not of chance. `PROPTEST_CASES` asks for a
/// search: that many, from a seed of their own each time. A failure prints its smallest input, to be kept as a case file.
fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    let cases = default.cases.max(400);
    ProptestConfig {
        cases,
        failure_persistence: None,
        rng_seed: if std::env::var_os("PROPTEST_CASES").is_none() {
            RngSeed::Fixed(8)
        } else {
            default.rng_seed
        },
        ..default
    }
}

/// The same for what is a thousand times as long: a hundredth of the cases.
fn long_config() -> ProptestConfig {
    let cases = (config().cases / 50).max(8);
    ProptestConfig { cases, ..config() }
}

/// What the machine looks for, and what it looks at on the way.
const WORDS: &[&str] = &[
    "token",
    "code",
    "cookie",
    "a",
    "b",
    "=",
    "&",
    ":",
    ": ",
    "=>",
    "{",
    "5",
    ";",
    "?",
    "#",
    "%3D",
    "%26",
    "%253D",
    "%22",
    "'",
    "\"",
    "\\",
    "/",
    "(",
    ")",
    "[",
    "]",
    "}",
    ",",
    " ",
    " ",
    "\n",
    "null",
    "é",
    "<token>",
    "<",
    ">",
    "</",
    "://",
    "@",
    "--token ",
    "b'",
    "&quot;",
    "&amp;",
    "&#61;",
    "Bearer ",
    "Ab1xyz-89",
    "value",
    "name",
    "| ",
    "`",
    "-----BEGIN",
    "[Filtered]",
    "eyJ",
    "Array",
    "string(3) ",
    "authorization",
    "password",
    "set-cookie",
    "api_key",
    "Secret",
    "X-Api-Key: ",
    "user",
    "|\n  ",
    "\n  - ",
    "- ",
    "\"}",
    "{\"",
    "\\\"",
    "\\\\\"",
    "%5B",
    "%20",
    "+",
    "[0]",
    "Some(",
    "None",
    "true",
    "\t",
    "--user ",
    "curl -u ",
    "s:5:\"",
    "s:8:\"password\";",
    "<a token=\"",
    "/>",
    "postgres://u:",
    "@h",
    "Basic dXNlcjpwYXNz",
    "\r\n",
    "u'",
    "(b'cookie', b'",
    "'), (",
    ")]",
    "map[",
    "=> ",
    "$x",
    "!",
    "\u{1b}[31m",
    "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
    "*",
    ":=",
    "==",
    "...",
    "1234567890abcdef",
    "https://a.eu/x",
    "page=2",
    "INFO ",
    "-u ",
    "x-cron-secret: ",
    "key",
    "session",
    "DE89370400440532013000",
    "a1B2c3D4e5",
    "Cookie: ",
    "a=b; c=d",
    "sid=",
];

/// Texts in which something is redacted while what they are held with grows too long, and others that were cut badly once.
#[test]
fn long_documents_keep_the_laws() {
    let text = format!(
        "https://u:p@h/ it\\\"s {} Cookie: a=b\\\" rest of it",
        "lorem ".repeat(80)
    );
    let deep = |inner: &str| format!("{}{inner}{}", "{\"a\":".repeat(400), "}".repeat(400));
    let long = format!("\"https://u:p@h/ {}\"", "lorem ".repeat(650));
    let documents = [
        format!(
            "{{\"value\":1,\"p\":\"{}\",\"m\":\"{text}\",\"name\":\"a\"}}",
            "lorem ".repeat(1640)
        ),
        format!(
            "{{\"value\":1,\"p\":\"{}\",\"q\":{long},\"name\":\"a\"}}",
            "lorem ".repeat(1600)
        ),
        format!(
            "{{\"value\":1,\"p\":\"{}\",\"q\":{},\"name\":\"a\"}}",
            "lorem ".repeat(1600),
            deep(&long)
        ),
        format!("{{\"a\":\"s://:{}\"}}", "y".repeat(600)),
        format!("[\"postgres://u:x{}id\"]", "path/to/".repeat(80)),
        // So many redactions in a chunk that it is a matter what is kept of them.
        format!("{{\"token\":[1{}]}}", ",1".repeat(20_000)),
        format!("{{\"a\":[1{}]}}", "\n,1".repeat(10_000)),
        // Odd texts with much around them.
        deep("\"TOKEN:b([0::(]])\""),
        deep("\"token: {a;[Filtered]%22| ,Array\""),
        // A hold with little around it, and much in it that is deep.
        format!(
            "{{\"t\":\"token=\\u0041{}\",\"h\":{{\"value\":[\"{}\",{},\"{}\"],\"key\":\"a\"}}}}",
            "x\\n%41 ".repeat(600),
            "lorem ".repeat(1200),
            deep("\"token=a\""),
            "lorem ".repeat(700)
        ),
        // Another value behind one that is found too long.
        format!(
            "{{\"value\":[0{}],\"a\":1,\"value\":7}}",
            format!(",\"{}\"", "x".repeat(45)).repeat(470)
        ),
        format!(
            "{{\"b\":{{\"value\":[0{}],\"value\":{{\"value\":[1{}],\"value\":7}},\"name\":\"a\"}}}}",
            format!(",\"{}\"", "x".repeat(45)).repeat(470),
            format!(",\"{}\"", "y".repeat(45)).repeat(200)
        ),
        // One behind that, which has as much room as if nothing were held.
        format!(
            "{{\"value\":7,\"p\":[0{}],\"h\":{{\"value\":[1{}],\"key\":\"a\"}}}}",
            format!(",\"{}\"", "x".repeat(45)).repeat(470),
            format!(",\"{}\"", "y".repeat(45)).repeat(120)
        ),
        // What goes as a whole by its name, in a held value that is found too long before it.
        format!(
            "{{\"value\":{{\"p\":\"{}\",\"request_body\":{{\"a\":1}},\"b\":[2]}},\"key\":\"a\"}}",
            "x".repeat(21_000)
        ),
        // A key that is too long to be looked at whole, with a secret in it behind that.
        format!("{{\"{}?token=abc\":\"x\"}}", "k".repeat(600)),
        format!(
            "{{\"{} Bearer 0123456789abcdef\":[\"x\"]}}",
            "k".repeat(505)
        ),
    ];
    for document in &documents {
        for step in [1, 64, 1000] {
            let cuts: Vec<usize> = (1..document.len()).step_by(step).collect();
            check_laws(&plan(), Format::Json, document.as_bytes(), &cuts);
        }
    }
}

/// What stands for an address goes with the held value that it is in, when that is found too long.
#[test]
fn long_addresses_keep_the_laws() {
    let own = "pack = \"own\"\nversion = 1\ndescription = \"Addresses\"\n[[path]]\nid = \"own.address\"\ndescription = \"x\"\n\
               document = \"event\"\npaths = [\"**/ip_address\"]\ndo = \"address\"\n";
    let own = [("own.toml".to_owned(), own.to_owned())];
    let policy = Policy::builtin_with("sentry-eu", &own).unwrap();
    let plan = policy
        .plan()
        .with_personal(None, Some(b"a key of the operator"));
    let plan = Arc::new(plan.with_addresses(Treated::Hash));
    let document = format!(
        "{{\"value\":{{\"kvlistValue\":{{\"u\":{{\"ip_address\":\"1.2.3.4\",\"p\":\"{}\"}}}}}},\"key\":\"a\",\"z\":{{\"q\":{{\"r\":{{\"n\":1}}}}}}}}",
        "x".repeat(21_000)
    );
    for step in [1, 64, 1000] {
        let cuts: Vec<usize> = (1..document.len()).step_by(step).collect();
        check_laws(&plan, Format::Event, document.as_bytes(), &cuts);
    }
}

/// A user who has an `id` gets no other for the address, also where the policy has met the key before.
#[test]
fn a_user_keeps_the_id() {
    let policy = Policy::builtin("sentry-eu").unwrap();
    let plan = policy
        .plan()
        .with_personal(None, Some(b"a key of the operator"));
    let plan = Arc::new(plan.with_addresses(Treated::Hash));
    let document = r#"{"user":{"id":"7","ip_address":"1.2.3.4"},"level":"error","logger":"shop","platform":"python"}"#;
    check_laws(&plan, Format::Event, document.as_bytes(), &[9]);
    let mut scrubber = Scrubber::new(plan, Format::Event, &Limits::default());
    let mut output = Output::new();
    scrubber
        .push(Bytes::from_static(document.as_bytes()), &mut output)
        .unwrap();
    scrubber.finish(&mut output).unwrap();
    let slices = std::iter::from_fn(|| output.pop()).flat_map(|slice| slice.into_bytes());
    let out = String::from_utf8(slices.collect()).unwrap();
    assert_eq!(out.matches("\"id\":").count(), 1, "{out}");
}

/// What one stream has read in its limits says nothing of another in narrower ones.
#[test]
fn limits_are_those_of_a_stream() {
    let document = format!("{{\"a\":{}{}}}", "[".repeat(30), "]".repeat(30));
    let read = |json_depth| {
        let limits = Limits {
            json_depth,
            ..Limits::default()
        };
        let mut scrubber = Scrubber::new(plan(), Format::Json, &limits);
        let mut output = Output::new();
        let read = scrubber.push(Bytes::from(document.clone()), &mut output);
        read.map_err(|error| error.to_string())
    };
    let refused = read(10);
    assert!(refused.is_err());
    assert_eq!(read(512), Ok(()));
    assert_eq!(read(10), refused);
}

/// A held value that grows too long in the middle of a number that would be replaced for what it says.
#[test]
fn long_numbers_keep_the_laws() {
    let strict = Policy::builtin("strict").unwrap().plan();
    let numbers = vec!["4111111111111111"; 1300].join(",");
    let document = format!("{{\"value\":[{numbers}],\"key\":\"token\"}}");
    for step in [1, 5, 64] {
        let cuts: Vec<usize> = (1..document.len()).step_by(step).collect();
        check_laws(&strict, Format::Json, document.as_bytes(), &cuts);
    }
}

/// A text attachment in which a value is not closed: what leaves is read as it leaves, with asterisks.
#[test]
fn masked_texts_keep_the_laws() {
    for text in ["\"'ApiKey:\\\"abc'", "\"'ApiKey:\\\"é'", "'ApiKey:\\\"abc'"] {
        let envelope = format!(
            "{{}}\n{{\"type\":\"attachment\",\"length\":{},\"filename\":\"a.txt\",\"content_type\":\"text/plain\"}}\n{text}\n",
            text.len()
        );
        check_laws(&plan(), Format::Envelope, envelope.as_bytes(), &[]);
    }
}

/// A held value that is just not too long, with a key in it that is one thing as a secret and another once its secret has gone.
#[test]
fn held_values_at_their_bound_keep_the_laws() {
    let key = "duffel_live_aAAAAaascaleway secret: Zz9Zz9Zz9Zz9 and a good deal more that is none";
    for length in (19_900..20_500).step_by(20) {
        let document = format!(
            "{{\"h\":{{\"value\":[{{\"{key}\":1}},\"{}\"],\"key\":\"a\"}}}}",
            "x".repeat(length)
        );
        check_laws(&plan(), Format::Json, document.as_bytes(), &[5000]);
    }
}

/// A program's name that goes, since it stands behind a flag, tells nothing of the flags behind it.
#[test]
fn a_program_that_goes_has_no_flags() {
    for document in [
        r#"["--token","curl","--token","-u"]"#,
        r#"["-password","wget","-password","-U"]"#,
    ] {
        for cut in 0..document.len() {
            check_laws(&plan(), Format::Json, document.as_bytes(), &[cut]);
        }
    }
}

/// A key that goes where a held value goes, and is the name of a wrapper where it stays.
#[test]
fn a_key_that_goes_has_no_wrapper() {
    let document = r#"{"value":{"aaaaaaaaaaaaaaa7 token":{"a":1,"type":"integer"}},"key":"token"}"#;
    for cut in 0..document.len() {
        check_laws(&plan(), Format::Json, document.as_bytes(), &[cut]);
    }
}

proptest! {
    #![proptest_config(config())]

    /// Laws 1 and 2: no covered secret in the output, and the output does not depend on it.
    #[test]
    fn secrets_do_not_matter(document in document(), a in "[A-Za-z0-9+_-]{9,40}", b in "[A-Za-z0-9]{6,300}") {
        // Under `request.data`-like paths the whole value goes; here `data` stands at other places too.
        check_secrets(&plan(), Format::Json, &document, HOLE, &a, &b);
        let envelope = format!("{{}}\n{{\"type\":\"event\"}}\n{document}\n");
        check_secrets(&plan(), Format::Envelope, &envelope, HOLE, &a, &b);
    }

    /// Laws 1 and 2 again, on pairs of documents that the fuzz target `secrets` derives from bytes.
    #[test]
    fn pairs_of_secrets_give_one_output(data in prop::collection::vec(any::<u8>(), 0..160)) {
        secrets(&data);
    }

    /// Laws 3 to 8 on documents of all formats that the fuzz target `documents` derives from bytes.
    #[test]
    fn laws_hold_on_documents_of_all_formats(data in prop::collection::vec(any::<u8>(), 0..1200)) {
        documents(&data);
    }

    /// Laws 3 to 8 on documents with secrets.
    #[test]
    fn laws_hold_on_documents(document in document(), secret in "[ -~]{0,30}", cuts in prop::collection::vec(any::<usize>(), 0..4)) {
        let json = serde_json::to_string(&secret).unwrap();
        let document = document.replace(HOLE, &json[1..json.len() - 1]);
        check_laws(&plan(), Format::Json, document.as_bytes(), &cuts);
        check_laws(&plan(), Format::Event, document.as_bytes(), &cuts);
        let envelope = format!("{{}}\n{{\"type\":\"event\",\"length\":{}}}\n{document}\n{{\"type\":\"attachment\",\"length\":3}}\nabc", document.len());
        check_laws(&plan(), Format::Envelope, envelope.as_bytes(), &cuts);
    }

    /// Laws 3 to 8 where the same object or array comes again and again, where it is one thing and where it is another.
    #[test]
    fn what_comes_again_is_judged_where_it_stands(
        documents in prop::collection::vec(document(), 1..4),
        places in prop::collection::vec((select(PLACES.as_slice()), any::<usize>()), 1..12),
        cuts in prop::collection::vec(any::<usize>(), 0..4),
    ) {
        let lists = documents.iter().map(|it| format!("[{it},{it}]"));
        let known = PIECES.iter().map(|it| it.to_string());
        let pieces: Vec<String> = lists.chain(documents.iter().cloned()).chain(known).collect();
        let placed = places.iter().map(|(place, piece)| {
            place.replace('#', &pieces[piece % pieces.len()]).replace(HOLE, "s3cr3tvalue0")
        });
        let placed: Vec<String> = placed.collect();
        let members = format!("{{{}}}", placed.join(","));
        let objects = format!("[{{{}}}]", placed.join("},{"));
        for document in [&members, &objects] {
            check_laws(&plan(), Format::Json, document.as_bytes(), &cuts);
        }
        check_laws(&plan(), Format::Event, members.as_bytes(), &cuts);
        for kind in ["event", "transaction", "log"] {
            let item = format!("{{\"type\":\"{kind}\",\"length\":{}}}\n{members}\n", members.len());
            let envelope = format!("{{}}\n{item}{item}");
            check_laws(&plan(), Format::Envelope, envelope.as_bytes(), &cuts);
        }
    }

    /// Laws 3 to 8 on text that is dense with what the machine looks for.
    #[test]
    fn laws_hold_on_text(words in prop::collection::vec(select(WORDS), 0..40), cuts in prop::collection::vec(any::<usize>(), 0..4)) {
        let text = words.concat();
        check_laws(&plan(), Format::Text, text.as_bytes(), &cuts);
        check_laws(&plan(), Format::Query, text.as_bytes(), &cuts);
        check_laws(&plan(), Format::Headers, text.as_bytes(), &cuts);
        let json = serde_json::to_string(&text).unwrap();
        check_laws(&plan(), Format::Json, json.as_bytes(), &cuts);
        let cookies = format!("{{\"cookies\":{json},\"query_string\":{json}}}");
        check_laws(&plan(), Format::Json, cookies.as_bytes(), &cuts);
    }

    /// Laws 3 to 8 on bytes that look like JSON.
    #[test]
    fn laws_hold_on_tokens(text in "([\\[\\]{}:,]|\"token\"|\"value\"|\"key\"|\"name\"|\"a\"|\"Cookie\"|\"--token\"|1|-|true|null| |\n|\"x=1\"|\"\"|\"intValue\"|\"cookies\"|\"type\"|\"integer\"){0,24}", cuts in prop::collection::vec(any::<usize>(), 0..4)) {
        check_laws(&plan(), Format::Json, text.as_bytes(), &cuts);
        check_laws(&plan(), Format::Ndjson, text.as_bytes(), &cuts);
    }
}

proptest! {
    #![proptest_config(long_config())]

    /// Laws 3 to 8 on long text that is dense with what the machine looks for: it is read again while it leaves.
    #[test]
    fn laws_hold_on_long_text(words in prop::collection::vec(select(WORDS), 1000..4000), cuts in prop::collection::vec(any::<usize>(), 0..40)) {
        let text = words.concat();
        check_laws(&plan(), Format::Text, text.as_bytes(), &cuts);
        check_laws(&plan(), Format::Query, text.as_bytes(), &cuts);
        check_laws(&plan(), Format::Headers, text.as_bytes(), &cuts);
        let json = serde_json::to_string(&text).unwrap();
        check_laws(&plan(), Format::Json, json.as_bytes(), &cuts);
        let members = format!("{{\"value\":{json},\"cookies\":{json},\"query_string\":{json},\"key\":\"a\"}}");
        check_laws(&plan(), Format::Json, members.as_bytes(), &cuts);
        let attachment = format!(
            "{{}}\n{{\"type\":\"attachment\",\"length\":{},\"filename\":\"a.txt\",\"content_type\":\"text/plain\"}}\n{text}\n",
            text.len()
        );
        check_laws(&plan(), Format::Envelope, attachment.as_bytes(), &cuts);
    }
}
