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

use std::cell::Cell as Remembered;

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

/// How many symbols are kept at most before those are dropped that nothing looks at any more.
const KEPT: usize = AHEAD + BACK + 2 * ROOM;
/// Widest symbol of which as many as may be looked at are not too many bytes.
const NARROW: u64 = AHEAD_BYTES / AHEAD as u64;
/// How much room is made at once for what stands in place of a value and is longer than it.
const ROOM: usize = 32;

/// One stretch of memory holds what is behind and what is ahead, and between them a gap as wide as what has been dropped:
///
/// ```text
///   | behind ... | gap | ahead ... |
///                back  head
/// ```
///
/// As long as nothing is dropped there is no gap, and letting symbols pass moves none of them.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// What each symbol is as ASCII, or 0x80: most questions need no more.
    ascii: Vec<u8>,
    symbols: Vec<Symbol>,
    /// The offset of each, from `base` on; of those behind it is of no use.
    offsets: Vec<u32>,
    base: u64,
    /// Index behind the last symbol that has passed.
    back: usize,
    /// Index of the next symbol.
    head: usize,
    /// How many symbols have passed since the text's start.
    passed: usize,
    /// Index behind the farthest symbol that has been looked at.
    looked: Remembered<usize>,
    /// A symbol is so wide that as many as may be looked at could be too many bytes.
    wide: bool,
    /// Offset behind the last symbol.
    end: u64,
    /// The text ends behind the symbols ahead.
    ended: bool,
}

impl Window {
    pub(super) fn start(&mut self, at: u64) {
        self.ascii.clear();
        self.symbols.clear();
        self.offsets.clear();
        self.back = 0;
        self.head = 0;
        self.passed = 0;
        self.looked.set(0);
        self.wide = false;
        self.base = at;
        self.end = at;
        self.ended = false;
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.ascii.capacity()
            + self.symbols.capacity() * size_of::<Symbol>()
            + self.offsets.capacity() * size_of::<u32>()
    }

    // --- filling ---

    /// Whether another symbol may be appended.
    pub(super) fn has_room(&self) -> bool {
        // One more than may be looked at, which tells whether the text goes on.
        self.ascii.len() - self.head <= AHEAD
    }

    /// Appends a symbol that ends at an offset.
    pub(super) fn append(&mut self, cell: Cell, end: u64) {
        self.make_room(1);
        self.ascii.push(cell.symbol.ascii());
        self.symbols.push(cell.symbol);
        self.offsets.push((cell.at - self.base) as u32);
        self.wide |= end - cell.at > NARROW;
        self.end = end;
    }

    /// Appends the bytes at the front, from an offset on, that are characters by themselves however they are spelled, and no quotes;
    /// tells how many there were.
    pub(super) fn append_plain(&mut self, bytes: &[u8], at: u64) -> usize {
        let room = (AHEAD + 1).saturating_sub(self.ascii.len() - self.head);
        let some = &bytes[..bytes.len().min(room)];
        let plain = some.iter().take_while(|byte| PLAIN[usize::from(**byte)]);
        let count = plain.count();
        if count == 0 {
            return 0;
        }
        self.make_room(count);
        let some = &some[..count];
        self.ascii.extend_from_slice(some);
        let symbols = some.iter().map(|byte| Symbol::plain(u32::from(*byte)));
        self.symbols.extend(symbols);
        let first = (at - self.base) as u32;
        self.offsets.extend(first..first + count as u32);
        self.end = at + count as u64;
        count
    }

    /// Makes room for so many more symbols.
    #[inline]
    fn make_room(&mut self, count: usize) {
        if self.ascii.len() + count > KEPT {
            self.let_go();
        }
        if self.ascii.len() + count > self.ascii.capacity() {
            self.grow(count);
        }
    }

    /// Makes room in memory, and not by doubling, which would take more than can be needed.
    #[cold]
    fn grow(&mut self, count: usize) {
        let needed = self.ascii.len() + count;
        let room = if needed <= KEPT / 4 {
            KEPT / 4
        } else {
            KEPT + ROOM
        };
        let more = room.max(needed) - self.ascii.len();
        self.ascii.reserve_exact(more);
        self.symbols.reserve_exact(more);
        self.offsets.reserve_exact(more);
    }

    /// Drops what nothing looks at any more.
    fn let_go(&mut self) {
        let from = self.back.saturating_sub(BACK);
        self.ascii.drain(self.back..self.head);
        self.ascii.drain(..from);
        self.symbols.drain(self.back..self.head);
        self.symbols.drain(..from);
        self.offsets.drain(self.back..self.head);
        self.offsets.drain(..from);
        let looked = self.looked.get().saturating_sub(self.head);
        self.back -= from;
        self.head = self.back;
        self.looked.set(self.head + looked);
        // Offsets stay small however long the text is.
        let base = self.offset(0);
        let gone = (base - self.base) as u32;
        for offset in &mut self.offsets[self.head..] {
            *offset -= gone;
        }
        self.base = base;
    }

    /// Nothing comes behind what has been appended.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    // --- ahead ---

    /// The next symbol, if one is at hand.
    #[inline]
    pub(super) fn next(&self) -> Option<Cell> {
        let symbol = *self.symbols.get(self.head)?;
        let at = self.base + u64::from(*self.offsets.get(self.head)?);
        Some(Cell { symbol, at })
    }

    /// Whether a symbol is at hand.
    #[inline]
    pub(super) fn has_next(&self) -> bool {
        self.head < self.ascii.len()
    }

    /// The symbol at a distance ahead (0 is the next).
    #[inline]
    pub(super) fn peek(&self, distance: usize) -> Result<Option<Symbol>, More> {
        self.note(distance);
        match self.symbols.get(self.head + distance) {
            Some(symbol) => Ok(self.is_near(distance).then_some(*symbol)),
            None => self.beyond(distance).map(|()| None),
        }
    }

    /// Takes note that the symbol at a distance ahead has been looked at.
    #[inline]
    pub(super) fn note(&self, distance: usize) {
        let behind = self.head + distance + 1;
        // Not the maximum, which would make each look wait for the one before.
        if behind > self.looked.get() {
            self.looked.set(behind);
        }
    }

    /// How far ahead has been looked, in symbols: 0 is not at all.
    #[inline]
    pub(super) fn looked(&self) -> usize {
        self.looked.get().saturating_sub(self.head)
    }

    /// No farther has been looked than that.
    #[inline]
    pub(super) fn forget(&self, looked: usize) {
        self.looked.set(self.head + looked);
    }

    /// Whether a symbol at hand, at a distance ahead, is within the bound of what may be looked at.
    #[inline]
    fn is_near(&self, distance: usize) -> bool {
        distance < AHEAD && (!self.wide || self.offset(distance) - self.offset(0) <= AHEAD_BYTES)
    }

    /// Whether nothing stands at a distance ahead where nothing is at hand.
    #[inline]
    fn beyond(&self, distance: usize) -> Result<(), More> {
        if self.ended || distance > AHEAD {
            Ok(())
        } else {
            Err(More)
        }
    }

    /// The character at a distance ahead; 0 where there is none, 0x80 where it is not ASCII.
    #[inline]
    pub(super) fn byte(&self, distance: usize) -> Result<u8, More> {
        self.note(distance);
        match self.ascii.get(self.head + distance) {
            Some(byte) if self.is_near(distance) => Ok(*byte),
            Some(_) => Ok(0),
            None => self.beyond(distance).map(|()| 0),
        }
    }

    /// Where [`Window::peek`] has no symbol: whether the text goes on.
    pub(super) fn goes_on(&self, distance: usize) -> bool {
        self.head + distance < self.ascii.len()
    }

    /// Offset of the symbol at a distance ahead, or of the end.
    pub(super) fn offset(&self, distance: usize) -> u64 {
        self.offsets
            .get(self.head + distance)
            .map_or(self.end, |offset| self.base + u64::from(*offset))
    }

    /// Whether the text ahead begins with these ASCII characters, at a distance. With `caseless`, in any case.
    #[inline]
    pub(super) fn starts_with(
        &self,
        distance: usize,
        word: &[u8],
        caseless: bool,
    ) -> Result<bool, More> {
        let same = |found: &[u8], wanted: &[u8]| match caseless {
            true => found.eq_ignore_ascii_case(wanted),
            false => found == wanted,
        };
        // Most often the first tells.
        if let (Some(first), [wanted, ..]) = (self.ascii.get(self.head + distance), word)
            && !same(&[*first], &[*wanted])
        {
            self.note(distance);
            return Ok(false);
        }
        let behind = distance + word.len();
        self.note(behind.saturating_sub(1));
        if !self.wide
            && behind <= AHEAD
            && let Some(found) = self.ascii.get(self.head + distance..self.head + behind)
        {
            return Ok(same(found, word));
        }
        for (index, wanted) in word.iter().enumerate() {
            if !same(&[self.byte(distance + index)?], &[*wanted]) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The characters at hand.
    #[inline]
    pub(super) fn ahead(&self) -> &[u8] {
        self.ascii.get(self.head..).unwrap_or_default()
    }

    // --- moving ---

    /// Lets the next symbol pass.
    #[inline]
    pub(super) fn advance(&mut self) {
        self.advance_by(1);
    }

    /// Lets so many symbols pass, or all there are.
    #[inline]
    pub(super) fn advance_by(&mut self, count: usize) {
        let to = (self.head + count).min(self.ascii.len());
        if self.back != self.head {
            self.ascii.copy_within(self.head..to, self.back);
            self.symbols.copy_within(self.head..to, self.back);
        }
        let count = to - self.head;
        self.back += count;
        self.passed += count;
        self.head = to;
    }

    /// Drops so many symbols, or all there are.
    #[inline]
    pub(super) fn skip_by(&mut self, count: usize) {
        self.head = (self.head + count).min(self.ascii.len());
    }

    /// Nothing but the next symbols, so many backslashes, stands before the quote behind them, if one does.
    pub(super) fn set_escape(&mut self, backslashes: usize) {
        let Some((quote, before)) = self
            .symbols
            .get_mut(self.head..=self.head + backslashes)
            .and_then(<[Symbol]>::split_last_mut)
        else {
            return;
        };
        if matches!(quote.ascii(), b'"' | b'\'' | b'`') && !quote.coded {
            let encoded = quote.percent > 0;
            let own = before.iter().rev();
            let own = own.take_while(|symbol| (symbol.percent > 0) == encoded);
            quote.escape = own.count() as u8;
        }
    }

    /// Drops the next symbol.
    #[inline]
    pub(super) fn skip(&mut self) {
        self.skip_by(1);
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
        if self.back == self.head {
            self.widen_gap();
        }
        self.ascii[self.back] = symbol.ascii();
        self.symbols[self.back] = symbol;
        self.back += 1;
        self.passed += 1;
    }

    /// Makes the gap wider.
    #[cold]
    fn widen_gap(&mut self) {
        let (from, to) = (self.head, self.ascii.len());
        if to + ROOM > self.ascii.capacity() {
            self.grow(ROOM);
        }
        self.ascii.resize(to + ROOM, 0);
        self.ascii.copy_within(from..to, from + ROOM);
        self.symbols.resize(to + ROOM, Symbol::plain(0));
        self.symbols.copy_within(from..to, from + ROOM);
        self.offsets.resize(to + ROOM, 0);
        self.offsets.copy_within(from..to, from + ROOM);
        self.looked
            .set(self.looked.get() + if self.looked.get() > from { ROOM } else { 0 });
        self.head += ROOM;
    }

    // --- back ---

    /// The symbol at a distance behind (0 is the last that passed).
    #[inline]
    pub(super) fn back(&self, distance: usize) -> Option<Symbol> {
        let index = self.back.checked_sub(distance + 1)?;
        if distance < BACK {
            self.symbols.get(index).copied()
        } else {
            None
        }
    }

    /// The symbols from one distance behind, which is not in it, to another that is nearer.
    #[inline]
    pub(super) fn between(&self, far: usize, near: usize) -> &[Symbol] {
        let from = self.back.saturating_sub(far.min(BACK));
        let to = self.back.saturating_sub(near);
        self.symbols.get(from..to).unwrap_or_default()
    }

    /// The character at a distance behind; 0 where there is none, 0x80 where it is not ASCII.
    #[inline]
    pub(super) fn back_byte(&self, distance: usize) -> u8 {
        match self.back.checked_sub(distance + 1) {
            Some(index) if distance < BACK => self.ascii[index],
            Some(_) | None => 0,
        }
    }

    /// Whether the text starts at that distance behind.
    pub(super) fn is_start(&self, distance: usize) -> bool {
        distance == self.passed
    }

    // --- reading again ---

    /// The symbols behind that a decision may depend on.
    pub(super) fn behind(&self) -> &[Symbol] {
        self.between(BACK, 0)
    }

    /// How many symbols have passed since the text's start.
    pub(super) fn passed_since_start(&self) -> usize {
        self.passed
    }

    /// Makes a window that has been started one that stands behind these symbols, so many having passed since the text's start.
    pub(super) fn restore(&mut self, behind: &[Symbol], passed: usize) {
        self.make_room(behind.len());
        self.ascii
            .extend(behind.iter().map(|symbol| symbol.ascii()));
        self.symbols.extend_from_slice(behind);
        self.offsets.resize(behind.len(), 0);
        self.back = behind.len();
        self.head = behind.len();
        self.passed = passed;
        self.looked.set(self.head);
    }
}
