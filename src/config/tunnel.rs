//! `[tunnel]`: the door for browsers, which anybody on the internet may knock at. It is shut until a DSN or a project is named.

use http::Uri;

use super::keys::Key;
use super::value::{Value, each, listed, quoted};
use crate::scrub::Dsn;

/// `[tunnel]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tunnel {
    /// Where browsers post to: the SDK's option `tunnel`. Default `/tunnel`.
    pub path: String,
    /// The DSNs that may come in. Default none; with no `[[projects]]` either, there is no tunnel.
    pub dsns: Vec<Dsn>,
    /// Origins whose pages may post here and read the answer (CORS). Default none: only pages of the tunnel's own origin.
    pub origins: Origins,
    /// `[tunnel.limit]`
    pub limit: TunnelLimit,
}

/// Whose pages may use the tunnel from another origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// Anybody's: `["*"]`.
    Any,
    /// These, as browsers write them: scheme, host, and the port if it is not the scheme's.
    These(Vec<String>),
}

/// `[tunnel.limit]`: how much may come in. 0 turns a limit off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TunnelLimit {
    /// Requests a minute from one client, an IPv4 address or an IPv6 /64, on average. Default 100.
    pub per_ip_per_minute: u32,
    /// Requests that one client may make at once. Default 20.
    pub burst: u32,
    /// Requests a minute for one project, on average. Default 6000.
    pub per_project_per_minute: u32,
    /// Requests a second altogether, on average. Default 200.
    pub global_per_second: u32,
}

impl Default for Tunnel {
    fn default() -> Tunnel {
        Tunnel {
            path: "/tunnel".to_owned(),
            dsns: Vec::new(),
            origins: Origins::These(Vec::new()),
            limit: TunnelLimit {
                per_ip_per_minute: 100,
                burst: 20,
                per_project_per_minute: 6000,
                global_per_second: 200,
            },
        }
    }
}

/// Larger ones are typing errors.
const MOST_REQUESTS: u64 = 1_000_000;

fn rate(value: &Value) -> Result<u32, String> {
    value.count(0, MOST_REQUESTS).map(|count| count as u32)
}

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "tunnel.path",
        set: |config, value| path(value.text()?).map(|it| config.tunnel.path = it),
        show: |config| quoted(&config.tunnel.path),
    },
    Key {
        name: "tunnel.dsns",
        set: |config, value| {
            let texts = value.list(DSN_EXAMPLE)?;
            config.tunnel.dsns = each(&texts, dsn)?;
            Ok(())
        },
        show: |config| {
            let dsns = config.tunnel.dsns.iter().map(Dsn::to_string);
            listed(&dsns.collect::<Vec<_>>())
        },
    },
    Key {
        name: "tunnel.origins",
        set: |config, value| {
            let texts = value.list(ORIGIN_EXAMPLE)?;
            config.tunnel.origins = match texts.as_slice() {
                [any] if any == "*" => Origins::Any,
                texts => Origins::These(each(texts, origin)?),
            };
            Ok(())
        },
        show: |config| match &config.tunnel.origins {
            Origins::Any => listed(&["*".to_owned()]),
            Origins::These(origins) => listed(origins),
        },
    },
    Key {
        name: "tunnel.limit.per_ip_per_minute",
        set: |config, value| rate(value).map(|it| config.tunnel.limit.per_ip_per_minute = it),
        show: |config| config.tunnel.limit.per_ip_per_minute.to_string(),
    },
    Key {
        name: "tunnel.limit.burst",
        set: |config, value| {
            value
                .count(1, MOST_REQUESTS)
                .map(|it| config.tunnel.limit.burst = it as u32)
        },
        show: |config| config.tunnel.limit.burst.to_string(),
    },
    Key {
        name: "tunnel.limit.per_project_per_minute",
        set: |config, value| rate(value).map(|it| config.tunnel.limit.per_project_per_minute = it),
        show: |config| config.tunnel.limit.per_project_per_minute.to_string(),
    },
    Key {
        name: "tunnel.limit.global_per_second",
        set: |config, value| rate(value).map(|it| config.tunnel.limit.global_per_second = it),
        show: |config| config.tunnel.limit.global_per_second.to_string(),
    },
];

const DSN_EXAMPLE: &str = "[\"https://KEY@o1.ingest.de.sentry.io/42\"]";
const ORIGIN_EXAMPLE: &str = "[\"https://app.example\"]";

/// A path that is compared as it stands: no escapes, no query, and none that means something else here.
fn path(text: &str) -> Result<String, String> {
    let plain = text.len() > 1
        && text.starts_with('/')
        && !text.contains("//")
        && !text.split('/').any(|part| part == "." || part == "..")
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte));
    if !plain {
        return Err(format!(
            "{text:?} is no path of letters, digits and -._~; write it as \"/tunnel\""
        ));
    }
    if text.starts_with("/api/") {
        return Err(format!(
            "{text:?} begins with /api/, where the routes of servers' SDKs are; write it as \"/tunnel\""
        ));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// Nothing of a DSN that is none is shown: it may have its secret in it.
fn dsn(text: &str) -> Result<Dsn, String> {
    let dsn = Dsn::parse(text.trim()).ok_or_else(|| {
        format!("is no DSN (scheme, key, host and project, as the SDK has it: {DSN_EXAMPLE})")
    })?;
    match dsn.has_secret() {
        true => Err(
            "has a secret behind its key (KEY:SECRET@); browsers have none, leave it out"
                .to_owned(),
        ),
        false => Ok(dsn),
    }
}

/// Nothing of what is none is shown: anything may have been pasted there. As browsers write it in `Origin` (RFC 6454, 6.2): in lower case, without a path, and without the scheme's own port.
fn origin(text: &str) -> Result<String, String> {
    let wrong = || {
        format!(
            "is no origin; give scheme and host, and the port if there is one, as {ORIGIN_EXAMPLE}"
        )
    };
    if text == "*" {
        return Err("has \"*\" beside others; give it alone".to_owned());
    }
    let uri: Uri = text.trim().parse().map_err(|_| wrong())?;
    let scheme = uri
        .scheme_str()
        .filter(|scheme| ["http", "https"].contains(scheme))
        .ok_or_else(wrong)?;
    let authority = uri.authority().ok_or_else(wrong)?;
    let bare = uri
        .path_and_query()
        .is_none_or(|rest| matches!(rest.as_str(), "" | "/"))
        && !authority.as_str().contains('@')
        && !authority.host().contains('*');
    if !bare || authority.host().is_empty() {
        return Err(wrong());
    }
    let implied = if scheme == "https" { 443 } else { 80 };
    let port = authority
        .port_u16()
        .filter(|port| *port != implied)
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    let host = authority.host().to_ascii_lowercase();
    Ok(format!("{scheme}://{host}{port}"))
}
