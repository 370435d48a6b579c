//! Takes a new policy when what it is made of changes: at SIGHUP, and when a file has other bytes. What can't be loaded as a whole is not
//! loaded, and the policy that is in force stays.
//!
//! Files are read and compared rather than watched for events: a configuration that Kubernetes mounts changes by a link to a folder, and
//! one on a network's disk by no event at all.

use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio::time::MissedTickBehavior;

use super::{Shared, Shutdown};
use crate::config::{Config, Loader, Residency};
use crate::policy::Policy;

/// A configuration, its policy, and the one that is evaluated beside it.
type Loaded = (Config, Policy, Option<Policy>);

/// How a configuration is read again, and what stood in its files when it was read.
#[derive(Debug)]
pub(super) struct Source {
    loader: Loader,
    seen: [u8; 32],
}

impl Source {
    /// `config` is what the loader has just loaded.
    pub(super) fn new(mut loader: Loader, config: &Config) -> Source {
        loader.hold_to_file();
        let seen = digest(files(config, &loader));
        Source { loader, seen }
    }
}

/// Watches until it is told to stop. `hangup` is there before anybody is told that the proxy serves: SIGHUP would end the process else.
pub(super) async fn watch(shared: Arc<Shared>, source: Source, mut hangup: Hangup, stop: Shutdown) {
    let Source { loader, mut seen } = source;
    // A file that is being written is read when it has stayed the same from one look to the next.
    let mut changing = None;
    let mut ticks = tokio::time::interval(shared.config.policy.watch);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let asked = tokio::select! {
            () = stop.draining() => return,
            () = hangup.wait() => true,
            _ = ticks.tick() => false,
        };
        let now = fingerprint(&shared.config, &loader).await;
        if asked || (now != seen && changing == Some(now)) {
            seen = now;
            changing = None;
            reload(&shared, &loader).await;
        } else {
            changing = (now != seen).then_some(now);
        }
    }
}

/// SIGHUP, where there is such a thing.
pub(super) struct Hangup {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

impl Hangup {
    /// From now on, SIGHUP is heard.
    pub(super) fn new() -> Hangup {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let signal = signal(SignalKind::hangup());
            if let Err(error) = &signal {
                tracing::warn!(%error, "SIGHUP can't be heard; the policy is reloaded when its files change");
            }
            Hangup {
                signal: signal.ok(),
            }
        }
        #[cfg(not(unix))]
        Hangup {}
    }

    async fn wait(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending().await
    }
}

async fn reload(shared: &Shared, loader: &Loader) {
    let loader = loader.clone();
    let residency = shared.config.residency.clone();
    let loaded = tokio::task::spawn_blocking(move || load(loader, residency)).await;
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err(_) => Err(vec![
            "internal error: the policy could not be loaded".to_owned(),
        ]),
    };
    let (config, policy, shadow) = match loaded {
        Ok(loaded) => loaded,
        Err(problems) => {
            shared.metrics.reloaded(false);
            for problem in problems {
                tracing::error!(
                    problem,
                    "the new policy is not loaded; the old one stays in force"
                );
            }
            return;
        }
    };
    if config.beside_policy() != shared.config.beside_policy() {
        tracing::warn!(
            "settings beside [policy] and [secrets] have changed; they count after a restart"
        );
    }
    let active = shared.policy.replace(policy, shadow);
    shared.metrics.reloaded(true);
    shared.metrics.policy(&active.policy, active.generation);
    for doubt in config.doubts_of(&active.policy, active.shadow.as_ref()) {
        tracing::warn!("{doubt}");
    }
    for allow in active.policy.allowed() {
        tracing::warn!(exception = %allow, "let through although a rule covers it");
    }
    tracing::info!(
        policy = active.policy.name(),
        generation = active.generation,
        hash = active.policy.hash(),
        known_secrets = active.policy.plan().known_secrets(),
        exceptions = active.policy.allowed().len(),
        "a new policy is in force"
    );
}

/// `residency` is that of the start: what it says of doors counts as long as what it says of hosts.
fn load(loader: Loader, residency: Residency) -> Result<Loaded, Vec<String>> {
    let lines = |text: String| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let config = loader
        .load()
        .map_err(|error| lines(error.to_string()))?
        .config;
    let in_force = Config {
        residency,
        ..config.clone()
    };
    let policy = in_force.load_policy()?;
    let shadow = in_force.load_shadow()?;
    Ok((config, policy, shadow))
}

/// The same for the files that there are now.
async fn fingerprint(config: &Config, loader: &Loader) -> [u8; 32] {
    let files = files(config, loader);
    let digest = tokio::task::spawn_blocking(move || digest(files));
    digest.await.unwrap_or_default()
}

/// All files that the policy is made of.
fn files(config: &Config, loader: &Loader) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = loader.path().into_iter().collect();
    files.extend(config.policy_files());
    files
}

/// What stands in files. One that can't be read counts as one that is empty.
fn digest(files: Vec<PathBuf>) -> [u8; 32] {
    let mut digest = Sha256::new();
    for file in files {
        let bytes = std::fs::read(&file).unwrap_or_default();
        digest.update((bytes.len() as u64).to_le_bytes());
        digest.update(bytes);
    }
    digest.finalize().into()
}
