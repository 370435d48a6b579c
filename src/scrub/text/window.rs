//! The stretch of text that is looked at: the symbols behind, as they leave, and the symbols ahead, as they came.
//!
//! ```text
//!        back (at most BACK)      head     ahead (at most AHEAD)
//!   ... n a m e = [Filtered] &  | t o k e n = a b c ...
//! ```
//!
//! A question about the symbols ahead has three answers: the symbol; none, since the text or the bound ends there; or [`More`],
//! when only the bytes to come can tell. Whoever gets `More` changes nothing and is asked again with the next chunk. So every
//! decision depends on the text alone, and never on how it was cut.

use super::symbol::{ESCAPE, Symbol};

/// Most symbols ahead that a decision may depend on.
pub(super) const AHEAD: usize = 512;
/// Most raw bytes ahead that a decision may depend on, which bounds what is carried from chunk to chunk.
const AHEAD_BYTES: u64 = 4096;
/// Most symbols behind that a decision may depend on.
pub(super) const BACK: usize = 256;

/// Bytes that are characters by themselves however the text is spelled, and no quotes.
static PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x80 {
        table[byte] = !matches!(
            byte as u8,
            b'\\' | b'%' | b'&' | b'"' | b'\'' | b'`' | ESCAPE
        );
        byte += 1;
    }
    table
};

/// The bytes in hand end too early to tell.
#[derive(Debug)]
pub(super) struct More;

/// A symbol, and the offset of its first byte.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    pub(super) symbol: Symbol,
    pub(super) at: u64,
}

#[derive(Debug, Default)]
pub(super) struct Window {
    back: Vec<Symbol>,
    /// Symbols have been dropped from `back`, so that its start is not the text's.
    dropped: bool,
    ahead: Vec<Cell>,
    /// Index in `ahead` of the next symbol.
    head: usize,
    /// Offset behind the last symbol.
    end: u64,
    /// The text ends behind `ahead`.
    ended: bool,
}

impl Window {
    pub(super) fn start(&mut self, at: u64) {
        self.back.clear();
        self.dropped = false;
        self.ahead.clear();
        self.head = 0;
        self.end = at;
        self.ended = false;
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.back.capacity() * size_of::<Symbol>() + self.ahead.capacity() * size_of::<Cell>()
    }

    // --- filling ---

    /// Whether another symbol may be appended.
    pub(super) fn has_room(&self) -> bool {
        // One more than may be looked at, which tells whether the text goes on.
        self.ahead.len() - self.head <= AHEAD
    }

    /// Appends a symbol that ends at an offset.
    pub(super) fn append(&mut self, cell: Cell, end: u64) {
        self.make_room(1);
        self.ahead.push(cell);
        self.end = end;
    }

    /// Appends the bytes at the front, from an offset on, that are characters by themselves however they are spelled, and no quotes;
    /// tells how many there were.
    pub(super) fn append_plain(&mut self, bytes: &[u8], at: u64) -> usize {
        let room = (AHEAD + 1).saturating_sub(self.ahead.len() - self.head);
        let some = &bytes[..bytes.len().min(room)];
        let plain = some.iter().take_while(|byte| PLAIN[usize::from(**byte)]);
        let count = plain.count();
        if count == 0 {
            return 0;
        }
        self.make_room(count);
        let cells = some[..count].iter().zip(at..);
        self.ahead.extend(cells.map(|(byte, at)| Cell {
            symbol: Symbol::plain(u32::from(*byte)),
            at,
        }));
        self.end = at + count as u64;
        count
    }

    /// Makes room for so many more symbols.
    fn make_room(&mut self, count: usize) {
        if self.head == self.ahead.len() {
            self.ahead.clear();
            self.head = 0;
        } else if self.ahead.len() + count > 3 * AHEAD / 2 {
            self.ahead.drain(..self.head);
            self.head = 0;
        }
    }

    /// Nothing comes behind what has been appended.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    // --- ahead ---

    /// The next symbol, if one is at hand.
    #[inline]
    pub(super) fn next(&self) -> Option<Cell> {
        self.ahead.get(self.head).copied()
    }

    /// The symbol at a distance ahead (0 is the next).
    #[inline]
    pub(super) fn peek(&self, distance: usize) -> Result<Option<Symbol>, More> {
        match self.ahead.get(self.head + distance) {
            Some(cell) => {
                let near = distance < AHEAD && cell.at - self.ahead[self.head].at <= AHEAD_BYTES;
                Ok(near.then_some(cell.symbol))
            }
            None if self.ended || distance > AHEAD => Ok(None),
            None => Err(More),
        }
    }

    /// The character at a distance ahead; 0 where there is none, 0x80 where it is not ASCII.
    #[inline]
    pub(super) fn byte(&self, distance: usize) -> Result<u8, More> {
        Ok(self.peek(distance)?.map_or(0, Symbol::ascii))
    }

    /// Where [`Window::peek`] has no symbol: whether the text goes on.
    pub(super) fn goes_on(&self, distance: usize) -> bool {
        self.head + distance < self.ahead.len()
    }

    /// Offset of the symbol at a distance ahead, or of the end.
    pub(super) fn offset(&self, distance: usize) -> u64 {
        self.ahead
            .get(self.head + distance)
            .map_or(self.end, |cell| cell.at)
    }

    /// Whether the text ahead begins with these ASCII characters, at a distance. With `caseless`, in any case.
    pub(super) fn starts_with(
        &self,
        distance: usize,
        word: &[u8],
        caseless: bool,
    ) -> Result<bool, More> {
        for (index, wanted) in word.iter().enumerate() {
            let byte = self.byte(distance + index)?;
            let same = if caseless {
                byte.eq_ignore_ascii_case(wanted)
            } else {
                byte == *wanted
            };
            if !same {
                return Ok(false);
            }
        }
        Ok(true)
    }

    // --- moving ---

    /// Lets the next symbol pass.
    #[inline]
    pub(super) fn advance(&mut self) {
        if let Some(cell) = self.ahead.get(self.head) {
            let symbol = cell.symbol;
            self.head += 1;
            self.put_back(symbol);
        }
    }

    /// Lets letters and digits pass, and tells whether there were any.
    pub(super) fn pass_word(&mut self) -> bool {
        let from = self.head;
        while let Some(cell) = self.ahead.get(self.head) {
            let byte = cell.symbol.ascii();
            if !byte.is_ascii_alphanumeric() {
                break;
            }
            let symbol = cell.symbol;
            self.head += 1;
            self.put_back(symbol);
        }
        self.head > from
    }

    /// Lets symbols pass as long as what they are does; tells how many.
    #[inline]
    pub(super) fn pass_while(&mut self, mut passes: impl FnMut(u8) -> bool) -> usize {
        let ahead = self.ahead.get(self.head..).unwrap_or_default();
        let count = ahead
            .iter()
            .take(BACK)
            .take_while(|cell| passes(cell.symbol.ascii()))
            .count();
        if self.back.len() + count > 2 * BACK {
            self.back.drain(..self.back.len() - BACK);
            self.dropped = true;
        }
        self.back
            .extend(ahead[..count].iter().map(|cell| cell.symbol));
        self.head += count;
        count
    }

    /// Drops letters and digits; gives the last of them, if there were any.
    pub(super) fn skip_word(&mut self) -> Option<u8> {
        let mut last = None;
        while let Some(cell) = self.ahead.get(self.head) {
            let byte = cell.symbol.ascii();
            if !byte.is_ascii_alphanumeric() {
                break;
            }
            last = Some(byte);
            self.head += 1;
        }
        last
    }

    /// Drops at most so many symbols; tells how many.
    pub(super) fn skip_some(&mut self, most: usize) -> usize {
        let count = most.min(self.ahead.len() - self.head);
        self.head += count;
        count
    }

    /// Nothing but the next symbols, so many backslashes, stands before the quote behind them, if one does.
    pub(super) fn set_escape(&mut self, backslashes: usize) {
        let Some((quote, before)) = self
            .ahead
            .get_mut(self.head..=self.head + backslashes)
            .and_then(<[Cell]>::split_last_mut)
        else {
            return;
        };
        if matches!(quote.symbol.ascii(), b'"' | b'\'' | b'`') && !quote.symbol.coded {
            let encoded = quote.symbol.percent > 0;
            let own = before.iter().rev();
            let own = own.take_while(|cell| (cell.symbol.percent > 0) == encoded);
            quote.symbol.escape = own.count() as u8;
        }
    }

    /// Drops the next symbol.
    #[inline]
    pub(super) fn skip(&mut self) {
        self.head += 1;
    }

    /// A text, which is ASCII, has been put out in place of what was dropped.
    pub(super) fn passed(&mut self, text: &[u8]) {
        for byte in text {
            self.put_back(Symbol::plain(u32::from(*byte)));
        }
    }

    /// A symbol stands behind that did not come by the front.
    #[inline]
    pub(super) fn put_back(&mut self, symbol: Symbol) {
        if self.back.len() == 2 * BACK {
            self.back.drain(..BACK);
            self.dropped = true;
        }
        self.back.push(symbol);
    }

    // --- back ---

    /// The symbol at a distance behind (0 is the last that passed).
    #[inline]
    pub(super) fn back(&self, distance: usize) -> Option<Symbol> {
        let index = self.back.len().checked_sub(distance + 1)?;
        if distance < BACK {
            self.back.get(index).copied()
        } else {
            None
        }
    }

    /// The symbols from one distance behind, which is not in it, to another that is nearer.
    #[inline]
    pub(super) fn between(&self, far: usize, near: usize) -> &[Symbol] {
        let from = self.back.len().saturating_sub(far.min(BACK));
        let to = self.back.len().saturating_sub(near);
        self.back.get(from..to).unwrap_or_default()
    }

    /// The character at a distance behind; 0 where there is none, 0x80 where it is not ASCII.
    pub(super) fn back_byte(&self, distance: usize) -> u8 {
        self.back(distance).map_or(0, Symbol::ascii)
    }

    /// Whether the text starts at that distance behind.
    pub(super) fn is_start(&self, distance: usize) -> bool {
        !self.dropped && distance == self.back.len()
    }
}
