//! What the operator says: one TOML file, environment variables, flags; in that order, the later ones win.
//!
//! All settings stand in one table (`KEYS`): the file, the environment, the flags, `scrubline check` and the search for
//! the nearest key read it, so a new setting is one row. Everything is checked before anything is refused, so that the
//! operator sees all mistakes at once. Only `file.rs` and `env.rs` look outside.

mod allow;
mod env;
mod file;
mod secrets;
mod size;
mod upstream;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::policy::{Allow, Policy};
use crate::scrub;

pub use secrets::{SecretValues, Secrets};
pub use upstream::UpstreamUrl;

/// The file that is read when none is named and it exists.
pub const DEFAULT_FILE: &str = "scrubline.toml";

/// The resolved configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where and how clients are served.
    pub server: Server,
    /// The one collector.
    pub upstream: Upstream,
    /// Bounds.
    pub limits: Limits,
    /// Which policy scrubs.
    pub policy: PolicyChoice,
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
    /// How long a request head may take to arrive. Default 10 s.
    pub head_timeout: Duration,
    /// How long a client may pause inside a body. Default 30 s.
    pub body_timeout: Duration,
    /// How long requests in flight may take to finish after SIGTERM. Default 25 s, less than what Kubernetes grants.
    pub drain_timeout: Duration,
}

/// `[upstream]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// Scheme, host, port and path prefix of the collector. Required.
    pub url: UpstreamUrl,
    /// How bodies leave. Default gzip.
    pub encoding: UpstreamEncoding,
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
    const NAMES: [(&str, UpstreamEncoding); 3] = [
        ("gzip", UpstreamEncoding::Gzip),
        ("zstd", UpstreamEncoding::Zstd),
        ("identity", UpstreamEncoding::Identity),
    ];
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
    /// Bytes of an HTTP request head. Default 64 KiB; a head over it is answered 431.
    pub head_bytes: usize,
    /// Requests at a time; one more is answered 503. Default 128.
    pub in_flight: usize,
    /// Connections at a time; one more waits to be accepted. Default 1024.
    pub connections: usize,
}

/// `[policy]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyChoice {
    /// The name of a built-in policy. Default `sentry-eu`.
    pub name: String,
    /// Paths of packs of the operator's own.
    pub packs: Vec<String>,
    /// What nobody can vouch for and is passed on all the same. Default none of it.
    pub pass: Vec<scrub::Opaque>,
    /// What becomes of personal data that the policy looks for, if not what its rules say.
    pub personal: Option<scrub::Treated>,
    /// Where the key for hashes of personal data stands: `env:NAME` or `file:PATH`; empty for none.
    pub hash_key: String,
    /// What is let through although a rule covers it.
    pub allow: Vec<Allow>,
}

/// What becomes of personal data, by name.
const PERSONAL: [(&str, Option<scrub::Treated>); 5] = [
    ("default", None),
    ("remove", Some(scrub::Treated::Remove)),
    ("mask", Some(scrub::Treated::Mask)),
    ("hash", Some(scrub::Treated::Hash)),
    ("truncate", Some(scrub::Treated::Truncate)),
];

impl Config {
    /// The policy that this configuration comes to, with its packs, secrets and keys.
    ///
    /// # Errors
    /// All that is wrong with it, a line each.
    pub fn load_policy(&self) -> Result<Policy, Vec<String>> {
        let mut own = Vec::new();
        let mut problems = Vec::new();
        for path in &self.policy.packs {
            match std::fs::read_to_string(path) {
                Ok(text) => own.push((path.clone(), text)),
                Err(error) => problems.push(format!("policy.packs: {path}: {error}")),
            }
        }
        let key = if self.policy.hash_key.is_empty() {
            None
        } else {
            secrets::by_reference(&self.policy.hash_key)
                .map_err(|what| problems.push(format!("policy.hash_key: {what}")))
                .ok()
        };
        let values = self
            .secrets
            .read()
            .map_err(|more| problems.extend(more))
            .unwrap_or_default();
        if !problems.is_empty() {
            return Err(problems);
        }
        let said = |error: crate::policy::PolicyError, key: &str| {
            let problems = error.problems().iter();
            problems
                .map(|problem| format!("{key}: {problem}"))
                .collect::<Vec<_>>()
        };
        let policy = Policy::builtin_with(&self.policy.name, &own).map_err(|error| {
            // A pack's problem begins with its file's name.
            let of_pack = |problem: &String| {
                let mut packs = own.iter();
                packs.any(|(path, _)| problem.starts_with(&format!("{path}:")))
            };
            let key = match error.problems().iter().any(of_pack) {
                true => "policy.packs",
                false => "policy.name",
            };
            said(error, key)
        })?;
        let policy = policy
            .with_allowed(&self.policy.allow)
            .map_err(|error| error.problems().to_vec())?;
        let policy = policy
            .with_personal(self.policy.personal, key.as_deref())
            .map_err(|error| said(error, "policy.hash_key"))?;
        policy
            .with_passing(&self.policy.pass)
            .with_known_secrets(values.values())
            .map_err(|error| said(error, "secrets"))
    }
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
        Loader {
            environment: Vec::new(),
            ..Loader::default()
        }
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
        let upstream: Option<std::net::IpAddr> = self.upstream.url.host().parse().ok();
        let itself = upstream.is_some_and(|upstream| {
            upstream == listen.ip() || listen.ip().is_unspecified() && upstream.is_loopback()
        });
        if itself && self.upstream.url.port() == listen.port() {
            texts.push(format!(
                "upstream.url and server.listen are both {listen}: it would send to itself; set upstream.url to the collector"
            ));
        }
        let mistake = |text| Mistake { place: None, text };
        texts.into_iter().map(mistake).collect()
    }

    fn with_upstream(url: UpstreamUrl) -> Config {
        let loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Config {
            server: Server {
                listen: loopback(9180),
                admin: loopback(9181),
                head_timeout: Duration::from_secs(10),
                body_timeout: Duration::from_secs(30),
                drain_timeout: Duration::from_secs(25),
            },
            upstream: Upstream {
                url,
                encoding: UpstreamEncoding::Gzip,
                connect_timeout: Duration::from_secs(5),
                response_timeout: Duration::from_secs(30),
                roots: Roots::System,
            },
            limits: Limits {
                stream: scrub::Limits::default(),
                head_bytes: 64 << 10,
                in_flight: 128,
                connections: 1024,
            },
            policy: PolicyChoice {
                name: "sentry-eu".to_owned(),
                packs: Vec::new(),
                pass: Vec::new(),
                personal: None,
                hash_key: String::new(),
                allow: Vec::new(),
            },
            secrets: Secrets::default(),
            log: Log {
                level: Level::Info,
                format: LogFormat::Human,
            },
        }
    }
}

/// One setting.
struct Key {
    /// Section and key, as `server.listen`.
    name: &'static str,
    set: fn(&mut Config, &Value) -> Result<(), String>,
    /// Its value as TOML.
    show: fn(&Config) -> String,
}

/// Every setting there is, in the order in which `check` prints them.
const KEYS: &[Key] = &[
    Key {
        name: "server.listen",
        set: |config, value| value.address().map(|it| config.server.listen = it),
        show: |config| quoted(config.server.listen),
    },
    Key {
        name: "server.admin",
        set: |config, value| value.address().map(|it| config.server.admin = it),
        show: |config| quoted(config.server.admin),
    },
    Key {
        name: "server.head_timeout",
        set: |config, value| value.duration().map(|it| config.server.head_timeout = it),
        show: |config| quoted(size::show_duration(config.server.head_timeout)),
    },
    Key {
        name: "server.body_timeout",
        set: |config, value| value.duration().map(|it| config.server.body_timeout = it),
        show: |config| quoted(size::show_duration(config.server.body_timeout)),
    },
    Key {
        name: "server.drain_timeout",
        set: |config, value| value.duration().map(|it| config.server.drain_timeout = it),
        show: |config| quoted(size::show_duration(config.server.drain_timeout)),
    },
    Key {
        name: UPSTREAM_URL,
        set: |config, value| {
            value
                .text()
                .and_then(UpstreamUrl::parse)
                .map(|it| config.upstream.url = it)
        },
        show: |config| quoted(&config.upstream.url),
    },
    Key {
        name: "upstream.encoding",
        set: |config, value| {
            value
                .one_of(&UpstreamEncoding::NAMES)
                .map(|it| config.upstream.encoding = it)
        },
        show: |config| named(&UpstreamEncoding::NAMES, config.upstream.encoding),
    },
    Key {
        name: "upstream.connect_timeout",
        set: |config, value| {
            value
                .duration()
                .map(|it| config.upstream.connect_timeout = it)
        },
        show: |config| quoted(size::show_duration(config.upstream.connect_timeout)),
    },
    Key {
        name: "upstream.response_timeout",
        set: |config, value| {
            value
                .duration()
                .map(|it| config.upstream.response_timeout = it)
        },
        show: |config| quoted(size::show_duration(config.upstream.response_timeout)),
    },
    Key {
        name: "upstream.roots",
        set: |config, value| {
            value
                .one_of(&Roots::NAMES)
                .map(|it| config.upstream.roots = it)
        },
        show: |config| named(&Roots::NAMES, config.upstream.roots),
    },
    Key {
        name: "limits.decoded_bytes",
        set: |config, value| {
            value
                .bytes(1)
                .map(|it| config.limits.stream.decoded_bytes = it)
        },
        show: |config| quoted(size::show_bytes(config.limits.stream.decoded_bytes)),
    },
    Key {
        name: "limits.decode_ratio",
        set: |config, value| {
            value
                .count(1, u32::MAX as u64)
                .map(|it| config.limits.stream.decode_ratio = it)
        },
        show: |config| config.limits.stream.decode_ratio.to_string(),
    },
    Key {
        name: "limits.json_depth",
        set: |config, value| {
            value
                .count(1, 512)
                .map(|it| config.limits.stream.json_depth = it as usize)
        },
        show: |config| config.limits.stream.json_depth.to_string(),
    },
    Key {
        name: "limits.header_bytes",
        set: |config, value| {
            value
                .bytes(256)
                .map(|it| config.limits.stream.header_bytes = it as usize)
        },
        show: |config| quoted(size::show_bytes(config.limits.stream.header_bytes as u64)),
    },
    Key {
        name: "limits.protobuf_bytes",
        set: |config, value| {
            value
                .bytes(1)
                .map(|it| config.limits.stream.protobuf_bytes = it as usize)
        },
        show: |config| quoted(size::show_bytes(config.limits.stream.protobuf_bytes as u64)),
    },
    Key {
        name: "limits.form_bytes",
        set: |config, value| {
            value
                .bytes(1)
                .map(|it| config.limits.stream.form_bytes = it as usize)
        },
        show: |config| quoted(size::show_bytes(config.limits.stream.form_bytes as u64)),
    },
    Key {
        name: "limits.head_bytes",
        set: |config, value| {
            value
                .bytes(8 << 10)
                .map(|it| config.limits.head_bytes = it as usize)
        },
        show: |config| quoted(size::show_bytes(config.limits.head_bytes as u64)),
    },
    Key {
        name: "limits.in_flight",
        set: |config, value| {
            value
                .count(1, 100_000)
                .map(|it| config.limits.in_flight = it as usize)
        },
        show: |config| config.limits.in_flight.to_string(),
    },
    Key {
        name: "limits.connections",
        set: |config, value| {
            value
                .count(1, 1_000_000)
                .map(|it| config.limits.connections = it as usize)
        },
        show: |config| config.limits.connections.to_string(),
    },
    Key {
        name: "policy.name",
        set: |config, value| value.text().map(|it| config.policy.name = it.to_owned()),
        show: |config| quoted(&config.policy.name),
    },
    Key {
        name: "policy.packs",
        set: |config, value| {
            value
                .list("[\"acme.toml\"]")
                .map(|it| config.policy.packs = it)
        },
        show: |config| listed(&config.policy.packs),
    },
    Key {
        name: "policy.pass",
        set: |config, value| {
            let names = value.list("[\"minidump\"]")?;
            let kinds = names
                .into_iter()
                .map(|name| Value::Text(name).one_of(&scrub::Opaque::NAMES));
            config.policy.pass = kinds.collect::<Result<_, _>>()?;
            Ok(())
        },
        show: |config| {
            let names = scrub::Opaque::NAMES
                .iter()
                .filter(|(_, kind)| config.policy.pass.contains(kind));
            let names: Vec<String> = names.map(|(name, _)| (*name).to_owned()).collect();
            listed(&names)
        },
    },
    Key {
        name: "policy.personal",
        set: |config, value| {
            value
                .one_of(&PERSONAL)
                .map(|it| config.policy.personal = it)
        },
        show: |config| named(&PERSONAL, config.policy.personal),
    },
    Key {
        name: "policy.hash_key",
        set: |config, value| {
            let text = value.text()?;
            if !text.is_empty() && !text.starts_with("env:") && !text.starts_with("file:") {
                return Err("is no reference; give env:NAME or file:PATH".to_owned());
            }
            config.policy.hash_key = text.to_owned();
            Ok(())
        },
        show: |config| quoted(&config.policy.hash_key),
    },
    Key {
        name: POLICY_ALLOW,
        set: |config, value| match value {
            Value::List(values) if values.is_empty() => {
                config.policy.allow.clear();
                Ok(())
            }
            Value::Text(_)
            | Value::Bare(_)
            | Value::Integer(_)
            | Value::List(_)
            | Value::Other(_) => Err(
                "is no list of exceptions; each is a table in the configuration file, as \
                 [[policy.allow]] with a name or a path, and a reason"
                    .to_owned(),
            ),
        },
        show: |config| allow::show(&config.policy.allow),
    },
    Key {
        name: "secrets.env",
        set: |config, value| {
            value
                .list("[\"CRON_SECRET\"]")
                .map(|it| config.secrets.env = it)
        },
        show: |config| listed(&config.secrets.env),
    },
    Key {
        name: "secrets.files",
        set: |config, value| {
            value
                .list("[\"/run/secrets/*\"]")
                .map(|it| config.secrets.files = it)
        },
        show: |config| listed(&config.secrets.files),
    },
    Key {
        name: "log.level",
        set: |config, value| value.one_of(&Level::NAMES).map(|it| config.log.level = it),
        show: |config| named(&Level::NAMES, config.log.level),
    },
    Key {
        name: "log.format",
        set: |config, value| {
            value
                .one_of(&LogFormat::NAMES)
                .map(|it| config.log.format = it)
        },
        show: |config| named(&LogFormat::NAMES, config.log.format),
    },
];

const UPSTREAM_URL: &str = "upstream.url";
const POLICY_ALLOW: &str = "policy.allow";

/// Keys that hold several values.
const LISTS: [&str; 2] = ["secrets.env", "secrets.files"];

/// An array of strings, as in a file.
fn array(text: &str) -> Option<Vec<String>> {
    let table: toml::Table = format!("list = {text}").parse().ok()?;
    let values = table.get("list").filter(|_| table.len() == 1)?.as_array()?;
    let texts = values.iter().map(|value| value.as_str().map(str::to_owned));
    texts.collect()
}

fn quoted(value: impl fmt::Display) -> String {
    toml::Value::String(value.to_string()).to_string()
}

fn listed(values: &[String]) -> String {
    let values = values.iter().cloned().map(toml::Value::String).collect();
    toml::Value::Array(values).to_string()
}

fn named<T: PartialEq>(names: &[(&str, T)], value: T) -> String {
    names
        .iter()
        .find(|(_, it)| *it == value)
        .map(|(name, _)| quoted(name))
        .unwrap_or_default()
}

/// A value as it was written, before its key says what it must be.
enum Value {
    Text(String),
    /// From a variable or a flag, where nothing tells a string from a list.
    Bare(String),
    Integer(i64),
    List(Vec<String>),
    /// Anything that no key takes: what it is.
    Other(&'static str),
}

impl Value {
    fn text(&self) -> Result<&str, String> {
        match self {
            Value::Text(text) | Value::Bare(text) => Ok(text),
            Value::Integer(_) => Err("is an integer; put it in quotes".to_owned()),
            Value::List(_) => Err("is an array, not a string".to_owned()),
            Value::Other(what) => Err(format!("is {what}, not a string")),
        }
    }

    /// An array of strings; outside of files, separated by commas or as it would stand in one. What was written is not
    /// shown: somebody may have given a secret where its name is asked for.
    fn list(&self, example: &str) -> Result<Vec<String>, String> {
        match self {
            Value::List(values) => Ok(values.clone()),
            Value::Bare(text) if text.trim_start().starts_with('[') => {
                array(text).ok_or_else(|| {
                    format!("begins as an array of strings and is none; write it as {example}, or separate by commas")
                })
            }
            Value::Bare(text) => Ok(text
                .split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect()),
            Value::Text(_) => Err(format!("is a string, not an array; write it as {example}")),
            Value::Integer(_) => Err(format!("is an integer, not an array; write it as {example}")),
            Value::Other(what) => Err(format!("is {what}, not an array of strings; write it as {example}")),
        }
    }

    fn address(&self) -> Result<SocketAddr, String> {
        let (written, port) = match self {
            Value::Integer(n) => (n.to_string(), u16::try_from(*n).ok()),
            Value::Text(_) | Value::Bare(_) | Value::List(_) | Value::Other(_) => {
                let text = self.text()?;
                if let Ok(address) = text.parse() {
                    return Ok(address);
                }
                let port = text.rsplit(':').next().and_then(|port| port.parse().ok());
                (format!("{text:?}"), port)
            }
        };
        Err(format!(
            "{written} is no address; give an IP and a port, as \"127.0.0.1:{}\"",
            port.unwrap_or(9180)
        ))
    }

    fn duration(&self) -> Result<Duration, String> {
        match self {
            Value::Integer(n) => Err(format!("{n} has no unit; say what it is, as \"{n}s\"")),
            Value::Text(_) | Value::Bare(_) | Value::List(_) | Value::Other(_) => {
                size::parse_duration(self.text()?)
            }
        }
    }

    /// At least `least` bytes.
    fn bytes(&self, least: u64) -> Result<u64, String> {
        let bytes = match self {
            Value::Integer(n) => u64::try_from(*n).map_err(|_| format!("{n} is negative"))?,
            Value::Text(_) | Value::Bare(_) | Value::List(_) | Value::Other(_) => {
                size::parse_bytes(self.text()?)?
            }
        };
        if bytes < least {
            return Err(format!(
                "{bytes} bytes are too few; give at least {}",
                size::show_bytes(least)
            ));
        }
        Ok(bytes)
    }

    fn count(&self, least: u64, most: u64) -> Result<u64, String> {
        let range = || format!("give a number from {least} to {most}");
        let count = match self {
            Value::Integer(n) => {
                u64::try_from(*n).map_err(|_| format!("{n} is negative; {}", range()))?
            }
            Value::Text(text) | Value::Bare(text) => text
                .parse()
                .map_err(|_| format!("{text:?} is no number; {}", range()))?,
            Value::List(_) => return Err(format!("is an array; {}", range())),
            Value::Other(what) => return Err(format!("is {what}; {}", range())),
        };
        if (least..=most).contains(&count) {
            Ok(count)
        } else {
            Err(format!("{count} is out of range; {}", range()))
        }
    }

    fn one_of<T: Copy>(&self, names: &[(&str, T)]) -> Result<T, String> {
        let text = self.text()?;
        names
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, value)| *value)
            .ok_or_else(|| {
                let names: Vec<String> =
                    names.iter().map(|(name, _)| format!("{name:?}")).collect();
                format!("{text:?} is none of {}", names.join(", "))
            })
    }
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nobody said anything.
    Default,
    /// A line of the file.
    File(PathBuf, usize),
    /// An environment variable.
    Environment(String),
    /// A flag on the command line.
    Flag,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => f.write_str("default"),
            Source::File(path, line) => write!(f, "{}:{line}", path.display()),
            Source::Environment(name) => f.write_str(name),
            Source::Flag => f.write_str("command line"),
        }
    }
}

/// One mistake: where, which key, what and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where it stands, if it stands anywhere.
    pub place: Option<Source>,
    /// The text, without the place.
    pub text: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{place}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

/// All that is wrong with a configuration, one mistake a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Never empty.
    pub mistakes: Vec<Mistake>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, mistake) in self.mistakes.iter().enumerate() {
            let separator = if n == 0 { "" } else { "\n" };
            write!(f, "{separator}{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// A configuration, and where each of its values came from. Its `Display` is the file that would say the same.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The configuration.
    pub config: Config,
    sources: BTreeMap<&'static str, Source>,
    /// Where each exception stands, in their order.
    allow_sources: Vec<Source>,
    warnings: Vec<String>,
}

impl Resolved {
    /// What is no mistake and most likely not meant, a line each: variables that are one underscore off.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Where the value of this key came from (`server.listen`), or an exception, counted from 0 (`policy.allow[0]`).
    pub fn source(&self, key: &str) -> &Source {
        let number = key
            .strip_prefix(POLICY_ALLOW)
            .and_then(|rest| rest.strip_prefix('[')?.strip_suffix(']')?.parse().ok());
        match number {
            Some(number) => self.allow_sources.get::<usize>(number),
            None => self.sources.get(key),
        }
        .unwrap_or(&Source::Default)
    }
}

impl fmt::Display for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut section = "";
        for key in KEYS {
            let (of, name) = key.name.split_once('.').unwrap_or_default();
            if of != section {
                let gap = if section.is_empty() { "" } else { "\n" };
                writeln!(f, "{gap}[{of}]")?;
                section = of;
            }
            let setting = format!("{name} = {}", (key.show)(&self.config));
            writeln!(f, "{setting:<44} # {}", self.source(key.name))?;
        }
        Ok(())
    }
}

/// Reads a configuration together.
///
/// ```
/// use scrubline::config::Loader;
///
/// let resolved = Loader::default().no_file().flag("upstream.url", "http://127.0.0.1:8000").load()?;
/// assert_eq!(resolved.config.server.listen.port(), 9180);
/// # Ok::<(), scrubline::config::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Loader {
    file: FileChoice,
    environment: Vec<(OsString, OsString)>,
    flags: Vec<(String, String)>,
    no_upstream: bool,
}

#[derive(Debug, Default)]
enum FileChoice {
    /// [`DEFAULT_FILE`], if it exists.
    #[default]
    Usual,
    None,
    Named(PathBuf),
}

impl Loader {
    /// Reads this file, which must exist, instead of the usual one.
    pub fn file(mut self, path: impl AsRef<Path>) -> Self {
        self.file = FileChoice::Named(path.as_ref().to_owned());
        self
    }

    /// Reads no file.
    pub fn no_file(mut self) -> Self {
        self.file = FileChoice::None;
        self
    }

    /// Reads these variables (`std::env::vars_os()`), as far as they are ours: `SCRUBLINE_SECTION__KEY`.
    pub fn environment(
        mut self,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Self {
        self.environment = variables.into_iter().collect();
        self
    }

    /// Sets one key (`upstream.url`) from the command line. Two different values for one key are a mistake.
    pub fn flag(mut self, key: &str, value: &str) -> Self {
        self.flags.push((key.to_owned(), value.to_owned()));
        self
    }

    /// The collector need not be said: nothing will be sent.
    pub fn no_upstream(mut self) -> Self {
        self.no_upstream = true;
        self
    }

    /// The configuration, or all that is wrong with it.
    pub fn load(self) -> Result<Resolved, Error> {
        let mut draft = Draft {
            config: Config::with_upstream(UpstreamUrl::placeholder()),
            sources: BTreeMap::new(),
            allow_sources: Vec::new(),
            mistakes: Vec::new(),
            unread: false,
        };
        match &self.file {
            FileChoice::None => {}
            FileChoice::Named(path) => file::read(path, &mut draft),
            FileChoice::Usual if Path::new(DEFAULT_FILE).exists() => {
                file::read(Path::new(DEFAULT_FILE), &mut draft)
            }
            FileChoice::Usual => {}
        }
        env::read(&self.environment, &mut draft);
        draft.mistakes.extend(contradictions(&self.flags));
        for (key, value) in self.flags {
            draft.set(&key, Value::Bare(value), Source::Flag, &key);
        }
        if !draft.unread && !self.no_upstream && !draft.sources.contains_key(UPSTREAM_URL) {
            draft.mistakes.push(Mistake {
                place: None,
                text: missing_upstream(&self.environment),
            });
        }
        if draft.mistakes.is_empty() {
            let clashes = draft.config.clashes();
            draft.mistakes.extend(clashes);
        }
        if draft.mistakes.is_empty() {
            Ok(Resolved {
                config: draft.config,
                sources: draft.sources,
                allow_sources: draft.allow_sources,
                warnings: env::near_misses(&self.environment),
            })
        } else {
            Err(Error {
                mistakes: draft.mistakes,
            })
        }
    }
}

/// Keys that flags set to different values: `--listen` and `--set server.listen=…` are one key, and which of them is meant
/// can't be known. The values are not shown; a URL may hold a password.
fn contradictions(flags: &[(String, String)]) -> Vec<Mistake> {
    let mut keys: Vec<&str> = Vec::new();
    for (n, (key, value)) in flags.iter().enumerate() {
        let differs = |(k, v): &(String, String)| k == key && v != value;
        if flags[..n].iter().any(differs) && !keys.contains(&key.as_str()) {
            keys.push(key);
        }
    }
    let mistake = |key: &str| {
        let list = match LISTS.contains(&key) {
            true => ", with its values separated by commas",
            false => "",
        };
        Mistake {
            place: Some(Source::Flag),
            text: format!("{key} is set to two different values; give it once{list}"),
        }
    };
    keys.into_iter().map(mistake).collect()
}

fn missing_upstream(environment: &[(OsString, OsString)]) -> String {
    let hint = if environment
        .iter()
        .any(|(name, _)| name == "SCRUBLINE_UPSTREAM_URL")
    {
        " (SCRUBLINE_UPSTREAM_URL is set, but needs two underscores before URL)"
    } else {
        ""
    };
    format!(
        "upstream.url is missing: say where the collector is, as --upstream https://o1.ingest.de.sentry.io, \
         SCRUBLINE_UPSTREAM__URL, or [upstream] url in {DEFAULT_FILE}{hint}"
    )
}

/// A configuration in the making.
struct Draft {
    config: Config,
    sources: BTreeMap<&'static str, Source>,
    allow_sources: Vec<Source>,
    mistakes: Vec<Mistake>,
    /// The file could not be read, so nothing can be said to be missing.
    unread: bool,
}

impl Draft {
    /// A table that is no section of ours. What is in it is not missing, only in the wrong place.
    fn unknown_section(&mut self, name: &str, source: Source) {
        let all = sections();
        let meant = all.iter().find(|section| is_near(name, section));
        let hint = match meant {
            Some(meant) => format!("did you mean [{meant}]?"),
            None => known_near(name),
        };
        self.unread |= meant.is_some();
        self.mistakes.push(Mistake {
            place: Some(source),
            text: format!("unknown section [{name}]; {hint}"),
        });
    }

    /// Sets one key; a mistake is noted. `spelling` is how the source writes the key.
    fn set(&mut self, name: &str, value: Value, source: Source, spelling: &str) {
        let result = match KEYS.iter().find(|key| key.name == name) {
            Some(key) => {
                // Also when the value is wrong: then it is not missing.
                self.sources.insert(key.name, source.clone());
                (key.set)(&mut self.config, &value).map_err(|wrong| format!("{spelling}: {wrong}"))
            }
            None => {
                let meant = nearest(name);
                if let Some(meant) = meant {
                    // Not missing either, only misspelt.
                    self.sources.insert(meant, source.clone());
                }
                let hint = match (meant, &source) {
                    (None, _) => known_near(name),
                    (Some(meant), Source::Environment(_)) => {
                        format!("did you mean {}?", env::variable(meant))
                    }
                    (Some(meant), Source::Default | Source::File(..) | Source::Flag) => {
                        format!("did you mean {meant}?")
                    }
                };
                Err(format!("unknown key {spelling}; {hint}"))
            }
        };
        if let Err(text) = result {
            self.mistakes.push(Mistake {
                place: Some(source),
                text,
            });
        }
    }
}

/// The names of all sections.
fn sections() -> Vec<&'static str> {
    let parts = KEYS.iter().filter_map(|key| key.name.split_once('.'));
    let mut sections: Vec<&str> = parts.map(|(of, _)| of).collect();
    sections.dedup();
    sections
}

/// What there is, where no key is near: the keys of the section, or the sections.
fn known_near(name: &str) -> String {
    let parts = || KEYS.iter().filter_map(|key| key.name.split_once('.'));
    let section = name.split('.').next().unwrap_or_default();
    let sections = sections();
    if let Some(meant) = sections.iter().find(|of| is_near(section, of)) {
        let keys = parts().filter(|(of, _)| of == meant).map(|(_, key)| key);
        return format!("[{meant}] has {}", keys.collect::<Vec<_>>().join(", "));
    }
    format!(
        "the sections are [{}]; scrubline.example.toml has every key",
        sections.join("], [")
    )
}

/// The known key that `name` most likely means, if one is a slip away. What is further off would only mislead.
fn nearest(name: &str) -> Option<&'static str> {
    // The dot in the wrong place is a slip too.
    let flat = |name: &str| name.replace('.', "_");
    let (section, last) = name.split_once('.').unwrap_or(("", name));
    let distance = |key: &Key| {
        let (of, known) = key.name.split_once('.')?;
        let slips = strsim::osa_distance(last, known);
        // The right key in the wrong section, or a slip in one that has no section or almost the right one.
        let near = flat(name) == flat(key.name)
            || slips == 0
            || is_near(last, known) && (section.is_empty() || is_near(section, of));
        near.then(|| (strsim::osa_distance(name, key.name), key.name))
    };
    KEYS.iter().filter_map(distance).min().map(|(_, name)| name)
}

/// Whether at most a third of the letters are others: a slip, and not another word.
fn is_near(word: &str, known: &str) -> bool {
    strsim::osa_distance(word, known) <= known.len() / 3
}
