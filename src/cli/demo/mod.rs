//! `scrubline demo`: the proxy and a small collector in one process, a few captured envelopes through both, and what came
//! in beside what went out. Then it keeps serving, and lists what it takes out of the user's own traffic, never a value.
//!
//! The collector is behind the proxy like any other: it gets to see scrubbed data only.

mod collector;
mod diff;
mod envelope;
mod follow;
mod paint;
mod sample;

use std::fmt;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::process::ExitCode;

use tokio::sync::broadcast;
use tokio::sync::mpsc::{self, Receiver};

use super::fail;
use crate::config::{Config, UpstreamEncoding};
use crate::policy::Policy;
use crate::proxy::{App, BuildError, Finished, Shutdown};
use collector::{Arrival, Collector};
use paint::Style;

/// The public key of the DSN that is printed. Any would do: the demo's collector takes all.
const KEY: &str = "5c0b11e0de0000000000000000000001";
/// Arrivals that wait to be shown. When they are that many, the collector waits too.
const ARRIVALS: usize = 16;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Where SDKs send to [default: 127.0.0.1:9180, or a free port if that one is in use]
    #[arg(long, value_name = "IP:PORT", value_parser = address)]
    listen: Option<SocketAddr>,
    /// End after the show
    #[arg(long)]
    once: bool,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "give an IP and a port, as 127.0.0.1:9180".to_owned())
}

/// Why there is nothing to see.
enum Failure {
    /// The proxy can't be started.
    Build(BuildError),
    /// The address that was asked for is in use.
    InUse(SocketAddr),
    /// The collector can't be started, or stopped.
    Collector(io::Error),
    /// An envelope was not taken: what happened.
    Send(String),
    /// A planted secret went out.
    Leak,
    /// Nobody reads what we say.
    Output(io::Error),
    /// Ctrl-C can't be heard.
    Signals(io::Error),
    /// A mistake of ours.
    Internal(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Build(error) => write!(f, "{error}"),
            Failure::InUse(address) => write!(
                f,
                "{address} is in use; give another --listen, or none to have a free port taken"
            ),
            Failure::Collector(error) => {
                write!(f, "the demo's collector can't listen on loopback: {error}")
            }
            Failure::Send(why) => write!(f, "a sample did not get through: {why}"),
            Failure::Leak => f.write_str("a planted secret went out; please report this"),
            Failure::Output(error) => write!(f, "cannot write the output: {error}"),
            Failure::Signals(error) => write!(f, "signals can't be heard: {error}"),
            Failure::Internal(why) => write!(f, "internal error: {why}"),
        }
    }
}

pub(super) fn run(arguments: Arguments) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(1, format_args!("threads can't be started: {error}")),
    };
    match runtime.block_on(demo(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output has had enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(failure) => fail(1, failure),
    }
}

async fn demo(arguments: Arguments) -> Result<(), Failure> {
    let style = Style::of_stdout();
    let collector = Collector::bind().await.map_err(Failure::Collector)?;
    let app = build(arguments.listen, collector.address()).await?;
    let stage = Stage {
        style,
        once: arguments.once,
        address: app.address(),
        admin: app.admin_address(),
        rules: rules()?,
        finished: app.subscribe(),
    };
    let (sender, arrivals) = mpsc::channel(ARRIVALS);
    let shutdown = Shutdown::new();
    let mut serving = pin!(app.run(shutdown.clone()));
    let mut collecting = pin!(collector.serve(sender));
    let result = tokio::select! {
        // Only a signal ends it from within.
        _ = &mut serving => return say("\n"),
        error = &mut collecting => Err(Failure::Collector(error)),
        followed = shutdown.clone().follow_signals() => followed.map_err(Failure::Signals),
        shown = stage.show(arrivals) => shown,
    };
    shutdown.drain();
    tokio::select! {
        _ = &mut serving => {}
        _ = &mut collecting => {}
    }
    result
}

/// The proxy before the collector. A usual port that is in use is no mistake of the user's: then any free one will do.
async fn build(listen: Option<SocketAddr>, upstream: SocketAddr) -> Result<App, Failure> {
    let mut config = Config::new(&format!("http://{upstream}"))
        .map_err(|error| Failure::Internal(error.to_string()))?;
    // The collector reads what comes as it is.
    config.upstream.encoding = Some(UpstreamEncoding::Identity);
    // All of it is to be seen.
    config.policy.doors.server.traces_sample_rate = Some(1.0);
    if let Some(address) = listen {
        config.server.listen = address;
    }
    // Each of the two listeners may have to give way once.
    loop {
        let error = match App::build(config.clone()).await {
            Ok(app) => return Ok(app),
            Err(error) => error,
        };
        let (key, wanted) = match &error {
            BuildError::Bind(key, address, why)
                if why.kind() == io::ErrorKind::AddrInUse && address.port() != 0 =>
            {
                (*key, *address)
            }
            BuildError::Bind(..)
            | BuildError::Policy(_)
            | BuildError::Tls(_)
            | BuildError::Metrics(_) => return Err(Failure::Build(error)),
        };
        match key {
            "server.listen" if listen.is_some() => return Err(Failure::InUse(wanted)),
            "server.listen" => config.server.listen.set_port(0),
            _ => config.server.admin.set_port(0),
        }
        say(&format!(
            "{wanted} is in use; taking a free port instead.\n"
        ))?;
    }
}

/// The ids of the default policy's rules, in the order in which reports count them.
fn rules() -> Result<Vec<String>, Failure> {
    let policy = Policy::builtin(crate::policy::DEFAULT)
        .map_err(|error| Failure::Internal(error.to_string()))?;
    Ok(policy.plan().rule_ids().to_vec())
}

/// What the show needs to know of the proxy.
struct Stage {
    style: Style,
    once: bool,
    address: SocketAddr,
    admin: SocketAddr,
    rules: Vec<String>,
    finished: broadcast::Receiver<Finished>,
}

impl Stage {
    async fn show(mut self, mut arrivals: Receiver<Arrival>) -> Result<(), Failure> {
        // What is bound to every address is reached on loopback.
        let reached = match self.address.ip().is_unspecified() {
            true => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), self.address.port()),
            false => self.address,
        };
        say(&format!(
            "Scrubline listens on {}; a collector stands behind it, in this process.\n\
             Each of these envelopes is sent to it as an SDK would. {}\n\
             Here all traces pass, so that all is seen (policy.server.traces_sample_rate = 1.0); by default, one in ten does.\n",
            self.address,
            self.style.legend()
        ))?;
        let mut totals = vec![0; self.rules.len()];
        let mut leaked = false;
        for (n, sample) in sample::SAMPLES.iter().enumerate() {
            let passage = sample::send(sample, reached, &mut arrivals, &mut self.finished).await?;
            for (total, count) in totals.iter_mut().zip(&passage.report.redactions) {
                *total += count;
            }
            leaked |= passage.leaked() > 0;
            say(&sample::render(n, sample, &passage, self.style))?;
        }
        say(&self.closing(&totals))?;
        if leaked {
            return Err(Failure::Leak);
        }
        if self.once {
            return Ok(());
        }
        say(&self.invitation(reached))?;
        follow::follow(&self.rules, self.style, &mut arrivals, &mut self.finished).await
    }

    /// What was taken out of all of them, by rule.
    fn closing(&self, totals: &[u64]) -> String {
        let mut counted: Vec<(&String, u64)> = self
            .rules
            .iter()
            .zip(totals.iter().copied())
            .filter(|(_, count)| *count > 0)
            .collect();
        counted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let mut text = format!("\n{}\n", self.style.bold("By rule"));
        for (rule, count) in counted {
            text.push_str(&format!("{count:>5}  {rule}\n"));
        }
        text
    }

    fn invitation(&self, reached: SocketAddr) -> String {
        let Stage { style, admin, .. } = self;
        let dsn = style.bold(&format!("http://{KEY}@{reached}/1"));
        format!(
            "\nNow your own: point an SDK at this DSN and raise an error.\n\n    {dsn}\n\n\
             What is taken out is listed here by place and rule, never by value. Nothing leaves this machine.\n\
             Metrics: http://{admin}/metrics. Ctrl-C ends.\n"
        )
    }
}

/// Says something at once.
fn say(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(Failure::Output)
}
