//! What the gate has to say while an envelope is read: which items are left out, which wait for their trace, and what is told of it.

use bytes::Bytes;

use super::item::ItemTreatment;
use super::{EnvelopeScrubber, Kept, State, header, trace};
use crate::scrub::discards::{Quantity, Why};
use crate::scrub::gate::Action;
use crate::scrub::json::malformed;
use crate::scrub::outcome::{ItemOutcome, Malformed, Reason, Report};
use crate::scrub::plan::Document;
use crate::scrub::splice::{Reading, Splicer};

/// An item of JSON that is kept if its trace is.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) label: &'static str,
    pub(super) document: Document,
    pub(super) forces: bool,
    pub(super) header: header::Rewritten,
    pub(super) quantity: Quantity,
    /// The offset behind its header line.
    pub(super) end: u64,
}

/// How much of a payload is read for the trace it belongs to. Most say it within; what does not goes by the event's id.
pub(super) const PEEK_BYTES: usize = 12 << 10;

impl EnvelopeScrubber {
    /// Whether items of a type go by their trace, and nobody has told yet which that is.
    pub(super) fn waits(&self, label: &str) -> bool {
        !self.is_told && self.gate.action(label) == Action::Sample
    }

    /// Enough of a payload has been read to tell whether its trace is kept, or all of it.
    pub(super) fn end_waiting(
        &mut self,
        splicer: &mut Splicer,
        report: &mut Report,
    ) -> Result<(), Malformed> {
        let Some(item) = self.waiting.take() else {
            return Ok(());
        };
        let peeked = std::mem::take(&mut self.peeked);
        if let Some(id) = trace::in_payload(&peeked) {
            self.sampled = self.gate.sampler().keeps(&id);
            self.is_told = true;
        }
        if !self.sampled {
            self.kept = Kept::No;
            let Waiting {
                label, quantity, ..
            } = item;
            report.discards.item(Why::SampleRate, label, quantity);
            report.item(label, ItemOutcome::DroppedBySampling);
            return Ok(());
        }
        self.json.restart(item.document, item.forces);
        self.put_header(item.header, item.end, splicer);
        self.kept = Kept::Json;
        report.item(item.label, ItemOutcome::Forwarded);
        let place = self.place();
        self.json
            .push(&peeked, 0, peeked.len(), item.end + 1, splicer)
            .map_err(|failure| malformed(failure, place))
    }

    /// The treatment of an item, once the gate has been asked.
    pub(super) fn gated(&self, treatment: ItemTreatment) -> Result<ItemTreatment, Reason> {
        let label = treatment.label();
        let dropped = |outcome| ItemTreatment::Drop { label, outcome };
        let is_left_out = matches!(treatment, ItemTreatment::Drop { .. });
        Ok(match self.gate.action(label) {
            Action::Reject => return Err(Reason::Refused(label)),
            // It says better why.
            Action::Pass | Action::Drop | Action::Sample if is_left_out => treatment,
            Action::Pass => treatment,
            Action::Sample if self.sampled => treatment,
            Action::Sample => dropped(ItemOutcome::DroppedBySampling),
            Action::Drop => dropped(ItemOutcome::DroppedByPolicy),
        })
    }

    /// Tells the collector what was left out, in an envelope of which something is left.
    pub(super) fn tell_discards(&mut self, length: u64, splicer: &mut Splicer, report: &Report) {
        if !self.gate.reports() || report.forwarded_items() == 0 {
            return;
        }
        let mut discards = std::mem::take(&mut self.earlier);
        discards.absorb(&report.discards);
        if discards.is_empty() {
            return;
        }
        // The last item may end with the input.
        let in_item = matches!(self.state, State::Payload { .. } | State::Newline);
        let newline = if in_item && self.kept != Kept::No {
            "\n"
        } else {
            ""
        };
        self.open_cut(length, splicer);
        let text = format!("{newline}{}", discards.client_report());
        splicer.insert(Reading::Both, &Bytes::from(text));
    }
}
