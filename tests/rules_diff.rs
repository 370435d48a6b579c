//! `scrubline rules diff`: which rules differ, and what that would newly redact or let through in documents.

#![allow(clippy::panic, clippy::unwrap_used, missing_docs)]

use std::path::PathBuf;
use std::process::{Command, Output};

/// A folder of its own, taken away at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder =
            std::env::temp_dir().join(format!("scrubline-{}-diff-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.0.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn diff(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output: Output = Command::new(env!("CARGO_BIN_EXE_scrubline"))
            .args(["rules", "diff"])
            .args(arguments)
            .current_dir(&self.0)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (
            output.status.code(),
            text(output.stdout),
            text(output.stderr),
        )
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const HEAD: &str = "pack = 'p'\nversion = 1\ndescription = 'd'\n";

/// A rule by name.
fn rule(id: &str, rest: &str) -> String {
    format!(
        "[[name]]\nid = 'p.{id}'\ndescription = 'd'\nin = ['key']\nignores = ['y']\nmatches = ['{id}']\n{rest}\n"
    )
}

#[test]
fn rules_are_compared_one_by_one() {
    let folder = Folder::new("rules");
    let (a, b) = (rule("a", "any = ['a']"), rule("b", "any = ['b']"));
    for (old, new, expected) in [
        (a.clone(), format!("{a}{b}"), "+ p.b (name)\n"),
        (format!("{a}{b}"), b.clone(), "- p.a (name)\n"),
        (
            a.clone(),
            rule("a", "any = ['a', 'c']\ndo = 'replace'"),
            "~ p.a (name): any +\"c\"; do = \"replace\" is new\n",
        ),
        (
            format!("[safe]\nlast = ['x', 'y']\n{a}"),
            format!("[safe]\nlast = ['y', 'z']\n{a}"),
            "~ p[safe] (pack): last -\"x\" +\"z\"\n",
        ),
        // Remarks, versions and the order of rules make no difference.
        (format!("{a}{b}"), format!("# a remark\n{b}{a}"), ""),
    ] {
        folder.write("old.toml", &format!("{HEAD}{old}"));
        folder.write("new.toml", &format!("{HEAD}{new}"));
        let (code, out, error) = folder.diff(&["old.toml", "new.toml"]);
        assert_eq!((out.as_str(), error.as_str()), (expected, ""));
        assert_eq!(code, Some(i32::from(!expected.is_empty())), "{out}");
    }
}

#[test]
fn sides_are_policies_packs_folders_and_configurations() {
    let folder = Folder::new("sides");
    folder.write(
        "own.toml",
        &format!("{HEAD}{}", rule("zzz", "any = ['zzz']")),
    );
    folder.write(
        "packs/own.toml",
        &format!("{HEAD}{}", rule("zzz", "any = ['zzz']")),
    );
    folder.write(
        "scrubline.toml",
        "[policy]\npacks = ['own.toml']\n[[policy.allow]]\nname = 'session_id'\nreason = 'r'\n",
    );
    folder.write("listen.toml", "[server]\nlisten = '127.0.0.1:1'\n");
    folder.write(
        "policy.toml",
        "policy = 'own'\nversion = 1\ndescription = 'd'\npacks = ['core', 'credentials', 'tokens', 'ip', 'sentry']\n",
    );
    let exception = "+ exception: the name session_id, against all rules: r\n";
    for (old, new, expected) in [
        ("sentry-eu", "sentry-eu", Some("")),
        ("own.toml", "packs", Some("")),
        ("sentry-eu", "sentry-eu,own.toml", Some("+ p.zzz (name)\n")),
        ("sentry-eu,packs", "scrubline.toml", Some(exception)),
        // What says nothing of a policy has the default one.
        ("sentry-eu", "listen.toml", Some("")),
        ("sentry-eu", "policy.toml", Some("")),
        ("sentry-eu,own.toml", "policy.toml,packs", Some("")),
        ("sentry-eu", "no-such", None),
        ("own.toml,packs", "own.toml", None),
    ] {
        let (code, out, error) = folder.diff(&[old, new]);
        match expected {
            Some(expected) => {
                assert_eq!((out.as_str(), error.as_str()), (expected, ""));
                assert_eq!(code, Some(i32::from(!expected.is_empty())));
            }
            None => {
                assert_eq!((code, out.as_str()), (Some(2), ""));
                assert!(
                    error.contains(
                        "no-such: there is no such policy (sentry-eu, strict, errors-only, pl-business, observe), file or folder"
                    ) || error
                        .contains("own.toml:4: rule 'p.zzz': its id stands already at own.toml:4"),
                    "{error}"
                );
            }
        }
    }
}

/// Each side, and how the message begins.
#[test]
fn what_stands_for_no_rules_is_told_with_what_is_wanted() {
    let folder = Folder::new("wanted");
    folder.write("own.toml", HEAD);
    folder.write("empty.toml", "");
    folder.write("other.toml", "[dependencies]\ntoml = '0.9'\n");
    folder.write("listen.toml", "[server]\nlisten = '127.0.0.1:1'\n");
    folder.write("wrong.toml", "[server]\nlisten = '127.0.0.1'\n");
    folder.write(
        "policy.toml",
        "policy = 'own'\nversion = 1\ndescription = 'd'\npacks = ['core', 'tokns']\n",
    );
    folder.write("unnamed.toml", "version = 1\ndescription = 'd'\n");
    for (side, expected) in [
        (
            "empty.toml",
            "empty.toml: is no pack (pack = \"…\"), no policy (policy = \"…\") and no configuration",
        ),
        ("other.toml", "other.toml: is no pack"),
        (
            "listen.toml,own.toml",
            "listen.toml: is a configuration, which stands alone; name it without a comma",
        ),
        (
            "wrong.toml",
            "wrong.toml:2: server.listen: \"127.0.0.1\" is no address",
        ),
        (
            "policy.toml",
            "policy.toml: policy 'own': packs: there is no pack 'tokns'; did you mean 'tokens'?",
        ),
        ("unnamed.toml", "unnamed.toml:1: 'pack' is missing"),
    ] {
        let (code, out, error) = folder.diff(&["sentry-eu", side]);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{side}");
        assert!(
            error.starts_with(&format!("scrubline: {expected}")),
            "{side}: {error}"
        );
    }
}

/// The lines without labels, and the labels.
fn parts(out: &str) -> (Vec<String>, Vec<&str>) {
    let labels: Vec<&str> = out
        .split_whitespace()
        .filter(|word| word.starts_with('#'))
        .collect();
    let words = |line: &str| {
        let words = line.split(' ').filter(|word| !word.starts_with('#'));
        words.collect::<Vec<_>>().join(" ")
    };
    (out.lines().map(words).collect(), labels)
}

#[test]
fn documents_show_what_a_change_comes_to() {
    let folder = Folder::new("documents");
    folder.write(
        "old.toml",
        &format!("{HEAD}{}", rule("old", "any = ['old', 'both']")),
    );
    folder.write(
        "new.toml",
        &format!("{HEAD}{}", rule("new", "any = ['new', 'both']")),
    );
    folder.write(
        "docs/a.json",
        r#"{"old":"hunter2-a","new":"hunter2-b","both":"hunter2-c","m":"x new=hunter2-b y"}"#,
    );
    folder.write("docs/b.txt", "old: hunter2-a9\nboth=hunter2\n");
    folder.write(
        "docs/deep/c",
        "{}\n{\"type\":\"event\"}\n{\"extra\":{\"new\":[\"hunter2-b\",5]}}\n",
    );
    folder.write(
        "docs/deep/d.jsonl",
        "{\"a\":1}\n{\"old\":{\"old\":\"hunter2-a\"}}\n",
    );
    folder.write("docs/.hidden", "old: hunter2-a9");
    folder.write("docs/same.json", r#"{"both":"hunter2-c","old":null}"#);
    let arguments = ["old.toml", "new.toml", "docs"];
    let (code, out, error) = folder.diff(&arguments);
    assert_eq!((code, error.as_str()), (Some(1), ""), "{out}");
    assert!(!out.contains("hunter2"), "{out}");
    let (lines, labels) = parts(&out);
    assert_eq!(
        lines,
        [
            "- docs/a.json byte 7 p.old at old",
            "+ docs/a.json byte 25 p.new at new",
            "+ docs/a.json byte 67 p.new at m",
            "- docs/b.txt byte 5 p.old at -",
            "+ docs/deep/c byte 37 p.new at extra.new[0]",
            "+ docs/deep/c byte 49 p.new at extra.new[1]",
            "- docs/deep/d.jsonl byte 22 p.old at old.old",
            "4 newly redacted, 3 newly let through, in 4 of 5 files",
        ],
        "{out}"
    );
    assert_eq!(
        (labels[1], labels[0]),
        (labels[2], labels[6]),
        "one value, one label"
    );
    assert_ne!(labels[0], labels[1]);
    let again = folder.diff(&arguments).1;
    assert_ne!(parts(&again).1, labels, "labels are of one run");

    // The other way round, all that was redacted is let through, and the reverse.
    let (_, out, _) = folder.diff(&["new.toml", "old.toml", "docs"]);
    let turned = |line: &String| match line.split_at(1) {
        ("-", rest) => format!("+{rest}"),
        ("+", rest) => format!("-{rest}"),
        _ => "3 newly redacted, 4 newly let through, in 4 of 5 files".to_owned(),
    };
    assert_eq!(parts(&out).0, lines.iter().map(turned).collect::<Vec<_>>());

    let (code, out, _) = folder.diff(&["old.toml", "old.toml", "docs"]);
    let none = "0 newly redacted, 0 newly let through, in 0 of 5 files\n";
    assert_eq!((code, out.as_str()), (Some(0), none));
}

#[test]
fn a_longer_or_shorter_redaction_is_a_difference() {
    let folder = Folder::new("spans");
    // A value as a whole, or only a token in it.
    let token = "[[token]]\nid = 'p.t'\ndescription = 'd'\nsource = 's'\nanchors = ['zz_']\nalphabet = 'digit'\nlength = [3, 3]\nmatches = ['zz_123']\nignores = ['x']\n";
    folder.write("part.toml", &format!("{HEAD}{token}"));
    folder.write("whole.toml", &format!("{HEAD}{}", rule("k", "any = ['k']")));
    folder.write("x.json", r#"{"k":"a zz_123 b"}"#);
    for (old, new, expected) in [
        ("part.toml", "whole.toml", "+ x.json byte 5 p.k at k"),
        ("whole.toml", "part.toml", "- x.json byte 5 p.k at k"),
    ] {
        let (_, out, _) = folder.diff(&[old, new, "x.json"]);
        assert_eq!(parts(&out).0[0], expected, "{out}");
        assert_eq!(out.lines().count(), 2, "{out}");
    }
}

#[test]
fn what_cannot_be_compared_is_told_beside_what_can() {
    let folder = Folder::new("trouble");
    folder.write(
        "new.toml",
        &format!("{HEAD}{}", rule("new", "any = ['new']")),
    );
    folder.write("old.toml", HEAD);
    folder.write("docs/a.json", r#"{"new":"#);
    folder.write("docs/b.json", r#"{"new":"hunter2"}"#);
    folder.write("docs/c.json", "\u{1f}");
    let (code, out, error) = folder.diff(&["old.toml", "new.toml", "docs", "no-such.json"]);
    assert_eq!(code, Some(2));
    assert!(out.contains("+ docs/b.json byte 7 "), "{out}");
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines.len(), 3, "{error}");
    assert!(
        lines[0].starts_with(
            "scrubline: docs/a.json: is not compared: the input ends too early at byte 7"
        ),
        "{error}"
    );
    assert!(lines[2].starts_with("scrubline: no-such.json: "), "{error}");
    let (code, _, error) =
        folder.diff(&["old.toml", "new.toml", "--format", "text", "docs/a.json"]);
    assert_eq!((code, error.as_str()), (Some(0), ""));
}
