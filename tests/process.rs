//! The process itself: no core dumps, nothing of what a panic is about in what it says.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the helpers of tests may, too"
)]

use std::process::Command;

const INNER: &str = "SCRUBLINE_TEST_INNER";

/// Runs this one test again, in a process of its own, for what it does to it.
#[test]
fn a_panic_tells_its_place_and_no_payload_and_there_are_no_core_dumps() {
    if std::env::var_os(INNER).is_some() {
        scrubline::observe::start_log(&scrubline::config::Config::new("http://x").unwrap().log);
        scrubline::cli::harden().unwrap();
        let behavior = rustix::process::dumpable_behavior().unwrap();
        assert_eq!(behavior, rustix::process::DumpableBehavior::NotDumpable);
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
        let core = limits
            .lines()
            .find(|line| line.starts_with("Max core file size"));
        let words: Vec<&str> = core.unwrap().split_whitespace().collect();
        assert_eq!(words[4..6], ["0", "0"]);
        let caught = std::panic::catch_unwind(|| panic!("could not parse hunter2"));
        assert!(caught.is_err());
        return;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("a_panic_tells_its_place_and_no_payload_and_there_are_no_core_dumps")
        .env(INNER, "1")
        .output()
        .unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{said}");
    assert!(said.contains("panic: a mistake of ours"), "{said}");
    assert!(said.contains("tests/process.rs"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}
