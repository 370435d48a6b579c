//! [`Gate`]: which types of items may leave at all, and which traces. Plain data, as [`Plan`](super::Plan) is; the policy module
//! builds it, and a stream is opened with one ([`Scrubber::gated`](super::Scrubber::gated)).
//!
//! A trace lives or dies whole: what is decided depends on nothing but what all of its envelopes say alike (`trace_id`,
//! `sample_rand`), on the rate and on the key, so every process with the same settings comes to the same.

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The types of items, by the names that the protocol gives them (Relay, `envelope/item.rs`), in no order that means something.
/// `unknown` stands for all others.
pub const ITEM_TYPES: [&str; 25] = [
    "event",
    "transaction",
    "span",
    "log",
    "trace_metric",
    "feedback",
    "user_report",
    "session",
    "sessions",
    "client_report",
    "security",
    "raw_security",
    "metric_buckets",
    "statsd",
    "profile",
    "profile_chunk",
    "attachment",
    "check_in",
    "replay_event",
    "replay_recording",
    "replay_video",
    "form_data",
    "unreal_report",
    "nel",
    "unknown",
];

/// The types that belong to a trace, and so can be sampled with it (protocol: sampling applies to these together, and never to
/// errors, feedback or check-ins).
pub const SAMPLED_TYPES: [&str; 4] = ["transaction", "span", "profile", "profile_chunk"];

/// What is done with items of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// They pass, scrubbed.
    Pass,
    /// They are left out; the rest of their envelope passes.
    Drop,
    /// The request that brings one is refused.
    Reject,
    /// They pass where their trace is one of those that are kept, and are left out else.
    Sample,
}

/// What may leave by one door.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    actions: [Action; ITEM_TYPES.len()],
    sampler: Sampler,
    reports: bool,
}

impl Default for Gate {
    /// Everything passes that can be scrubbed, but for check-ins, which a collector stores who knows where.
    fn default() -> Self {
        let mut gate = Gate {
            actions: [Action::Pass; ITEM_TYPES.len()],
            sampler: Sampler::default(),
            reports: false,
        };
        gate.set("check_in", Action::Drop);
        gate
    }
}

impl Gate {
    /// A gate at which every type is treated alike.
    pub fn all(action: Action) -> Gate {
        Gate {
            actions: [action; ITEM_TYPES.len()],
            ..Gate::default()
        }
    }

    /// Says what is done with a type. Tells whether there is such a type ([`ITEM_TYPES`]).
    pub fn set(&mut self, item_type: &str, action: Action) -> bool {
        let index = ITEM_TYPES.iter().position(|known| *known == item_type);
        if let Some(index) = index {
            self.actions[index] = action;
        }
        index.is_some()
    }

    /// What is done with a type. One that is not in [`ITEM_TYPES`] is left out.
    pub fn action(&self, item_type: &str) -> Action {
        let index = ITEM_TYPES.iter().position(|known| *known == item_type);
        index.map_or(Action::Drop, |index| self.actions[index])
    }

    /// The same gate, which keeps these traces.
    pub fn with_sampler(self, sampler: Sampler) -> Gate {
        Gate { sampler, ..self }
    }

    /// The same gate; whether envelopes that leave also tell the collector what was left out.
    pub fn with_reports(self, reports: bool) -> Gate {
        Gate { reports, ..self }
    }

    /// Whether envelopes that leave also tell the collector what was left out.
    pub fn reports(&self) -> bool {
        self.reports
    }

    /// Which traces are kept.
    pub fn sampler(&self) -> &Sampler {
        &self.sampler
    }

    /// Whether nothing of a type is left out.
    pub(crate) fn lets_all(&self, item_type: &str) -> bool {
        match self.action(item_type) {
            Action::Pass => true,
            Action::Sample => self.sampler.rate >= 1.0,
            Action::Drop | Action::Reject => false,
        }
    }

    /// Whether there is a type of which some traces are left out.
    pub(crate) fn samples(&self) -> bool {
        self.sampler.rate < 1.0 && self.actions.contains(&Action::Sample)
    }

    /// The sampler, if items of this type go by it and it leaves some out.
    pub(crate) fn sampler_of(&self, item_type: &str) -> Option<&Sampler> {
        (self.sampler.rate < 1.0 && self.action(item_type) == Action::Sample)
            .then_some(&self.sampler)
    }
}

/// Which traces are kept.
#[derive(Clone, PartialEq)]
pub struct Sampler {
    rate: f64,
    key: Box<[u8]>,
}

impl std::fmt::Debug for Sampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sampler(rate {})", self.rate)
    }
}

impl Default for Sampler {
    /// All of them.
    fn default() -> Self {
        Sampler::new(1.0, None)
    }
}

/// The key of those who have none of their own. It keeps no secret: whoever knows it can make trace ids that are kept, and nothing
/// else. So processes that were told nothing agree.
const PUBLIC_KEY: &[u8] = b"scrubline.trace.sampling.v1";

impl Sampler {
    /// Keeps this part of all traces, a number from 0 to 1. Processes that are to agree on a trace need the same key; without
    /// one, a key that is no secret is used.
    pub fn new(rate: f64, key: Option<&[u8]>) -> Sampler {
        Sampler {
            rate: if rate.is_nan() {
                0.0
            } else {
                rate.clamp(0.0, 1.0)
            },
            key: key.unwrap_or(PUBLIC_KEY).into(),
        }
    }

    /// The part of traces that are kept.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// Whether a trace is kept, by nothing but its id: 16 bytes, as OTLP has them.
    pub fn keeps(&self, trace_id: &[u8]) -> bool {
        self.point(trace_id) < self.rate
    }

    /// Where an id lies, uniformly in `[0, 1)`: the first 53 bits of HMAC-SHA-256 (RFC 2104), as many as a double has.
    fn point(&self, id: &[u8]) -> f64 {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else {
            // HMAC takes keys of any length. If it did not, nothing would be kept.
            return 1.0;
        };
        mac.update(id);
        let digest = mac.finalize().into_bytes();
        let bits = digest[..8]
            .iter()
            .fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        (bits >> 11) as f64 / (1u64 << 53) as f64
    }

    /// What becomes of the trace that a dynamic sampling context tells of; `event_id` stands for the id of a trace that is not
    /// told. Nothing is kept of which neither is known.
    pub(crate) fn decide(&self, context: &TraceContext, event_id: Option<&str>) -> Sampled {
        // What the SDK drew. It kept the trace because this is below its own rate.
        if let Some(rand) = context.sample_rand {
            if rand >= self.rate {
                return Sampled::Dropped;
            }
            let corrected = context.sample_rate.is_none_or(|rate| rate > self.rate);
            return Sampled::Kept {
                rate: corrected.then_some(self.rate),
                rand: None,
            };
        }
        let Some(id) = context.trace_id.as_deref().or(event_id) else {
            return Sampled::Dropped;
        };
        let point = match hex_id(id) {
            Some(bytes) => self.point(&bytes),
            None => self.point(id.as_bytes()),
        };
        if point >= self.rate {
            return Sampled::Dropped;
        }
        // The two draws are independent, so that the rates multiply. The draw is told, in the terms of the SDK's rate: `sample_rand
        // < sample_rate` holds, and whoever samples after us, by this rate or a lower one, comes to the same for each envelope.
        if context.trace_id.is_none() {
            return Sampled::Kept {
                rate: None,
                rand: None,
            };
        }
        let before = context.sample_rate.unwrap_or(1.0);
        let rate = before * self.rate;
        Sampled::Kept {
            rate: Some(rate),
            rand: Some((before * point).min(rate.next_down())),
        }
    }
}

/// What a dynamic sampling context says of sampling (`trace` in the header of an envelope). Numbers that can't be are not said.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct TraceContext {
    pub(crate) trace_id: Option<String>,
    /// In `[0, 1)`.
    pub(crate) sample_rand: Option<f64>,
    /// In `(0, 1]`.
    pub(crate) sample_rate: Option<f64>,
}

/// What becomes of a trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Sampled {
    Dropped,
    /// With what its context must say from now on, where that is something else.
    Kept {
        rate: Option<f64>,
        rand: Option<f64>,
    },
}

/// The 16 bytes of an id of 32 hexadecimal digits, with dashes or without.
pub(crate) fn hex_id(text: &str) -> Option<[u8; 16]> {
    let mut id = [0; 16];
    let mut digits = text.bytes().filter(|byte| *byte != b'-');
    let mut digit = || char::from(digits.next()?).to_digit(16);
    for byte in &mut id {
        *byte = (digit()? << 4 | digit()?) as u8;
    }
    digits.next().is_none().then_some(id)
}
