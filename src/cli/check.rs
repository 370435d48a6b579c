//! `scrubline check`: is the configuration right, and what does it come to?

use std::io::Write;
use std::process::ExitCode;

use super::proof::{self, prove};
use super::{Configuration, USAGE, fail, literals, located};
use crate::config::Region;
use crate::delivery::Resolver;
use crate::proxy;

/// As those of `serve`, so that a command line can be checked before it is used.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    configuration: Configuration,
    /// Connect to the collector, sending nothing, and print a residency proof; without it, only where residency.region is set
    #[arg(long, conflicts_with = "offline")]
    prove: bool,
    /// Never connect to anything
    #[arg(long)]
    offline: bool,
}

pub(super) fn run(arguments: Arguments) -> ExitCode {
    let loader = arguments.configuration.loader();
    let file = loader.path();
    let resolved = match loader.load() {
        Ok(resolved) => resolved,
        Err(error) => return fail(USAGE, error),
    };
    // First of all: what follows may show values.
    let literals = literals::literals(&resolved, file.as_deref());
    if !literals.is_empty() {
        return fail(USAGE, literals.join("\n"));
    }
    let loaded = (
        resolved.config.load_policy(),
        resolved.config.load_projects(),
        proxy::check_certificate(&resolved.config),
    );
    let policy = match loaded {
        (Ok(policy), Ok(_), Ok(())) => policy,
        (policy, projects, certificate) => {
            let mut problems = policy.err().unwrap_or_default();
            problems.extend(projects.err().unwrap_or_default());
            problems.extend(certificate.err());
            return fail(USAGE, located(&resolved, &problems.join("\n")));
        }
    };
    let shadow = match resolved.config.load_shadow() {
        Ok(shadow) => shadow,
        Err(problems) => return fail(USAGE, located(&resolved, &problems.join("\n"))),
    };
    let secrets = policy.plan().known_secrets();
    let packs: Vec<String> = policy.packs().iter().map(ToString::to_string).collect();
    let mut text = resolved.to_string();
    if !packs.is_empty() {
        text.push_str(&format!(
            "\n# policy {} {} has the packs (name, version, SHA-256) {}\n",
            policy.name(),
            policy.hash(),
            packs.join(", ")
        ));
    }
    if secrets > 0 {
        let plural = if secrets == 1 { "" } else { "s" };
        text.push_str(&format!("# it looks for {secrets} known secret{plural}\n"));
    }
    let allowed = policy.allowed();
    if !allowed.is_empty() {
        let plural = if allowed.len() == 1 { "" } else { "s" };
        text.push_str(&format!(
            "\n# LET THROUGH although a rule covers it, by {} exception{plural} (policy.allow):\n",
            allowed.len()
        ));
    }
    let mut warnings = resolved.warnings().to_vec();
    warnings.extend(resolved.config.doubts_of(&policy, shadow.as_ref()));
    for (number, allow) in allowed.iter().enumerate() {
        let source = resolved.source(&format!("policy.allow[{number}]"));
        text.push_str(&format!("#   {allow} ({source})\n"));
        warnings.push(format!("let through: {allow} ({source})"));
    }
    for warning in warnings {
        // Nothing is to be done where standard error is gone.
        let _ = writeln!(std::io::stderr(), "scrubline: warning: {warning}");
    }
    let region = resolved.config.residency.region != Region::Any;
    let mut refused = false;
    let mut unproven = false;
    if arguments.prove || region && !arguments.offline {
        match prove(&resolved.config) {
            Ok(proof) => {
                text.push_str(&proof.text);
                refused = proof.refused;
                // Who asks for a proof wants one.
                unproven = arguments.prove && proof.unproven;
            }
            Err(what) => return fail(USAGE, located(&resolved, &what)),
        }
    } else if let Err(what) = Resolver::new(&resolved.config.residency) {
        // To read a file takes no network.
        return fail(USAGE, located(&resolved, &what));
    }
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) if refused => proof::refused(),
        Ok(()) if unproven => proof::unproven(),
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(1, error),
    }
}
