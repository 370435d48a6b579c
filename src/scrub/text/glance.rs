//! A glance at a whole string, before the machine reads it symbol by symbol: most strings have nothing in them that a rule could be
//! about. It can only say that there is nothing; whether there is something, the machine says.

use super::{Kind, Signs};
use crate::scrub::literals::Signals;
use crate::scrub::plan::Plan;

/// Longest HTML character reference, without `&` and `;`.
const REFERENCE: usize = 10;
/// Shortest authority of a URL whose end is not seen, in bytes and at least.
const LONG: usize = 480;
/// Fewest digits of any personal data that is made of digits.
const DIGITS: usize = 4;

/// What there may be in a text, as a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Glance(u32);

impl Glance {
    /// Something with a separator that a rule covers.
    const NAMES: u32 = 1;
    /// A flag of a command.
    const FLAGS: u32 = 2;
    const TOKENS: u32 = 4;
    /// The text may be, or have in it, a name that a rule covers.
    const NAMED: u32 = 8;
    const KNOWN: u32 = 16;
    const PERSONAL: u32 = 32;
    const LOGIN: u32 = 64;

    /// There may be anything.
    pub(crate) const ALL: Glance = Glance(
        Self::NAMES
            | Self::FLAGS
            | Self::TOKENS
            | Self::NAMED
            | Self::KNOWN
            | Self::PERSONAL
            | Self::LOGIN
            | Signals::UNANCHORED.bits(),
    );

    /// How many kinds of text there are by [`Glance::kind`].
    pub(super) const KINDS: usize = 16;

    /// The text may be, or have in it, a name that a rule covers.
    pub(crate) const fn named(self) -> bool {
        self.0 & Self::NAMED != 0
    }

    /// Something with a separator that a rule covers.
    pub(super) const fn names(self) -> bool {
        self.0 & Self::NAMES != 0
    }

    /// A flag of a command.
    pub(super) const fn flags(self) -> bool {
        self.0 & Self::FLAGS != 0
    }

    pub(super) const fn tokens(self) -> bool {
        self.0 & Self::TOKENS != 0
    }

    pub(super) const fn known(self) -> bool {
        self.0 & Self::KNOWN != 0
    }

    pub(super) const fn personal(self) -> bool {
        self.0 & Self::PERSONAL != 0
    }

    /// A login before the address of a network.
    pub(super) const fn login(self) -> bool {
        self.0 & Self::LOGIN != 0
    }

    /// Bare tokens that do not begin with what tells them.
    pub(super) const fn unanchored(self) -> Signals {
        Signals::UNANCHORED.and(Signals::from_bits(self.0))
    }

    /// A number for what of names, flags, anchored and unanchored tokens there may be.
    pub(super) const fn kind(self) -> usize {
        let unanchored = self.tokens() && self.0 & Signals::UNANCHORED.bits() != 0;
        (self.0 & 7) as usize | (unanchored as usize) << 3
    }

    /// What a number stands for, in the order of names, flags, anchored and unanchored tokens.
    pub(super) const fn of_kind(kind: usize) -> [bool; 4] {
        let bits = kind as u32;
        [
            bits & Self::NAMES != 0,
            bits & Self::FLAGS != 0,
            bits & Self::TOKENS != 0,
            bits & 8 != 0,
        ]
    }

    /// At the inside of a JSON string, all of it; `escaped`: it has escapes; `may_name`: the whole of it may be a pair's name. Costs
    /// about a table look-up a byte.
    pub(crate) fn at(
        text: &[u8],
        escaped: bool,
        signs: Signs,
        kind: Kind,
        may_name: bool,
        plan: &Plan,
    ) -> Glance {
        Self::with(text, escaped, signs, kind, may_name, plan, |wanted| {
            plan.literals.look(text, wanted)
        })
    }

    /// The same, where another looks for the literals.
    #[inline]
    pub(crate) fn with(
        text: &[u8],
        escaped: bool,
        signs: Signs,
        kind: Kind,
        may_name: bool,
        plan: &Plan,
        look: impl FnOnce(Signals) -> Signals,
    ) -> Glance {
        let may_separate = signs.may_separate(text);
        let may_token = plan.tokens.fit_in(text.len());
        if let Kind::Cookie(_) = kind {
            return Glance::ALL;
        }
        let known = !plan.known.is_empty() && (escaped || plan.known.may_be_in(text));
        // In place of a known secret a marker stands, which may part a word that had none around it.
        let hides =
            known || (escaped && hides_letters(text)) || (signs.may_encode() && is_encoded(text));
        let personal = !plan.personal.is_empty();
        if hides {
            return Glance(
                Self::NAMED
                    | Self::FLAGS
                    | Self::LOGIN
                    | bit(Self::NAMES, may_separate)
                    | bit(Self::KNOWN, !plan.known.is_empty())
                    | bit(Self::PERSONAL, personal)
                    | bit(Self::TOKENS | Signals::UNANCHORED.bits(), may_token),
            );
        }
        let mut wanted = Signals::NONE;
        if may_token {
            wanted = Signals::TOKEN.or(Signals::UNANCHORED);
        }
        if may_separate {
            wanted = wanted.or(Signals::NAME);
            // So long an authority is taken for a user before its end is seen.
            let endless = text.len() >= LONG && has_long_run(text);
            if endless || memchr::memchr(b'@', text).is_some() {
                wanted = wanted.or(Signals::USER).or(Signals::LOGIN);
            }
        } else if may_name {
            wanted = wanted.or(Signals::NAME);
        }
        let found = look(wanted);
        let named = found.has(Signals::NAME);
        let names = may_separate && (named || found.has(Signals::USER) || signs.may_command(text));
        let token = found.has(Signals::TOKEN.or(Signals::UNANCHORED));
        let personal = personal
            && (escaped
                || memchr::memchr(b'@', text).is_some()
                // An IPv6 address may have letters only.
                || memchr::memchr_iter(b':', text).nth(1).is_some()
                || text.iter().filter(|byte| byte.is_ascii_digit()).count() >= DIGITS);
        Glance(
            bit(Self::NAMED, named)
                | bit(Self::NAMES, names)
                | bit(Self::FLAGS, names && signs.may_flag(text))
                | bit(Self::TOKENS, token)
                | bit(Self::LOGIN, found.has(Signals::LOGIN))
                | bit(Self::KNOWN, known)
                | bit(Self::PERSONAL, personal)
                | found.and(Signals::UNANCHORED).bits(),
        )
    }

    /// Whether there is nothing.
    pub(crate) fn is_idle(self) -> bool {
        self.0 & (Self::NAMES | Self::TOKENS | Self::KNOWN | Self::PERSONAL) == 0
    }
}

/// Whether a text has so long a run of bytes without white space that the end of a URL's user may not be seen. (A password may have
/// any other delimiter in it.)
#[cold]
fn has_long_run(text: &[u8]) -> bool {
    text.split(u8::is_ascii_whitespace)
        .any(|run| run.len() >= LONG)
}

/// A bit, if something is so.
#[inline]
fn bit(bit: u32, is: bool) -> u32 {
    if is { bit } else { 0 }
}

/// Whether the inside of a string has an escape that can stand for a letter, or for a slash, at any depth.
fn hides_letters(inside: &[u8]) -> bool {
    memchr::memchr_iter(b'\\', inside)
        .any(|at| matches!(inside.get(at + 1), Some(b'u' | b'x' | b'/')))
}

/// Whether a text has percent-encoding or HTML character references.
fn is_encoded(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some(at) = memchr::memchr2(b'%', b'&', rest) {
        let behind = &rest[at + 1..];
        if rest[at] == b'%' {
            if matches!(behind, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit()) {
                return true;
            }
            rest = behind;
            continue;
        }
        let length = behind
            .iter()
            .take(REFERENCE + 1)
            .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'#')
            .count();
        // The semicolon may be written as an escape, or stand behind one.
        if matches!(behind.get(length), Some(b';' | b'\\')) || behind.first() == Some(&b'#') {
            return true;
        }
        rest = behind;
    }
    false
}
