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

/// What stood in the configuration's file, and in the files of each configuration that is watched.
type Seen = Vec<[u8; 32]>;

/// How a configuration is read again, and what stood in its files when it was read.
#[derive(Debug, Clone)]
pub(super) struct Source {
    loader: Loader,
    /// The one that is in force, and behind it one that was refused: what it lacks may come.
    configs: Vec<Config>,
    seen: Seen,
}

impl Source {
    /// `config` is what the loader has just loaded.
    pub(super) fn new(mut loader: Loader, config: &Config) -> Source {
        loader.hold_to_file();
        let configs = vec![config.clone()];
        let seen = look(loader.path(), &configs);
        Source {
            loader,
            configs,
            seen,
        }
    }

    /// What stands there now.
    async fn look(&self) -> Seen {
        let (file, configs) = (self.loader.path(), self.configs.clone());
        let looked = tokio::task::spawn_blocking(move || look(file, &configs));
        looked.await.unwrap_or_default()
    }

    /// Reads all of it anew, and watches from now on what has been read. What is seen is looked at before it is read: what changes in
    /// between is another change.
    ///
    /// `residency` is that of the start: what it says of doors counts as long as what it says of hosts.
    fn load(&mut self, residency: Residency) -> Result<Loaded, Vec<String>> {
        let lines = |text: String| text.lines().map(str::to_owned).collect::<Vec<_>>();
        self.configs.truncate(1);
        self.seen = look(self.loader.path(), &self.configs);
        let mut loader = self.loader.clone();
        loader.hold_to_file();
        let resolved = loader.clone().load();
        let resolved = resolved.map_err(|error| lines(error.to_string()))?;
        let config = resolved.config.clone();
        let in_its_files = digest(config.policy_files());
        self.configs.push(config.clone());
        self.seen.push(in_its_files);
        let in_force = Config {
            residency,
            ..config.clone()
        };
        let both = in_force
            .load_policy()
            .and_then(|policy| Ok((policy, in_force.load_shadow()?)));
        let (policy, shadow) = both.map_err(|problems| {
            let problems = problems.iter();
            problems
                .map(|problem| resolved.located(problem))
                .collect::<Vec<_>>()
        })?;
        self.loader = loader;
        // The one that was in force.
        self.configs.remove(0);
        self.seen.remove(1);
        Ok((config, policy, shadow))
    }
}

/// Watches until it is told to stop. `hangup` is there before anybody is told that the proxy serves: SIGHUP would end the process else.
pub(super) async fn watch(
    shared: Arc<Shared>,
    mut source: Source,
    mut hangup: Hangup,
    stop: Shutdown,
) {
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
        let now = source.look().await;
        if asked || (now != source.seen && changing.as_ref() == Some(&now)) {
            changing = None;
            source = reload(&shared, source).await;
        } else {
            changing = (now != source.seen).then_some(now);
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

/// Gives what is watched from now on.
async fn reload(shared: &Shared, source: Source) -> Source {
    let (mut anew, residency) = (source.clone(), shared.config.residency.clone());
    let loaded = tokio::task::spawn_blocking(move || {
        let loaded = anew.load(residency);
        (anew, loaded)
    });
    let (source, loaded) = match loaded.await {
        Ok(loaded) => loaded,
        Err(_) => {
            let seen = source.look().await;
            let what = "internal error: the policy could not be loaded".to_owned();
            (Source { seen, ..source }, Err(vec![what]))
        }
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
            return source;
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
    source
}

/// What stands in all files that policies are made of.
fn look(file: Option<PathBuf>, configs: &[Config]) -> Seen {
    let file = digest(file.into_iter().collect());
    let of_each = configs.iter().map(|config| digest(config.policy_files()));
    std::iter::once(file).chain(of_each).collect()
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
