//! Quotes and brackets: which are open, and which closes which, at any depth of escaping.

use super::symbol::Symbol;

/// Most open quotes that are remembered.
const QUOTES: usize = 16;

/// A quotation mark with all that tells it from another: a quote ends only what a quote of its own depth began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quote {
    pub(super) code: u32,
    pub(super) percent: u8,
    /// How many backslashes stand before it; if it is coded, how many it begins with.
    pub(super) escape: u8,
    pub(super) entity: bool,
    /// It is written as `\u0022`, or as `\u0026quot;`. In a string that a plain quote began this is a quote of the inside.
    pub(super) coded: bool,
}

impl Quote {
    pub(super) fn of(symbol: Symbol) -> Option<Quote> {
        matches!(symbol.ascii(), b'"' | b'\'' | b'`').then_some(Quote {
            code: symbol.code,
            percent: symbol.percent,
            escape: symbol.escape,
            entity: symbol.entity,
            coded: symbol.coded,
        })
    }

    /// How many symbols before it are its own backslashes.
    pub(super) fn backslashes(self) -> usize {
        if self.coded {
            0
        } else {
            usize::from(self.escape)
        }
    }

    /// This quote as it is written in a JSON string (`json`) or in plain text, with its backslashes.
    pub(super) fn spelled(self, json: bool) -> Vec<u8> {
        let mut text = Vec::new();
        let quote = self.code as u8;
        if self.coded {
            let doubled = if json { 2 } else { 1 };
            text.resize(doubled * usize::from(self.escape), b'\\');
            let coded = match self.entity {
                true => format!("u0026#{quote};"),
                false => format!("u{quote:04x}"),
            };
            text.extend_from_slice(coded.as_bytes());
            return text;
        }
        for byte in std::iter::repeat_n(b'\\', usize::from(self.escape)).chain([quote]) {
            if self.percent > 0 {
                text.push(b'%');
                for _ in 1..self.percent {
                    text.extend_from_slice(b"25");
                }
                text.extend_from_slice(format!("{byte:02X}").as_bytes());
            } else if self.entity && byte == quote {
                text.extend_from_slice(format!("&#{byte};").as_bytes());
            } else {
                if json && matches!(byte, b'\\' | b'"') {
                    text.push(b'\\');
                }
                text.push(byte);
            }
        }
        text
    }
}

/// A quote that has begun a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) quote: Quote,
    /// With how many backslashes one backslash of the string's inside is written. It doubles with each string around: JSON in a
    /// string escapes the backslashes of all that is in it, and so does `repr`.
    unit: u16,
}

impl Open {
    /// Whether a quote, with the backslashes before it, ends this string; and how many of those backslashes belong to its inside.
    /// Those that a coded quote begins with are not apart from it.
    pub(super) fn closed_by(self, quote: Quote) -> Option<usize> {
        let same = quote.code == self.quote.code
            && quote.percent == self.quote.percent
            && quote.entity == self.quote.entity
            && quote.coded == self.quote.coded;
        let extra = quote.escape.checked_sub(self.quote.escape)?;
        let inside = if quote.coded { 0 } else { usize::from(extra) };
        (same && u16::from(extra) % self.unit == 0).then_some(inside)
    }
}

/// The open quotes, the outermost first.
#[derive(Debug, Default, Clone)]
pub(super) struct Quotes {
    open: Vec<Open>,
}

impl Quotes {
    pub(super) fn clear(&mut self) {
        self.open.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.open.capacity() * size_of::<Open>()
    }

    /// Whether so many backslashes and a letter are one escape in an open string (`\n`), and not backslashes of its inside with a letter
    /// behind them. Not in the innermost alone: a quote that ends nowhere (`5\"`) seems to have begun one.
    pub(super) fn escapes(&self, backslashes: u8) -> bool {
        self.open
            .iter()
            .any(|open| u16::from(backslashes) % open.unit == open.unit / 2)
    }

    /// How many of its backslashes belong to the inside of the open string that this quote ends; `None`: it ends none.
    pub(super) fn closed_by(&self, quote: Quote) -> Option<usize> {
        self.open
            .iter()
            .rev()
            .find_map(|open| open.closed_by(quote))
    }

    /// The string that this quote begins here.
    pub(super) fn opened_by(&self, quote: Quote) -> Open {
        let around = self.open.last().map_or(1, |open| open.unit);
        // In n strings, a plain quote has 2^n - 1 backslashes. A coded one has from 2^(n-1) to 2^n - 1, by the strings
        // that are coded. A backslash of the inside is written as 2^(n+1).
        let own = 2 * (u16::from(quote.escape) + 1).next_power_of_two();
        Open {
            quote,
            unit: own.max(around.saturating_mul(2)),
        }
    }

    /// Opens or closes a quote. `after_word`: a letter or digit stands before it, so that an apostrophe opens nothing.
    pub(super) fn toggle(&mut self, quote: Quote, after_word: bool) {
        if let Some(open) = self
            .open
            .iter()
            .rposition(|open| open.closed_by(quote).is_some())
        {
            self.open.truncate(open);
        } else if !(quote.code == u32::from(b'\'') && after_word) && self.open.len() < QUOTES {
            self.open.push(self.opened_by(quote));
        }
    }
}

/// Open brackets, by kind and depth of percent-encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Brackets([[u16; 4]; 3]);

/// The kind of a bracket, and whether it opens.
pub(super) fn bracket(symbol: Symbol) -> Option<(usize, bool)> {
    match symbol.ascii() {
        b'(' => Some((0, true)),
        b')' => Some((0, false)),
        b'[' => Some((1, true)),
        b']' => Some((1, false)),
        b'{' => Some((2, true)),
        b'}' => Some((2, false)),
        _ => None,
    }
}

impl Brackets {
    pub(super) fn count(&mut self, symbol: Symbol) {
        if let Some((kind, opens)) = bracket(symbol) {
            let count = &mut self.0[kind][usize::from(symbol.percent.min(3))];
            *count = if opens {
                count.saturating_add(1)
            } else {
                count.saturating_sub(1)
            };
        }
    }

    /// How many braces are open.
    pub(super) fn depth(&self) -> u16 {
        self.0[2]
            .iter()
            .fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Whether a bracket of this kind is open.
    pub(super) fn is_open(&self, symbol: Symbol) -> bool {
        bracket(symbol)
            .is_some_and(|(kind, _)| self.0[kind][usize::from(symbol.percent.min(3))] > 0)
    }
}
