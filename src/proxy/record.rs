//! How a request ended: [`Record`] sees to it that it does so once, in the metrics, in the log and for subscribers.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::StatusCode;
use prometheus::IntGauge;
use tokio::time::Instant;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::active::Active;
use super::body::Summary;
use super::respond::{Dialect, Reject, Weight};
use super::shadow::Difference;
use super::{Finished, Shared, Shutdown};
use crate::delivery::Answer;
use crate::policy::Policy;

/// How a request ended, for metrics and log.
pub(super) struct Ending {
    pub(super) outcome: &'static str,
    pub(super) weight: Weight,
    /// What was wrong. Never payload.
    pub(super) detail: Option<String>,
    /// Whether it helps to know which collector.
    pub(super) upstream: bool,
}

impl Ending {
    pub(super) fn well(outcome: &'static str) -> Ending {
        Ending {
            outcome,
            weight: Weight::Usual,
            detail: None,
            upstream: false,
        }
    }

    pub(super) fn loss(outcome: &'static str) -> Ending {
        Ending {
            weight: Weight::Loss,
            ..Ending::well(outcome)
        }
    }

    /// What the collector says beside its status could quote what was sent, so that stays out.
    pub(super) fn answered(answer: &Answer) -> Ending {
        match answer.status.is_success() {
            true => Ending::well("forwarded"),
            false => Ending {
                upstream: true,
                ..Ending::loss("upstream_refused")
            },
        }
    }

    pub(super) fn refused(reject: &Reject) -> Ending {
        Ending {
            outcome: reject.label(),
            weight: reject.weight(),
            detail: Some(reject.log_detail()),
            upstream: matches!(reject, Reject::Upstream(_)),
        }
    }
}

/// Sees to it that each request ends in exactly one outcome, in the metrics, in the log and for subscribers; also one whose
/// client goes away, when nobody calls `end`.
pub(super) struct Record {
    pub(super) shared: Arc<Shared>,
    pub(super) shutdown: Shutdown,
    pub(super) in_flight: IntGauge,
    pub(super) _token: TaskTrackerToken,
    pub(super) began: Instant,
    /// The policy that is in force for all of this request.
    pub(super) active: Arc<Active>,
    pub(super) project: Option<String>,
    /// What the client reads answers in.
    pub(super) dialect: Dialect,
    pub(super) summary: Option<Summary>,
    pub(super) ended: bool,
}

impl Record {
    pub(super) fn begin(shared: &Arc<Shared>, shutdown: Shutdown) -> Record {
        let in_flight = shared.metrics.in_flight().clone();
        in_flight.inc();
        Record {
            shared: Arc::clone(shared),
            shutdown,
            in_flight,
            _token: shared.requests.token(),
            began: Instant::now(),
            active: shared.policy.get(),
            project: None,
            dialect: Dialect::Json,
            summary: None,
            ended: false,
        }
    }

    pub(super) fn end(mut self, ending: Ending, status: StatusCode) {
        self.finish(ending, status.as_u16());
    }

    pub(super) fn finish(&mut self, ending: Ending, status: u16) {
        self.ended = true;
        let Ending {
            outcome,
            weight,
            detail,
            upstream,
        } = ending;
        let metrics = &self.shared.metrics;
        let summary = self.summary.take();
        if let Some(Summary {
            report,
            shadow,
            received,
            took,
        }) = &summary
        {
            metrics.body(
                report,
                self.active.policy.plan().rule_ids(),
                *received,
                *took,
            );
            if let Some(would) = shadow {
                let difference = Difference::of(&self.active, report, would);
                metrics.shadow(&difference.rules, &difference.items);
                if let Some(difference) = difference.told() {
                    tracing::info!(
                        project = self.project.as_deref(),
                        shadow = self.active.shadow.as_ref().map(Policy::name),
                        difference,
                        "the shadow policy would have done more (+) or less (-)"
                    );
                }
            }
        }
        metrics.request(outcome, status);
        let received = summary.as_ref().map(|summary| summary.received);
        let report = summary.map(|summary| summary.report);
        // The level of a line is fixed where it stands.
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    project = self.project.as_deref(),
                    outcome,
                    status,
                    detail = detail.as_deref(),
                    upstream =
                        upstream.then(|| tracing::field::display(&self.shared.config.upstream.url)),
                    received_bytes = received,
                    decoded_bytes = report.as_ref().map(|report| report.bytes_in),
                    scrubbed_bytes = report.as_ref().map(|report| report.bytes_out),
                    redactions = report.as_ref().map(|report| report.redaction_count()),
                    dropped = report.as_ref().and_then(|report| report.dropped()),
                    milliseconds = self.began.elapsed().as_millis() as u64,
                    "request"
                )
            };
        }
        match weight {
            Weight::Usual => line!(info),
            Weight::Loss => line!(warn),
            Weight::Bug => line!(error),
        }
        // Nobody may be listening.
        let _ = self.shared.finished.send(Finished {
            project: self.project.take(),
            outcome,
            status,
            detail,
            report,
        });
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if !self.ended {
            // Nobody gets to see these numbers but log and metrics.
            if self.shutdown.is_aborting() {
                self.shared.cut_off.fetch_add(1, Ordering::AcqRel);
                self.finish(Ending::loss("cut_off"), 503);
            } else {
                // Nginx's for a client that did not wait.
                self.finish(Ending::well("client_gone"), 499);
            }
        }
        self.in_flight.dec();
    }
}
