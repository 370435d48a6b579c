//! `scrubline demo`: what it shows of the embedded envelopes, and of a client's own traffic.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    unreachable_pub,
    missing_docs,
    reason = "a test fails by panicking, in its helpers too; the support module is shared"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

#[path = "support/scrub.rs"]
mod support;

const SAMPLES: [&str; 4] = ["flask-error", "node-spans", "browser-error", "mixed-items"];
/// Nothing here takes seconds; this only ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(60);

fn file(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/demo/envelopes");
    std::fs::read(folder.join(name)).unwrap()
}

fn planted(sample: &str) -> Vec<String> {
    let text = String::from_utf8(file(&format!("{sample}.planted"))).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn demo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scrubline"));
    command.arg("demo").args(arguments);
    command
}

fn once(arguments: &[&str]) -> Output {
    demo(&[&["--once"], arguments].concat()).output().unwrap()
}

#[test]
fn the_show_has_every_sample_and_no_secret_goes_out() {
    let output = once(&["--listen", "127.0.0.1:0"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(!text.contains('\u{1b}'), "colour in a pipe");
    assert!(
        text.contains("policy.server.traces_sample_rate = 1.0"),
        "{text}"
    );

    let sections: Vec<&str> = text.split("\n\n").skip(1).collect();
    assert_eq!(sections.len(), SAMPLES.len() + 1, "{text}");
    for (sample, section) in SAMPLES.iter().zip(&sections) {
        let (came_in, went_out): (Vec<&str>, Vec<&str>) =
            section.lines().partition(|line| line.starts_with("  - "));
        assert!(
            went_out
                .iter()
                .any(|line| line.starts_with("  + ") && line.contains("[Filtered]")),
            "{sample}: no marker"
        );
        let secrets = planted(sample);
        assert!(!secrets.is_empty());
        assert!(
            secrets
                .iter()
                .any(|secret| came_in.iter().any(|line| line.contains(secret))),
            "{sample}: nothing to see"
        );
        for secret in &secrets {
            assert!(
                !went_out.iter().any(|line| line.contains(secret)),
                "{sample}: {secret} went out"
            );
        }
        assert!(section.contains(&format!(
            "{} planted secrets came in, 0 went out",
            secrets.len()
        )));
    }
    assert!(sections[3].contains("  - attachment: "), "{text}");
    assert!(sections[3].contains("  - made_up_item_v9: "), "{text}");
    assert!(sections[4].contains("core.authorization"), "{text}");
}

/// The show leaves out much of what is unchanged; this sees all of it.
#[test]
fn no_planted_secret_survives_anywhere() {
    for sample in SAMPLES {
        let envelope = file(&format!("{sample}.envelope"));
        let (scrubbed, result) = support::scrub(
            &support::plan(),
            support::format("envelope"),
            [&envelope[..]],
        );
        assert_eq!(result, Ok(()), "{sample}");
        let (before, after) = (
            String::from_utf8(envelope).unwrap(),
            String::from_utf8(scrubbed).unwrap(),
        );
        for secret in planted(sample) {
            assert!(before.contains(&secret), "{sample} has no {secret}");
            assert!(!after.contains(&secret), "{sample}: {secret}");
        }
    }
}

#[test]
fn an_address_that_was_asked_for_and_is_in_use_is_one_clear_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = once(&["--listen", &address]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        format!(
            "scrubline: {address} is in use; give another --listen, or none to have a free port taken\n"
        )
    );
}

/// A demo that goes on, killed when the test ends.
struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    fn start() -> Running {
        let mut child = demo(&["--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Running { child, lines }
    }

    /// All lines up to the first that has this in it.
    fn read_until(&self, wanted: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.lines.recv_timeout(PATIENCE).unwrap();
            let found = line.contains(wanted);
            lines.push(line);
            if found {
                return lines;
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn own_traffic_is_told_by_place_and_rule() {
    let mut demo = Running::start();
    demo.read_until("at this DSN");
    let dsn = demo.read_until("http://").pop().unwrap();
    let (key, rest) = dsn
        .trim()
        .strip_prefix("http://")
        .unwrap()
        .split_once('@')
        .unwrap();
    let (address, project) = rest.split_once('/').unwrap();
    assert!(key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(project, "1");
    demo.read_until("Ctrl-C ends");

    let body = r#"{"message":"see /x?token=hunter2hunter2","user":{"ip_address":"203.0.113.9"}}"#;
    let mut socket = TcpStream::connect(address).unwrap();
    write!(
        socket,
        "POST /api/1/store/?sentry_key={key} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");

    let told = demo.read_until("by rule").join("\n");
    assert!(
        told.contains("project 1: forwarded, answered 200"),
        "{told}"
    );
    assert!(
        told.contains("  event\n    message\n    user.ip_address\n"),
        "{told}"
    );
    assert!(
        told.contains("core.url_parameter 1, sentry.user_ip 1"),
        "{told}"
    );
    assert!(!told.contains("hunter2") && !told.contains("203.0.113.9") && !told.contains("/x?"));

    #[cfg(unix)]
    {
        let pid = demo.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &pid])
                .status()
                .unwrap()
                .success()
        );
        assert!(demo.child.wait().unwrap().success());
    }
}
