//! The residency proof that `scrubline check` prints: where telemetry would go, and what shows it.

use std::process::ExitCode;

use crate::config::Config;
use crate::delivery::{Blind, Resolver, Seen, probe};

/// A proof, or what there is of one.
pub(super) struct Proof {
    /// Lines of comment, to stand behind a configuration.
    pub(super) text: String,
    /// Whether telemetry must not be sent there.
    pub(super) refused: bool,
    /// Whether it could not be seen.
    pub(super) unproven: bool,
}

/// Looks at the collector, without sending it anything.
///
/// # Errors
/// Something that it needs can't be read, or no thread can be started.
pub(super) fn prove(config: &Config) -> Result<Proof, String> {
    let standing = config.residency.admits(&config.upstream.url)?;
    let resolver = Resolver::new(&config.residency)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("threads can't be started: {error}"))?;
    let seen = runtime.block_on(probe(config, &resolver));
    let url = &config.upstream.url;
    let mut lines = vec![
        format!("host:     {} (port {})", url.host(), url.port()),
        format!("region:   {standing}"),
    ];
    told(&seen, url.is_secure(), &mut lines);
    let refused = matches!(seen.failure, Some(Blind::Refused(_)));
    let lines: Vec<String> = lines.iter().map(|line| format!("#   {line}\n")).collect();
    Ok(Proof {
        text: format!("\n# residency proof of upstream.url:\n{}", lines.concat()),
        refused,
        unproven: matches!(seen.failure, Some(Blind::Unreachable(_))),
    })
}

fn told(seen: &Seen, secure: bool, lines: &mut Vec<String>) {
    let addresses: Vec<String> = seen
        .addresses
        .iter()
        .map(|(address, country)| match country {
            Some(country) => format!("{address} ({country})"),
            None => address.to_string(),
        })
        .collect();
    if !addresses.is_empty() {
        lines.push(format!("address:  {}", addresses.join(", ")));
    }
    if let Some(peer) = seen.peer {
        lines.push(format!("reached:  {peer}"));
    }
    match &seen.tls {
        Some((version, suite)) => lines.push(format!(
            "TLS:      {version}, {suite}; its name is verified"
        )),
        None if seen.peer.is_some() && !secure => lines.push("TLS:      none (http://)".to_owned()),
        None => {}
    }
    for (number, link) in seen.chain.iter().enumerate() {
        lines.push(format!("certificate {number}: {}", link.subject));
        lines.push(format!(
            "  signed by {}, valid until {}",
            link.issuer, link.until
        ));
        lines.push(format!("  key {}", link.pin));
    }
    match &seen.failure {
        None => {}
        Some(Blind::Unreachable(why)) => {
            lines.push(format!("NOT PROVEN from here: {why}"));
        }
        Some(Blind::Refused(why)) => lines.push(format!("REFUSED: {why}")),
    }
}

/// How `check` ends where a proof was asked for, and there is none.
pub(super) fn unproven() -> ExitCode {
    super::fail(
        1,
        "upstream.url could not be reached from here, so nothing is proved of it; the proof says why",
    )
}

/// How `check` ends where nothing must be sent there.
pub(super) fn refused() -> ExitCode {
    super::fail(
        1,
        "telemetry must not be sent to upstream.url; the proof says why",
    )
}
