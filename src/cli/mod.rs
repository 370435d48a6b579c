//! The command line. Each command has one file with its arguments and a `run` that says how it ended.

mod check;
mod demo;
mod explain;
mod import;
mod input;
mod label;
mod literals;
mod policy;
mod process;
mod proof;
mod rules;
mod scrub;
mod serve;

use std::ffi::OsString;
use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Loader, Resolved};
use crate::policy::Policy;

pub use process::harden;

/// Arguments or configuration are wrong; clap ends so too.
const USAGE: u8 = 2;

/// A streaming proxy that takes the secrets out of Sentry telemetry before it leaves.
#[derive(Debug, Parser)]
#[command(name = "scrubline", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// See it work: captured telemetry through the proxy, then your own; no configuration, no network
    Demo(demo::Arguments),
    /// Run the proxy
    Serve(serve::Arguments),
    /// Validate the configuration and print it, with where each value came from
    Check(check::Arguments),
    /// Scrub one document, from a file or standard input to standard output
    Scrub(scrub::Arguments),
    /// List the redactions of one document: rule, place, why; never the value
    Explain(explain::Arguments),
    /// Show what a policy promises, and try whether it holds
    Policy(policy::Arguments),
    /// List the rules, try their examples, or say what a change of them comes to
    Rules(rules::Arguments),
    /// Turn rules of another program into a pack
    Import(import::Arguments),
}

/// Runs the command that the arguments (the program's own name first) name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match Arguments::try_parse_from(arguments) {
        Ok(Arguments {
            command: Command::Demo(arguments),
        }) => demo::run(arguments),
        Ok(Arguments {
            command: Command::Serve(arguments),
        }) => serve::run(arguments),
        Ok(Arguments {
            command: Command::Check(arguments),
        }) => check::run(arguments),
        Ok(Arguments {
            command: Command::Scrub(arguments),
        }) => scrub::run(arguments),
        Ok(Arguments {
            command: Command::Explain(arguments),
        }) => explain::run(arguments),
        Ok(Arguments {
            command: Command::Rules(arguments),
        }) => rules::run(arguments),
        Ok(Arguments {
            command: Command::Policy(arguments),
        }) => policy::run(arguments),
        Ok(Arguments {
            command: Command::Import(arguments),
        }) => import::run(arguments),
        Err(error) => {
            // Help and version come this way too.
            let code = u8::try_from(error.exit_code()).unwrap_or(USAGE);
            let _ = error.print();
            ExitCode::from(code)
        }
    }
}

/// Where the configuration comes from.
#[derive(Debug, clap::Args)]
struct Configuration {
    /// The configuration file [default: scrubline.toml, if it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The collector: scheme, host and port of your DSN, and the path under which it lives, if any (upstream.url)
    #[arg(long, value_name = "URL")]
    upstream: Option<String>,
    /// Where SDKs send to (server.listen)
    #[arg(long, value_name = "IP:PORT")]
    listen: Option<String>,
    /// Where health, readiness and metrics are (server.admin)
    #[arg(long, value_name = "IP:PORT")]
    admin: Option<String>,
    /// The policy (policy.name)
    #[arg(long, value_name = "NAME")]
    policy: Option<String>,
    /// Any other key, as limits.in_flight=64, or secrets.env=A,B for a list, separated by commas; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,
}

impl Configuration {
    fn loader(self) -> Loader {
        let mut loader = Loader::default().environment(std::env::vars_os());
        if let Some(path) = self.config {
            loader = loader.file(path);
        }
        let flags = [
            ("upstream.url", self.upstream),
            ("server.listen", self.listen),
            ("server.admin", self.admin),
            ("policy.name", self.policy),
        ];
        for (key, value) in flags
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)))
        {
            loader = loader.flag(key, &value);
        }
        self.set
            .iter()
            .fold(loader, |loader, (key, value)| loader.flag(key, value))
    }
}

/// Which policy a command works with: that of `serve` with the same file, environment and flags.
#[derive(Debug, Clone, clap::Args)]
struct PolicyChoice {
    /// The configuration file whose [policy] and [secrets] count [default: scrubline.toml, if it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The policy (policy.name) [default: sentry-eu]
    #[arg(long, value_name = "NAME")]
    policy: Option<String>,
}

impl PolicyChoice {
    /// The policy, or all that is wrong with it, a line each.
    fn load(self) -> Result<Policy, String> {
        let mut loader = Loader::default()
            .environment(std::env::vars_os())
            .no_upstream();
        if let Some(path) = self.config {
            loader = loader.file(path);
        }
        if let Some(name) = self.policy {
            loader = loader.flag("policy.name", &name);
        }
        let resolved = loader.load().map_err(|error| error.to_string())?;
        resolved
            .config
            .load_policy()
            .map_err(|problems| located(&resolved, &problems.join("\n")))
    }
}

/// Mistakes that only show when the policy is loaded, each with the place that its key comes from.
fn located(resolved: &Resolved, error: &impl fmt::Display) -> String {
    error
        .to_string()
        .lines()
        .map(|line| resolved.located(line))
        .collect::<Vec<_>>()
        .join("\n")
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text
        .split_once('=')
        .filter(|(key, _)| !key.trim().is_empty())
        .ok_or("write it as KEY=VALUE, as limits.in_flight=64")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// Says what went wrong, one mistake a line, on standard error.
fn fail(code: u8, error: impl fmt::Display) -> ExitCode {
    for line in error.to_string().lines() {
        let _ = writeln!(std::io::stderr(), "scrubline: {line}");
    }
    ExitCode::from(code)
}
