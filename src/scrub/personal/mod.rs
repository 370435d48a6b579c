//! Personal data: which kinds a plan looks for, and what becomes of what is found. Plain data; the text machine does the looking.

pub(crate) mod checks;

use std::fmt;

use bytes::Bytes;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::MARKER;
use super::name::RuleIndex;

/// A kind of personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Personal {
    /// An e-mail address.
    Email,
    /// A telephone number with its country code.
    Phone,
    /// A payment card's number.
    Card,
    /// An international bank account number.
    Iban,
    /// An IP address.
    Ip,
    /// The Polish personal number.
    Pesel,
    /// The Polish tax number.
    Nip,
    /// The Polish business number.
    Regon,
    /// A Polish telephone number.
    PhonePl,
    /// A Polish account number without its country.
    AccountPl,
}

impl Personal {
    /// All kinds.
    pub const ALL: [Personal; 10] = [
        Personal::Email,
        Personal::Phone,
        Personal::Card,
        Personal::Iban,
        Personal::Ip,
        Personal::Pesel,
        Personal::Nip,
        Personal::Regon,
        Personal::PhonePl,
        Personal::AccountPl,
    ];

    fn index(self) -> usize {
        self as usize
    }
}

/// What becomes of personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Treated {
    /// It becomes the marker.
    #[default]
    Remove,
    /// Each of its letters and digits becomes an asterisk.
    Mask,
    /// It becomes a keyed hash of itself: the same for the same person, and of no use without the key.
    Hash,
    /// An IP address loses what tells one of a network from another (the last 8 bits, or 80 of 128); anything else is removed.
    Truncate,
}

/// The kinds that a plan looks for, and what becomes of them.
#[derive(Clone, Default)]
pub(crate) struct PersonalData {
    rules: [Option<(RuleIndex, Treated)>; Personal::ALL.len()],
    any: bool,
    key: Option<Box<[u8]>>,
    /// What becomes of addresses in the fields made for them.
    addresses: Treated,
}

/// A keyed hash that stands for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pseudonym([u8; 8]);

impl Pseudonym {
    pub(crate) fn text(self) -> Bytes {
        let hex: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        // The letter keeps it from being taken for a number.
        Bytes::from(format!("[hash:x{hex}]"))
    }

    /// Whether a text has the form of one.
    pub(crate) fn is_one(text: &[u8]) -> bool {
        let hex = text
            .strip_prefix(b"[hash:x")
            .and_then(|it| it.strip_suffix(b"]"));
        hex.is_some_and(|hex| hex.len() == 16 && hex.iter().all(u8::is_ascii_hexdigit))
    }
}

/// What is made of an address in a field of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    /// JSON.
    pub(crate) text: Bytes,
    /// What stands for whom the address told.
    pub(crate) pseudonym: Option<Pseudonym>,
}

impl fmt::Debug for PersonalData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = self.rules.iter().flatten().count();
        write!(f, "PersonalData({kinds} kinds)")
    }
}

impl PersonalData {
    pub(crate) fn add(&mut self, kind: Personal, rule: RuleIndex, treated: Treated) {
        self.rules[kind.index()] = Some((rule, treated));
        self.any = true;
    }

    pub(crate) fn set_key(&mut self, key: &[u8]) {
        self.key = Some(key.into());
    }

    /// What becomes of addresses in the fields made for them.
    pub(crate) fn treat_addresses(&mut self, treated: Treated) {
        self.addresses = treated;
    }

    /// What is made of the inside of a JSON string that should be an address. `None`: it goes.
    pub(crate) fn address(&self, inside: &[u8]) -> Option<Made> {
        let address: std::net::IpAddr = std::str::from_utf8(inside).ok()?.parse().ok()?;
        // One that stands for an IPv4 address is that.
        let canonical = address.to_canonical().to_string();
        match (self.addresses, &self.key) {
            (Treated::Truncate, _) => {
                let text = truncated(canonical.as_bytes())?;
                Some(Made {
                    text: Bytes::from([b"\"", &text[..], b"\""].concat()),
                    pseudonym: None,
                })
            }
            (Treated::Hash, Some(key)) => Some(Made {
                text: Bytes::from_static(b"null"),
                pseudonym: pseudonym(key, canonical.as_bytes()),
            }),
            (Treated::Remove | Treated::Mask | Treated::Hash, _) => None,
        }
    }

    /// The JSON string that stands for what tells a user from others, if there is a key.
    pub(crate) fn stands_for(&self, text: &[u8]) -> Option<Bytes> {
        let pseudonym = pseudonym(self.key.as_ref()?, text)?;
        Some(Bytes::from([b"\"", &pseudonym.text()[..], b"\""].concat()))
    }

    /// Whether something is to be hashed and there is no key for it.
    pub(crate) fn lacks_key(&self) -> bool {
        if self.key.is_none() && self.addresses == Treated::Hash {
            return true;
        }
        self.key.is_none()
            && self
                .rules
                .iter()
                .flatten()
                .any(|(_, treated)| *treated == Treated::Hash)
    }

    pub(crate) fn treat_all(&mut self, treated: Treated) {
        for (_, known) in self.rules.iter_mut().flatten() {
            *known = treated;
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        !self.any
    }

    pub(crate) fn rule(&self, kind: Personal) -> Option<RuleIndex> {
        self.rules[kind.index()].map(|(rule, _)| rule)
    }

    /// What kind of personal data a number is, if its digits alone tell.
    pub(crate) fn number(&self, digits: &[u8]) -> Option<Personal> {
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let has = |kind: Personal| self.rules[kind.index()].is_some();
        if has(Personal::Card) && checks::is_card(digits) {
            return Some(Personal::Card);
        }
        (has(Personal::Pesel) && checks::is_pesel(digits)).then_some(Personal::Pesel)
    }

    /// What a finding becomes. `text` is as it was written, `canonical` what is the same for all spellings of it.
    pub(crate) fn replacement(&self, kind: Personal, text: &[u8], canonical: &[u8]) -> Bytes {
        let treated = self.rules[kind.index()].map_or(Treated::Remove, |(_, treated)| treated);
        match (treated, &self.key) {
            (Treated::Mask, _) => text
                .iter()
                .map(|byte| {
                    if byte.is_ascii_alphanumeric() || *byte >= 0x80 {
                        b'*'
                    } else {
                        *byte
                    }
                })
                .collect(),
            (Treated::Hash, Some(key)) => hashed(key, canonical),
            (Treated::Truncate, _) if kind == Personal::Ip => {
                truncated(canonical).unwrap_or_else(|| Bytes::from_static(MARKER))
            }
            (Treated::Remove | Treated::Hash | Treated::Truncate, _) => Bytes::from_static(MARKER),
        }
    }
}

/// The first 64 bits of HMAC-SHA-256 (RFC 2104): enough that no two people of one company are likely to meet.
fn pseudonym(key: &[u8], canonical: &[u8]) -> Option<Pseudonym> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(canonical);
    let mut first = [0; 8];
    first.copy_from_slice(&mac.finalize().into_bytes()[..8]);
    Some(Pseudonym(first))
}

/// It as text.
fn hashed(key: &[u8], canonical: &[u8]) -> Bytes {
    match pseudonym(key, canonical) {
        Some(pseudonym) => pseudonym.text(),
        None => Bytes::from_static(MARKER),
    }
}

/// An address without its last 8 bits, or its last 80 (`a.b.c.0`, `x:y:z::`).
fn truncated(address: &[u8]) -> Option<Bytes> {
    let address: std::net::IpAddr = std::str::from_utf8(address).ok()?.parse().ok()?;
    let text = match address {
        std::net::IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0")
        }
        std::net::IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            std::net::Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).to_string()
        }
    };
    Some(Bytes::from(text))
}
