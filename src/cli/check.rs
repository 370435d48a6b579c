//! `scrubline check`: is the configuration right, and what does it come to?

use std::io::Write;
use std::process::ExitCode;

use super::{Configuration, USAGE, fail};

/// As those of `serve`, so that a command line can be checked before it is used.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    configuration: Configuration,
}

pub(super) fn run(arguments: Arguments) -> ExitCode {
    let resolved = match arguments.configuration.loader().load() {
        Ok(resolved) => resolved,
        Err(error) => return fail(USAGE, error),
    };
    let policy = match resolved.config.load_policy() {
        Ok(policy) => policy,
        Err(problems) => {
            return fail(
                USAGE,
                super::serve::located(&resolved, &problems.join("\n")),
            );
        }
    };
    let secrets = policy.plan().known_secrets();
    let packs: Vec<String> = policy
        .packs()
        .iter()
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    let mut text = resolved.to_string();
    if !packs.is_empty() {
        text.push_str(&format!(
            "\n# policy {} has the packs {}\n",
            policy.name(),
            packs.join(", ")
        ));
    }
    if secrets > 0 {
        let plural = if secrets == 1 { "" } else { "s" };
        text.push_str(&format!("# it looks for {secrets} known secret{plural}\n"));
    }
    for warning in resolved.warnings() {
        // Nothing is to be done where standard error is gone.
        let _ = writeln!(std::io::stderr(), "scrubline: warning: {warning}");
    }
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(1, error),
    }
}
