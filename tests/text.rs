//! Forms of name and value in text, and prose that is none, each in many contexts: as plain text, in a JSON string, in JSON in a
//! string to several depths, and cut at every byte. The forms are files: `tests/text/*.txt`.

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

use scrubline::scrub::Format;
use support::{plan, scrub};

/// How deep JSON in a string is nested.
const DEPTH: usize = 4;

/// The lines of a file, with their escapes undone.
fn lines(file: &str) -> Vec<String> {
    let path = format!("{}/tests/text/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("the file");
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(unescaped)
        .collect()
}

fn unescaped(line: &str) -> String {
    let mut text = String::new();
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            text.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some('e') => text.push('\u{1b}'),
            Some('\\') => text.push('\\'),
            other => panic!("unknown escape {other:?} in {line}"),
        }
    }
    text
}

/// What goes in, and what must come out, of a line with marked secrets.
fn form(line: &str) -> (String, String) {
    let (mut input, mut output) = (String::new(), String::new());
    let mut rest = line;
    while let Some((plain, behind)) = rest.split_once('\u{27e6}') {
        let (secret, behind) = behind.split_once('\u{27e7}').expect("a closing mark");
        let (secret, becomes) = secret
            .split_once('\u{2192}')
            .unwrap_or((secret, "[Filtered]"));
        input.push_str(plain);
        input.push_str(secret);
        output.push_str(plain);
        output.push_str(becomes);
        rest = behind;
    }
    input.push_str(rest);
    output.push_str(rest);
    (input, output)
}

/// A text as the value of a member, in JSON in a string, `depth` times.
fn nested(text: &str, depth: usize) -> String {
    (0..depth).fold(text.to_owned(), |text, _| {
        format!("{{\"m\":{},\"z\":1}}", serde_json::Value::from(text))
    })
}

/// Scrubs whole, cut at every byte, and byte by byte, and tells the first way that does not give `want`.
fn check(format: Format, input: &str, want: &str) -> Result<(), String> {
    let run = |chunks: &[&[u8]]| {
        let (out, result) = scrub(&plan(), format, chunks.iter().copied());
        result.map_err(|error| error.to_string())?;
        let out = String::from_utf8_lossy(&out).into_owned();
        if out == want {
            Ok(())
        } else {
            Err(format!("\n  got {out}\n want {want}"))
        }
    };
    let bytes = input.as_bytes();
    run(&[bytes])?;
    for cut in 1..bytes.len() {
        run(&[&bytes[..cut], &bytes[cut..]]).map_err(|what| format!("cut at {cut}: {what}"))?;
    }
    run(&bytes.chunks(1).collect::<Vec<_>>()).map_err(|what| format!("byte by byte: {what}"))?;
    // Law 5: twice is once.
    if want != input {
        check(format, want, want).map_err(|what| format!("twice: {what}"))?;
    }
    Ok(())
}

fn check_everywhere(input: &str, want: &str, failures: &mut Vec<String>) {
    let mut contexts = vec![(
        "as text".to_owned(),
        Format::Text,
        input.to_owned(),
        want.to_owned(),
    )];
    for depth in 1..=DEPTH {
        contexts.push((
            format!("JSON, {depth} deep"),
            Format::Json,
            nested(input, depth),
            nested(want, depth),
        ));
    }
    for (context, format, input, want) in contexts {
        if let Err(what) = check(format, &input, &want) {
            failures.push(format!("{context}: {what}"));
            return;
        }
    }
}

#[test]
fn secrets_go_in_every_form() {
    let mut failures = Vec::new();
    for line in lines("forms.txt") {
        let (input, want) = form(&line);
        check_everywhere(&input, &want, &mut failures);
    }
    assert!(
        failures.is_empty(),
        "{} forms fail:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[test]
fn prose_comes_through() {
    let mut failures = Vec::new();
    for line in lines("prose.txt") {
        check_everywhere(&line, &line, &mut failures);
    }
    assert!(
        failures.is_empty(),
        "{} texts fail:\n{}",
        failures.len(),
        failures.join("\n")
    );
}
