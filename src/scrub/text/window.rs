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

use super::before::push;
use super::symbol::{ESCAPE, Layer, Symbol, is_alone, simple};

/// Most symbols ahead that a decision may depend on.
pub(super) const AHEAD: usize = 512;
/// Most raw bytes ahead that a decision may depend on, which bounds what is carried from chunk to chunk.
const AHEAD_BYTES: u64 = 4096;
/// Most symbols behind that a decision may depend on.
pub(super) const BACK: usize = 256;

/// How many bytes are looked at before it is asked whether one was not plain.
const STRIDE: usize = 16;

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
    /// All symbols since the text's start are bytes of ASCII that stand for themselves. Then what is ahead is as many bytes as symbols, and
    /// the next two are not kept.
    plain: bool,
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
        self.plain = true;
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

    /// Gives back the memory that only texts with escapes or other letters than ASCII's take.
    pub(super) fn give_back(&mut self) {
        self.symbols = Vec::new();
        self.offsets = Vec::new();
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
        if self.plain && !(cell.symbol.is_plain() && end - cell.at == 1) {
            self.tell_apart();
        }
        self.ascii.push(cell.symbol.ascii());
        if !self.plain {
            self.symbols.push(cell.symbol);
            self.offsets.push((cell.at - self.base) as u32);
        }
        self.wide |= end - cell.at > NARROW;
        self.end = end;
    }

    /// Appends the bytes at the front, from an offset on, that stand for themselves; tells how many there were. No backslash stands before
    /// the first.
    pub(super) fn append_plain(&mut self, bytes: &[u8], at: u64) -> usize {
        let room = (AHEAD + 1).saturating_sub(self.ascii.len() - self.head);
        let count = plain_run(bytes, room);
        if count == 0 {
            return 0;
        }
        self.make_room(count);
        let some = &bytes[..count];
        self.ascii.extend_from_slice(some);
        if !self.plain {
            let symbols = some.iter().map(|byte| Symbol::plain(u32::from(*byte)));
            self.symbols.extend(symbols);
            let first = (at - self.base) as u32;
            self.offsets.extend(first..first + count as u32);
        }
        self.end = at + count as u64;
        count
    }

    /// Appends the symbols at the front, from an offset on, that are written in [one of the most common ways](simple), but for backslashes
    /// and quotes; tells how many bytes that were. No backslash stands before the first.
    pub(super) fn append_simple(&mut self, bytes: &[u8], at: u64, layer: Layer) -> usize {
        let mut used = 0;
        while self.has_room()
            && let Some((symbol, width)) = simple(&bytes[used..], layer)
            && !matches!(symbol.ascii(), b'\\' | b'"' | b'\'' | b'`')
        {
            if self.plain {
                self.tell_apart();
            }
            self.make_room(1);
            self.ascii.push(symbol.ascii());
            self.symbols.push(symbol);
            self.offsets.push((at + used as u64 - self.base) as u32);
            used += width;
            self.end = at + used as u64;
        }
        used
    }

    /// From here on, symbols and their offsets are kept.
    #[cold]
    fn tell_apart(&mut self) {
        let room = self.ascii.capacity();
        self.symbols.reserve_exact(room);
        self.offsets.reserve_exact(room);
        let symbols = self.ascii.iter();
        self.symbols
            .extend(symbols.map(|byte| Symbol::plain(u32::from(*byte))));
        let next = (self.offset(0) - self.base) as u32;
        self.offsets.resize(self.head, 0);
        self.offsets
            .extend(next..next + (self.ascii.len() - self.head) as u32);
        self.plain = false;
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
        if !self.plain {
            self.symbols.reserve_exact(more);
            self.offsets.reserve_exact(more);
        }
    }

    /// Drops what nothing looks at any more.
    fn let_go(&mut self) {
        let from = self.back.saturating_sub(BACK);
        let dropped = self.back..self.head;
        self.ascii.drain(dropped.clone());
        self.ascii.drain(..from);
        if !self.plain {
            self.symbols.drain(dropped.clone());
            self.symbols.drain(..from);
            self.offsets.drain(dropped);
            self.offsets.drain(..from);
        }
        let looked = self.looked.get().saturating_sub(self.head);
        self.back -= from;
        self.head = self.back;
        self.looked.set(self.head + looked);
        // Offsets stay small however long the text is.
        let base = self.offset(0);
        if self.plain {
            self.base = base;
            return;
        }
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
        self.has_next().then(|| Cell {
            symbol: self.symbol(self.head),
            at: self.offset(0),
        })
    }

    /// The symbol at an index.
    #[inline]
    fn symbol(&self, index: usize) -> Symbol {
        if self.plain {
            Symbol::plain(u32::from(self.ascii[index]))
        } else {
            self.symbols[index]
        }
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
        let index = self.head + distance;
        if index < self.ascii.len() {
            Ok(self.is_near(distance).then(|| self.symbol(index)))
        } else {
            self.beyond(distance).map(|()| None)
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
    #[inline]
    pub(super) fn offset(&self, distance: usize) -> u64 {
        if self.plain {
            let ahead = self.ascii.len() - self.head;
            return self.end - ahead.saturating_sub(distance) as u64;
        }
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

    /// Whether as many symbols as may be looked at could be too many bytes.
    pub(super) fn is_wide(&self) -> bool {
        self.wide
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
            if !self.plain {
                self.symbols.copy_within(self.head..to, self.back);
            }
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
        // Where all stand for themselves, there is no quote that has backslashes before it.
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
        if self.plain && !symbol.is_plain() {
            self.tell_apart();
        }
        if self.back == self.head {
            self.widen_gap();
        }
        self.ascii[self.back] = symbol.ascii();
        if !self.plain {
            self.symbols[self.back] = symbol;
        }
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
        if !self.plain {
            self.symbols.resize(to + ROOM, Symbol::plain(0));
            self.symbols.copy_within(from..to, from + ROOM);
            self.offsets.resize(to + ROOM, 0);
            self.offsets.copy_within(from..to, from + ROOM);
        }
        self.looked
            .set(self.looked.get() + if self.looked.get() > from { ROOM } else { 0 });
        self.head += ROOM;
    }

    // --- back ---

    /// The symbol at a distance behind (0 is the last that passed).
    #[inline]
    pub(super) fn back(&self, distance: usize) -> Option<Symbol> {
        let index = self.back.checked_sub(distance + 1)?;
        (distance < BACK).then(|| self.symbol(index))
    }

    /// Appends to a name, in UTF-8, what stands from one distance behind, which is not in it, to another that is nearer.
    #[inline]
    pub(super) fn read_back(&self, far: usize, near: usize, name: &mut Vec<u8>) {
        let from = self.back.saturating_sub(far.min(BACK));
        let to = self.back.saturating_sub(near);
        if self.plain {
            name.extend_from_slice(self.ascii.get(from..to).unwrap_or_default());
            return;
        }
        for symbol in self.symbols.get(from..to).unwrap_or_default() {
            push(name, *symbol);
        }
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
    pub(super) fn behind(&self) -> impl DoubleEndedIterator<Item = Symbol> {
        let from = self.back.saturating_sub(BACK);
        (from..self.back).map(|index| self.symbol(index))
    }

    /// How many symbols have passed since the text's start.
    pub(super) fn passed_since_start(&self) -> usize {
        self.passed
    }

    /// Makes a window that has been started one that stands behind these symbols, so many having passed since the text's start.
    pub(super) fn restore(&mut self, behind: &[Symbol], passed: usize) {
        self.plain = behind.iter().all(|symbol| symbol.is_plain());
        self.make_room(behind.len());
        self.ascii
            .extend(behind.iter().map(|symbol| symbol.ascii()));
        if !self.plain {
            self.symbols.extend_from_slice(behind);
            self.offsets.resize(behind.len(), 0);
        }
        self.back = behind.len();
        self.head = behind.len();
        self.passed = passed;
        self.looked.set(self.head);
    }
}

/// How many bytes at the start, and at most that many, stand for themselves however the text is spelled. No backslash stands before the first.
#[inline]
fn plain_run(bytes: &[u8], most: usize) -> usize {
    let some = &bytes[..bytes.len().min(most)];
    let escapes = |byte: &u8| {
        (*byte >= 0x80) | (*byte == b'\\') | (*byte == b'%') | (*byte == b'&') | (*byte == ESCAPE)
    };
    let mut count = 0;
    loop {
        while let Some(stride) = some[count..].first_chunk::<STRIDE>()
            && !stride.iter().fold(false, |any, byte| any | escapes(byte))
        {
            count += STRIDE;
        }
        let rest = some[count..].iter();
        count += rest.take_while(|byte| !escapes(byte)).count();
        if count == some.len() || !is_alone(&bytes[count..]) {
            return count;
        }
        count += 1;
    }
}
