//! A glance at a whole string, before the machine reads it symbol by symbol: most strings have nothing in them that a rule could be
//! about. It can only say that there is nothing; whether there is something, the machine says.

use super::{Kind, Signs};
use crate::scrub::literals::Signals;
use crate::scrub::plan::Plan;

/// Longest HTML character reference, without `&` and `;`.
const REFERENCE: usize = 10;
/// Fewest digits of any personal data that is made of digits.
const DIGITS: usize = 4;

/// What there may be in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Glance {
    /// The text may be, or have in it, a name that a rule covers.
    pub(crate) named: bool,
    /// Something with a separator that a rule covers.
    pub(super) names: bool,
    /// A flag of a command.
    pub(super) flags: bool,
    pub(super) tokens: bool,
    /// Bare tokens that do not begin with what tells them.
    pub(super) unanchored: Signals,
    pub(super) known: bool,
    pub(super) personal: bool,
}

impl Glance {
    /// There may be anything.
    pub(crate) const ALL: Glance = Glance {
        named: true,
        names: true,
        flags: true,
        tokens: true,
        unanchored: Signals::UNANCHORED,
        known: true,
        personal: true,
    };

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
        let may_separate = signs.may_separate(text);
        let may_token = plan.tokens.fit_in(text.len());
        if let Kind::Cookie(_) = kind {
            return Glance::ALL;
        }
        let hides = (escaped && hides_letters(text)) || (signs.may_encode() && is_encoded(text));
        if hides {
            return Glance {
                named: true,
                names: may_separate,
                flags: true,
                known: !plan.known.is_empty(),
                personal: !plan.personal.is_empty(),
                tokens: may_token,
                unanchored: match may_token {
                    true => Signals::UNANCHORED,
                    false => Signals::NONE,
                },
            };
        }
        let mut wanted = Signals::NONE;
        if may_token {
            wanted = Signals::TOKEN.or(Signals::UNANCHORED);
        }
        if may_separate {
            wanted = wanted.or(Signals::NAME);
            if memchr::memchr(b'@', text).is_some() {
                wanted = wanted.or(Signals::USER);
            }
        } else if may_name {
            wanted = wanted.or(Signals::NAME);
        }
        let found = plan.literals.look(text, wanted);
        let named = found.has(Signals::NAME);
        let names = may_separate && (named || found.has(Signals::USER) || signs.may_command(text));
        Glance {
            named,
            names,
            flags: names && signs.may_flag(text),
            tokens: found.has(Signals::TOKEN.or(Signals::UNANCHORED)),
            unanchored: found.and(Signals::UNANCHORED),
            known: !plan.known.is_empty() && (escaped || plan.known.may_be_in(text)),
            personal: !plan.personal.is_empty()
                && (escaped
                    || memchr::memchr(b'@', text).is_some()
                    // An IPv6 address may have letters only.
                    || memchr::memchr_iter(b':', text).nth(1).is_some()
                    || text.iter().filter(|byte| byte.is_ascii_digit()).count() >= DIGITS),
        }
    }

    /// Whether there is nothing.
    pub(crate) fn is_idle(self) -> bool {
        !(self.names || self.tokens || self.known || self.personal)
    }
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
