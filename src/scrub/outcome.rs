//! The one vocabulary for what happened to bytes and items: metrics, answers, reports and tests use it.

use std::collections::BTreeMap;
use std::fmt;

use super::discards::{Discards, Quantity, Why};

/// Why a stream was refused. The text never holds payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// Byte offset in the decoded input: the start of the offending token, or the input's length where it is cut off.
    pub offset: u64,
    /// Where in the framing.
    pub place: Place,
    /// What is wrong.
    pub reason: Reason,
}

/// The part of the input in which something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A document by itself (no framing).
    Document,
    /// The header line of an envelope.
    EnvelopeHeader,
    /// The header line of the item with this index (from 0).
    ItemHeader(usize),
    /// The payload of the item with this index (from 0).
    Item(usize),
}

/// What is wrong with a refused stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Not JSON (RFC 8259): what was found instead.
    Json(&'static str),
    /// Nested deeper than `Limits::json_depth`.
    TooDeep,
    /// The input ends inside a document.
    CutOff,
    /// What stands around or between documents is broken (envelope, form, base64, multipart, protobuf): what exactly.
    Framing(&'static str),
    /// A header field does not have its shape: which.
    Header(&'static str),
    /// The policy of this door takes no request with an item of this type.
    Refused(&'static str),
    /// What is packed inside the body expands more times than `Limits::decode_ratio` allows.
    Expands {
        /// The bound.
        limit: u64,
    },
    /// Something is longer than a bound of `Limits`.
    TooLarge {
        /// What it is.
        what: &'static str,
        /// The bound's key in the configuration.
        key: &'static str,
        /// The bound, in bytes.
        limit: u64,
    },
}

impl Reason {
    /// Whether nothing is wrong with the input but that it goes over a limit.
    pub fn is_limit(self) -> bool {
        match self {
            Reason::TooDeep | Reason::Expands { .. } | Reason::TooLarge { .. } => true,
            Reason::Json(_)
            | Reason::CutOff
            | Reason::Framing(_)
            | Reason::Header(_)
            | Reason::Refused(_) => false,
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::Document => {}
            Place::EnvelopeHeader => write!(f, "envelope header: ")?,
            Place::ItemHeader(n) => write!(f, "header of item {n}: ")?,
            Place::Item(n) => write!(f, "item {n}: ")?,
        }
        match self.reason {
            Reason::Json(what) | Reason::Framing(what) | Reason::Header(what) => {
                write!(f, "{what}")?
            }
            Reason::TooDeep => write!(f, "nested too deeply")?,
            Reason::Expands { limit } => {
                write!(f, "what is packed inside expands more than {limit} times")?
            }
            Reason::CutOff => write!(f, "the input ends too early")?,
            Reason::Refused(kind) => write!(f, "policy takes no items of type {kind} here")?,
            Reason::TooLarge { what, limit, .. } => {
                write!(f, "{what} is longer than {limit} bytes")?
            }
        }
        if let Reason::Refused(_) = self.reason {
            // Nothing is wrong with the bytes.
            return Ok(());
        }
        write!(f, " at byte {}", self.offset)?;
        match self.reason {
            // The limit itself is not known here, but no configuration can grant more than this.
            Reason::TooDeep => write!(f, " (limits.json_depth, 512 at most)"),
            Reason::Expands { .. } => write!(f, " (limits.decode_ratio)"),
            Reason::TooLarge { key, .. } => write!(f, " ({key})"),
            Reason::Json(_)
            | Reason::CutOff
            | Reason::Framing(_)
            | Reason::Header(_)
            | Reason::Refused(_) => Ok(()),
        }
    }
}

impl std::error::Error for Malformed {}

/// What became of one envelope item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ItemOutcome {
    /// Scrubbed and sent on.
    Forwarded,
    /// Left out: policy forbids this type.
    DroppedByPolicy,
    /// Left out: its trace is none of those that are kept.
    DroppedBySampling,
    /// Left out: the type is not known (all such types share the label `unknown`).
    DroppedUnknown,
}

impl ItemOutcome {
    /// Whether it did not leave.
    pub fn is_dropped(self) -> bool {
        self != ItemOutcome::Forwarded
    }

    /// The metric label.
    pub fn label(self) -> &'static str {
        match self {
            ItemOutcome::Forwarded => "forwarded",
            ItemOutcome::DroppedByPolicy => "dropped_policy",
            ItemOutcome::DroppedBySampling => "dropped_sampled",
            ItemOutcome::DroppedUnknown => "dropped_unknown",
        }
    }
}

/// What the scrubber did to one stream, for metrics and logs: counts and rule ids, never values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Redactions by rule, indexed as `Plan::rule_id`; the vector may be shorter than the number of rules.
    pub redactions: Vec<u64>,
    /// One entry for each (type label, outcome) seen, with its count. Labels come from a fixed list.
    pub items: Vec<(&'static str, ItemOutcome, u64)>,
    /// What was left out, as a collector is told it.
    pub discards: Discards,
    /// Decoded bytes in.
    pub bytes_in: u64,
    /// Scrubbed bytes out.
    pub bytes_out: u64,
}

impl Report {
    /// Items that were forwarded. An envelope with none of them need not be sent.
    pub fn forwarded_items(&self) -> u64 {
        self.items
            .iter()
            .filter(|(_, outcome, _)| *outcome == ItemOutcome::Forwarded)
            .map(|(_, _, n)| n)
            .sum()
    }

    /// Whether all that could be left out by its trace was, and something was.
    pub fn is_sampled_out(&self) -> bool {
        let dropped =
            |(_, outcome, _): &(_, ItemOutcome, _)| *outcome == ItemOutcome::DroppedBySampling;
        self.forwarded_items() == 0 && self.items.iter().any(dropped)
    }

    /// What was left out, for people: `attachment 1, check_in 1`. `None` if nothing was.
    pub fn dropped(&self) -> Option<String> {
        let mut counts = BTreeMap::new();
        for (label, outcome, count) in &self.items {
            match outcome {
                ItemOutcome::Forwarded => {}
                ItemOutcome::DroppedByPolicy
                | ItemOutcome::DroppedBySampling
                | ItemOutcome::DroppedUnknown => {
                    *counts.entry(*label).or_insert(0) += count;
                }
            }
        }
        let dropped: Vec<_> = counts
            .iter()
            .map(|(label, count)| format!("{label} {count}"))
            .collect();
        (!dropped.is_empty()).then(|| dropped.join(", "))
    }

    /// Counts an item of this type that policy left out before anything of it was read.
    pub fn left_out(&mut self, item_type: &'static str) {
        self.item(item_type, ItemOutcome::DroppedByPolicy);
        self.discards
            .item(Why::Policy, item_type, Quantity::default());
    }

    /// Counts an item.
    pub(crate) fn item(&mut self, label: &'static str, outcome: ItemOutcome) {
        self.add_items(label, outcome, 1);
    }

    /// Counts so many of them; none leaves no trace.
    pub(crate) fn add_items(&mut self, label: &'static str, outcome: ItemOutcome, more: u64) {
        if more == 0 {
            return;
        }
        let known = |it: &&mut (&'static str, ItemOutcome, u64)| it.0 == label && it.1 == outcome;
        match self.items.iter_mut().find(known) {
            Some((_, _, count)) => *count += more,
            None => self.items.push((label, outcome, more)),
        }
    }

    /// Adds what was done to a part of the stream, less its bytes.
    pub(crate) fn absorb(&mut self, part: &Report) {
        for (label, outcome, count) in &part.items {
            self.add_items(label, *outcome, *count);
        }
        self.discards.absorb(&part.discards);
        for (rule, count) in part.redactions.iter().enumerate() {
            if *count > 0 {
                self.count(rule as u16, *count);
            }
        }
    }

    /// Counts redactions by a rule.
    pub(crate) fn count(&mut self, rule: u16, count: u64) {
        let index = usize::from(rule);
        if self.redactions.len() <= index {
            self.redactions.resize(index + 1, 0);
        }
        self.redactions[index] += count;
    }

    /// Redactions by all rules together.
    pub fn redaction_count(&self) -> u64 {
        self.redactions.iter().sum()
    }
}
