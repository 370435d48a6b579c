//! `[residency]`: where telemetry may go, and whether it may go to a collector at all.
//!
//! Sentry's hosts say where they are: `o1.ingest.de.sentry.io` is in Frankfurt, `o1.ingest.us.sentry.io` in Iowa, and one without a
//! region is in the United States (Sentry's documentation, data storage location). Names are compared whole, never by a part.

use super::UpstreamUrl;
use super::keys::Key;
use super::value::{Value, listed, named, quoted};

/// `[residency]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Residency {
    /// The region that telemetry may not leave. Default any.
    pub region: Region,
    /// Hosts of one's own that stand in the region, in lower case.
    pub hosts: Vec<String>,
    /// Hosts whose addresses may be private, in lower case.
    pub private: Vec<String>,
    /// What is let through although the region forbids it.
    pub waive: Vec<Waiver>,
    /// The lowest version of TLS. Default 1.2.
    pub tls: TlsFloor,
    /// SHA-256 of public keys (SubjectPublicKeyInfo), of which the collector's own certificate must have one; none for any.
    pub pins: Vec<Pin>,
    /// A MaxMind database of countries that must say of each address that it is in the region; empty for none.
    pub country_database: String,
}

/// Where telemetry may go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Region {
    /// Anywhere.
    #[default]
    Any,
    /// To the European Union only (and to Norway, Iceland and Liechtenstein, where its data protection law holds too).
    Eu,
}

impl Region {
    pub(crate) const NAMES: [(&str, Region); 2] = [("any", Region::Any), ("eu", Region::Eu)];
}

/// What an operator may let through although the region forbids it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiver {
    /// Check-ins, which Sentry may store in the United States whatever the region of the organisation.
    CheckIn,
}

impl Waiver {
    const NAMES: [(&str, Waiver); 1] = [("check_in", Waiver::CheckIn)];
}

/// The lowest version of TLS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
pub enum TlsFloor {
    #[default]
    Tls12,
    Tls13,
}

impl TlsFloor {
    const NAMES: [(&str, TlsFloor); 2] = [("1.2", TlsFloor::Tls12), ("1.3", TlsFloor::Tls13)];
}

/// SHA-256 of a public key, as RFC 7469 has it: `sha256/` and base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin(pub [u8; 32]);

impl Pin {
    fn parse(text: &str) -> Result<Pin, String> {
        use base64::Engine;
        let digits = text.strip_prefix("sha256/").unwrap_or_default();
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(digits)
            .ok();
        let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        bytes.map(Pin).ok_or_else(|| {
            format!(
                "{text:?} is no pin; write it as sha256/ and 44 characters of base64 (scrubline check shows those of the collector)"
            )
        })
    }
}

impl std::fmt::Display for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use base64::Engine;
        let digits = base64::engine::general_purpose::STANDARD.encode(self.0);
        write!(f, "sha256/{digits}")
    }
}

/// Why a collector is in the region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// No region is asked for.
    AnyRegion,
    /// It is this machine: nothing leaves.
    Loopback,
    /// It is Sentry's, in the European Union.
    SentryEu,
    /// The operator says so, by `residency.hosts`.
    Named,
}

impl std::fmt::Display for Standing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Standing::AnyRegion => "any region (residency.region is not set)",
            Standing::Loopback => "this machine; nothing leaves it",
            Standing::SentryEu => "eu: Sentry's ingestion in Frankfurt, by its name",
            Standing::Named => "eu: so says the operator (residency.hosts)",
        })
    }
}

impl Residency {
    /// Whether telemetry may go to this collector, and by what.
    ///
    /// # Errors
    /// It may not: why, and what to do.
    pub fn admits(&self, url: &UpstreamUrl) -> Result<Standing, String> {
        if self.region == Region::Any {
            return Ok(Standing::AnyRegion);
        }
        let host = url.host().to_ascii_lowercase();
        if is_loopback(&host) {
            return Ok(Standing::Loopback);
        }
        let standing = if is_sentry_eu(&host) {
            Standing::SentryEu
        } else if is_sentrys(&host) {
            return Err(forbidden(&host));
        } else if self.hosts.contains(&host) {
            Standing::Named
        } else {
            return Err(format!(
                "{host} may be anywhere, and residency.region is \"eu\"; if it is yours and stands in the European Union, say so: \
                 residency.hosts = [\"{host}\"]"
            ));
        };
        match url.is_secure() {
            true => Ok(standing),
            false => Err(format!(
                "{url} is not encrypted, and residency.region is \"eu\"; begin it with https://"
            )),
        }
    }

    /// Hosts that are said to be in the region and can't be.
    pub(super) fn misnamed(&self) -> Vec<String> {
        let wrong = self
            .hosts
            .iter()
            .filter(|host| is_sentrys(host) && !is_sentry_eu(host));
        let why = |host: &String| match self.region {
            Region::Any => elsewhere(host),
            Region::Eu => forbidden(host),
        };
        wrong
            .map(|host| format!("{}; take it out of residency.hosts", why(host)))
            .collect()
    }

    /// Settings without effect where this is the collector, a line each.
    pub(super) fn idle(&self, url: &UpstreamUrl) -> Vec<String> {
        let host = url.host().to_ascii_lowercase();
        let mut idle = Vec::new();
        // Without a region, all of them do nothing, which is told of the whole list.
        let hosts: &[String] = match self.region {
            Region::Any => &[],
            Region::Eu => &self.hosts,
        };
        for (key, hosts) in [("hosts", hosts), ("private", &self.private)] {
            let others = hosts.iter().filter(|it| **it != host);
            idle.extend(others.map(|other| {
                format!(
                    "residency.{key}: {other} does nothing, as it is not the host of upstream.url ({host}), and nothing is sent elsewhere; \
                     take it out, or write it as it stands there"
                )
            }));
        }
        if hosts.contains(&host) && (is_loopback(&host) || is_sentry_eu(&host)) {
            idle.push(format!(
                "residency.hosts: {host} does nothing, as its name says already that it is in the region; take it out"
            ));
        }
        let without = Residency {
            private: Vec::new(),
            ..self.clone()
        };
        let is_address = host.parse::<std::net::IpAddr>().is_ok();
        if self.private.contains(&host) && (is_address || !without.is_public(&host)) {
            idle.push(format!(
                "residency.private: {host} does nothing, as its address may be private without that; take it out"
            ));
        }
        if !url.is_secure() {
            for (key, set) in [
                ("tls", self.tls != TlsFloor::default()),
                ("pins", !self.pins.is_empty()),
            ] {
                if set {
                    idle.push(format!(
                        "residency.{key}: does nothing, as upstream.url is http and has no TLS; use https"
                    ));
                }
            }
        }
        idle
    }

    /// Whether a name should have nothing but public addresses.
    pub(crate) fn is_public(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        if is_loopback(&host) || self.private.contains(&host) {
            return false;
        }
        // Names that no public name server knows (RFC 6761, 6762, 8375, and what ICANN set aside).
        const INTERNAL: [&str; 8] = [
            ".internal",
            ".local",
            ".localdomain",
            ".home.arpa",
            ".lan",
            ".intranet",
            ".test",
            ".corp",
        ];
        let is_internal = !host.contains('.') || INTERNAL.iter().any(|end| host.ends_with(end));
        is_sentrys(&host) || self.region != Region::Any && !is_internal
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn is_sentrys(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    host == "sentry.io" || host.ends_with(".sentry.io")
}

/// `o1.ingest.de.sentry.io`
fn is_sentry_eu(host: &str) -> bool {
    let label = host
        .strip_suffix(".ingest.de.sentry.io")
        .and_then(|it| it.strip_prefix('o'));
    label.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit()))
}

/// Why nothing is sent to a host of Sentry's that is not in the European Union, and what to do.
fn forbidden(host: &str) -> String {
    const HINT: &str =
        "the DSN of an organisation in the European Union has a host like o1.ingest.de.sentry.io";
    format!(
        "{}, and residency.region is \"eu\"; {HINT}",
        elsewhere(host)
    )
}

/// Why a host of Sentry's is not in the European Union.
fn elsewhere(host: &str) -> String {
    let labels: Vec<&str> = host.trim_end_matches('.').split('.').collect();
    let why = match labels.as_slice() {
        [_, "ingest", "us" | "us2", ..] => "is in the United States".to_owned(),
        [_, "ingest", "sentry", "io"] => {
            "has no region in its name, and so is in the United States".to_owned()
        }
        ["sentry", "io"] => "has no region in its name, and is in the United States".to_owned(),
        [_, "ingest", "de", "sentry", "io"] => {
            "does not begin with an organisation, as o1".to_owned()
        }
        ["de", "sentry", "io"] => "takes no telemetry; it is Sentry's API".to_owned(),
        _ => "is none of Sentry's hosts for telemetry in the European Union".to_owned(),
    };
    format!("{host} {why}")
}

/// Host names as they are compared. A scheme or a port would never match.
fn hosts(value: &Value) -> Result<Vec<String>, String> {
    let hosts = value.list("[\"sentry.example.org\"]")?;
    for host in &hosts {
        let plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
        let is_name = !host.is_empty() && host.bytes().all(plain);
        let is_address = host.parse::<std::net::Ipv6Addr>().is_ok();
        if !is_name || host.contains(':') && !is_address {
            return Err(format!(
                "{host:?} is no host; give a whole name without scheme, port or asterisk, as \"sentry.example.org\""
            ));
        }
    }
    Ok(hosts.iter().map(|host| host.to_ascii_lowercase()).collect())
}

/// `[residency]`
pub(super) const RESIDENCY: &[Key] = &[
    Key {
        name: "residency.region",
        set: |config, value| {
            value
                .one_of(&Region::NAMES)
                .map(|it| config.residency.region = it)
        },
        show: |config| named(&Region::NAMES, config.residency.region),
    },
    Key {
        name: "residency.hosts",
        set: |config, value| hosts(value).map(|it| config.residency.hosts = it),
        show: |config| listed(&config.residency.hosts),
    },
    Key {
        name: "residency.private",
        set: |config, value| hosts(value).map(|it| config.residency.private = it),
        show: |config| listed(&config.residency.private),
    },
    Key {
        name: "residency.waive",
        set: |config, value| {
            let names = value.list("[\"check_in\"]")?;
            let waivers = names
                .into_iter()
                .map(|name| Value::Text(name).one_of(&Waiver::NAMES));
            config.residency.waive = waivers.collect::<Result<_, _>>()?;
            Ok(())
        },
        show: |config| {
            let names = Waiver::NAMES
                .iter()
                .filter(|(_, it)| config.residency.waive.contains(it));
            listed(
                &names
                    .map(|(name, _)| (*name).to_owned())
                    .collect::<Vec<_>>(),
            )
        },
    },
    Key {
        name: "residency.tls",
        set: |config, value| {
            // 1.3 without quotes is as good.
            let number = match value {
                Value::Scalar("a fraction", text) => Some(Value::Text(text.clone())),
                Value::Text(_)
                | Value::Bare(_)
                | Value::Integer(_)
                | Value::List(_)
                | Value::Scalar(..)
                | Value::Other(_) => None,
            };
            let value = number.as_ref().unwrap_or(value);
            value
                .one_of(&TlsFloor::NAMES)
                .map(|it| config.residency.tls = it)
        },
        show: |config| named(&TlsFloor::NAMES, config.residency.tls),
    },
    Key {
        name: "residency.pins",
        set: |config, value| {
            let pins = value.list("[\"sha256/…\"]")?;
            config.residency.pins = pins
                .iter()
                .map(|pin| Pin::parse(pin))
                .collect::<Result<_, _>>()?;
            Ok(())
        },
        show: |config| {
            listed(
                &config
                    .residency
                    .pins
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>(),
            )
        },
    },
    Key {
        name: "residency.country_database",
        set: |config, value| {
            value
                .text()
                .map(|it| config.residency.country_database = it.to_owned())
        },
        show: |config| quoted(&config.residency.country_database),
    },
];
