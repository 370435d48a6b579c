//! Every metric, registered once. Label values come from enums, rule ids and status codes only, so their number is known
//! and no payload can become one.

use std::time::Duration;

use prometheus::{
    Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

use crate::policy::Policy;
use crate::scrub::Report;

/// Upper bounds in seconds of what scrubbing one body takes.
const SCRUB_SECONDS: [f64; 9] = [0.000_05, 0.000_2, 0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0];
/// Upper bounds in seconds of what one exchange with the collector takes.
const UPSTREAM_SECONDS: [f64; 9] = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// Why a connection brought no request, or ended in the middle of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionError {
    /// The client spoke TLS.
    Tls,
    /// The client and we found no TLS that both speak, or it broke off.
    Handshake,
    /// As many were open as `limits.connections` allows.
    Crowded,
    /// As many of one client as `server.connections_per_ip` allows.
    CrowdedClient,
    /// The head of a request was over `limits.head_bytes`, or had too many headers.
    HeadTooLarge,
    /// The head of a request did not come within `server.head_timeout`.
    HeadTimeout,
    /// What came is not HTTP.
    Malformed,
    /// It was reset, or closed too early.
    Broken,
}

impl ConnectionError {
    const ALL: [ConnectionError; 8] = [
        ConnectionError::Tls,
        ConnectionError::Handshake,
        ConnectionError::Crowded,
        ConnectionError::CrowdedClient,
        ConnectionError::HeadTooLarge,
        ConnectionError::HeadTimeout,
        ConnectionError::Malformed,
        ConnectionError::Broken,
    ];

    /// The metric label.
    pub(crate) fn label(self) -> &'static str {
        match self {
            ConnectionError::Tls => "tls",
            ConnectionError::Handshake => "handshake",
            ConnectionError::Crowded => "crowded",
            ConnectionError::CrowdedClient => "crowded_client",
            ConnectionError::HeadTooLarge => "head_too_large",
            ConnectionError::HeadTimeout => "head_timeout",
            ConnectionError::Malformed => "malformed",
            ConnectionError::Broken => "broken",
        }
    }
}

/// The metrics of one process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Requests, by what became of them (`forwarded`, `nothing_left`, `upstream_refused`, or why not) and the status answered.
    requests: IntCounterVec,
    /// Requests being handled now.
    in_flight: IntGauge,
    /// Connections of clients that are open now.
    connections: IntGauge,
    /// Connections that ended badly, by reason.
    connection_errors: IntCounterVec,
    /// Envelope items, by type (from a fixed list) and outcome.
    items: IntCounterVec,
    /// Which policy is in force.
    policy: IntGaugeVec,
    /// How many policies have been in force so far.
    generation: IntGauge,
    /// Policies that were to be loaded while the process ran, by what became of it.
    reloads: IntCounterVec,
    /// What the shadow policy would have redacted or let through otherwise, by rule id.
    shadow_redactions: IntCounterVec,
    /// Items that the shadow policy would have left out or passed otherwise, by type.
    shadow_items: IntCounterVec,
    /// Redactions, by rule id.
    redactions: IntCounterVec,
    /// Body bytes as received, still encoded.
    received: IntCounter,
    /// Body bytes after decoding.
    decoded: IntCounter,
    /// Body bytes after scrubbing.
    scrubbed: IntCounter,
    /// Body bytes as sent to the collector, encoded again.
    sent: IntCounter,
    /// Processor time of decoding and scrubbing one body.
    scrub_seconds: Histogram,
    /// From the first byte sent to the collector to its answer.
    upstream_seconds: Histogram,
}

impl Metrics {
    /// Registers all of them; `policy` and the version go into `scrubline_build_info`.
    pub fn register(policy: &str) -> Result<Metrics, prometheus::Error> {
        let registry = Registry::new();
        let build = IntCounterVec::new(
            Opts::new(
                "scrubline_build_info",
                "Always 1; version and policy are its labels.",
            ),
            &["version", "policy"],
        )?;
        registry.register(Box::new(build.clone()))?;
        build
            .with_label_values(&[env!("CARGO_PKG_VERSION"), policy])
            .inc();

        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let counters = |name: &str, help: &str, labels: &[&str]| {
            let counters = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counters.clone()))?;
            Ok::<_, prometheus::Error>(counters)
        };
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let histogram = |name: &str, help: &str, bounds: &[f64]| {
            let histogram =
                Histogram::with_opts(HistogramOpts::new(name, help).buckets(bounds.to_vec()))?;
            registry.register(Box::new(histogram.clone()))?;
            Ok::<_, prometheus::Error>(histogram)
        };
        let policy = IntGaugeVec::new(
            Opts::new(
                "scrubline_policy_info",
                "1 for the policy that is in force; its name and hash are labels.",
            ),
            &["policy", "hash"],
        )?;
        registry.register(Box::new(policy.clone()))?;
        let reloads = counters(
            "scrubline_policy_reloads_total",
            "Policies that were to be loaded while running: loaded, or failed and the old one kept.",
            &["outcome"],
        )?;
        for outcome in ["loaded", "failed"] {
            reloads.with_label_values(&[outcome]);
        }
        let connection_errors = counters(
            "scrubline_connection_errors_total",
            "Connections of clients that ended badly, by reason.",
            &["reason"],
        )?;
        for error in ConnectionError::ALL {
            connection_errors.with_label_values(&[error.label()]);
        }
        Ok(Metrics {
            connection_errors,
            policy,
            generation: gauge(
                "scrubline_policy_generation",
                "How many policies have been in force, this one included.",
            )?,
            reloads,
            shadow_redactions: counters(
                "scrubline_shadow_redactions_total",
                "Redactions that the shadow policy would have made beside (more) or left out (fewer), by rule.",
                &["rule", "difference"],
            )?,
            shadow_items: counters(
                "scrubline_shadow_items_total",
                "Items that the shadow policy would have left out beside (more) or passed (fewer), by type.",
                &["type", "difference"],
            )?,
            requests: counters(
                "scrubline_requests_total",
                "Requests by outcome and answered status.",
                &["outcome", "status"],
            )?,
            in_flight: gauge(
                "scrubline_requests_in_flight",
                "Requests being handled now.",
            )?,
            connections: gauge("scrubline_connections", "Open connections of clients.")?,
            items: counters(
                "scrubline_items_total",
                "Envelope items by type and outcome.",
                &["type", "outcome"],
            )?,
            redactions: counters(
                "scrubline_redactions_total",
                "Redactions by rule.",
                &["rule"],
            )?,
            received: counter(
                "scrubline_received_bytes_total",
                "Body bytes received, still encoded.",
            )?,
            decoded: counter(
                "scrubline_decoded_bytes_total",
                "Body bytes after decoding.",
            )?,
            scrubbed: counter(
                "scrubline_scrubbed_bytes_total",
                "Body bytes after scrubbing.",
            )?,
            sent: counter(
                "scrubline_sent_bytes_total",
                "Body bytes sent to the collector, encoded again.",
            )?,
            scrub_seconds: histogram(
                "scrubline_scrub_seconds",
                "Processor time of decoding and scrubbing one body.",
                &SCRUB_SECONDS,
            )?,
            upstream_seconds: histogram(
                "scrubline_upstream_seconds",
                "From the first byte sent to the collector to its answer.",
                &UPSTREAM_SECONDS,
            )?,
            registry,
        })
    }

    /// This policy is in force from now on.
    pub(crate) fn policy(&self, policy: &Policy, generation: u64) {
        self.policy.reset();
        self.policy
            .with_label_values(&[policy.name(), policy.hash()])
            .set(1);
        self.generation
            .set(i64::try_from(generation).unwrap_or(i64::MAX));
    }

    /// A policy was to be loaded.
    pub(crate) fn reloaded(&self, well: bool) {
        let outcome = if well { "loaded" } else { "failed" };
        self.reloads.with_label_values(&[outcome]).inc();
    }

    /// What the shadow policy would have done more often (positive) or less often.
    pub(crate) fn shadow(&self, rules: &[(String, i64)], items: &[(&'static str, i64)]) {
        let rules = rules
            .iter()
            .map(|(name, more)| (&self.shadow_redactions, name.as_str(), *more));
        let items = items
            .iter()
            .map(|(name, more)| (&self.shadow_items, *name, *more));
        for (counters, name, more) in rules.chain(items) {
            let difference = if more > 0 { "more" } else { "fewer" };
            counters
                .with_label_values(&[name, difference])
                .inc_by(more.unsigned_abs());
        }
    }

    /// A request has ended.
    pub(crate) fn request(&self, outcome: &'static str, status: u16) {
        self.requests
            .with_label_values(&[outcome, &status.to_string()])
            .inc();
    }

    /// The requests that are being handled.
    pub(crate) fn in_flight(&self) -> &IntGauge {
        &self.in_flight
    }

    /// The connections that are open.
    pub(crate) fn connections(&self) -> &IntGauge {
        &self.connections
    }

    /// A connection has ended badly.
    pub(crate) fn connection_error(&self, error: ConnectionError) {
        self.connection_errors
            .with_label_values(&[error.label()])
            .inc();
        if error == ConnectionError::HeadTooLarge {
            // A request that is refused before we get to see it: hyper answers it by itself.
            self.request("too_large", 431);
        }
    }

    /// One body has been read, as far as it went.
    pub(crate) fn body(&self, report: &Report, rule_ids: &[String], received: u64, took: Duration) {
        for (kind, outcome, count) in &report.items {
            self.items
                .with_label_values(&[*kind, outcome.label()])
                .inc_by(*count);
        }
        for (rule, count) in rule_ids.iter().zip(&report.redactions) {
            if *count > 0 {
                self.redactions.with_label_values(&[rule]).inc_by(*count);
            }
        }
        self.received.inc_by(received);
        self.decoded.inc_by(report.bytes_in);
        self.scrubbed.inc_by(report.bytes_out);
        self.scrub_seconds.observe(took.as_secs_f64());
    }

    /// One exchange with the collector has ended.
    pub(crate) fn exchange(&self, sent: u64, took: Duration) {
        self.sent.inc_by(sent);
        self.upstream_seconds.observe(took.as_secs_f64());
    }

    /// All of them in Prometheus' text format.
    pub fn render(&self) -> Result<Vec<u8>, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}
