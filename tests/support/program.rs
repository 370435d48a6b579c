//! `scrubline serve` in a process of its own.

#![allow(
    unreachable_pub,
    dead_code,
    reason = "each test file has its own copy and uses a part of it"
)]

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};

use tokio::sync::mpsc;

use crate::support::*;

/// A proxy in a process of its own, killed when the test ends.
pub struct Program {
    pub child: Child,
    pub address: SocketAddr,
    /// Lines of its log as they come, and those that have been read.
    lines: mpsc::UnboundedReceiver<String>,
    pub log: Vec<String>,
}

impl Program {
    /// Starts it on ports of its own choice, and waits until it serves.
    pub async fn start(upstream: &str, settings: &[&str], environment: &[(&str, &str)]) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scrubline"));
        command.args(["serve", "--upstream", upstream]);
        command.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
        for setting in settings {
            command.args(["--set", setting]);
        }
        command.envs(environment.iter().copied());
        Program::run(command).await
    }

    pub async fn run(mut command: Command) -> Program {
        let mut child = command
            .current_dir(std::env::temp_dir())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let (tell, lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        let mut program = Program {
            child,
            address: SocketAddr::from(([0, 0, 0, 0], 0)),
            lines,
            log: Vec::new(),
        };
        let line = program.read_until("serving").await;
        // `address=127.0.0.1:1`, or the same in JSON.
        let (_, behind) = line.split_once("address").unwrap();
        let address = behind.trim_start_matches(|c: char| !c.is_ascii_digit());
        let end = address.find(|c: char| !c.is_ascii_digit() && !".:".contains(c));
        program.address = address[..end.unwrap_or(address.len())].parse().unwrap();
        program
    }

    /// The next line of the log that holds these words.
    pub async fn read_until(&mut self, words: &str) -> String {
        while let Some(line) = self.lines.recv().await {
            self.log.push(line);
            if let Some(line) = self.log.last().filter(|line| line.contains(words)) {
                return line.clone();
            }
        }
        panic!("the log ended without '{words}':\n{}", self.log.join("\n"));
    }

    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// How it ended, and all that it logged.
    pub async fn ended(mut self) -> (ExitStatus, String) {
        while let Some(line) = self.lines.recv().await {
            self.log.push(line);
        }
        // Its log has ended, so it has, or is about to.
        (self.child.wait().unwrap(), self.log.join("\n"))
    }

    pub async fn post(&self, target: &str, headers: &[(&str, &str)], body: Vec<u8>) -> u16 {
        request(self.address, "POST", target, headers, body)
            .await
            .status
            .as_u16()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
