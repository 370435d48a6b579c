//! `scrubline serve`: run the proxy until a signal.

use std::process::ExitCode;

use super::{Configuration, USAGE, fail, located, process};
use crate::config::{Loader, Resolved};
use crate::observe;
use crate::proxy::{App, BuildError, Ended, Shutdown};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    configuration: Configuration,
}

pub(super) fn run(arguments: Arguments) -> ExitCode {
    let loader = arguments.configuration.loader();
    let resolved = match loader.clone().load() {
        Ok(resolved) => resolved,
        Err(error) => return fail(USAGE, error),
    };
    observe::start_log(&resolved.config.log);
    if let Err(what) = process::harden() {
        return fail(
            1,
            format!("the process can't be kept from being dumped: {what}"),
        );
    }
    process::raise_file_limit();
    for warning in resolved.warnings() {
        tracing::warn!("{warning}");
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(1, format!("threads can't be started: {error}")),
    };
    runtime.block_on(serve(resolved, loader))
}

async fn serve(resolved: Resolved, loader: Loader) -> ExitCode {
    let app = match App::build(resolved.config.clone()).await {
        Ok(app) => app.reloading(loader),
        // A mistake in the configuration that only shows when the policy is loaded.
        Err(error @ BuildError::Policy(_)) => {
            return fail(USAGE, located(&resolved, &error));
        }
        Err(error) => return fail(1, error),
    };
    let shutdown = Shutdown::new();
    let serving = app.run(shutdown.clone());
    let signals = shutdown.follow_signals();
    let mut serving = std::pin::pin!(serving);
    let ended = tokio::select! {
        // Signals first, so that they are heard before anybody is told that it serves.
        biased;
        followed = signals => match followed {
            // The second signal: what is left is dropped.
            Ok(()) => serving.await,
            Err(error) => return fail(1, format!("signals can't be heard: {error}")),
        },
        ended = &mut serving => ended,
    };
    match ended {
        Ended::Drained => ExitCode::SUCCESS,
        Ended::TimedOut | Ended::Aborted => ExitCode::FAILURE,
    }
}
