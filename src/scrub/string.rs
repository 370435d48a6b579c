//! One string by itself, for what is no stream: values that a parser has in its hands, headers, file names.

use bytes::Bytes;

use super::plan::Plan;
use super::scrubbed::Output;
use super::splice::{Redaction, Splicer};
use super::text::{Context, Kind, Layer, TextMachine};

/// Scrubs one string as text. Gives what leaves in its place, and what was redacted; offsets count in the string.
///
/// Costs a look at each byte. It takes the string for text by itself: whether its *name* is denied is the caller's to ask
/// ([`Plan::rule_for_name`]).
///
/// ```
/// use scrubline::policy::Policy;
/// use scrubline::scrub::scrub_string;
///
/// let plan = Policy::builtin("sentry-eu")?.plan();
/// let (text, redactions) = scrub_string(&plan, "GET /x?token=abc");
/// assert_eq!(text, "GET /x?token=[Filtered]");
/// assert_eq!(redactions.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn scrub_string(plan: &Plan, text: &str) -> (String, Vec<Redaction>) {
    let mut redactions = Vec::new();
    let scrubbed = StringScrubber::new().scrub(plan, Kind::Plain, text.as_bytes(), &mut redactions);
    let scrubbed = match scrubbed {
        // What leaves is what came, less whole characters, and markers: still UTF-8.
        Some(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        None => text.to_owned(),
    };
    (scrubbed, redactions)
}

/// Whether a string leaves as it is.
pub(crate) fn is_clean(plan: &Plan, text: &str) -> bool {
    scrub_string(plan, text).1.is_empty()
}

/// The scrubber of one string after the other.
#[derive(Debug)]
pub(crate) struct StringScrubber {
    machine: TextMachine,
}

impl StringScrubber {
    pub(crate) fn new() -> Self {
        StringScrubber {
            machine: TextMachine::new(),
        }
    }

    /// What leaves in place of a string of this kind, or `None` if it leaves as it is. What was redacted is added to the list.
    pub(crate) fn scrub(
        &mut self,
        plan: &Plan,
        kind: Kind,
        text: &[u8],
        redactions: &mut Vec<Redaction>,
    ) -> Option<Vec<u8>> {
        let chunk = Bytes::from(text.to_vec());
        let mut splicer = Splicer::default();
        // Its log tells places, too.
        splicer.path = Some(String::new());
        splicer.begin(chunk.clone());
        self.machine.start(kind, Layer::Plain, 0);
        let mut cx = Context {
            plan,
            splicer: &mut splicer,
        };
        self.machine.run(&chunk, 0, true, &mut cx);
        splicer.settle(None);
        let mut output = Output::new();
        splicer.release(&mut output);
        let before = redactions.len();
        redactions.extend(splicer.log());
        if redactions.len() == before {
            return None;
        }
        let mut scrubbed = Vec::with_capacity(output.len());
        while let Some(slice) = output.pop() {
            scrubbed.extend_from_slice(&slice.into_bytes());
        }
        Some(scrubbed)
    }
}
