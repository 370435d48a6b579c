//! What the operator says: one TOML file, environment variables, flags; in that order, the later ones win.
//!
//! All settings stand in one table (`keys.rs`): the file, the environment, the flags, `scrubline check` and the search for
//! the nearest key read it, so a new setting is one row. Everything is checked before anything is refused, so that the
//! operator sees all mistakes at once. Only `file.rs` and `env.rs` look outside.

mod allow;
mod doors;
mod doubts;
mod env;
mod file;
mod keys;
mod load;
mod near;
mod policy;
mod projects;
pub(crate) mod reading;
mod residency;
mod secrets;
mod server_tls;
mod size;
mod tunnel;
mod upstream;
mod value;

use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;

use crate::policy::Doors;
use crate::scrub;

pub(crate) use near::is_section;

pub use load::{Error, Loader, Mistake, Resolved, Source};
pub use policy::PolicyChoice;
pub use projects::Project;
pub use residency::{Pin, Region, Residency, Standing, TlsFloor, Waiver};
pub use secrets::{SecretValues, Secrets};
pub use server_tls::{MinVersion, ServerTls};
pub use tunnel::{Origins, Tunnel, TunnelLimit};
pub use upstream::UpstreamUrl;

/// The file that is read when none is named and it exists.
pub const DEFAULT_FILE: &str = "scrubline.toml";

/// The resolved configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where and how clients are served.
    pub server: Server,
    /// The one collector.
    pub upstream: Upstream,
    /// The door for browsers.
    pub tunnel: Tunnel,
    /// Projects whose clients carry another key than the collector's.
    pub projects: Vec<Project>,
    /// Bounds.
    pub limits: Limits,
    /// Which policy scrubs.
    pub policy: PolicyChoice,
    /// Where telemetry may go.
    pub residency: Residency,
    /// The operator's real secrets, by reference.
    pub secrets: Secrets,
    /// What is logged, and how.
    pub log: Log,
}

/// `[server]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Where SDKs send to. Default `127.0.0.1:9180`.
    pub listen: SocketAddr,
    /// Where health, readiness and metrics are. Default `127.0.0.1:9181`.
    pub admin: SocketAddr,
    /// Who is served. Default servers and browsers.
    pub serves: Serves,
    /// How long a request head may take to arrive. Default 10 s.
    pub head_timeout: Duration,
    /// How long a client may pause inside a body. Default 30 s.
    pub body_timeout: Duration,
    /// Bytes a second that a body has to bring at least, on average while it is waited for, from `body_timeout` on. Default 1 KiB; 0 for none.
    pub body_rate: u64,
    /// How long a client may not read its answer. Default 30 s.
    pub write_timeout: Duration,
    /// How long a connection may stay without a request. Default 75 s, more than common load balancers keep theirs.
    pub idle_timeout: Duration,
    /// Whose `X-Forwarded-For` is believed. Default nobody's.
    pub trusted_proxies: Vec<IpNet>,
    /// Connections at a time from one client, an IPv4 address or an IPv6 /64; one more is answered 429. Those of `trusted_proxies` don't
    /// count. Default 512; 0 for no limit.
    pub connections_per_ip: usize,
    /// How long requests in flight may take to finish after SIGTERM. Default 25 s, less than what Kubernetes grants.
    pub drain_timeout: Duration,
    /// TLS of our own.
    pub tls: ServerTls,
}

/// Who is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serves {
    /// SDKs of servers at `/api/…`, and browsers at the tunnel, if there is one.
    All,
    /// Browsers at the tunnel, and nobody else: for an address that the internet reaches.
    Browsers,
}

impl Serves {
    const NAMES: [(&str, Serves); 2] = [("all", Serves::All), ("browsers", Serves::Browsers)];
}

/// `[upstream]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// Scheme, host, port and path prefix of the collector. Required.
    pub url: UpstreamUrl,
    /// How bodies leave. `None`, the default: as they are to a collector on this machine, else gzip.
    pub encoding: Option<UpstreamEncoding>,
    /// How long a connection may take to be made. Default 5 s.
    pub connect_timeout: Duration,
    /// How long the collector may stall: not reading, or not answering. Default 30 s.
    pub response_timeout: Duration,
    /// Which certificate authorities are trusted. Default the system's.
    pub roots: Roots,
}

/// How bodies leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamEncoding {
    /// As they are.
    Identity,
    /// gzip.
    Gzip,
    /// zstd.
    Zstd,
}

impl UpstreamEncoding {
    const NAMES: [(&str, Option<UpstreamEncoding>); 4] = [
        ("auto", None),
        ("gzip", Some(UpstreamEncoding::Gzip)),
        ("zstd", Some(UpstreamEncoding::Zstd)),
        ("identity", Some(UpstreamEncoding::Identity)),
    ];
}

impl Upstream {
    /// How bodies leave, whether that was said or not.
    pub fn effective_encoding(&self) -> UpstreamEncoding {
        self.encoding.unwrap_or(match self.url.is_here() {
            // To compress costs more than to scrub, and here saves nobody a wire.
            true => UpstreamEncoding::Identity,
            false => UpstreamEncoding::Gzip,
        })
    }
}

/// Which certificate authorities are trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Roots {
    /// The system's (`SSL_CERT_FILE` and `SSL_CERT_DIR` count), or the bundled ones where the system has none.
    System,
    /// Mozilla's, as built into the program.
    Bundled,
}

impl Roots {
    const NAMES: [(&str, Roots); 2] = [("system", Roots::System), ("bundled", Roots::Bundled)];
}

/// `[limits]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The bounds of one body: `decoded_bytes`, `decode_ratio`, `json_depth`, `header_bytes`, `protobuf_bytes`,
    /// `form_bytes`.
    pub stream: scrub::Limits,
    /// Bytes of an HTTP request head. Default 32 KiB; a head over it is answered 431.
    pub head_bytes: usize,
    /// Requests at a time; one that needs much memory (br, zstd, OTLP in protobuf, a minidump) counts as four. One more is answered 503.
    /// Default 512.
    pub in_flight: usize,
    /// Requests whose body has not come yet, so that they take no place among `in_flight`; one more is answered 503. Default 1024.
    pub waiting: usize,
    /// Connections at a time; one more is answered 503. Default 4096.
    pub connections: usize,
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The least important level that is shown. Default `info`.
    pub level: Level,
    /// Default human.
    pub format: LogFormat,
}

/// How important a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
pub enum Level {
    Off,
    Error,
    Warn,
    Info,
    Debug,
}

impl Level {
    const NAMES: [(&str, Level); 5] = [
        ("off", Level::Off),
        ("error", Level::Error),
        ("warn", Level::Warn),
        ("info", Level::Info),
        ("debug", Level::Debug),
    ];
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For eyes.
    Human,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    const NAMES: [(&str, LogFormat); 2] = [("human", LogFormat::Human), ("json", LogFormat::Json)];
}

impl Config {
    /// The defaults, for this upstream (as `[upstream] url`).
    pub fn new(upstream: &str) -> Result<Config, Error> {
        Loader::default()
            .no_file()
            .flag("upstream.url", upstream)
            .load()
            .map(|resolved| resolved.config)
    }

    /// Values that are right each by itself and can't be right together.
    fn clashes(&self) -> Vec<Mistake> {
        let listen = self.server.listen;
        let mut texts = Vec::new();
        let admin = self.server.admin;
        // Who listens on all addresses listens on each.
        let overlap = listen.ip() == admin.ip()
            || listen.ip().is_unspecified()
            || admin.ip().is_unspecified();
        if overlap && listen.port() == admin.port() && listen.port() != 0 {
            let both = match listen == admin {
                true => format!("are both {listen}"),
                false => format!("have one port, {listen} and {admin}"),
            };
            texts.push(format!(
                "server.listen and server.admin {both}; give them different ports"
            ));
        }
        if self.server.serves == Serves::Browsers
            && self.tunnel.dsns.is_empty()
            && self.projects.is_empty()
        {
            texts.push(
                "server.serves is \"browsers\", and there is no tunnel: name a DSN in tunnel.dsns, or a project".to_owned(),
            );
        }
        let tls = &self.server.tls;
        for (missing, there) in [("cert", "key"), ("key", "cert")] {
            let is_empty = |key| match key {
                "cert" => tls.cert.is_empty(),
                _ => tls.key.is_empty(),
            };
            if is_empty(missing) && !is_empty(there) {
                texts.push(format!(
                    "server.tls.{there} is set and server.tls.{missing} is not; TLS needs both"
                ));
            }
        }
        let host = self.upstream.url.host();
        let upstream: Option<std::net::IpAddr> = host.parse().ok();
        let reaches_loopback = listen.ip().is_unspecified() || listen.ip().is_loopback();
        let itself = match upstream {
            Some(upstream) => {
                upstream == listen.ip() || listen.ip().is_unspecified() && upstream.is_loopback()
            }
            None => host.eq_ignore_ascii_case("localhost") && reaches_loopback,
        };
        if itself && self.upstream.url.port() == listen.port() {
            texts.push(format!(
                "upstream.url and server.listen are both {listen}: it would send to itself; set upstream.url to the collector"
            ));
        }
        let mistake = |text| Mistake { place: None, text };
        let mut mistakes: Vec<Mistake> = texts.into_iter().map(mistake).collect();
        mistakes.extend(doors::clashes(&self.policy.doors));
        let residency = &self.residency;
        if !self.upstream.url.is_placeholder()
            && let Err(what) = residency.admits(&self.upstream.url)
        {
            mistakes.push(mistake(format!("upstream.url: {what}")));
        }
        let misnamed = residency.misnamed().into_iter();
        mistakes.extend(misnamed.map(|what| mistake(format!("residency.hosts: {what}"))));
        mistakes.extend(self.unwaived().map(mistake));
        mistakes
    }

    fn with_upstream(url: UpstreamUrl) -> Config {
        let loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Config {
            server: Server {
                listen: loopback(9180),
                admin: loopback(9181),
                serves: Serves::All,
                head_timeout: Duration::from_secs(10),
                body_timeout: Duration::from_secs(30),
                body_rate: 1 << 10,
                write_timeout: Duration::from_secs(30),
                idle_timeout: Duration::from_secs(75),
                trusted_proxies: Vec::new(),
                connections_per_ip: 512,
                drain_timeout: Duration::from_secs(25),
                tls: ServerTls::default(),
            },
            upstream: Upstream {
                url,
                encoding: None,
                connect_timeout: Duration::from_secs(5),
                response_timeout: Duration::from_secs(30),
                roots: Roots::System,
            },
            tunnel: Tunnel::default(),
            projects: Vec::new(),
            limits: Limits {
                stream: scrub::Limits::default(),
                head_bytes: 32 << 10,
                in_flight: 512,
                waiting: 1024,
                connections: 4096,
            },
            policy: PolicyChoice {
                name: "sentry-eu".to_owned(),
                packs: Vec::new(),
                pass: Vec::new(),
                personal: None,
                ip: scrub::Treated::Remove,
                hash_key: String::new(),
                sample_key: String::new(),
                client_reports: true,
                doors: Doors::default(),
                shadow: String::new(),
                watch: Duration::from_secs(5),
                allow: Vec::new(),
            },
            residency: Residency::default(),
            secrets: Secrets::default(),
            log: Log {
                level: Level::Info,
                format: LogFormat::Human,
            },
        }
    }
}
