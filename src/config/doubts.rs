//! What is no mistake, and may not be what is meant: said by `check`, and in the log when serving starts.

use std::net::IpAddr;

use super::{Config, MinVersion, Origins, Region, Serves, Tunnel};
use crate::ingress::Ingress;
use crate::policy::{DoorRules, Policy};
use crate::scrub::{Action, Opaque, SAMPLED_TYPES, Treated};

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
        let passes = |kind| self.policy.pass.contains(&kind);
        say(
            passes(Opaque::Replay),
            "policy.pass: replays are passed on, which show what stood on the screen and what was typed; where one is packed, nothing is \
             scrubbed in it",
        );
        say(
            passes(Opaque::Minidump),
            "policy.pass: minidumps are passed on as they are, with the stacks and the heap of a process, and often its environment",
        );
        say(
            passes(Opaque::Attachment),
            "policy.pass: attachments that are no text are passed on as they are: screenshots, archives",
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
        let has_tunnel = !self.tunnel.dsns.is_empty() || !self.projects.is_empty();
        let lists_origins = match &self.tunnel.origins {
            Origins::Any => true,
            Origins::These(origins) => !origins.is_empty(),
        };
        say(
            lists_origins && !has_tunnel,
            "tunnel.origins: there is no tunnel; name a DSN in tunnel.dsns, or a project",
        );
        say(
            self.tunnel.path != Tunnel::default().path && !has_tunnel,
            "tunnel.path: there is no tunnel; name a DSN in tunnel.dsns, or a project",
        );
        let tls = &self.server.tls;
        say(
            tls.cert.is_empty() && tls.key.is_empty() && tls.min_version != MinVersion::default(),
            "server.tls.min_version: no TLS is served; set server.tls.cert and server.tls.key",
        );
        let open =
            self.server.serves == Serves::All && is_reached(self.server.listen.ip(), has_tunnel);
        say(
            open && !has_tunnel,
            "server.listen: the internet may reach this address, and whoever does can send to the collector; listen where only servers of your \
             own are",
        );
        say(
            open && has_tunnel,
            "server.serves: is \"all\", so that whoever reaches server.listen can send to the collector as a server, without the limits of \
             the tunnel; where that is the internet, set server.serves = \"browsers\"",
        );
        if self.server.connections_per_ip >= self.limits.connections {
            doubts.push(format!(
                "server.connections_per_ip: {} limits nobody, as limits.connections is {}: one client can take all connections; set it lower",
                self.server.connections_per_ip, self.limits.connections
            ));
        }
        doubts.extend(self.residency.idle(&self.upstream.url));
        let mut say = |doubtful: bool, what: &str| {
            if doubtful {
                doubts.push(what.to_owned());
            }
        };
        say(
            !self.upstream.url.is_secure() && !self.upstream.url.is_near(),
            "upstream.url: is http, so that all on the way can read what leaves and change where it goes; use https",
        );
        doubts
    }

    /// The same of settings that promise something which this policy, and the one beside it, do not keep.
    pub(crate) fn doubts_of(&self, policy: &Policy, shadow: Option<&Policy>) -> Vec<String> {
        let mut doubts = Vec::new();
        if self.policy.personal.is_some() && !policy.seeks_personal() {
            doubts.push(format!(
                "policy.personal: does nothing, as policy {} looks for no personal data; strict does, and packs of your own may",
                policy.name()
            ));
        }
        if self.policy.ip != Treated::Remove && !policy.seeks_addresses() {
            doubts.push(format!(
                "policy.ip: does nothing, as policy {} has no rule for the addresses of users, and lets them pass",
                policy.name()
            ));
        }
        let hashes = self.policy.ip == Treated::Hash || policy.hashes(self.policy.personal);
        if !self.policy.hash_key.is_empty() && !hashes {
            doubts.push(format!(
                "policy.hash_key: does nothing, as policy {} hashes nothing; policy.ip = \"hash\" would, and strict does",
                policy.name()
            ));
        }
        let gates = [Ingress::Sidecar, Ingress::Tunnel].map(|door| policy.gate(door));
        if !self.policy.sample_key.is_empty() && !gates.iter().any(|gate| gate.samples()) {
            doubts.push(
                "policy.sample_key: does nothing, as no traces are sampled: see policy.server.sample".to_owned(),
            );
        }
        if let Some(shadow) = shadow
            && shadow.hash() == policy.hash()
        {
            doubts.push(format!(
                "policy.shadow: {} does what the policy in force does, so that nothing is ever told and all is done twice; name another, or \"none\"",
                shadow.name()
            ));
        }
        for (door, rules, gate) in [
            ("server", &self.policy.doors.server, &gates[0]),
            ("browser", &self.policy.doors.browser, &gates[1]),
        ] {
            let sampled = |kind: &&str| gate.action(kind) == Action::Sample;
            let samples = SAMPLED_TYPES.iter().any(sampled);
            if rules.traces_sample_rate.is_some() && !samples {
                let types = SAMPLED_TYPES.map(|kind| format!("\"{kind}\"")).join(", ");
                doubts.push(format!(
                    "policy.{door}.traces_sample_rate: does nothing, as no type is sampled at this door; name those that are to be: \
                     policy.{door}.sample = [{types}]"
                ));
            }
            if !rules.sample.is_empty() && gate.sampler().rate() >= 1.0 {
                doubts.push(format!(
                    "policy.{door}.sample: all traces are kept; say how many are to be: policy.{door}.traces_sample_rate = 0.1"
                ));
            }
            doubts.extend(self.barred(door, rules));
        }
        doubts
    }

    /// Types that a door is to pass, and that never leave all the same.
    fn barred(&self, door: &str, rules: &DoorRules) -> Vec<String> {
        const NEEDS_REPLAY: [&str; 2] = ["replay_event", "replay_recording"];
        const NEVER: [&str; 3] = ["replay_video", "form_data", "unreal_report"];
        let barred = |kind: &String| {
            let replays = self.policy.pass.contains(&Opaque::Replay);
            let why = match kind.as_str() {
                kind if NEVER.contains(&kind) => "nothing can scrub it; take it out",
                kind if NEEDS_REPLAY.contains(&kind) && !replays => {
                    "it leaves only with policy.pass = [\"replay\"] too"
                }
                _ => return None,
            };
            Some(format!(
                "policy.{door}.pass: '{kind}' is left out all the same: {why}"
            ))
        };
        rules.pass.iter().filter_map(barred).collect()
    }
}

/// Whether the internet may reach what listens here. Containers listen on all addresses; that tells something only where browsers are
/// to come.
fn is_reached(ip: IpAddr, has_tunnel: bool) -> bool {
    let own = match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    };
    match ip.is_unspecified() {
        true => has_tunnel,
        false => !own,
    }
}
