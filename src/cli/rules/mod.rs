//! `scrubline rules`: which rules there are, whether their examples hold, and what a change of them comes to.

mod corpus;
mod diff;
mod side;

pub(super) use corpus::guess;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use super::{PolicyChoice, USAGE, fail};
use crate::policy::{Policy, PolicyError};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The packs, each with its version and the beginning of its hash; then one rule a line: its id, how it matches, what it is for
    List {
        #[command(flatten)]
        policy: PolicyChoice,
    },
    /// Try each rule's examples in every kind of place: bare, escaped, in a URL, in JSON in a string, cut at each byte
    Test {
        /// A folder with packs (*.toml) [default: the packs that are built in]
        dir: Option<PathBuf>,
    },
    /// What a change of rules would newly redact (+) and newly let through (-) in documents; without documents, the rules that
    /// differ. Ends with 1 where there is a difference, 0 where there is none, 2 where something could not be compared
    Diff(diff::Arguments),
}

pub(super) fn run(arguments: Arguments) -> ExitCode {
    match arguments.command {
        Command::List { policy } => list(policy),
        Command::Test { dir } => test(dir.as_deref()),
        Command::Diff(arguments) => diff::run(arguments),
    }
}

fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(1, error),
    }
}

fn list(policy: PolicyChoice) -> ExitCode {
    let policy = match policy.load() {
        Ok(policy) => policy,
        Err(error) => return fail(USAGE, error),
    };
    let mut text = String::new();
    for pack in policy.packs() {
        text.push_str(&format!(
            "# pack {}, version {}, SHA-256 {:.12}\n",
            pack.name,
            pack.version,
            pack.hash()
        ));
    }
    for rule in policy.rules() {
        text.push_str(&format!(
            "{:<40} {:<7} {}\n",
            rule.id, rule.kind, rule.description
        ));
    }
    print(&text)
}

fn test(dir: Option<&Path>) -> ExitCode {
    let result = match dir {
        None => Policy::try_builtin_rules(),
        Some(dir) => match side::folder(dir) {
            Ok(files) => {
                let files: Vec<(&str, &str)> = files
                    .iter()
                    .map(|(name, text)| (name.as_str(), text.as_str()))
                    .collect();
                Policy::try_rules(&files)
            }
            Err(why) => return fail(USAGE, why),
        },
    };
    let evidence = match result {
        Ok(evidence) => evidence,
        Err(error) => return broken(&error),
    };
    let tries: usize = evidence.iter().map(|rule| rule.tries).sum();
    let mut text = String::new();
    let mut failed = 0;
    for rule in &evidence {
        failed += usize::from(!rule.failures.is_empty());
        for failure in &rule.failures {
            text.push_str(&format!("{failure}\n"));
        }
    }
    text.push_str(&format!(
        "{} rules, {tries} tries, {failed} rules failed\n",
        evidence.len()
    ));
    let printed = print(&text);
    if failed > 0 {
        ExitCode::FAILURE
    } else {
        printed
    }
}

fn broken(error: &PolicyError) -> ExitCode {
    fail(1, error)
}
