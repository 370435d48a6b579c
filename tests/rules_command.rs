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
        error
            .contains("acme.toml:14: rule 'acme.token': 'acm_abcDEF012345' matches and should not"),
        "{error}"
    );
    let empty = folder("empty", "readme.md", "");
    let output = scrubline(&["rules", "test", empty.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    for folder in [good, bad, empty] {
        std::fs::remove_dir_all(folder).unwrap();
    }
}

/// White space may be what a token begins with: nothing that is passed over quickly passes it.
#[test]
fn an_anchor_may_begin_with_white_space() {
    let pack = r#"
pack = "acme"
version = 1
description = "Acme's own"

[[token]]
id = "acme.ticket"
description = "Acme's ticket, behind its word"
source = "Acme handbook"
anchors = [" ticket "]
alphabet = "base62"
length = [12, 12]
matches = ["take: ticket abcDEF~012345", "token=x1, take: ticket abcDEF~012345"]
ignores = ["take: ticket abc"]
"#;
    let folder = folder("spaced", "acme.toml", pack);
    let output = scrubline(&["rules", "test", folder.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    // In a document, where what can be passed over is passed over.
    let pack = folder.join("acme.toml");
    let config = folder.join("scrubline.toml");
    std::fs::write(&config, format!("[policy]\npacks = [{pack:?}]\n")).unwrap();
    let document = folder.join("event.json");
    std::fs::write(&document, r#"{"m":"token=x1, take: ticket abcDEF012345"}"#).unwrap();
    let output = scrubline(&[
        "scrub",
        "--format",
        "json",
        "--config",
        config.to_str().unwrap(),
        document.to_str().unwrap(),
    ]);
    let scrubbed = text(&output.stdout);
    assert!(
        output.status.success() && !scrubbed.contains("abcDEF012345"),
        "{scrubbed}{}",
        text(&output.stderr)
    );
    std::fs::remove_dir_all(folder).unwrap();
}

/// In words, with what to do; the system's own have a number.
#[test]
fn what_cannot_be_read_is_said_in_words() {
    let folder = folder("unread", "pack.toml", "pack = 'p'");
    std::fs::write(folder.join("latin1.toml"), b"# caf\xE9").unwrap();
    std::fs::create_dir_all(folder.join("packs/p.toml")).unwrap();
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let gone = path("gone");
    let (whole, nested, file) = (path(""), path("packs"), path("pack.toml"));
    let (latin1, below) = (path("latin1.toml"), path("pack.toml/x"));
    let of_packs = |pack: &str| {
        let set = format!("policy.packs={pack}");
        let upstream = "http://127.0.0.1:9";
        ["check", "--offline", "--upstream", upstream, "--set", &set].map(str::to_owned)
    };
    let of = |words: &[&str]| words.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    for (arguments, expected) in [
        (of(&["rules", "test", &gone]), format!("{gone}: there is no such file")),
        (
            of(&["rules", "test", &file]),
            format!("{file}: is a file; name the directory that it is in"),
        ),
        (
            of(&["rules", "test", &whole]),
            format!("{latin1}: is not UTF-8; is it the file that is meant?"),
        ),
        (
            of(&["rules", "test", &nested]),
            format!("{nested}/p.toml: is a directory; name the file in it"),
        ),
        (
            of(&["rules", "diff", &latin1, "strict"]),
            format!("{latin1}: is not UTF-8; is it the file that is meant?"),
        ),
        (of(&["policy", "test", &gone]), format!("{gone}: there is no such file")),
        (
            of_packs(&gone).to_vec(),
            format!("policy.packs: {gone}: there is no such file"),
        ),
        (
            of_packs("no/such.toml").to_vec(),
            "policy.packs: no/such.toml: there is no such file; a relative name is looked for from the working directory".to_owned(),
        ),
        (
            of_packs(&nested).to_vec(),
            format!("policy.packs: {nested}: is a directory; name the file in it"),
        ),
        (
            of_packs(&below).to_vec(),
            format!("policy.packs: {below}: there is no such file; a part of its path is no directory"),
        ),
        (
            of_packs(&latin1).to_vec(),
            format!("policy.packs: {latin1}: is not UTF-8; is it the file that is meant?"),
        ),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = scrubline(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let error = text(&output.stderr);
        assert!(error.contains(&expected), "{arguments:?}: {error}");
        assert!(!error.contains("os error"), "{error}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_is_wrong_with_a_pack_has_its_file_and_line() {
    let head = "pack = 'p'\nversion = 1\ndescription = 'd'\n\n";
    let name = "[[name]]\nid = 'p.a'\ndescription = 'd'\nin = ['key']\nany = ['zzz']\n";
    let token = "[[token]]\nid = 'p.t'\ndescription = 'd'\nsource = 's'\nanchors = ['zz_']\n";
    let run = "alphabet = 'digit'\nlength = [3, 3]\n";
    for (rules, expected) in [
        // An example, in the line where it stands.
        (
            format!("{name}matches = [\n  'zzz',\n  'yyy',\n]\nignores = ['x']\n"),
            "p.toml:12: rule 'p.a': its example 'yyy' does not match",
        ),
        (
            format!("{name}matches = ['zzz']\nignores = ['x', 'zzz']\n"),
            "p.toml:11: rule 'p.a': 'zzz' matches and should not",
        ),
        (
            format!("{token}{run}matches = ['zz_123']\nignores = [\n  'zz_12',\n  'zz_456' ]\n"),
            "p.toml:15: rule 'p.t': 'zz_456' matches and should not",
        ),
        // Else the line with which the rule begins.
        (
            format!("# a remark\n\n{name}matches = []\nignores = ['x']\n"),
            "p.toml:7: rule 'p.a': it has no evidence",
        ),
        (
            format!("{name}matches = ['zzz']\nignores = ['x']\n\n{name}matches = ['zzz']\nignores = ['x']\n"),
            "p.toml:13: rule 'p.a': its id stands already at p.toml:5; give it another",
        ),
        (
            format!("{token}matches = ['zz_123']\nignores = ['x']\n"),
            "p.toml:5: rule 'p.t': it has no end",
        ),
        (
            format!("{token}alphabet = 'digit'\nlength = [4, 3]\nmatches = ['zz_123']\nignores = ['x']\n"),
            "p.toml:5: rule 'p.t': a length is [least, most]",
        ),
        (
            "[[path]]\nid = 'p.p'\ndescription = 'd'\ndocument = 'event'\npaths = []\ndo = 'null'\n".to_owned(),
            "p.toml:5: rule 'p.p': it needs a description and at least one path",
        ),
        (
            "[[force]]\ndocument = 'event'\nkey = 'k'\nvalue = '{'\n".to_owned(),
            "p.toml:5: forced member 'k': its value is no JSON",
        ),
        // What is no pack at all.
        (
            format!("{name}matchs = ['zzz']\n"),
            "p.toml:10: rule 'p.a': there is no key or table 'matchs' here; did you mean 'matches'?\n",
        ),
        (
            "[[token]]\nid = 'p.t\n".to_owned(),
            "p.toml:6: is no TOML: ",
        ),
        // Each of the parser's own messages, in other words.
        (
            format!("{name}matches = ['zzz']\n"),
            "p.toml:5: rule 'p.a': 'ignores' is missing; give examples that it must not cover, as ignores = [\"…\"]\n",
        ),
        (
            "[[name]]\ndescription = 'd'\n".to_owned(),
            "p.toml:5: [[name]]: 'id' is missing; give it one, as id = \"acme.word\"\n",
        ),
        (
            name.replace("'key'", "'keys'"),
            "p.toml:8: rule 'p.a': in: 'keys' is unknown; did you mean 'key'?\n",
        ),
        (
            format!("{name}do = 'remove'\n"),
            "p.toml:10: rule 'p.a': do: 'remove' is unknown; known: leaves, replace, null, address, ",
        ),
        (
            name.replace("['zzz']", "'zzz'"),
            "p.toml:9: rule 'p.a': any: is text; give a list, as [\"…\"]\n",
        ),
        (
            format!("{name}gap = [['x']]\n"),
            "p.toml:10: rule 'p.a': gap: is a list of 1; give a list of two\n",
        ),
        (
            format!("{token}alphabet = 'digit'\nlength = [3, -3]\n"),
            "p.toml:11: rule 'p.t': length: is the number -3; give a whole number, 0 or more\n",
        ),
        (
            format!("{token}{run}then = [{{ alphabet = 'digt', length = [1, 1] }}]\n"),
            "p.toml:12: rule 'p.t': then: is no part: give text, or { alphabet = ",
        ),
        (
            format!("{name}matches = ['zzz']\nignores = ['x']\n[safe]\nlasts = ['x']\n"),
            "p.toml:13: [safe]: there is no key or table 'lasts' here; did you mean 'last'?\n",
        ),
        (
            format!("{name}matches = ['zzz']\nignores = ['x']\n[[tokens]]\nid = 'p.t'\n"),
            "p.toml:12: there is no key or table 'tokens' in a pack; did you mean 'token'?\n",
        ),
        (
            name.replace("[[name]]", "[name]"),
            "p.toml:5: name: is one table, and may be many: write [[name]], in two brackets\n",
        ),
        // An id stands in metrics and logs.
        (
            name.replace("p.a", "p.a b") + "matches = ['zzz']\nignores = ['x']\n",
            "p.toml:5: rule 'p.a b': an id is made of ASCII letters, digits, '.', '_' and '-', as 'acme.order_key'; write it so\n",
        ),
        (
            name.replace("p.a", "") + "matches = ['zzz']\nignores = ['x']\n",
            "p.toml:5: rule '': an id is made of ",
        ),
    ] {
        let folder = folder("lines", "p.toml", &format!("{head}{rules}"));
        let output = scrubline(&["rules", "test", folder.to_str().unwrap()]);
        std::fs::remove_dir_all(folder).unwrap();
        assert_eq!(output.status.code(), Some(1));
        let error = text(&output.stderr);
        assert!(error.contains(&format!("scrubline: {expected}")), "{rules}\n{error}");
    }
}

/// Files that are no packs, as they are: the text, and what is said of it behind the file's name.
#[test]
fn what_is_another_file_than_a_pack_is_told_so() {
    for (text_of, expected) in [
        ("", ": is empty; rules/README.md has what belongs in it\n"),
        (
            "[[name]]\nid = 'p.a'\ndescription = 'd'\nin = ['key']\nany = ['zzz']\nmatches = ['zzz']\nignores = ['x']\n",
            ":1: 'pack' is missing; name the pack, as pack = \"acme\"\n",
        ),
        (
            "policy = 'p'\nversion = 1\npacks = ['core']\n",
            ": is a policy, and a pack is wanted; a policy is named in policy.name\n",
        ),
        (
            "[server]\nlisten = '127.0.0.1:1'\n",
            ": is a configuration, and a pack is wanted (rules/README.md)\n",
        ),
        (
            "[[policy.allow]]\nname = 'x'\nreason = 'r'\n",
            ": is a configuration, and a pack is wanted (rules/README.md)\n",
        ),
    ] {
        let folder = folder("other", "p.toml", text_of);
        let output = scrubline(&["rules", "test", folder.to_str().unwrap()]);
        std::fs::remove_dir_all(folder).unwrap();
        let expected = format!("scrubline: p.toml{expected}");
        assert_eq!(
            (output.status.code(), text(&output.stderr)),
            (Some(1), expected)
        );
    }
}

#[test]
fn every_alphabet_can_be_named_in_a_pack() {
    let alphabets = scrubline::policy::alphabets();
    assert_eq!(alphabets.len(), 13);
    for (name, alphabet) in alphabets {
        let first: char = (b'0'..=b'z')
            .find(|byte| alphabet.has(*byte))
            .map(char::from)
            .unwrap();
        let run = first.to_string().repeat(5);
        let rule = format!(
            "pack = 'p'\nversion = 1\ndescription = 'd'\n[[token]]\nid = 'p.t'\ndescription = 'd'\nsource = 's'\n\
             anchors = ['zz_']\nalphabet = '{name}'\nlength = [5, 64]\nmatches = ['zz_{run}']\nignores = ['zz_']\n"
        );
        let evidence = scrubline::policy::Policy::try_rules(&[("p.toml", &rule)]).unwrap();
        assert!(evidence[0].failures.is_empty(), "{name}: {evidence:?}");
    }
}

#[test]
fn packs_have_a_hash_of_their_text() {
    let pack = "pack = 'p'\nversion = 3\ndescription = 'd'\n";
    let folder = folder("hash", "p.toml", pack);
    let path = folder.join("p.toml");
    let config = folder.join("scrubline.toml");
    std::fs::write(
        &config,
        format!("[policy]\npacks = ['{}']\n", path.display()),
    )
    .unwrap();
    let line = |command: &[&str]| {
        let arguments = [command, &["--config", config.to_str().unwrap()]].concat();
        let out = text(&scrubline(&arguments).stdout);
        out.lines()
            .find(|line| line.contains("p 3") || line.contains("p, version 3"))
            .unwrap()
            .to_owned()
    };
    // sha256sum of the text.
    let (first, second) = ("13b51ad7fa78", "328e7a1ecdb4");
    let list = line(&["rules", "list"]);
    assert_eq!(list, format!("# pack p, version 3, SHA-256 {first}"));
    let check = line(&["check", "--upstream", "http://127.0.0.1:9"]);
    assert!(check.ends_with(&format!(", p 3 {first}")), "{check}");
    std::fs::write(&path, format!("{pack}# changed\n")).unwrap();
    assert_eq!(
        line(&["rules", "list"]),
        format!("# pack p, version 3, SHA-256 {second}")
    );
    std::fs::remove_dir_all(folder).unwrap();
}

/// What comes before a mistake is listed.
#[test]
fn a_document_is_explained_up_to_a_mistake() {
    let folder = folder("explain_part", "x.ndjson", "{\"a\":\"?token=x\"}\nbad\n");
    let path = folder.join("x.ndjson");
    let output = scrubline(&["explain", "--format", "ndjson", path.to_str().unwrap()]);
    std::fs::remove_dir_all(&folder).unwrap();
    let listed = text(&output.stdout);
    assert!(listed.contains("core.url_parameter at a:"), "{listed}");
    let told = text(&output.stderr);
    assert!(told.contains("what is listed ends there"), "{told}");
}

/// The file's name, what it has, and what is said to do.
#[test]
fn a_document_of_another_format_is_told_with_that_format() {
    for (name, content, hint) in [
        (
            "x.envelope",
            "{}\n{\"type\":\"event\"}\n{}\n",
            "(it looks like envelope: try --format envelope)",
        ),
        (
            "x",
            "{}\n{\"type\":\"event\"}\n{}\n",
            "(it looks like envelope: try --format envelope)",
        ),
        (
            "x",
            "{\"a\":1}\n{\"a\":2}\n",
            "(it looks like ndjson: try --format ndjson)",
        ),
        (
            "x.log",
            "password: hunter2-x\n",
            "(it looks like text: try --format text)",
        ),
        (
            "x.json",
            "{\"a\":",
            "(check --format, and that the input is complete)",
        ),
        ("x", "", "(check --format, and that the input is complete)"),
    ] {
        let folder = folder("explain_other", name, content);
        let output = scrubline(&["explain", folder.join(name).to_str().unwrap()]);
        std::fs::remove_dir_all(&folder).unwrap();
        let told = text(&output.stderr);
        assert!(told.trim_end().ends_with(hint), "{name}: {told}");
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
