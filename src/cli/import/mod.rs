//! `scrubline import`: rules of other programs, as a pack. What can't be carried over is named, one line each; nothing is left out
//! in silence.

mod pack;
mod relay;

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use super::fail;
use crate::config::reading;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A PII configuration of Sentry Relay ("Advanced Data Scrubbing"), or a project's file that has one
    RelayPii {
        /// Where the pack goes [default: standard output]
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// The pack's name, with which the ids of its rules begin
        #[arg(long, default_value = "relay", value_name = "NAME")]
        name: String,
        /// End with 1 if something could not be carried over, or only in part
        #[arg(long)]
        strict: bool,
        /// The configuration, in JSON
        file: PathBuf,
    },
}

/// How something was carried over that was not carried over as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    /// Not at all.
    Lost,
    /// Less is covered than was.
    Part,
    /// As much is covered, or more; something else differs.
    Note,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Lost => "not carried over",
            Level::Part => "carried over in part",
            Level::Note => "note",
        })
    }
}

/// One thing that was not carried over as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Remark {
    level: Level,
    /// What: a rule, and where it is applied.
    what: String,
    /// Why, and what to do.
    why: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.level, self.what, self.why)
    }
}

pub(super) fn run(arguments: Arguments) -> ExitCode {
    let Command::RelayPii {
        output,
        name,
        strict,
        file,
    } = arguments.command;
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || !name.bytes().all(plain) {
        let what = format!("--name: {name:?} is no pack's name; use a-z, 0-9 and -");
        return fail(super::USAGE, what);
    }
    let shown = file.display();
    let text = match reading::text(&file) {
        Ok(text) => text,
        Err(why) => return fail(1, why),
    };
    let (pack, remarks) = match relay::convert(&text, &name) {
        Ok(converted) => converted,
        Err(why) => return fail(1, format!("{shown}: {why}")),
    };
    for remark in &remarks {
        // Nothing is to be done where standard error is gone.
        let _ = writeln!(std::io::stderr(), "scrubline: {remark}");
    }
    if let Err(why) = write(&pack, output.as_deref()) {
        return fail(1, why);
    }
    let lacks = remarks.iter().any(|remark| remark.level != Level::Note);
    if strict && lacks {
        return fail(1, "something could not be carried over (--strict)");
    }
    ExitCode::SUCCESS
}

fn write(pack: &str, output: Option<&Path>) -> Result<(), String> {
    match output {
        Some(path) => {
            // Nothing that is there is lost.
            let file = std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(path);
            file.and_then(|mut file| file.write_all(pack.as_bytes()))
                .map_err(|error| reading::not_made(path, &error))
        }
        None => std::io::stdout()
            .write_all(pack.as_bytes())
            .map_err(|error| format!("standard output: {error}")),
    }
}
