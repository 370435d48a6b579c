//! Labels for values that must not be shown: equal values have equal labels, so that one can follow a secret. They come from a key
//! made fresh for each run.

use std::hash::{BuildHasher, RandomState};

use crate::scrub::Redaction;

/// Makes the labels of one run.
#[derive(Default)]
pub(super) struct Labels(RandomState);

impl Labels {
    /// The label of what was redacted in `body`.
    pub(super) fn of(&self, body: &[u8], redaction: &Redaction) -> String {
        let range = usize::try_from(redaction.offset).unwrap_or(0)
            ..usize::try_from(redaction.end).unwrap_or(0);
        let value = body.get(range).unwrap_or_default();
        // What stands around a whole string is not part of it.
        let value = value
            .strip_prefix(b"\"")
            .and_then(|value| value.strip_suffix(b"\""))
            .unwrap_or(value);
        format!("#{:08x}", self.0.hash_one(value) as u32)
    }
}

/// Where a redaction stands, as it is shown.
pub(super) fn place(redaction: &Redaction) -> &str {
    if redaction.path.is_empty() {
        "-"
    } else {
        &redaction.path
    }
}
