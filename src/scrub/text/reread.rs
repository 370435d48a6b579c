//! Whether a text may look different when it is read again as it leaves: most often it can't, and need not be read (see `checker`).

use bytes::Bytes;

use super::TextMachine;
use super::value::{Until, Value};
use crate::scrub::MARKER;

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
}
