//! The asterisks of Markdown around a name: `**token**: x`, `**token:** x`.

use super::TextMachine;
use super::before::Before;
use super::value::is_space;
use super::window::More;

/// Most asterisks.
const ASTERISKS: usize = 3;

impl TextMachine {
    /// How many symbols back a name ends that may have asterisks behind it.
    pub(super) fn before_emphasis(&self, end: usize) -> usize {
        let mut count = 0;
        while count < ASTERISKS && self.window.back_byte(end + count) == b'*' {
            count += 1;
        }
        end + count
    }

    /// How many asterisks at a distance ahead, behind a name and its colon, close those before the name.
    pub(super) fn emphasis_end(&self, name: Before, at: usize) -> Result<usize, More> {
        let mut count = 0;
        while count < ASTERISKS
            && self.window.back_byte(name.start + count) == b'*'
            && self.window.byte(at + count)? == b'*'
        {
            count += 1;
        }
        let closes = self.window.peek(at + count)?.is_some_and(is_space);
        Ok(if closes { count } else { 0 })
    }
}
