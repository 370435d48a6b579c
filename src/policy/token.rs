//! A rule for a bare token as a pack has it, to one as the engine takes it.

use super::pack::{Letters, Part, Run, Token};
use crate::scrub::{Alphabet, TokenPart, TokenRule};

/// Longest run of a token that a rule may allow.
const LONGEST_RUN: usize = 4096;

/// A token's rule as the engine takes it.
pub(super) fn token_rule(rule: &Token) -> Result<TokenRule, &'static str> {
    if rule.anchors.is_empty() && rule.context.is_empty() {
        return Err("it has no way in: give it 'anchors' or 'context'");
    }
    if rule
        .anchors
        .iter()
        .any(|anchor| anchor.len() < 2 || !anchor.is_ascii())
    {
        return Err("an anchor needs two ASCII characters or more");
    }
    let mut parts = Vec::new();
    match (&rule.until, rule.alphabet, rule.length) {
        (Some(_), None, None) if rule.then.is_empty() => {}
        (Some(_), ..) => return Err("with 'until' it has no 'alphabet', 'length' or 'then'"),
        (None, Some(alphabet), Some(length)) => {
            parts.push(run(&Run { alphabet, length })?);
            for part in &rule.then {
                parts.push(match part {
                    Part::Literal(text) => TokenPart::Literal(text.clone()),
                    Part::Run(part) => run(part)?,
                });
            }
        }
        (None, ..) => return Err("it has no end: give it 'alphabet' and 'length', or 'until'"),
    }
    let before = match &rule.before {
        None => None,
        Some(Run { alphabet, length })
            if 0 < length.0 && length.0 <= length.1 && length.1 <= 128 =>
        {
            Some((letters(*alphabet), length.0, length.1))
        }
        Some(_) => return Err("the length of 'before' is [least, most], from 1 to 128"),
    };
    Ok(TokenRule {
        id: rule.id.clone(),
        anchors: rule.anchors.clone(),
        caseless: rule.caseless,
        before,
        parts,
        until: rule.until.clone(),
        context: rule
            .context
            .iter()
            .map(|word| word.to_lowercase())
            .collect(),
        keeps_anchor: rule.keeps_anchor,
        secretlike: rule.secretlike,
        needs: rule.needs.iter().map(|set| class(*set)).collect(),
    })
}

fn run(run: &Run) -> Result<TokenPart, &'static str> {
    let (least, most) = run.length;
    if least > most || most > LONGEST_RUN {
        return Err("a length is [least, most], and most is at most 4096");
    }
    Ok(TokenPart::Run {
        alphabet: letters(run.alphabet),
        least,
        most,
    })
}

/// A class of which a character is needed: without the digits that the alphabet of that name has.
fn class(name: Letters) -> Alphabet {
    match name {
        Letters::Upper => Alphabet::of(b'A'..=b'Z'),
        Letters::Lower => Alphabet::of(b'a'..=b'z'),
        Letters::Digit
        | Letters::Hex
        | Letters::LowerHex
        | Letters::Base62
        | Letters::Base64
        | Letters::Base64url
        | Letters::Word
        | Letters::Base32
        | Letters::Token
        | Letters::Printable
        | Letters::Address => letters(name),
    }
}

pub(super) fn letters(name: Letters) -> Alphabet {
    let digits = Alphabet::of(b'0'..=b'9');
    let upper = Alphabet::of(b'A'..=b'Z');
    let lower = Alphabet::of(b'a'..=b'z');
    let base62 = digits.or(upper).or(lower);
    let and = |set: Alphabet, more: &[u8]| set.or(Alphabet::of(more.iter().copied()));
    match name {
        Letters::Digit => digits,
        Letters::Hex => and(digits, b"abcdefABCDEF"),
        Letters::LowerHex => and(digits, b"abcdef"),
        Letters::Upper => digits.or(upper),
        Letters::Lower => digits.or(lower),
        Letters::Base62 => base62,
        Letters::Base64 => and(base62, b"+/="),
        Letters::Base64url => and(base62, b"_-"),
        Letters::Word => and(base62, b"_"),
        Letters::Base32 => and(upper, b"234567"),
        Letters::Token => and(base62, b"._~+/=-"),
        Letters::Address => and(digits, b"abcdefABCDEF.:"),
        Letters::Printable => {
            Alphabet::of((0x21..0x7F).filter(|byte| !b"\"'`<>{}[](),;\\".contains(byte)))
        }
    }
}
