//! Rule packs from arbitrary bytes: what loads obeys its own examples, and the laws hold under it.

#![expect(clippy::panic, reason = "a broken law must stop the fuzzer")]

use std::sync::Arc;

use toml::{Table, Value};

use crate::policy::Policy;
use crate::scrub::{Format, Kinds, MARKER, Plan};

use super::{check_laws, scrub, take_cuts};

/// What the laws are tried on where the input has no document of its own.
const DOCUMENT: &[u8] = br#"{"sdk":{"a":"b"},"token":["x","GET /?token=abc&n=1"],"version":1,"m":"Cookie: a=b","user":{"id":7}}"#;

/// The fuzz target of that name: cuts, a pack, and behind a NUL byte a document, also taken as text and as an item of an envelope.
pub fn rules(data: &[u8]) {
    let (cuts, input) = take_cuts(data);
    let (pack, document) = match memchr::memchr(0, input) {
        Some(end) => (&input[..end], &input[end + 1..]),
        None => (input, DOCUMENT),
    };
    let Ok(pack) = std::str::from_utf8(pack) else {
        return;
    };
    let policy = match Policy::of_packs(&[("fuzz.toml".to_owned(), pack.to_owned())]) {
        Ok(policy) => policy,
        Err(error) if error.problems().is_empty() => panic!("law 8: refused for no reason: {pack}"),
        Err(_) => return,
    };
    let plan = policy.plan();
    check_examples(&plan, pack);
    let (_, marker) = scrub(&plan, Format::Text, [MARKER]);
    if marker != Ok(0) {
        // It takes the marker for what it looks for, and replaces it for ever.
        return;
    }
    for format in [Format::Json, Format::Event, Format::Text] {
        check_laws(&plan, format, document, &cuts);
    }
    let head = format!(
        "{{}}\n{{\"type\":\"event\",\"length\":{}}}\n",
        document.len()
    );
    let envelope = [head.as_bytes(), document, b"\n"].concat();
    check_laws(&plan, Format::Envelope, &envelope, &cuts);
}

/// Checks what a pack says of its rules, with all of them at work.
fn check_examples(plan: &Arc<Plan>, pack: &str) {
    let Ok(table) = toml::from_str::<Table>(pack) else {
        panic!("a pack loads that is no TOML: {pack}");
    };
    for rule in tables(&table, "name") {
        let kinds = kinds(rule);
        let id = rule.get("id").and_then(Value::as_str);
        for name in texts(rule, "matches") {
            if plan.rule_for_name(name, kinds).is_none() {
                panic!("{id:?} does not cover '{name}': {pack}");
            }
        }
        for name in texts(rule, "ignores") {
            if id.is_some() && plan.rule_for_name(name, kinds) == id {
                panic!("{id:?} covers '{name}': {pack}");
            }
        }
    }
    let of = |kind, plain: fn(&str) -> String| {
        let rules = tables(&table, kind);
        rules.flat_map(move |rule| texts(rule, "matches").map(plain))
    };
    for text in of("token", unmarked).chain(of("detect", str::to_owned)) {
        let bytes = text.as_bytes();
        for chunks in [vec![bytes], bytes.chunks(1).collect()] {
            if !matches!(scrub(plan, Format::Text, chunks), (_, Ok(1..))) {
                panic!("nothing is found in '{text}': {pack}");
            }
        }
    }
}

/// The tables of an array of them.
fn tables<'a>(table: &'a Table, key: &str) -> impl Iterator<Item = &'a Table> {
    let array = table.get(key).and_then(Value::as_array);
    array.into_iter().flatten().filter_map(Value::as_table)
}

/// The strings of an array of them.
fn texts<'a>(table: &'a Table, key: &str) -> impl Iterator<Item = &'a str> {
    let array = table.get(key).and_then(Value::as_array);
    array.into_iter().flatten().filter_map(Value::as_str)
}

/// Where a rule's names count.
fn kinds(rule: &Table) -> Kinds {
    if texts(rule, "hosts").next().is_some() {
        return Kinds::HOSTED;
    }
    texts(rule, "in").fold(Kinds::NONE, |kinds, place| {
        kinds.or(match place {
            "header" => Kinds::HEADER,
            "param" => Kinds::PARAM,
            _ => Kinds::KEY,
        })
    })
}

/// An example of a token as it is meant: without `~`, and with `~` for `~~`.
fn unmarked(example: &str) -> String {
    example
        .replace("~~", "\0")
        .replace('~', "")
        .replace('\0', "~")
}
