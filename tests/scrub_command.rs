//! `scrubline scrub`: a document in, the scrubbed one out; and one clear line where there is something wrong.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::io::Write;
use std::process::{Command, Output, Stdio};

fn scrub(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_scrubline"))
        .arg("scrub")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // It may have ended already.
    let _ = stdin.write_all(input);
    drop(stdin);
    child.wait_with_output().unwrap()
}

#[test]
fn a_document_and_its_report() {
    let output = scrub(
        &["--format", "json", "--report"],
        br#"{"url":"/x?page=2&token=hunter2"}"#,
    );
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stdout, br#"{"url":"/x?page=2&token=[Filtered]"}"#);
    let report: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(report["rule"], "core.url_parameter");
    assert_eq!(report["path"], "url");
}

#[test]
fn a_dash_is_standard_input() {
    let output = scrub(&["--format", "json", "-"], br#"{"password":"hunter2"}"#);
    assert_eq!(output.stdout, br#"{"password":"[Filtered]"}"#);
    let output = scrub(&["--format", "json", "-"], b"{");
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.starts_with("scrubline: standard input: "), "{text}");
}

#[test]
fn a_wrong_command_line_names_the_flag() {
    for (arguments, expected) in [
        (
            &["--format", "json", "--secret-env", "NOT_SET_ANYWHERE"][..],
            "scrubline: --secret-env: the environment has no NOT_SET_ANYWHERE; ",
        ),
        (
            &["--format", "json", "--secret-file", "no/such"],
            "scrubline: --secret-file: no/such: there is no such file; a relative name is looked for from the working directory\n",
        ),
        (
            &["order.json"],
            "Usage: scrubline scrub [OPTIONS] --format <FORMAT> [FILE]\n",
        ),
    ] {
        let output = scrub(arguments, b"");
        assert_eq!(output.status.code(), Some(2));
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(expected), "{text}");
    }
}

/// What stands in no member has no path, whatever came before it.
#[test]
fn places_are_those_of_the_document_at_hand() {
    let report = |format: &str, input: &str| {
        let output = scrub(&["--format", format, "--report"], input.as_bytes());
        let lines = String::from_utf8(output.stderr).unwrap();
        let lines = lines.lines().map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["path"].as_str().unwrap_or("none").to_owned()
        });
        lines.collect::<Vec<String>>()
    };
    let lines = report("ndjson", "{\"a\":\"?token=1\"}\n\"?token=2\"\n");
    assert_eq!(lines, ["a", ""]);
    let text = "Authorization: Bearer abcdefg12345\n";
    let attachment = format!(
        "{{\"type\":\"attachment\",\"length\":{},\"filename\":\"a.txt\",\"content_type\":\"text/plain\"}}\n{text}\n",
        text.len()
    );
    let event = "{\"type\":\"event\"}\n{\"extra\":{\"a\":{\"b\":\"?token=zzz\"}}}\n";
    let lines = report("envelope", &format!("{{}}\n{event}{attachment}"));
    assert_eq!(lines, ["extra.a.b", ""]);
}

#[test]
fn what_was_left_out_is_reported_last() {
    let envelope = concat!(
        "{}\n",
        "{\"type\":\"attachment\",\"length\":2}\nhi\n",
        "{\"type\":\"event\"}\n{\"extra\":{\"password\":\"hunter2\"}}\n",
        "{\"type\":\"attachment\",\"length\":2}\nho\n",
        "{\"type\":\"hunter2\",\"length\":0}\n\n",
    );
    let report = |input: &str| {
        let output = scrub(&["--format", "envelope", "--report"], input.as_bytes());
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let lines = report(envelope);
    assert_eq!(
        lines[lines.len() - 2..],
        [
            r#"{"count":2,"dropped":"attachment","outcome":"dropped_policy"}"#,
            r#"{"count":1,"dropped":"unknown","outcome":"dropped_unknown"}"#,
        ]
    );
    assert!(lines[0].contains("credentials.password"), "{lines:?}");
    // Also of an envelope that turns out to be broken.
    let lines = report(&format!("{envelope}x"));
    assert!(
        lines.iter().any(|line| line.contains("attachment")),
        "{lines:?}"
    );
}

#[test]
fn what_is_wrong_is_one_line() {
    let folder = env!("CARGO_MANIFEST_DIR");
    let long_header = format!("{{\"x\":\"{}\"}}\n", "x".repeat(16 << 10)).into_bytes();
    for (arguments, input, expected) in [
        (
            &["--format", "json", "no/such/file"][..],
            &b""[..],
            "scrubline: no/such/file: there is no such file; leave the name out, or give -, to read standard input\n".to_owned(),
        ),
        (
            &["--format", "json", folder][..],
            b"",
            format!("scrubline: {folder}: is a directory; name a file in it\n"),
        ),
        (
            &["--format", "json"],
            b"\x1f\x8b\x08\0",
            "scrubline: standard input: is gzip data; unpack it first, as gunzip -c FILE\n".to_owned(),
        ),
        (
            &["--format", "json"],
            b"{\"a\":",
            "scrubline: standard input: malformed: the input ends too early at byte 5; what came out before is \
             clean, but not whole (check --format, and that the input is complete)\n"
                .to_owned(),
        ),
        (
            &["--format", "ndjson"],
            b"{}\n\n{\"a\":1}\n{\"a\":x}\n{}\n",
            "scrubline: standard input:4: malformed: expected a JSON value at byte 17; nothing came out \
             (check --format, and that the input is complete)\n"
                .to_owned(),
        ),
        (
            &["--format", "ndjson"],
            b"{}\n{}\n{\"a\":",
            "scrubline: standard input:3: malformed: the input ends too early at byte 11; what came out before is \
             clean, but not whole (check --format, and that the input is complete)\n"
                .to_owned(),
        ),
        (
            &["--format", "envelope"],
            &long_header,
            "scrubline: standard input: over a limit: envelope header: the line is longer than 16384 bytes at byte 0 \
             (limits.header_bytes); nothing came out (scrub has the default limits)\n"
                .to_owned(),
        ),
        (
            &["--format", "json", "src/lib.rs"],
            b"",
            "scrubline: src/lib.rs: malformed: expected a JSON value at byte 0; nothing came out \
             (check --format, and that the input is complete)\n"
                .to_owned(),
        ),
    ] {
        let output = scrub(arguments, input);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
    }
}

#[test]
fn a_door_leaves_out_what_may_not_leave_by_it() {
    let envelope = b"{}\n{\"type\":\"session\"}\n{}\n{\"type\":\"user_report\"}\n{}\n";
    for (door, out) in [
        (&[][..], &envelope[..]),
        (&["--door", "server"], envelope),
        (
            &["--door", "browser"],
            b"{}\n{\"type\":\"user_report\"}\n{}\n{\"type\":\"client_report\"}\n\
              {\"discarded_events\":[{\"reason\":\"event_processor\",\"category\":\"session\",\"quantity\":1}]}\n",
        ),
    ] {
        let output = scrub(&[&["--format", "envelope"], door].concat(), envelope);
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(out.to_vec()).unwrap(),
            "{door:?}"
        );
    }
}
