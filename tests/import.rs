//! `scrubline import relay-pii`: what a configuration of Relay comes to. Each file in `tests/import` is one case: the configuration,
//! the beginnings of all remarks, the exit code with `--strict`, and documents that are scrubbed with the pack beside the default
//! policy.

#![allow(clippy::panic, clippy::unwrap_used, missing_docs)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A folder of its own, taken away at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder =
            std::env::temp_dir().join(format!("scrubline-{}-import-{name}", std::process::id()));
        std::fs::create_dir_all(folder.join("packs")).unwrap();
        Folder(folder)
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.0.join(file), text).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_scrubline"))
            .args(arguments)
            .env("KEY_OF_HASHES", "not a real key")
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

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn check(file: &Path) {
    let name = file.file_stem().unwrap().to_str().unwrap();
    let case: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let folder = Folder::new(name);
    folder.write("relay.json", &case["config"].to_string());

    let output = folder.run(&["import", "relay-pii", "relay.json"]);
    let remarks = text(&output.stderr);
    assert!(output.status.success(), "{name}: {remarks}");
    let wanted: Vec<&str> = case["remarks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap())
        .collect();
    for expected in &wanted {
        let line = format!("scrubline: {expected}");
        assert!(
            remarks.lines().any(|it| it.starts_with(&line)),
            "{name}: {expected}\n{remarks}"
        );
    }
    let others: Vec<&str> = remarks
        .lines()
        .filter(|line| {
            !wanted
                .iter()
                .any(|it| line.starts_with(&format!("scrubline: {it}")))
        })
        .collect();
    assert!(others.is_empty(), "{name}: {others:#?}");
    assert!(!remarks.contains("hunter2"), "{name}: a key is shown");

    // To a file it writes the same, and nothing to standard output.
    let strict = folder.run(&[
        "import",
        "relay-pii",
        "relay.json",
        "--strict",
        "-o",
        "packs/relay.toml",
    ]);
    assert_eq!(
        strict.status.code().map(i64::from),
        case["strict"].as_i64(),
        "{name}"
    );
    assert!(strict.stdout.is_empty());
    let pack = std::fs::read_to_string(folder.0.join("packs/relay.toml")).unwrap();
    assert_eq!(pack, text(&output.stdout));
    let key = pack
        .split_once("\npack = ")
        .map_or("", |(remarks, _)| remarks);
    assert!(!key.contains("hunter2"), "{name}: a key is in the pack");

    // It is a pack whose rules hold.
    let tried = folder.run(&["rules", "test", "packs"]);
    assert!(
        tried.status.success(),
        "{name}: {}{}",
        text(&tried.stdout),
        text(&tried.stderr)
    );

    let mut config = "[policy]\npacks = ['packs/relay.toml']\n".to_owned();
    if case["hash_key"] == true {
        config.push_str("hash_key = 'env:KEY_OF_HASHES'\n");
    }
    folder.write("scrubline.toml", &config);
    for document in case["documents"].as_array().unwrap() {
        folder.write("in", document["in"].as_str().unwrap());
        let format = document["format"].as_str().unwrap_or("json");
        let scrubbed = folder.run(&["scrub", "--format", format, "in"]);
        assert_eq!(text(&scrubbed.stderr), "", "{name}");
        assert_eq!(
            text(&scrubbed.stdout),
            document["out"].as_str().unwrap(),
            "{name}"
        );
    }
}

#[test]
fn configurations_come_to_packs() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/import");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files.iter().for_each(|file| check(file));
}

#[test]
fn what_is_no_configuration_is_told() {
    let folder = Folder::new("none");
    for (input, arguments, code, expected) in [
        (
            "{",
            &[][..],
            1,
            "scrubline: relay.json: ends too early at line 1, column 1; give a PII configuration of Relay, or ",
        ),
        (
            "rules:\n  a: 1\n",
            &[],
            1,
            "scrubline: relay.json: is no JSON at line 1, column 1; give a PII configuration of Relay, or ",
        ),
        (
            "[]",
            &[],
            1,
            "scrubline: relay.json: is no PII configuration: it has neither \"rules\" nor \"applications\"",
        ),
        (
            "{\"rules\":[]}",
            &[],
            1,
            "scrubline: relay.json: its \"rules\" is no object",
        ),
        (
            "{\"rules\":{}}",
            &["--name", "A b"],
            2,
            "scrubline: --name: \"A b\" is no pack's name",
        ),
        (
            "{\"rules\":{}}",
            &["-o", "no/such/folder"],
            1,
            "scrubline: no/such/folder: its directory is not there; make that first\n",
        ),
    ] {
        folder.write("relay.json", input);
        let output = folder.run(&[&["import", "relay-pii", "relay.json"], arguments].concat());
        assert_eq!(output.status.code(), Some(code), "{input}");
        let error = text(&output.stderr);
        assert!(error.starts_with(expected), "{error}");
        assert!(output.stdout.is_empty());
    }
    let output = folder.run(&["import", "relay-pii", "no-such.json"]);
    assert_eq!(
        text(&output.stderr),
        "scrubline: no-such.json: there is no such file; a relative name is looked for from the working directory\n"
    );
    // What the system says by a number is said in words.
    for (file, expected) in [
        (".", ".: is a directory; name the file in it"),
        (
            "relay.json/x",
            "relay.json/x: there is no such file; a part of its path is no directory",
        ),
        (
            "latin1.json",
            "latin1.json: is not UTF-8; is it the file that is meant?",
        ),
    ] {
        std::fs::write(folder.0.join("latin1.json"), b"{\"caf\xE9\":1}").unwrap();
        let output = folder.run(&["import", "relay-pii", file]);
        assert_eq!(text(&output.stderr), format!("scrubline: {expected}\n"));
    }
}

#[test]
fn ids_begin_with_the_name_of_the_pack() {
    let folder = Folder::new("name");
    folder.write(
        "relay.json",
        r#"{"applications":{"$string":["@ip","@email"],"extra.x":["@anything"]}}"#,
    );
    let output = folder.run(&["import", "relay-pii", "relay.json", "--name", "acme-pii"]);
    let pack: toml::Table = text(&output.stdout).parse().unwrap();
    assert_eq!(pack["pack"].as_str(), Some("acme-pii"));
    let ids = |key: &str| -> Vec<String> {
        let rules = pack[key].as_array().unwrap().iter();
        rules
            .map(|rule| rule["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids("detect"), ["acme-pii.ip", "acme-pii.email"]);
    assert_eq!(ids("path"), ["acme-pii.anything", "acme-pii.anything_2"]);
}
