//! How much may come in through the tunnel: for one client, for one project, and altogether. Each is a bucket (governor's GCRA): so many
//! requests at once, and so many a minute on average.
//!
//! Of a client's address nothing is kept but a keyed hash, cut to [`SLOT_BITS`]. So the table has an end however many addresses
//! come, and nobody reads an address out of it; that two clients share a bucket is as likely as it is harmless.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use http::HeaderValue;

use crate::config::TunnelLimit;

const SLOT_BITS: u32 = 18;
/// Checks after which buckets that are full again are forgotten.
const SWEEP_EVERY: u32 = 1 << 14;

type Keyed<K, C> = RateLimiter<K, HashMapStateStore<K>, C, NoOpMiddleware<<C as Clock>::Instant>>;
type Direct<C> = RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// Which limit was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// That of one client.
    Client,
    /// That of one project.
    Project,
    /// That of all together.
    Global,
}

/// A request too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limited {
    pub(super) scope: Scope,
    /// Seconds until it is worth trying again.
    pub(super) retry_after: u64,
}

impl Limited {
    /// The value of `X-Sentry-Rate-Limits` (Sentry developer documentation, rate limiting): seconds, all categories, scope, reason.
    pub(super) fn rate_limits(&self) -> Option<HeaderValue> {
        let (scope, reason) = match self.scope {
            Scope::Client => ("key", "client_limit"),
            Scope::Project => ("project", "project_limit"),
            Scope::Global => ("organization", "global_limit"),
        };
        HeaderValue::try_from(format!("{}::{scope}:{reason}", self.retry_after)).ok()
    }

    pub(super) fn detail(&self) -> String {
        let (whose, key) = match self.scope {
            Scope::Client => ("from this address", "per_ip_per_minute"),
            Scope::Project => ("for this project", "per_project_per_minute"),
            Scope::Global => ("altogether", "global_per_second"),
        };
        format!(
            "too many requests {whose} (tunnel.limit.{key}); try again in {} s",
            self.retry_after
        )
    }
}

/// The buckets.
pub(super) struct Limiter<C: Clock = DefaultClock> {
    clock: C,
    hasher: RandomState,
    checks: AtomicU32,
    clients: Option<Keyed<u32, C>>,
    /// By the project's place in the list of those that may come in.
    projects: Option<Keyed<usize, C>>,
    global: Option<Direct<C>>,
}

impl<C: Clock> fmt::Debug for Limiter<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Limiter")
    }
}

impl<C: Clock + Clone> Limiter<C> {
    pub(super) fn new(limit: &TunnelLimit, clock: C) -> Limiter<C> {
        let TunnelLimit {
            per_ip_per_minute,
            burst,
            per_project_per_minute,
            global_per_second,
        } = *limit;
        let clients = NonZeroU32::new(per_ip_per_minute).map(|rate| {
            let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
            let quota = Quota::per_minute(rate).allow_burst(burst);
            RateLimiter::new(quota, HashMapStateStore::default(), clock.clone())
        });
        let projects = NonZeroU32::new(per_project_per_minute).map(|rate| {
            RateLimiter::new(
                Quota::per_minute(rate),
                HashMapStateStore::default(),
                clock.clone(),
            )
        });
        let global = NonZeroU32::new(global_per_second)
            .map(|rate| RateLimiter::direct_with_clock(Quota::per_second(rate), clock.clone()));
        Limiter {
            clock,
            hasher: RandomState::new(),
            checks: AtomicU32::new(0),
            clients,
            projects,
            global,
        }
    }

    /// Before anything is read of a request's body. Who is over a limit of its own takes nothing from that of all.
    pub(super) fn knock(&self, client: IpAddr) -> Result<(), Limited> {
        if let Some(clients) = &self.clients {
            if self.checks.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
                clients.retain_recent();
            }
            let result = clients.check_key(&self.slot(client));
            result.map_err(|until| {
                self.limited(Scope::Client, until.wait_time_from(self.clock.now()))
            })?;
        }
        match &self.global {
            Some(global) => global.check().map_err(|until| {
                self.limited(Scope::Global, until.wait_time_from(self.clock.now()))
            }),
            None => Ok(()),
        }
    }

    /// Once it is known which of the projects it is for.
    pub(super) fn enter(&self, project: usize) -> Result<(), Limited> {
        match &self.projects {
            Some(projects) => projects.check_key(&project).map_err(|until| {
                self.limited(Scope::Project, until.wait_time_from(self.clock.now()))
            }),
            None => Ok(()),
        }
    }

    fn limited(&self, scope: Scope, wait: Duration) -> Limited {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Limited {
            scope,
            retry_after: seconds.max(1),
        }
    }

    fn slot(&self, client: IpAddr) -> u32 {
        (hash(&self.hasher, client) >> (64 - SLOT_BITS)) as u32
    }
}

/// All that is kept of a client's address.
pub(super) fn hash(hasher: &RandomState, client: IpAddr) -> u64 {
    match client.to_canonical() {
        IpAddr::V4(address) => hasher.hash_one(address),
        // Whoever has one address of a /64 has all of them.
        IpAddr::V6(address) => hasher.hash_one(address.to_bits() >> 64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use governor::clock::FakeRelativeClock;

    const OFF: TunnelLimit = TunnelLimit {
        per_ip_per_minute: 0,
        burst: 1,
        per_project_per_minute: 0,
        global_per_second: 0,
    };

    fn limiter(limit: TunnelLimit) -> (Limiter<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (Limiter::new(&limit, clock.clone()), clock)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// The seed policy's line "100 requests a minute per IP".
    #[test]
    fn a_client_has_100_requests_a_minute_and_20_at_once() {
        let limit = TunnelLimit {
            per_ip_per_minute: 100,
            burst: 20,
            ..OFF
        };
        let (limiter, clock) = limiter(limit);
        let client = ip("203.0.113.9");
        let at_once = (0..200).filter(|_| limiter.knock(client).is_ok()).count();
        assert_eq!(at_once, 20);
        let refused = limiter.knock(client).unwrap_err();
        assert_eq!((refused.scope, refused.retry_after), (Scope::Client, 1));
        // One that asks a hundred times a second, for ten minutes.
        let mut passed = 0;
        for _ in 0..10 * 60 * 100 {
            clock.advance(Duration::from_millis(10));
            passed += usize::from(limiter.knock(client).is_ok());
        }
        assert_eq!(passed, 10 * 100);
        // Somebody else has buckets of their own.
        assert!(limiter.knock(ip("203.0.113.10")).is_ok());
    }

    #[test]
    fn an_ipv6_client_is_a_64_and_a_mapped_address_its_ipv4() {
        let (limiter, _) = limiter(TunnelLimit {
            per_ip_per_minute: 60,
            burst: 1,
            ..OFF
        });
        for (address, passes) in [
            ("2001:db8:1:2::1", true),
            ("2001:db8:1:2:ffff:ffff:ffff:ffff", false),
            ("2001:db8:1:3::1", true),
            ("198.51.100.7", true),
            ("::ffff:198.51.100.7", false),
        ] {
            assert_eq!(limiter.knock(ip(address)).is_ok(), passes, "{address}");
        }
    }

    #[test]
    fn projects_and_all_together_have_limits_too() {
        let (limiter, clock) = limiter(TunnelLimit {
            per_project_per_minute: 2,
            global_per_second: 3,
            ..OFF
        });
        let passed = (0..9).filter(|_| limiter.enter(0).is_ok()).count();
        assert_eq!(passed, 2);
        let refused = limiter.enter(0).unwrap_err();
        assert_eq!((refused.scope, refused.retry_after), (Scope::Project, 30));
        assert_eq!(refused.rate_limits().unwrap(), "30::project:project_limit");
        assert!(limiter.enter(1).is_ok());
        let clients = (0..9).map(|n| IpAddr::from([203, 0, 113, n]));
        let passed = clients.filter(|it| limiter.knock(*it).is_ok()).count();
        assert_eq!(passed, 3);
        clock.advance(Duration::from_secs(1));
        assert!(limiter.knock(ip("203.0.113.1")).is_ok());
    }

    #[test]
    fn zero_turns_a_limit_off() {
        let (limiter, _) = limiter(OFF);
        assert!((0..10_000).all(|_| limiter.knock(ip("203.0.113.9")).is_ok()));
        assert!((0..10_000).all(|_| limiter.enter(0).is_ok()));
    }

    /// However many addresses come, the table has an end.
    #[test]
    fn addresses_share_a_table_of_fixed_size() {
        let (limiter, _) = limiter(TunnelLimit {
            per_ip_per_minute: 1,
            ..OFF
        });
        for n in 0..600_000_u32 {
            let _ = limiter.knock(IpAddr::from(n.to_be_bytes()));
        }
        assert!(limiter.clients.unwrap().len() <= 1 << SLOT_BITS);
    }
}
