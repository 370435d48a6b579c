//! `[[policy.allow]]`: what an exception lets through, and what it does not; which exceptions do not load; and how loud they are.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    missing_docs
)]

use std::path::PathBuf;
use std::process::{Command, Output};

use scrubline::config::Loader;
use serde_json::Value;

#[path = "support/scrub.rs"]
mod support;

/// A folder of its own, taken away at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder =
            std::env::temp_dir().join(format!("scrubline-{}-allow-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.0.join(file), text).unwrap();
    }

    /// Runs the program in the folder, with the usual configuration file.
    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_scrubline"))
            .args(arguments)
            .current_dir(&self.0)
            .output()
            .unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

fn cases(file: &str) -> Vec<Value> {
    let path = format!("{}/tests/allow/{file}", env!("CARGO_MANIFEST_DIR"));
    let lines = std::fs::read_to_string(path).unwrap();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A case's exceptions as a configuration file; each says why.
fn configuration(case: &Value, folder: &Folder) -> String {
    let mut file = "[policy]\n".to_owned();
    if let Some(name) = case["policy"].as_str() {
        file.push_str(&format!("name = '{name}'\n"));
    }
    if case.get("pack").is_some() {
        let pack = folder.0.join("own.toml");
        file.push_str(&format!("packs = ['{}']\n", pack.display()));
    }
    for allow in case["allow"].as_array().unwrap() {
        file.push_str("[[policy.allow]]\nreason = 'because'\n");
        for (key, value) in allow.as_object().unwrap() {
            // JSON strings and arrays of them are TOML, too.
            file.push_str(&format!("{key} = {value}\n"));
        }
    }
    file
}

/// Without other instructions, "S" is what goes and "k" what stays.
#[test]
fn an_exception_lets_through_what_it_says_and_no_more() {
    let folder = Folder::new("through");
    for case in cases("through.jsonl") {
        let input = case["in"].as_str().unwrap();
        let expected = match case["out"].as_str() {
            Some(out) => out.to_owned(),
            None => input
                .replace("\"S\"", "\"[Filtered]\"")
                .replace("=S", "=[Filtered]")
                .replace(": S", ": [Filtered]"),
        };
        folder.write("scrubline.toml", &configuration(&case, &folder));
        let pack = case["pack"].as_str().unwrap_or_default();
        folder.write(
            "own.toml",
            &format!("pack = 'own'\nversion = 1\ndescription = 'd'\n{pack}"),
        );
        folder.write("in", input);
        let output = folder.run(&["scrub", "--format", case["format"].as_str().unwrap(), "in"]);
        let error = text(output.stderr);
        assert_eq!(
            (text(output.stdout).as_str(), error.as_str()),
            (expected.as_str(), ""),
            "{case}"
        );

        // Without the exceptions, other things go: none of them stands there for nothing.
        folder.write("scrubline.toml", "");
        let without = folder.run(&["scrub", "--format", case["format"].as_str().unwrap(), "in"]);
        let same_result = text(without.stdout) == expected;
        let idle = [
            "inside of what is denied it goes",
            "a cookie of that name goes",
            "a path in a container's documents only",
        ];
        assert_eq!(
            same_result,
            idle.contains(&case["name"].as_str().unwrap()),
            "{case}"
        );
    }
}

/// The same by the library: cut at each byte, and again on what came out.
#[test]
fn exceptions_keep_the_laws() {
    let folder = Folder::new("laws");
    for case in cases("through.jsonl") {
        let pack = case["pack"].as_str().unwrap_or_default();
        folder.write(
            "own.toml",
            &format!("pack = 'own'\nversion = 1\ndescription = 'd'\n{pack}"),
        );
        folder.write("scrubline.toml", &configuration(&case, &folder));
        let loader = Loader::default().file(folder.0.join("scrubline.toml"));
        let resolved = loader.no_upstream().load().unwrap();
        let plan = resolved.config.load_policy().unwrap().plan();
        let input = case["in"].as_str().unwrap().as_bytes();
        let format = support::format(case["format"].as_str().unwrap());
        let scrub = |chunks: &[&[u8]]| {
            let (out, result) = support::scrub(&plan, format, chunks.iter().copied());
            result.unwrap();
            String::from_utf8(out).unwrap()
        };
        let whole = scrub(&[input]);
        for cut in 0..input.len() {
            let (start, end) = input.split_at(cut);
            assert_eq!(scrub(&[start, end]), whole, "cut at {cut}: {case}");
        }
        assert_eq!(scrub(&[whole.as_bytes()]), whole, "twice: {case}");
    }
}

#[test]
fn an_exception_that_is_wrong_does_not_load() {
    let folder = Folder::new("wrong");
    for case in cases("wrong.jsonl") {
        let table = case["table"].as_str().unwrap();
        folder.write(
            "scrubline.toml",
            &format!("[upstream]\nurl = 'http://127.0.0.1:9'\n[[policy.allow]]\n{table}\n"),
        );
        let output = folder.run(&["check"]);
        assert_eq!(output.status.code(), Some(2), "{case}");
        let error = text(output.stderr);
        let expected = case["error"].as_str().unwrap();
        assert!(
            error.starts_with("scrubline: scrubline.toml:") && error.contains(expected),
            "{table}\n{error}"
        );
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let folder = Folder::new("all");
    folder.write(
        "scrubline.toml",
        "[[policy.allow]]\nname = 'cookie'\nreason = 'r'\n[[policy.allow]]\nname = 'colour'\nreason = 'r'\n",
    );
    let error = text(
        folder
            .run(&["check", "--upstream", "http://127.0.0.1:9"])
            .stderr,
    );
    let places: Vec<&str> = error
        .lines()
        .map(|line| line.split(": ").nth(1).unwrap())
        .collect();
    assert_eq!(places, ["scrubline.toml:1", "scrubline.toml:4"], "{error}");
}

#[test]
fn flags_and_variables_make_no_exceptions() {
    let folder = Folder::new("flags");
    let output = folder.run(&[
        "check",
        "--upstream",
        "http://127.0.0.1:9",
        "--set",
        "policy.allow=session_id",
    ]);
    let error = text(output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        error.contains(
            "policy.allow: is no list of exceptions; each is a table in the configuration file"
        ),
        "{error}"
    );
}

#[test]
fn check_lists_exceptions_loudly() {
    let folder = Folder::new("check");
    let tables = "[[policy.allow]]\nname = 'session_id'\nin = ['key']\nrule = 'credentials.session'\nreason = 'a number of ours'\n\
        [[policy.allow]]\npath = 'extra/token'\ndocument = 'event'\nreason = 'public'\n";
    folder.write("scrubline.toml", tables);
    let arguments = ["check", "--upstream", "http://127.0.0.1:9"];
    let output = folder.run(&arguments);
    assert!(output.status.success());
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    for line in [
        "# LET THROUGH although a rule covers it, by 2 exceptions (policy.allow):",
        "#   the name session_id as key, against the rule credentials.session alone: a number of ours (scrubline.toml:1)",
        "#   the path extra/token in documents of kind event: public (scrubline.toml:6)",
    ] {
        assert!(stdout.lines().any(|it| it == line), "{stdout}");
    }
    assert_eq!(
        stderr
            .matches("scrubline: warning: let through: the ")
            .count(),
        2,
        "{stderr}"
    );

    // What it prints is a configuration that says the same.
    folder.write("scrubline.toml", &stdout);
    let again = text(folder.run(&arguments).stdout);
    let exceptions = |text: &str| -> Vec<String> {
        let shown = text.lines().filter(|line| line.starts_with("#   the "));
        shown
            .map(|line| line.rsplit_once(" (").unwrap().0.to_owned())
            .collect()
    };
    assert_eq!(exceptions(&again), exceptions(&stdout));
    assert_eq!(exceptions(&again).len(), 2);

    folder.write("scrubline.toml", "");
    let output = folder.run(&arguments);
    assert!(!text(output.stdout).contains("LET THROUGH") && output.stderr.is_empty());
}

#[test]
fn explain_takes_exceptions_too() {
    let folder = Folder::new("explain");
    folder.write("x.json", r#"{"session_id":"a","token":"b"}"#);
    let explained = || text(folder.run(&["explain", "x.json"]).stdout);
    assert!(explained().contains("at session_id"));
    folder.write(
        "scrubline.toml",
        "[[policy.allow]]\nname = 'session_id'\nreason = 'r'\n",
    );
    let explained = explained();
    assert!(
        !explained.contains("session_id") && explained.contains("at token"),
        "{explained}"
    );
}
