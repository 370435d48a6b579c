//! [`Discards`]: what was left out, as a collector is told it: a `client_report` item (protocol: client reports).

/// Why something was left out, in the words of client reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Why {
    /// Its trace is none of those that are kept.
    SampleRate,
    /// Policy forbids it.
    Policy,
}

impl Why {
    fn reason(self) -> &'static str {
        match self {
            Why::SampleRate => "sample_rate",
            Why::Policy => "event_processor",
        }
    }
}

/// How much was left out, by reason and data category. There are as many entries as pairs of these.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Discards(Vec<(Why, &'static str, u64)>);

/// What the header of an item says of how much is in it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Quantity {
    /// Elements of a container.
    pub(crate) elements: Option<u64>,
    /// Bytes of the payload.
    pub(crate) bytes: Option<u64>,
}

impl Discards {
    /// Whether nothing was left out.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds what another list has.
    pub fn absorb(&mut self, other: &Discards) {
        for (why, category, quantity) in &other.0 {
            self.add(*why, category, *quantity);
        }
    }

    /// An item of this type was left out. What is in no category of the protocol's is not told.
    pub(crate) fn item(&mut self, why: Why, item_type: &str, quantity: Quantity) {
        let elements = quantity.elements.unwrap_or(1);
        let category = match item_type {
            "event" => "error",
            "transaction" => "transaction",
            "span" => "span",
            "log" => "log_item",
            "trace_metric" => "trace_metric",
            "feedback" | "user_report" => "feedback",
            "session" | "sessions" => "session",
            "security" | "raw_security" => "security",
            "metric_buckets" | "statsd" => "metric_bucket",
            "profile" => "profile",
            "profile_chunk" => "profile_chunk",
            "check_in" => "monitor",
            "replay_event" | "replay_recording" | "replay_video" => "replay",
            "attachment" => {
                // Attachments count by their bytes, too.
                self.add(why, "attachment", quantity.bytes.unwrap_or(0));
                "attachment_item"
            }
            _ => return,
        };
        self.add(why, category, elements);
    }

    pub(crate) fn add(&mut self, why: Why, category: &'static str, quantity: u64) {
        if quantity == 0 {
            return;
        }
        let known = |it: &&mut (Why, &'static str, u64)| it.0 == why && it.1 == category;
        match self.0.iter_mut().find(known) {
            Some((_, _, sum)) => *sum += quantity,
            None => self.0.push((why, category, quantity)),
        }
    }

    /// The item of an envelope that tells it: header line, newline, payload. It has no time: a collector takes that of its
    /// arrival.
    pub(crate) fn client_report(&self) -> String {
        let mut entries = self.0.clone();
        entries.sort_unstable();
        let entry = |(why, category, quantity): &(Why, &str, u64)| {
            let reason = why.reason();
            format!(
                "{{\"reason\":\"{reason}\",\"category\":\"{category}\",\"quantity\":{quantity}}}"
            )
        };
        let entries: Vec<String> = entries.iter().map(entry).collect();
        format!(
            "{{\"type\":\"client_report\"}}\n{{\"discarded_events\":[{}]}}\n",
            entries.join(",")
        )
    }
}
