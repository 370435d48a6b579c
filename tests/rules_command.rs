//! `scrubline rules` and `scrubline explain` as a user calls them.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, missing_docs)]

use std::path::PathBuf;
use std::process::{Command, Output};

fn scrubline(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_scrubline"))
        .args(arguments)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A folder of its own for a test, with one file in it.
fn folder(name: &str, file: &str, content: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("scrubline-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(file), content).unwrap();
    folder
}

#[test]
fn the_built_in_rules_hold_in_every_place() {
    let output = scrubline(&["rules", "test"]);
    let out = text(&output.stdout);
    assert!(output.status.success(), "{out}");
    assert!(out.ends_with(" 0 rules failed\n"), "{out}");
}

#[test]
fn the_rules_of_a_policy_are_listed() {
    let list = |policy| text(&scrubline(&["rules", "list", "--policy", policy]).stdout);
    let (default, strict) = (list("sentry-eu"), list("strict"));
    assert!(default.contains("core.authorization"), "{default}");
    assert!(default.lines().count() > 200);
    assert!(!default.contains("pii.email") && strict.contains("pii.email"));
}

#[test]
fn packs_of_ones_own_are_tried() {
    let pack = r#"
pack = "acme"
version = 1
description = "Acme's own"

[[token]]
id = "acme.token"
description = "Acme's token"
source = "Acme handbook"
anchors = ["acm_"]
alphabet = "base62"
length = [12, 12]
matches = ["ac~m_abcDEF012345"]
ignores = ["acm_short"]
"#;
    let good = folder("good", "acme.toml", pack);
    let output = scrubline(&["rules", "test", good.to_str().unwrap()]);
    assert!(output.status.success());
    assert!(text(&output.stdout).starts_with("1 rules, "));
    let bad = folder(
        "bad",
        "acme.toml",
        &pack.replace("acm_short", "acm_abcDEF012345"),
    );
    let output = scrubline(&["rules", "test", bad.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let error = text(&output.stderr);
    assert!(
        error.contains("acme.toml: rule 'acme.token': 'acm_abcDEF012345' matches and should not"),
        "{error}"
    );
    let empty = folder("empty", "readme.md", "");
    let output = scrubline(&["rules", "test", empty.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    for folder in [good, bad, empty] {
        std::fs::remove_dir_all(folder).unwrap();
    }
}

#[test]
fn a_document_is_explained_without_its_values() {
    let document = r#"{"password":"hunter2-x","m":"?token=hunter2-x&n=1","jwt":"other-val"}"#;
    let folder = folder("explain", "x.json", document);
    let path = folder.join("x.json");
    let run = || text(&scrubline(&["explain", path.to_str().unwrap()]).stdout);
    let (first, second) = (run(), run());
    std::fs::remove_dir_all(&folder).unwrap();
    let lines: Vec<Vec<&str>> = first
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let rules: Vec<&str> = lines.iter().map(|line| line[3]).collect();
    assert_eq!(
        rules,
        [
            "credentials.password",
            "core.url_parameter",
            "credentials.jwt"
        ]
    );
    assert_eq!(lines[0][2], lines[1][2], "one value, one label");
    assert_ne!(lines[0][2], lines[2][2]);
    assert_ne!(first, second, "labels are of one run");
    assert!(
        !first.contains("hunter2") && !first.contains("other-val"),
        "{first}"
    );
    assert!(
        first.contains("at password: Passwords and passphrases"),
        "{first}"
    );
}
