//! `scrubline policy show` and `scrubline policy test`: what a policy promises, and whether it does what it promises.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use super::{USAGE, fail};
use crate::config::reading;
use crate::policy::{Policy, Profile};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the built-in policies
    List,
    /// Show what a policy promises, clause by clause, and what keeps it
    Show {
        /// Its name, or its file
        name: String,
        /// The file itself, with its cases
        #[arg(long)]
        source: bool,
    },
    /// Try the cases of a policy, or of all that are built in
    Test {
        /// Its name, or its file
        name: Option<String>,
    },
}

pub(super) fn run(arguments: Arguments) -> ExitCode {
    match arguments.command {
        Command::List => list(),
        Command::Show { name, source } => match profile(&name) {
            Ok(profile) if source => print(profile.text()),
            Ok(profile) => show(&profile),
            Err(what) => fail(USAGE, what),
        },
        Command::Test { name } => match profiles(name.as_deref()) {
            Ok(profiles) => test(&profiles),
            Err(what) => fail(USAGE, what),
        },
    }
}

/// A policy by its name, or by its file.
fn profile(name: &str) -> Result<Profile, String> {
    if let Some(profile) = Profile::builtin(name) {
        return Ok(profile);
    }
    let path = Path::new(name);
    let is_path = name.ends_with(".toml") || name.contains(std::path::is_separator);
    if is_path || path.exists() {
        return Profile::read(name, &reading::text(path)?);
    }
    match Policy::builtin_packs(name) {
        Ok(_) => Err(format!("the policy '{name}' can't be read")),
        Err(error) => Err(error.to_string()),
    }
}

/// What is to be tried.
fn profiles(name: Option<&str>) -> Result<Vec<Profile>, String> {
    match name {
        Some(name) => Ok(vec![profile(name)?]),
        None => Policy::builtin_names().into_iter().map(profile).collect(),
    }
}

fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(1, error),
    }
}

fn list() -> ExitCode {
    let mut text = String::new();
    for name in Policy::builtin_names() {
        match profile(name) {
            Ok(profile) => text.push_str(&format!("{name:<14} {}\n", profile.description())),
            Err(what) => return fail(1, what),
        }
    }
    print(&text)
}

fn show(profile: &Profile) -> ExitCode {
    let policy = match Policy::of_profile(profile) {
        Ok(policy) => policy,
        Err(error) => return fail(1, error),
    };
    let mut text = format!(
        "{} {} (hash {})\n{}\n",
        profile.name(),
        profile.version(),
        policy.hash(),
        profile.description()
    );
    for clause in profile.clauses() {
        text.push_str(&format!("\n{}\n  {}\n", clause.id, clause.says));
        if !clause.rules.is_empty() {
            text.push_str(&format!("  by the rules {}\n", clause.rules.join(", ")));
        }
        if !clause.doors.is_empty() {
            let doors: Vec<&str> = clause.doors.iter().map(|door| door.name()).collect();
            text.push_str(&format!("  by what may leave of: {}\n", doors.join(", ")));
        }
    }
    text.push('\n');
    for (door, rules) in [
        ("server", &policy.doors().server),
        ("browser", &policy.doors().browser),
    ] {
        text.push_str(&format!("[{door}]\n"));
        for (name, _, types) in rules.lists() {
            if !types.is_empty() {
                text.push_str(&format!("  {name}: {}\n", types.join(", ")));
            }
        }
        if let Some((name, _)) = crate::policy::OTHERWISE
            .iter()
            .find(|(_, it)| rules.otherwise == Some(*it))
        {
            text.push_str(&format!("  all else: {name}\n"));
        }
        if let Some(rate) = rules.traces_sample_rate {
            text.push_str(&format!("  traces that are kept: {rate}\n"));
        }
    }
    text.push_str("\npacks (name, version, SHA-256)\n");
    for pack in policy.packs() {
        text.push_str(&format!("  {pack}\n"));
    }
    print(&text)
}

fn test(profiles: &[Profile]) -> ExitCode {
    let (mut cases, mut failed) = (0, 0);
    let mut text = String::new();
    for profile in profiles {
        let policy = match Policy::of_profile(profile) {
            Ok(policy) => policy,
            Err(error) => return fail(USAGE, error),
        };
        for tried in profile.try_cases(&policy) {
            cases += tried.cases;
            failed += usize::from(!tried.problems.is_empty());
            for problem in &tried.problems {
                text.push_str(&format!("{}: {problem}\n", tried.clause));
            }
        }
    }
    text.push_str(&format!("{cases} cases tried, {failed} clauses failed\n"));
    let printed = print(&text);
    match failed {
        0 => printed,
        _ => ExitCode::FAILURE,
    }
}
