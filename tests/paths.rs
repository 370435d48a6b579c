//! Rules by path: what a set of paths covers in a document.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    missing_docs
)]

#[path = "support/scrub.rs"]
mod support;

use scrubline::policy::{self, Policy};
use scrubline::scrub::Format;
use support::scrub;

/// A pack with one rule for each path; what is behind a `~` is caseless.
fn pack(paths: &[&str]) -> String {
    let mut text = "pack = 'own'\nversion = 1\ndescription = 'd'\n".to_owned();
    for (n, path) in paths.iter().enumerate() {
        let (path, action) = path.split_once('=').unwrap_or((path, "null"));
        let (path, caseless) = match path.strip_prefix('~') {
            Some(path) => (path, true),
            None => (path, false),
        };
        text.push_str(&format!(
            "[[path]]\nid = 'own.p{n}'\ndescription = 'd'\ndocument = 'event'\npaths = ['{path}']\ncaseless = {caseless}\ndo = '{action}'\n"
        ));
    }
    text
}

#[test]
fn paths_cover_what_they_say() {
    // In each document what is covered is "S", and becomes `null` or, with `replace`, the marker; all else is "k".
    for (paths, document) in [
        (&["a/b"][..], r#"{"a":{"b":"S","c":"k"},"b":"k"}"#),
        (&["a/*/b"], r#"{"a":{"x":{"b":"S"},"b":"k"}}"#),
        (
            &["a/**/b"],
            r#"{"a":{"b":"S","x":{"y":{"b":"S"}}},"b":"k"}"#,
        ),
        (&["**/b"], r#"{"b":"S","a":[{"b":"S"}],"c":"k"}"#),
        // One path does not hide the other.
        (&["**/x", "a/b"], r#"{"a":{"x":"S","b":"S","c":{"x":"S"}}}"#),
        (
            &["a/**/x/y", "a/x/z"],
            r#"{"a":{"x":{"y":"S","z":"S","x":{"y":"S"}}}}"#,
        ),
        (
            &["a/**/b/**/c"],
            r#"{"a":{"c":"k","b":{"c":"S","d":{"c":"S"}},"d":{"b":{"b":{"c":"S"}}}}}"#,
        ),
        (&["a/**"], r#"{"a":"S","b":"k"}"#),
        (&["~A/B"], r#"{"a":{"b":"S"},"A":{"B":"S"},"b":"k"}"#),
        (
            &["~a/b", "A/c"],
            r#"{"A":{"b":"S","c":"S"},"a":{"b":"S","c":"k"}}"#,
        ),
        (&["ł/b"], r#"{"\u0142":{"b":"S"}}"#),
    ] {
        let own = [("own.toml".to_owned(), pack(paths))];
        let plan = Policy::builtin_with(policy::DEFAULT, &own).unwrap().plan();
        let (out, result) = scrub(&plan, Format::Json, [document.as_bytes()]);
        result.unwrap();
        let expected = document.replace("\"S\"", "null");
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{paths:?}");
    }
}

#[test]
fn the_narrower_path_counts() {
    for (paths, expected) in [
        (&["a/*/c", "a/b/c=text"][..], r#"{"a":{"b":{"c":"v"}}}"#),
        (&["a/b/c=text", "a/*/c=replace"], r#"{"a":{"b":{"c":"v"}}}"#),
        (&["a/*/c=replace", "a/b/c=text"], r#"{"a":{"b":{"c":"v"}}}"#),
        (&["a/b/c", "a/b/c=text"], r#"{"a":{"b":{"c":null}}}"#),
        (&["**/c=replace", "a/**/c=text"], r#"{"a":{"b":{"c":"v"}}}"#),
    ] {
        let own = [("own.toml".to_owned(), pack(paths))];
        let plan = Policy::builtin_with(policy::DEFAULT, &own).unwrap().plan();
        let (out, result) = scrub(
            &plan,
            Format::Json,
            [br#"{"a":{"b":{"c":"v"}}}"#.as_slice()],
        );
        result.unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{paths:?}");
    }
}

#[test]
fn paths_that_no_automaton_can_follow_do_not_load() {
    let deep = format!("**/a{}", "/*".repeat(16));
    let own = [("own.toml".to_owned(), pack(&[&deep]))];
    let error = Policy::builtin_with(policy::DEFAULT, &own).unwrap_err();
    assert!(error.to_string().contains("use fewer '**'"), "{error}");
}
