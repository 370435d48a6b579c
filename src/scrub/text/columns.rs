//! PostgreSQL's account of a row: the names of its columns in brackets, and their values in others: `Key (email, token)=(a, x)`
//! (PostgreSQL manual, "Error message style guide"; `BuildIndexValueDescription`).

use super::separator::WORDS;
use super::symbol::Symbol;
use super::value::{Until, Value};
use super::window::More;
use super::{Context, TextMachine};

/// Longest list of names, in characters.
const NAMES: usize = 200;

impl TextMachine {
    /// At the equals sign between the brackets: all values go if one of the names says so, since any of them may have a comma in it.
    pub(super) fn at_columns(
        &mut self,
        separator: Symbol,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
        let mut start = 1;
        while self.window.back(start).is_some() && self.window.back_byte(start) != b'(' {
            start += 1;
            if start > NAMES {
                return Ok(false);
            }
        }
        let mut from = start;
        while from > 1 {
            let mut to = from - 1;
            while to > 0 && self.window.back_byte(to) != b',' {
                to -= 1;
            }
            // Of `lower(email::text)` the words are names, too.
            self.read_name(from, to + 1);
            self.name = self.name.trim_ascii().to_vec();
            if let Some(verdict) = self.denied(WORDS, cx.plan) {
                let value = Value::new(Until::Columns, separator);
                return self.whole(verdict.rule, 2, value, cx);
            }
            from = to;
        }
        Ok(false)
    }
}
