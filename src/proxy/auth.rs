//! Who sends: the six forms in which a client may say it, and the one in which we pass it on.
//!
//! 1. `X-Sentry-Auth: Sentry sentry_key=…, …`
//! 2. the same in `Authorization`
//! 3. `Authorization: Basic` with the key as user
//! 4. `?sentry_key=…`
//! 5. a path segment
//! 6. the `dsn` of an envelope, where none of the others is there
//!
//! More than one of the first five is refused, as Relay does. A `sentry_secret` is never read, so it can't be passed on.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::respond::Reject;
use super::tunnel::Barred;
use crate::config::Project;
use crate::delivery::CleanTexts;
use crate::scrub::{EnvelopeHead, Plan, Rekeying, bare_key};

/// The header of forms 1 and upstream.
pub(super) const X_SENTRY_AUTH: HeaderName = HeaderName::from_static("x-sentry-auth");

const KEY_CHARS: usize = 64;
const FLAG_CHARS: usize = 32;
const CLIENT_CHARS: usize = 100;
const DEFAULT_VERSION: &str = "7";

/// Who sends, as far as anybody downstream needs to know. Every field has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Auth {
    key: String,
    client: Option<String>,
    version: String,
    /// The key is the collector's own, which stands for that of the client.
    stands_in: bool,
}

impl Auth {
    /// With this key and nothing else, if it has the shape of one.
    pub(super) fn new(key: &str) -> Option<Auth> {
        is_key(key).then(|| Auth {
            key: key.to_owned(),
            client: None,
            version: DEFAULT_VERSION.to_owned(),
            stands_in: false,
        })
    }

    /// Reads fields by name; those we don't know, and values that don't have their shape, are left out.
    fn from_fields<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Auth, Reject> {
        let (mut key, mut client, mut version) = (None, None, None);
        for (name, value) in fields {
            let slot = match name {
                "sentry_key" => &mut key,
                "sentry_client" => &mut client,
                "sentry_version" => &mut version,
                _ => continue,
            };
            if slot.replace(value).is_some() {
                return Err(Reject::Auth("a field of the authorization is there twice"));
            }
        }
        let key = key.ok_or(Reject::Auth("the authorization has no sentry_key"))?;
        let mut auth =
            Auth::new(key).ok_or(Reject::Auth("the sentry_key is not letters and digits"))?;
        auth.client = client.filter(|it| is_client(it)).map(str::to_owned);
        if let Some(version) = version
            .filter(|it| (1..=2).contains(&it.len()) && it.bytes().all(|b| b.is_ascii_digit()))
        {
            auth.version = version.to_owned();
        }
        Ok(auth)
    }

    /// With the collector's key, where another one stands for the client's. That one is good for its own project only.
    pub(super) fn rekeyed(
        mut self,
        projects: &[Project],
        rekeying: &Rekeying,
        project: &str,
    ) -> Result<Auth, Reject> {
        let bare = bare_key(&self.key);
        let known = projects.iter().find(|known| known.public == bare);
        if known.is_some_and(|known| known.id != project) {
            return Err(Reject::Barred(Barred::OtherKey));
        }
        if let Some(upstream) = rekeying.upstream_key(&self.key) {
            self.key = upstream;
            self.stands_in = true;
        }
        Ok(self)
    }

    /// The one form in which it goes upstream. A client in whose name there is something to scrub goes without one; a key that is
    /// a known secret can't go at all.
    pub(super) fn header(&self, plan: &Plan, clean: &CleanTexts) -> Result<HeaderValue, Reject> {
        let Auth {
            key,
            client,
            version,
            stands_in,
        } = self;
        if !stands_in && plan.has_known_secret(key) {
            return Err(Reject::Auth("the sentry_key is a secret that stays here"));
        }
        let client = client
            .as_ref()
            .filter(|client| clean.has(client, plan))
            .map(|it| format!(", sentry_client={it}"))
            .unwrap_or_default();
        let value = format!("Sentry sentry_version={version}{client}, sentry_key={key}");
        HeaderValue::try_from(value)
            .map_err(|_| Reject::Internal("an authorization that fits no header"))
    }
}

/// What the request line and the headers say: one form, none, or a refusal.
pub(super) fn presented(
    headers: &HeaderMap,
    query: Option<&str>,
    path_key: Option<&str>,
) -> Result<Option<Auth>, Reject> {
    let mut found = Vec::new();
    // Only a hint: it may as well be the password of some gateway before us.
    let mut basic_hint = Vec::new();
    for value in headers.get_all(X_SENTRY_AUTH) {
        let text = value.to_str().ok().and_then(sentry_scheme);
        found.push(from_header(text.ok_or(Reject::Auth(
            "X-Sentry-Auth does not begin with Sentry",
        ))?)?);
    }
    for value in headers.get_all(header::AUTHORIZATION) {
        let Ok(text) = value.to_str() else { continue };
        if let Some(fields) = sentry_scheme(text) {
            found.push(from_header(fields)?);
        } else if let Some((auth, sure)) = basic(text) {
            if sure { &mut found } else { &mut basic_hint }.push(auth);
        }
    }
    if let Some(query) = query.filter(|query| query.contains("sentry_")) {
        let fields: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        if fields.iter().any(|(name, _)| name == "sentry_key") {
            found.push(Auth::from_fields(
                fields.iter().map(|(name, value)| (&**name, &**value)),
            )?);
        }
    }
    if let Some(key) = path_key {
        found.push(Auth::new(key).ok_or(Reject::Auth(
            "the key in the path is not letters and digits",
        ))?);
    }
    if found.is_empty() {
        found = basic_hint;
    }
    if found.len() > 1 {
        return Err(Reject::Auth(
            "more than one form of authorization; send only one",
        ));
    }
    Ok(found.pop())
}

/// Brings together what the request and the envelope say. They need not both speak, but must not disagree.
pub(super) fn admit(
    presented: Option<Auth>,
    head: Option<&EnvelopeHead>,
    project: &str,
) -> Result<Auth, Reject> {
    match (presented, head.and_then(|head| head.dsn.as_ref())) {
        (Some(auth), Some(dsn)) if bare_key(&auth.key) != bare_key(dsn.key()) => {
            Err(Reject::Disagree("key"))
        }
        // The request names its project itself; whether a dsn may name another one is the collector's to say.
        (Some(auth), _) => Ok(auth),
        (None, Some(dsn)) if dsn.project() != project => Err(Reject::Disagree("project")),
        (None, Some(dsn)) => Auth::new(dsn.key()).ok_or(Reject::Auth(
            "the key of the envelope's dsn is not letters and digits",
        )),
        (None, None) => Err(Reject::Auth(
            "no authorization; send X-Sentry-Auth, ?sentry_key=, or an envelope with a dsn",
        )),
    }
}

/// What follows the word `Sentry`.
fn sentry_scheme(value: &str) -> Option<&str> {
    let (scheme, rest) = value.trim().split_once([' ', '\t'])?;
    scheme.eq_ignore_ascii_case("sentry").then_some(rest)
}

fn from_header(fields: &str) -> Result<Auth, Reject> {
    Auth::from_fields(fields.split(',').filter_map(|field| {
        let (name, value) = field.split_once('=')?;
        Some((name.trim(), value.trim()))
    }))
}

/// A Basic user that can be a key, and whether it surely is one: 32 hexadecimal digits are.
fn basic(value: &str) -> Option<(Auth, bool)> {
    let (scheme, rest) = value.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = STANDARD.decode(rest.trim()).ok()?;
    let text = std::str::from_utf8(&decoded).ok()?;
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let head = bare_key(user);
    let sure = head.len() == 32 && head.bytes().all(|byte| byte.is_ascii_hexdigit());
    let auth = Auth::new(user).filter(|_| sure || password.is_empty())?;
    Some((auth, sure))
}

fn is_key(key: &str) -> bool {
    let (head, flag) = key
        .split_once('.')
        .map_or((key, None), |(head, flag)| (head, Some(flag)));
    let plain = (1..=KEY_CHARS).contains(&head.len())
        && head.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plain
        && flag.is_none_or(|flag| {
            (1..=FLAG_CHARS).contains(&flag.len())
                && flag
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
        })
}

fn is_client(client: &str) -> bool {
    (1..=CLIENT_CHARS).contains(&client.len())
        && client
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-/+@".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn the_key_in_a_path_is_a_form_like_the_others() {
        let plan = crate::scrub::PlanBuilder::new().build().unwrap();
        let auth = presented(&HeaderMap::new(), None, Some(KEY))
            .unwrap()
            .unwrap();
        assert_eq!(
            auth.header(&plan, &CleanTexts::default()).unwrap(),
            format!("Sentry sentry_version=7, sentry_key={KEY}")
        );
        let query = format!("sentry_key={KEY}");
        assert!(matches!(
            presented(&HeaderMap::new(), Some(&query), Some(KEY)),
            Err(Reject::Auth(_))
        ));
    }

    #[test]
    fn keys() {
        for (key, fits) in [
            (KEY, true),
            ("abc123", true),
            ("abc.no-cache", true),
            ("", false),
            (".no-cache", false),
            ("abc.", false),
            ("a b", false),
            ("a,b", false),
            ("a\u{e9}", false),
            ("a\nb", false),
        ] {
            assert_eq!(is_key(key), fits, "{key:?}");
        }
    }
}
