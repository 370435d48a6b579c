//! What is no mistake, and may not be what is meant: said by `check`, and in the log when serving starts.

use super::{Config, Origins, Region};
use crate::scrub::Opaque;

/// The policy that is there for trying, not for keeping a promise.
const OBSERVE: &str = "observe";

impl Config {
    /// A line for each.
    pub(super) fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        let mut say = |doubtful: bool, what: &str| {
            if doubtful {
                doubts.push(what.to_owned());
            }
        };
        say(
            self.policy.name == OBSERVE,
            "policy.name: observe takes out the core names only, and is for seeing what another policy would do (policy.shadow)",
        );
        say(
            self.policy.pass.contains(&Opaque::Replay),
            "policy.pass: replays are passed on, which show what stood on the screen and what was typed; nothing is scrubbed in them",
        );
        say(
            !self.server.admin.ip().is_loopback(),
            "server.admin: is open to other machines, and asks nobody who they are; keep it on loopback, or where only probes and the \
             collector of metrics reach it",
        );
        say(
            self.server
                .trusted_proxies
                .iter()
                .any(|net| net.prefix_len() == 0),
            "server.trusted_proxies: trusts everybody, so that a client can say in X-Forwarded-For what address it likes, and limits for one \
             client hold nobody; name the networks of your proxies",
        );
        let regionless = self.residency.region == Region::Any;
        say(
            regionless && !self.residency.hosts.is_empty(),
            "residency.hosts: counts only where residency.region is set",
        );
        let lists_origins = match &self.tunnel.origins {
            Origins::Any => true,
            Origins::These(origins) => !origins.is_empty(),
        };
        say(
            lists_origins && self.tunnel.dsns.is_empty() && self.projects.is_empty(),
            "tunnel.origins: there is no tunnel; name a DSN in tunnel.dsns, or a project",
        );
        say(
            !self.upstream.url.is_secure() && !self.upstream.url.is_near(),
            "upstream.url: is http, so that all on the way can read what leaves and change where it goes; use https",
        );
        doubts
    }
}
