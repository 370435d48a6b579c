//! Reading a text again as it leaves, until that changes nothing.
//!
//! What is redacted depends on what stands around it, and markers stand around differently than values did. Where that matters, the
//! text is odd, and most often it does not; but "twice is once" is a law. So it is tried, and not only argued for.

use bytes::Bytes;

use super::value::{Until, Value};
use super::{Context, Glance, Kind, Layer, TextMachine};
use crate::scrub::MARKER;
use crate::scrub::name::RuleIndex;
use crate::scrub::plan::Plan;
use crate::scrub::scrubbed::Output;
use crate::scrub::splice::Splicer;

/// How often a text is read again at most. One that still changes then goes as a whole.
const READINGS: usize = 8;

impl TextMachine {
    /// Whether it is not certain that a value which is replaced, and begins at a distance ahead, would be again, to the same end.
    ///
    /// What is behind is the same then, and so is what is ahead, but for values. So nothing can come of it but where one was looked at:
    /// from before its name (which the caller asks about), or at its name, by more than how it opens.
    pub(super) fn is_odd(&self, distance: usize, value: &Value, text: &Bytes) -> bool {
        let simple = match value.until {
            Until::Param { .. }
            | Until::Word
            | Until::HeaderWord { .. }
            | Until::Line
            | Until::Quote { triple: false, .. } => true,
            // A bare token, with nothing before it that stays.
            Until::Count(_) => distance == 0,
            Until::Quote { triple: true, .. }
            | Until::Atom
            | Until::List
            | Until::Markup
            | Until::CData
            | Until::Number
            | Until::Alphabet(_)
            | Until::Through
            | Until::Block { .. }
            | Until::User(_)
            | Until::Part
            | Until::Columns
            | Until::Argument
            | Until::Cookie
            | Until::Following => false,
        };
        let alone = self.container.is_none()
            && self.serialized.is_none()
            && self.leaves.is_none()
            && self.pair.is_none()
            && self.paired_at.is_none()
            && !self.markup.is_within();
        !simple || !alone || value.lead > 0 || value.silent || value.whole || text != MARKER
    }

    /// What is to leave in place of a text that leaves, if not that, and the rules by which. (`masks`: what is cut leaves as
    /// asterisks.)
    pub(super) fn reread(
        &mut self,
        text: &Bytes,
        masks: bool,
        kind: Kind,
        layer: Layer,
        plan: &Plan,
    ) -> Option<(Bytes, Vec<(RuleIndex, u64)>)> {
        // Most often nothing changes. Markers are in no literal, so there is no more in it than there was.
        let glance = self.glance;
        let mut check = Splicer::checking(text.clone(), masks);
        self.read_by_itself(text, kind, layer, glance, plan, &mut check);
        if !check.is_changed() {
            return None;
        }
        let mut now = text.clone();
        let mut rules = Vec::new();
        for _ in 0..READINGS {
            let mut splicer = Splicer::default();
            splicer.mask(masks);
            splicer.begin(now.clone());
            self.read_by_itself(&now, kind, layer, Glance::ALL, plan, &mut splicer);
            let next = what_leaves(&mut splicer);
            if next == now {
                return Some((now, rules));
            }
            rules.extend(splicer.counts());
            now = next;
        }
        let marker = match masks {
            true => Bytes::from(vec![b'*'; text.len()]),
            false => Bytes::from_static(MARKER),
        };
        Some((marker, rules))
    }

    fn read_by_itself(
        &mut self,
        text: &Bytes,
        kind: Kind,
        layer: Layer,
        glance: Glance,
        plan: &Plan,
        splicer: &mut Splicer,
    ) {
        self.restart(kind, layer, 0);
        self.expect(glance);
        self.read(text, 0, true, &mut Context { plan, splicer });
    }
}

/// All that leaves of the chunk in hand.
fn what_leaves(splicer: &mut Splicer) -> Bytes {
    splicer.settle(None);
    let mut output = Output::new();
    splicer.release(&mut output);
    let mut all = Vec::with_capacity(output.len());
    while let Some(slice) = output.pop() {
        all.extend_from_slice(&slice.into_bytes());
    }
    Bytes::from(all)
}
