//! The tunnel: one path, to which browsers post envelopes. Anybody may knock, so the first line of an envelope has to name a DSN that
//! may come in, before anything else is done with it. Where it goes says the configuration; of what a request says about that (the
//! host of its DSN, Next.js's `?o=` and `?r=`) nothing is ever used.

use std::fmt;
use std::net::IpAddr;

use governor::clock::DefaultClock;
use http::request::Parts;
use http::uri::Authority;
use http::{StatusCode, header};

use super::auth::Auth;
use super::client_address::client_address;
use super::cors::Cors;
use super::limit::Limiter;
use super::respond::Reject;
use crate::config::Config;
use crate::scrub::{Dsn, EnvelopeHead, bare_key};

/// Why the tunnel lets nobody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Barred {
    /// The envelope names no DSN, and the URL no project.
    NoDsn,
    /// It names one that may not come in.
    OtherDsn,
    /// The `p` of the URL and the DSN are of different projects.
    OtherProject,
    /// `p` is there and is no project.
    NoProject,
    /// `p` names a project with several DSNs, and the envelope names none of them.
    SeveralDsns,
    /// A page of an origin that is not listed.
    OtherOrigin,
    /// The key is that of another project (`[[projects]]`).
    OtherKey,
    /// A route of servers, where only browsers are served (`server.serves`).
    NoServers,
}

impl Barred {
    pub(super) fn status(self) -> StatusCode {
        match self {
            // Wrong in itself, and not only here.
            Barred::NoDsn | Barred::NoProject | Barred::SeveralDsns => StatusCode::BAD_REQUEST,
            Barred::OtherDsn | Barred::OtherProject | Barred::OtherOrigin | Barred::OtherKey => {
                StatusCode::FORBIDDEN
            }
            Barred::NoServers => StatusCode::NOT_FOUND,
        }
    }

    pub(super) fn label(self) -> &'static str {
        match self {
            Barred::OtherOrigin => "origin",
            Barred::NoServers => "not_found",
            Barred::NoDsn
            | Barred::OtherDsn
            | Barred::OtherProject
            | Barred::NoProject
            | Barred::SeveralDsns
            | Barred::OtherKey => "dsn",
        }
    }

    pub(super) fn detail(self) -> &'static str {
        match self {
            Barred::NoDsn => {
                "the envelope has no dsn in its first line; use the SDK's option tunnel, which writes it"
            }
            Barred::OtherDsn => {
                "the envelope's dsn may not come in here; put it into tunnel.dsns, or its key into [[projects]]"
            }
            Barred::OtherProject => "the envelope's dsn names another project than p in the URL",
            Barred::NoProject => "p in the URL is no project's number",
            Barred::SeveralDsns => {
                "the envelope has no dsn in its first line, and the project of p in the URL has several"
            }
            Barred::OtherOrigin => {
                "the page's origin may not post here; put it into tunnel.origins"
            }
            Barred::OtherKey => "the key is that of another project in [[projects]]",
            Barred::NoServers => "there is nothing here but the tunnel (server.serves)",
        }
    }
}

/// A DSN that may come in.
struct Known {
    key: String,
    project: String,
    /// Absent where the key alone says it (`[[projects]]`): whatever host the browser's DSN has.
    dsn: Option<Dsn>,
}

impl Known {
    fn is(&self, dsn: &Dsn) -> bool {
        match &self.dsn {
            Some(known) => known.is_same_as(dsn),
            None => self.key == bare_key(dsn.key()) && self.project == dsn.project(),
        }
    }
}

/// What has been let in.
pub(super) struct Admitted {
    pub(super) auth: Auth,
    pub(super) project: String,
}

/// The door.
pub(crate) struct Tunnel {
    path: String,
    known: Vec<Known>,
    cors: Cors,
    limiter: Limiter<DefaultClock>,
    trusted: Vec<ipnet::IpNet>,
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tunnel at {} for {} DSNs", self.path, self.known.len())
    }
}

impl Tunnel {
    /// The tunnel, or none where no DSN and no project may come in.
    pub(super) fn new(config: &Config) -> Option<Tunnel> {
        let dsns = config.tunnel.dsns.iter().map(|dsn| Known {
            key: bare_key(dsn.key()).to_owned(),
            project: dsn.project().to_owned(),
            dsn: Some(dsn.clone()),
        });
        let projects = config.projects.iter().map(|project| Known {
            key: project.public.clone(),
            project: project.id.clone(),
            dsn: None,
        });
        // Projects first: their keys come in with any host.
        let known: Vec<Known> = projects.chain(dsns).collect();
        (!known.is_empty()).then(|| Tunnel {
            path: config.tunnel.path.clone(),
            known,
            cors: Cors::new(&config.tunnel.origins),
            limiter: Limiter::new(&config.tunnel.limit, DefaultClock::default()),
            trusted: config.server.trusted_proxies.clone(),
        })
    }

    /// Where browsers post to.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Whether this path is its own; a last slash may be there.
    pub(super) fn is_at(&self, path: &str) -> bool {
        path.strip_suffix('/').unwrap_or(path) == self.path
    }

    pub(super) fn cors(&self) -> &Cors {
        &self.cors
    }

    /// First of all, whatever is asked, and however.
    pub(super) fn count(&self, parts: &Parts, peer: IpAddr) -> Result<(), Reject> {
        let client = client_address(peer, &parts.headers, &self.trusted);
        self.limiter.knock(client).map_err(Reject::Limited)
    }

    /// Before anything is read of the body. The project that the URL names, if it does.
    pub(super) fn knock(&self, parts: &Parts) -> Result<Option<String>, Reject> {
        let host = parts.uri.authority().map(Authority::as_str);
        let host = host.or_else(|| parts.headers.get(header::HOST)?.to_str().ok());
        if self.cors.is_foreign(&parts.headers, host) {
            return Err(Reject::Barred(Barred::OtherOrigin));
        }
        let Some(project) = named_project(parts.uri.query()) else {
            return Ok(None);
        };
        let project = project.ok_or(Reject::Barred(Barred::NoProject))?;
        match self.known.iter().any(|known| known.project == project) {
            true => Ok(Some(project)),
            false => Err(Reject::Barred(Barred::OtherDsn)),
        }
    }

    /// Once the first line of the envelope has been read. `asked` is what [`Tunnel::knock`] gave.
    pub(super) fn admit(
        &self,
        head: Option<&EnvelopeHead>,
        asked: Option<&str>,
    ) -> Result<Admitted, Reject> {
        let barred = |why| Err(Reject::Barred(why));
        let known = match (head.and_then(|head| head.dsn.as_ref()), asked) {
            (Some(dsn), asked) => {
                let place = self.known.iter().position(|known| known.is(dsn));
                match place {
                    None => return barred(Barred::OtherDsn),
                    Some(place) if asked.is_some_and(|it| it != self.known[place].project) => {
                        return barred(Barred::OtherProject);
                    }
                    Some(place) => place,
                }
            }
            (None, None) => return barred(Barred::NoDsn),
            (None, Some(asked)) => {
                let mut places = self.places(asked);
                match (places.next(), places.next()) {
                    (Some(place), None) => place,
                    (None, _) => return barred(Barred::OtherDsn),
                    (Some(_), Some(_)) => return barred(Barred::SeveralDsns),
                }
            }
        };
        let Known { key, project, .. } = &self.known[known];
        // All DSNs of one project share its limit.
        let first = self.places(project).next().unwrap_or(known);
        self.limiter.enter(first).map_err(Reject::Limited)?;
        let auth = Auth::new(key).ok_or(Reject::Internal("a DSN whose key is none"))?;
        Ok(Admitted {
            auth,
            project: project.clone(),
        })
    }

    fn places<'a>(&'a self, project: &'a str) -> impl Iterator<Item = usize> + 'a {
        let is = move |(place, known): (usize, &Known)| (known.project == project).then_some(place);
        self.known.iter().enumerate().filter_map(is)
    }
}

/// The `p` of Next.js's `?o=&p=&r=` (`@sentry/nextjs`, `tunnelRoute`): the inner option is absent where it is no number, or is there
/// twice. `o` and `r` are parts of a host, and hosts come from the configuration.
fn named_project(query: Option<&str>) -> Option<Option<String>> {
    let mut named = form_urlencoded::parse(query?.as_bytes()).filter(|(name, _)| name == "p");
    let (_, project) = named.next()?;
    let digits = !project.is_empty() && project.bytes().all(|byte| byte.is_ascii_digit());
    Some((digits && named.next().is_none()).then(|| project.into_owned()))
}
