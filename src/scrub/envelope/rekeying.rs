//! Public keys that clients carry, and those that stand for them at the collector. A browser's key can be read by anybody; with
//! another one upstream it opens nothing but the gate that it was made for.

use std::collections::BTreeMap;
use std::fmt;

use super::dsn::bare_key;

/// Which key stands for which. `Debug` shows how many there are: the upstream keys stay here.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Rekeying(BTreeMap<String, String>);

impl fmt::Debug for Rekeying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rekeying({})", self.0.len())
    }
}

impl Rekeying {
    /// From now on `upstream` stands for `public`; both without flags.
    pub fn insert(&mut self, public: &str, upstream: &str) {
        self.0.insert(public.to_owned(), upstream.to_owned());
    }

    /// The key that stands for this one, with the same flags; `None` if the key goes as it is.
    pub fn upstream_key(&self, key: &str) -> Option<String> {
        let bare = bare_key(key);
        let upstream = self.0.get(bare)?;
        Some(format!("{upstream}{}", &key[bare.len()..]))
    }
}

impl Rekeying {
    /// A text of the collector's for clients: where it says a key of ours, it says the client's.
    pub fn hidden(&self, text: &str) -> String {
        self.0
            .iter()
            .fold(text.to_owned(), |text, (public, upstream)| {
                text.replace(upstream.as_str(), public)
            })
    }
}

/// Stands for a key while the header that it is in is scrubbed: its own value is public, and would be taken for user info, or is a
/// known secret that is meant to go to the collector.
pub(super) struct StandIn {
    key: &'static str,
    place: String,
    value: String,
}

impl StandIn {
    /// For the value of the member `key`; `line` is the header, in which the stand-in must not occur.
    pub(super) fn new(key: &'static str, value: String, line: &[u8]) -> StandIn {
        let mut place = key.to_owned();
        while memchr::memmem::find(line, format!("\"{place}\"").as_bytes()).is_some() {
            place.push('x');
        }
        StandIn { key, place, value }
    }

    pub(super) fn key(&self) -> &'static str {
        self.key
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// The header with the value in its place.
    pub(super) fn put_back(&self, text: &[u8]) -> Vec<u8> {
        let StandIn { key, place, value } = self;
        let member = format!("\"{key}\":\"{place}\"");
        match memchr::memmem::find(text, member.as_bytes()) {
            Some(at) => [
                &text[..at],
                format!("\"{key}\":\"{value}\"").as_bytes(),
                &text[at + member.len()..],
            ]
            .concat(),
            None => text.to_vec(),
        }
    }
}
