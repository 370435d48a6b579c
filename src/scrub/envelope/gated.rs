//! What the gate has to say while an envelope is read: which items are left out, which wait for their trace, and what is told of it.

use bytes::Bytes;

use super::container::{self, Container, Element, Seen};
use super::item::{ItemTreatment, OWNERS};
use super::left_out::LeftOut;
use super::{EnvelopeScrubber, Kept, State, header, trace};
use crate::scrub::discards::{Quantity, Why};
use crate::scrub::gate::Action;
use crate::scrub::json::{JsonScrubber, malformed};
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
    pub(super) is_container: bool,
    /// The offset behind its header line.
    pub(super) end: u64,
}

/// How much of a payload is read for the trace it belongs to. Most say it within; what does not goes by the event's id.
pub(super) const PEEK_BYTES: usize = 12 << 10;

/// What becomes of an item that waited.
enum Fate {
    Kept,
    Dropped,
    /// A container is kept without those of its elements whose trace is not.
    Parted {
        kept: usize,
        dropped: usize,
    },
}

impl EnvelopeScrubber {
    /// Whether items of a type go by their trace, and the envelope does not tell which that is.
    pub(super) fn waits(&self, label: &str) -> bool {
        !self.is_told && self.gate.action(label) == Action::Sample
    }

    /// Whether what says that it belongs to this trace is kept.
    fn keeps(&self, trace: Option<[u8; 16]>) -> bool {
        trace.map_or(self.sampled, |id| self.gate.sampler().keeps(&id))
    }

    /// What becomes of the item of which this has been peeked: all of it, or the beginning.
    fn fate(&self, is_container: bool, peeked: &[u8], whole: bool) -> Fate {
        let keeps = |element: &Element| self.keeps(element.trace);
        let (mut kept, mut dropped) = (0, 0);
        if is_container && whole {
            let elements = || container::elements(peeked);
            kept = elements().filter(keeps).count();
            dropped = elements().count() - kept;
        }
        match (kept, dropped) {
            (0, 0) if self.sampled => Fate::Kept,
            (0, 0) => Fate::Dropped,
            (_, 0) => Fate::Kept,
            (0, _) => Fate::Dropped,
            (kept, dropped) => Fate::Parted { kept, dropped },
        }
    }

    /// Reads more of a container that was kept for its first trace, when it was not known how many elements of others follow: there must
    /// be none that are not kept.
    pub(super) fn watch(&mut self, payload: &[u8], at: u64) -> Result<(), Malformed> {
        let Some(container) = &mut self.watched else {
            return Ok(());
        };
        for (index, byte) in payload.iter().enumerate() {
            if let Some(Seen::Trace(id)) = container.step(*byte)
                && !self.gate.sampler().keeps(&id)
            {
                return Err(self.fail(
                    Reason::Framing(
                        "elements of several traces, of which not all are kept, in a container too large to be taken apart",
                    ),
                    at + index as u64,
                ));
            }
        }
        Ok(())
    }

    /// Enough of a payload has been read to tell whether its trace is kept, or all of it.
    pub(super) fn end_waiting(
        &mut self,
        whole: bool,
        splicer: &mut Splicer,
        report: &mut Report,
    ) -> Result<(), Malformed> {
        let Some(mut item) = self.waiting.take() else {
            return Ok(());
        };
        let peeked = std::mem::take(&mut self.peeked);
        // The first that it tells holds for what tells none; where it tells none at all, what held before.
        self.sampled = self.keeps(trace::in_payload(&peeked));
        let fate = self.fate(item.is_container, &peeked, whole);
        if let Fate::Dropped = fate {
            self.sampled = false;
            self.own(item.label, ItemOutcome::DroppedBySampling);
            self.leave_out(
                item.label,
                ItemOutcome::DroppedBySampling,
                item.is_container,
            );
            if let Some(left_out) = &mut self.left_out {
                left_out.push(&peeked);
            }
            report.item(item.label, ItemOutcome::DroppedBySampling);
            return Ok(());
        }
        self.own(item.label, ItemOutcome::Forwarded);
        self.json.restart(item.document, item.forces);
        if let Fate::Parted { kept, .. } = fate {
            item.header.recount(kept);
        }
        self.put_header(item.header, item.end, splicer);
        self.kept = Kept::Json;
        report.item(item.label, ItemOutcome::Forwarded);
        let place = self.place();
        let base = item.end + 1;
        let push = |json: &mut JsonScrubber, from, to, splicer: &mut Splicer| {
            json.push(&peeked, from..to, false, base, splicer)
                .map(|_| ())
                .map_err(|failure| malformed(failure, place))
        };
        let Fate::Parted { dropped, .. } = fate else {
            if item.is_container && !whole {
                self.watched = Some(Container::new());
                self.watch(&peeked, base)?;
            }
            return push(&mut self.json, 0, peeked.len(), splicer);
        };
        let quantity = Quantity {
            elements: Some(dropped as u64),
            bytes: None,
        };
        report.discards.item(Why::SampleRate, item.label, quantity);
        let elements = || container::elements(&peeked);
        let kept = elements().filter(|element| self.keeps(element.trace));
        let behind_kept = kept.last().map_or(0, |element| element.end);
        let mut at = 0;
        let mut following = elements().skip(1);
        for element in elements() {
            let next = following.next();
            if self.keeps(element.trace) {
                continue;
            }
            // With the comma behind it; those behind the last that is kept, with the commas before them.
            let (from, to) = match next {
                Some(next) if element.start < behind_kept => (element.start, next.start),
                Some(_) | None => (behind_kept.max(at), element.end),
            };
            push(&mut self.json, at, from, splicer)?;
            splicer.cut(Reading::Both, base + from as u64);
            splicer.resume(Reading::Both, base + to as u64);
            at = to;
        }
        self.sampled = true;
        push(&mut self.json, at, peeked.len(), splicer)
    }

    /// From here to its end, the item at hand is left out.
    pub(super) fn leave_out(
        &mut self,
        label: &'static str,
        outcome: ItemOutcome,
        is_container: bool,
    ) {
        let why = match outcome {
            ItemOutcome::DroppedBySampling => Why::SampleRate,
            ItemOutcome::DroppedByPolicy | ItemOutcome::DroppedUnknown | ItemOutcome::Forwarded => {
                Why::Policy
            }
        };
        self.kept = Kept::No;
        self.left_out = Some(LeftOut::new(why, label, is_container));
    }

    /// What became of an item to which attachments belong: where none is kept, they go with it.
    pub(super) fn own(&mut self, label: &'static str, outcome: ItemOutcome) {
        if OWNERS.contains(&label) && self.owner != Some(ItemOutcome::Forwarded) {
            self.owner = Some(outcome);
        }
    }

    /// The treatment of an item, once the gate has been asked.
    pub(super) fn gated(&self, treatment: ItemTreatment) -> Result<ItemTreatment, Reason> {
        let label = treatment.label();
        let dropped = |outcome| ItemTreatment::Drop { label, outcome };
        let is_left_out = matches!(treatment, ItemTreatment::Drop { .. });
        let orphan = self
            .owner
            .filter(|owner| label == "attachment" && *owner != ItemOutcome::Forwarded);
        Ok(match self.gate.action(label) {
            Action::Reject => return Err(Reason::Refused(label)),
            // It says better why.
            Action::Pass | Action::Drop | Action::Sample if is_left_out => treatment,
            Action::Pass => orphan.map_or(treatment, dropped),
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
