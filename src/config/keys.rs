//! Every setting: one row each, grouped by section. The file, the environment, the flags, `scrubline check` and the search for
//! the nearest key read this table.

use std::net::IpAddr;

use ipnet::IpNet;

use super::doors;
use super::policy::{ADDRESSES, PERSONAL};
use super::residency::RESIDENCY;
use super::size;
use super::value::{Value, each, listed, named, quoted};
use super::{
    Config, Level, LogFormat, Roots, Serves, UpstreamEncoding, UpstreamUrl, allow, projects,
    secrets, server_tls, tunnel,
};
use crate::scrub;

/// One setting.
pub(super) struct Key {
    /// Section and key, as `server.listen`.
    pub(super) name: &'static str,
    pub(super) set: fn(&mut Config, &Value) -> Result<(), String>,
    /// Its value as TOML.
    pub(super) show: fn(&Config) -> String,
}

/// Every section's settings, in the order in which `check` prints them. A section of a section (`tunnel.limit`) comes right behind it.
const SECTIONS: [&[Key]; 12] = [
    TOP,
    SERVER,
    server_tls::KEYS,
    UPSTREAM,
    tunnel::KEYS,
    LIMITS,
    POLICY,
    doors::SERVER,
    doors::BROWSER,
    RESIDENCY,
    SECRETS,
    LOG,
];

/// Every setting there is.
pub(super) fn keys() -> impl Iterator<Item = &'static Key> {
    SECTIONS.into_iter().flatten()
}

/// What stands above all sections.
const TOP: &[Key] = &[Key {
    name: PROJECTS,
    set: |config, value| {
        match value {
        Value::List(values) if values.is_empty() => {
            config.projects.clear();
            Ok(())
        }
        Value::Text(_)
        | Value::Bare(_)
        | Value::Integer(_)
        | Value::List(_)
        | Value::Scalar(..)
        | Value::Other(_) => {
            Err(
                "is no list of projects; each is a table in the configuration file, as [[projects]] with public, id and \
                 upstream_key"
                    .to_owned(),
            )
        }
    }
    },
    show: |config| projects::show(&config.projects),
}];

const SERVER: &[Key] = &[
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
        name: "server.serves",
        set: |config, value| {
            value
                .one_of(&Serves::NAMES)
                .map(|it| config.server.serves = it)
        },
        show: |config| named(&Serves::NAMES, config.server.serves),
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
        name: "server.body_rate",
        set: |config, value| value.bytes(0).map(|it| config.server.body_rate = it),
        show: |config| quoted(size::show_bytes(config.server.body_rate)),
    },
    Key {
        name: "server.write_timeout",
        set: |config, value| value.duration().map(|it| config.server.write_timeout = it),
        show: |config| quoted(size::show_duration(config.server.write_timeout)),
    },
    Key {
        name: "server.idle_timeout",
        set: |config, value| value.duration().map(|it| config.server.idle_timeout = it),
        show: |config| quoted(size::show_duration(config.server.idle_timeout)),
    },
    Key {
        name: "server.trusted_proxies",
        set: |config, value| {
            let texts = value.list("[\"10.0.0.0/8\"]")?;
            config.server.trusted_proxies = each(&texts, network)?;
            Ok(())
        },
        show: |config| {
            let nets = config.server.trusted_proxies.iter().map(IpNet::to_string);
            listed(&nets.collect::<Vec<_>>())
        },
    },
    Key {
        name: "server.connections_per_ip",
        set: |config, value| {
            value
                .count(0, 1_000_000)
                .map(|it| config.server.connections_per_ip = it as usize)
        },
        show: |config| config.server.connections_per_ip.to_string(),
    },
    Key {
        name: "server.drain_timeout",
        set: |config, value| value.duration().map(|it| config.server.drain_timeout = it),
        show: |config| quoted(size::show_duration(config.server.drain_timeout)),
    },
];

const UPSTREAM: &[Key] = &[
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
];

const LIMITS: &[Key] = &[
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
        name: "limits.waiting",
        set: |config, value| {
            value
                .count(1, 100_000)
                .map(|it| config.limits.waiting = it as usize)
        },
        show: |config| config.limits.waiting.to_string(),
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
];

const POLICY: &[Key] = &[
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
        name: "policy.ip",
        set: |config, value| value.one_of(&ADDRESSES).map(|it| config.policy.ip = it),
        show: |config| named(&ADDRESSES, config.policy.ip),
    },
    Key {
        name: "policy.hash_key",
        set: |config, value| {
            config.policy.hash_key = match value.text()? {
                "" => String::new(),
                _ => secrets::reference(value)?,
            };
            Ok(())
        },
        show: |config| quoted(&config.policy.hash_key),
    },
    Key {
        name: "policy.sample_key",
        set: |config, value| {
            config.policy.sample_key = match value.text()? {
                "" => String::new(),
                _ => secrets::reference(value)?,
            };
            Ok(())
        },
        show: |config| quoted(&config.policy.sample_key),
    },
    Key {
        name: "policy.client_reports",
        set: |config, value| value.switch().map(|it| config.policy.client_reports = it),
        show: |config| config.policy.client_reports.to_string(),
    },
    Key {
        name: "policy.shadow",
        set: |config, value| value.text().map(|it| config.policy.shadow = it.to_owned()),
        show: |config| quoted(&config.policy.shadow),
    },
    Key {
        name: "policy.watch",
        set: |config, value| value.duration().map(|it| config.policy.watch = it),
        show: |config| quoted(size::show_duration(config.policy.watch)),
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
            | Value::Scalar(..)
            | Value::Other(_) => Err(
                "is no list of exceptions; each is a table in the configuration file, as \
                 [[policy.allow]] with a name or a path, and a reason"
                    .to_owned(),
            ),
        },
        show: |config| allow::show(&config.policy.allow),
    },
];

const SECRETS: &[Key] = &[
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
];

const LOG: &[Key] = &[
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

pub(super) const UPSTREAM_URL: &str = "upstream.url";
pub(super) const PROJECTS: &str = "projects";
pub(super) const POLICY_ALLOW: &str = "policy.allow";

/// Keys that hold several values.
pub(super) const LISTS: [&str; 16] = [
    "policy.server.pass",
    "policy.server.drop",
    "policy.server.reject",
    "policy.server.sample",
    "policy.browser.pass",
    "policy.browser.drop",
    "policy.browser.reject",
    "policy.browser.sample",
    "residency.hosts",
    "residency.private",
    "residency.pins",
    "secrets.env",
    "secrets.files",
    "server.trusted_proxies",
    "tunnel.dsns",
    "tunnel.origins",
];

/// A network, or one address.
fn network(text: &str) -> Result<IpNet, String> {
    let address = |_| text.parse::<IpAddr>().map(IpNet::from);
    text.parse::<IpNet>().or_else(address).map_err(|_| {
        // Not shown: anything may have been pasted there.
        "is no network; write it as an address and its bits, as \"10.0.0.0/8\"".to_owned()
    })
}
