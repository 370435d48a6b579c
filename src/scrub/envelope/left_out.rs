//! An item that is left out. Its payload is read for nothing but how much is in it: what its header says of that, anybody can say.

use super::container::{Container, Seen};
use crate::scrub::discards::{Discards, Quantity, Why};

/// An item that is left out, and how much of it has been seen.
#[derive(Debug)]
pub(super) struct LeftOut {
    why: Why,
    label: &'static str,
    /// Only of a container; everything else is one.
    elements: Option<(Container, u64)>,
    bytes: u64,
}

impl LeftOut {
    pub(super) fn new(why: Why, label: &'static str, is_container: bool) -> LeftOut {
        LeftOut {
            why,
            label,
            elements: is_container.then(|| (Container::new(), 0)),
            bytes: 0,
        }
    }

    pub(super) fn push(&mut self, payload: &[u8]) {
        self.bytes += payload.len() as u64;
        if let Some((container, count)) = &mut self.elements {
            for byte in payload {
                *count += u64::from(container.step(*byte) == Some(Seen::Begin));
            }
        }
    }

    pub(super) fn tell(self, discards: &mut Discards) {
        let quantity = Quantity {
            elements: self.elements.map(|(_, count)| count),
            bytes: Some(self.bytes),
        };
        discards.item(self.why, self.label, quantity);
    }
}
