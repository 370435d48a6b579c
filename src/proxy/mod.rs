//! The shell: hyper in, hyper out. It decides nothing that the core could decide.
//!
//! [`App::build`] can fail and serves nothing; [`App::run`] serves and can't be misconfigured any more. Both listeners
//! are bound by `build`, so tests and `scrubline demo` may ask for port 0 and read the real one.

mod active;
mod auth;
mod body;
mod chunks;
mod client_address;
mod clients;
mod connection;
mod cors;
mod cron;
mod heads;
mod limit;
mod listener;
mod record;
mod reload;
mod respond;
mod route;
mod service;
mod shadow;
mod shutdown;
mod tally;
mod tls;
mod tunnel;
mod wire;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, broadcast};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use crate::admin;
use crate::config::{Config, Loader};
use crate::delivery::{Delivery, Resolver};
use crate::observe::{ConnectionError, Metrics};
use crate::policy::Policy;
use crate::scrub::{Rekeying, Report};

use active::Current;
use clients::Clients;
use connection::{Settings, Trouble};
use listener::Listening;
use tls::Certificate;
use tunnel::Tunnel;

pub use shutdown::{Ended, Shutdown};

/// Finished requests that a slow subscriber may lag behind.
const FINISHED_KEPT: usize = 256;
/// A client that speaks TLS does so at every event, and a crowd is one of thousands; one warning in this time is enough.
const TOLD_FOR: Duration = Duration::from_secs(60);
/// How long requests that are cut off may take to say so in the log.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Connections to the admin listener at a time.
const ADMIN_CONNECTIONS: usize = 64;

/// One request, after it has ended. Counts and names only.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The project it was for, if it got as far as a route.
    pub project: Option<String>,
    /// `forwarded`, `nothing_left`, `upstream_refused`, or why there was no answer from the collector.
    pub outcome: &'static str,
    /// The status that the client was given.
    pub status: u16,
    /// What was wrong, if anything was.
    pub detail: Option<String>,
    /// What the scrubber did, if it did anything.
    pub report: Option<Report>,
}

/// When a warning was given that would come again and again.
#[derive(Debug, Default)]
struct Told(Mutex<Option<Instant>>);

impl Told {
    /// Whether it is time to give it (again).
    fn is_due(&self) -> bool {
        let now = Instant::now();
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = told.is_none_or(|told| now - told >= TOLD_FOR);
        if due {
            *told = Some(now);
        }
        due
    }
}

/// What all requests share.
pub(crate) struct Shared {
    config: Config,
    policy: Current,
    delivery: Delivery,
    /// The door for browsers, if it is open.
    tunnel: Option<Tunnel>,
    /// The keys that stand for those of `[[projects]]`.
    rekeying: Arc<Rekeying>,
    /// How many values it looks for.
    known_secrets: usize,
    metrics: Metrics,
    /// Places for requests that are scrubbed.
    permits: Arc<Semaphore>,
    /// Places for requests whose body has not come yet.
    waiting: Arc<Semaphore>,
    tasks: TaskTracker,
    /// One token for each request that has not ended.
    requests: TaskTracker,
    /// Requests that did not end before we did.
    cut_off: AtomicU64,
    finished: broadcast::Sender<Finished>,
    /// What was left out and the collector does not know of yet.
    tally: tally::Tally,
    /// The upstream's name has been resolved.
    resolved: AtomicBool,
    draining: AtomicBool,
    /// When somebody was last told that a client spoke TLS.
    tls_told: Told,
    /// When somebody was last told that clients are turned away.
    crowd_told: Told,
}

impl Shared {
    /// Whether requests should be sent here.
    pub(crate) fn readiness(&self) -> Result<(), &'static str> {
        match (
            self.draining.load(Ordering::Acquire),
            self.resolved.load(Ordering::Acquire),
        ) {
            (true, _) => Err("draining"),
            (false, false) => Err("the upstream's name has not been resolved yet"),
            (false, true) => Ok(()),
        }
    }

    /// A client's connection has ended badly.
    fn connection_error(&self, trouble: &Trouble) {
        let Trouble {
            error,
            detail,
            usual,
        } = trouble;
        self.metrics.connection_error(*error);
        let reason = error.label();
        let (told, warning) = match error {
            ConnectionError::Tls => (
                &self.tls_told,
                "a client spoke TLS; the DSN must begin with http://",
            ),
            ConnectionError::Crowded => (
                &self.crowd_told,
                "clients are turned away: as many connections are open as limits.connections allows",
            ),
            ConnectionError::Handshake
            | ConnectionError::CrowdedClient
            | ConnectionError::HeadTooLarge
            | ConnectionError::HeadTimeout
            | ConnectionError::Malformed
            | ConnectionError::Broken => {
                match usual {
                    true => tracing::debug!(reason, detail, "a connection ended badly"),
                    false => tracing::info!(reason, detail, "a connection ended badly"),
                }
                return;
            }
        };
        if told.is_due() {
            tracing::warn!(reason, "{warning}");
        }
    }

    /// Which policy is in force, for people.
    pub(crate) fn policy_in_force(&self) -> String {
        let active = self.policy.get();
        format!(
            "policy {}, generation {}, hash {}",
            active.policy.name(),
            active.generation,
            active.policy.hash()
        )
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

/// Why an [`App`] can't be built. One line, which says what to do.
#[derive(Debug)]
pub enum BuildError {
    /// The policy can't be loaded, or what it, a project or `[server.tls]` refers to: all that is wrong, a line each, with the key.
    Policy(Vec<String>),
    /// An address can't be listened on: which key, which address, why.
    Bind(&'static str, SocketAddr, io::Error),
    /// TLS can't be set up.
    Tls(String),
    /// Metrics can't be registered: a mistake of ours.
    Metrics(prometheus::Error),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::Policy(problems) => f.write_str(&problems.join("\n")),
            BuildError::Bind(key, address, error) if error.kind() == io::ErrorKind::AddrInUse => {
                write!(
                    f,
                    "{key}: {address} is in use; stop what listens there, or set another port"
                )
            }
            BuildError::Bind(key, address, error)
                if error.kind() == io::ErrorKind::PermissionDenied =>
            {
                write!(
                    f,
                    "{key}: {address} may not be listened on; set a port of 1024 or above"
                )
            }
            BuildError::Bind(key, address, error)
                if error.kind() == io::ErrorKind::AddrNotAvailable =>
            {
                let any = if address.is_ipv4() { "0.0.0.0" } else { "[::]" };
                write!(
                    f,
                    "{key}: {} is no address of this machine; set one that is, or {any}:{} for all of them",
                    address.ip(),
                    address.port()
                )
            }
            BuildError::Bind(key, address, error) => {
                write!(f, "{key}: can't listen on {address}: {error}")
            }
            BuildError::Tls(why) => write!(f, "TLS can't be set up: {why}"),
            BuildError::Metrics(error) => write!(f, "metrics can't be registered: {error}"),
        }
    }
}

impl std::error::Error for BuildError {}

/// A proxy that is ready to serve.
///
/// ```no_run
/// # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
/// use scrubline::{config::Config, proxy::{App, Shutdown}};
///
/// let mut config = Config::new("http://127.0.0.1:8000")?;
/// config.server.listen.set_port(0);
/// config.server.admin.set_port(0);
/// let app = App::build(config).await?;
/// println!("listening on {}", app.address());
/// let shutdown = Shutdown::new();
/// app.run(shutdown).await;
/// # Ok(()) }
/// ```
pub struct App {
    shared: Arc<Shared>,
    listener: TcpListener,
    admin: TcpListener,
    address: SocketAddr,
    admin_address: SocketAddr,
    /// How the configuration is read again, if it is.
    source: Option<reload::Source>,
    certificate: Option<Arc<Certificate>>,
    tls: Option<TlsAcceptor>,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "App on {}, admin on {}",
            self.address, self.admin_address
        )
    }
}

impl App {
    /// Loads the policy, sets up the way to the collector and binds both listeners.
    pub async fn build(config: Config) -> Result<App, BuildError> {
        let policy = config.load_policy().map_err(BuildError::Policy)?;
        let shadow = config.load_shadow().map_err(BuildError::Policy)?;
        let known_secrets = policy.plan().known_secrets();
        let resolver = Resolver::new(&config.residency)
            .map_err(|problem| BuildError::Policy(vec![problem]))?;
        resolver
            .admits_literal(config.upstream.url.host())
            .map_err(|problem| BuildError::Policy(vec![format!("upstream.url: {problem}")]))?;
        let delivery = Delivery::new(&config.upstream, &config.residency, resolver)
            .map_err(|error| BuildError::Tls(error.to_string()))?;
        let rekeying = config.load_projects().map_err(BuildError::Policy)?;
        let certificate =
            Certificate::load(&config.server.tls).map_err(|why| BuildError::Policy(vec![why]))?;
        let tls = certificate.as_ref().map(|it| it.acceptor()).transpose();
        let tls = tls.map_err(|error| BuildError::Tls(error.to_string()))?;
        let metrics = Metrics::register(policy.name()).map_err(BuildError::Metrics)?;
        metrics.policy(&policy, 1);
        let (listener, address) = bind("server.listen", config.server.listen).await?;
        let (admin, admin_address) = bind("server.admin", config.server.admin).await?;
        let shared = Shared {
            permits: Arc::new(Semaphore::new(config.limits.in_flight)),
            waiting: Arc::new(Semaphore::new(config.limits.waiting)),
            policy: Current::new(policy, shadow),
            tunnel: Tunnel::new(&config),
            rekeying: Arc::new(rekeying),
            delivery,
            known_secrets,
            metrics,
            tasks: TaskTracker::new(),
            requests: TaskTracker::new(),
            cut_off: AtomicU64::new(0),
            finished: broadcast::Sender::new(FINISHED_KEPT),
            tally: tally::Tally::default(),
            resolved: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            tls_told: Told::default(),
            crowd_told: Told::default(),
            config,
        };
        Ok(App {
            shared: Arc::new(shared),
            listener,
            admin,
            address,
            admin_address,
            source: None,
            certificate,
            tls,
        })
    }

    /// Takes a new policy when SIGHUP comes or a file of it changes: the configuration is read again by this loader, which is the one
    /// that it was read by.
    pub fn reloading(self, loader: Loader) -> App {
        let source = reload::Source::new(loader, &self.shared.config);
        App {
            source: Some(source),
            ..self
        }
    }

    /// Where SDKs send to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where health, readiness and metrics are.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// Every request that ends from now on. A subscriber that lags more than 256 behind loses the oldest.
    pub fn subscribe(&self) -> broadcast::Receiver<Finished> {
        self.shared.finished.subscribe()
    }

    /// Serves until `shutdown` says so, and drains. The admin listener serves until the very end.
    pub async fn run(self, shutdown: Shutdown) -> Ended {
        let App {
            shared,
            listener,
            admin,
            address,
            admin_address,
            source,
            certificate,
            tls,
        } = self;
        let active = shared.policy.get();
        let admin_stop = Shutdown::new();
        let admin_tasks = TaskTracker::new();
        if let Some(source) = source {
            admin_tasks.spawn(reload::watch(
                Arc::clone(&shared),
                source,
                reload::Hangup::new(),
                admin_stop.clone(),
            ));
        }
        let known_secrets = shared.known_secrets;
        let doubts = shared
            .config
            .doubts_of(&active.policy, active.shadow.as_ref());
        for doubt in doubts {
            tracing::warn!("{doubt}");
        }
        for allow in active.policy.allowed() {
            tracing::warn!(exception = %allow, "let through although a rule covers it");
        }
        let packs = active.policy.packs().iter().map(ToString::to_string);
        let packs = packs.collect::<Vec<_>>().join(", ");
        tracing::info!(%address, admin = %admin_address, upstream = %shared.config.upstream.url,
            policy = active.policy.name(), hash = active.policy.hash(), packs,
            shadow = active.shadow.as_ref().map(Policy::name),
            tunnel = shared.tunnel.as_ref().map(Tunnel::path), tls = tls.is_some(),
            known_secrets, "serving");
        let listening = Listening {
            listener: admin,
            settings: Settings {
                connections: ADMIN_CONNECTIONS,
                ..Settings::new(&shared.config)
            },
            tls: None,
            clients: None,
            shared: None,
            tasks: admin_tasks.clone(),
            shutdown: admin_stop.clone(),
        };
        admin_tasks.spawn(listener::serve(listening, {
            let shared = Arc::clone(&shared);
            move |request, _| admin::handle(Arc::clone(&shared), request)
        }));
        admin_tasks.spawn(resolve(Arc::clone(&shared), admin_stop.clone()));
        if let Some(certificate) = certificate {
            admin_tasks.spawn(certificate.follow(admin_stop.clone()));
        }
        let listening = Listening {
            listener,
            settings: Settings::new(&shared.config),
            tls,
            clients: Some(Clients::new(&shared.config)),
            shared: Some(Arc::clone(&shared)),
            tasks: shared.tasks.clone(),
            shutdown: shutdown.clone(),
        };
        shared.tasks.spawn(listener::serve(listening, {
            let (shared, shutdown) = (Arc::clone(&shared), shutdown.clone());
            move |request, peer| {
                service::handle(Arc::clone(&shared), shutdown.clone(), request, peer.ip())
            }
        }));

        shutdown.draining().await;
        shared.draining.store(true, Ordering::Release);
        tracing::info!(in_flight = shared.metrics.in_flight().get(), "draining");
        let ended =
            shutdown::drain(&shared.tasks, &shutdown, shared.config.server.drain_timeout).await;
        // Those that are cut off end now; each has a line in the log before the last one.
        shared.requests.close();
        let _ = tokio::time::timeout(LAST_WORDS, shared.requests.wait()).await;
        let cut_off = shared.cut_off.load(Ordering::Acquire) + shared.requests.len() as u64;
        admin_stop.abort();
        match ended {
            Ended::Drained => tracing::info!("stopped; every request was finished"),
            Ended::TimedOut => tracing::warn!(
                cut_off,
                "stopped at the drain timeout (server.drain_timeout); requests were cut off"
            ),
            Ended::Aborted => tracing::warn!(
                cut_off,
                "stopped at once by a second signal; requests were cut off"
            ),
        }
        ended
    }
}

/// Whether the certificate that the configuration names can be served with.
///
/// # Errors
/// What is wrong with it, with its key.
pub fn check_certificate(config: &Config) -> Result<(), String> {
    Certificate::load(&config.server.tls).map(drop)
}

async fn bind(
    key: &'static str,
    address: SocketAddr,
) -> Result<(TcpListener, SocketAddr), BuildError> {
    let wrong = |error| BuildError::Bind(key, address, error);
    let listener = TcpListener::bind(address).await.map_err(wrong)?;
    let bound = listener.local_addr().map_err(wrong)?;
    Ok((listener, bound))
}

/// Looks the upstream's name up until it is found. Each connection looks it up again: this is for readiness, and for a
/// clear line in the log where the name is wrong.
async fn resolve(shared: Arc<Shared>, stop: Shutdown) {
    let url = &shared.config.upstream.url;
    let mut pause = Duration::from_secs(1);
    loop {
        let found = tokio::select! {
            () = stop.draining() => return,
            found = shared.delivery.addresses() => found,
        };
        match found {
            Ok(_) => break shared.resolved.store(true, Ordering::Release),
            Err(error) => {
                tracing::warn!(host = url.host(), %error, "the upstream's name can't be resolved; check upstream.url");
            }
        }
        tokio::select! {
            () = stop.draining() => return,
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(Duration::from_secs(30)),
        }
    }
}
