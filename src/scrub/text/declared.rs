//! A variable that is declared with its type: `token: &str = "x"`, `var token string = "x"`.

use super::before::Before;
use super::separator::WORDS;
use super::symbol::Symbol;
use super::value::{Opening, Tail, is_name};
use super::window::More;
use super::{Context, TextMachine};
use crate::scrub::MARKER;
use crate::scrub::name::Verdict;

/// Longest type that is read, in characters.
const TYPE: usize = 64;
/// Types that stand behind the name they belong to, without a colon (Go's strings).
const BEHIND: [&[u8]; 2] = [b"string", b"[]byte"];

impl TextMachine {
    /// If a type and an equals sign stand at a distance ahead: where the value behind them begins.
    pub(super) fn behind_type(&self, at: usize) -> Result<Option<usize>, More> {
        if self.window.starts_with(at, MARKER, false)? {
            return Ok(None);
        }
        let reference = self.window.byte(at)? == b'&';
        let mut next = at;
        let mut depth = 0_usize;
        loop {
            let byte = self.window.byte(next)?;
            match byte {
                b'<' => depth += 1,
                b'>' => depth = depth.saturating_sub(1),
                _ => {}
            }
            let before = self.window.byte(next.saturating_sub(1))?;
            let either = byte == b' ' && (before == b'|' || self.window.byte(next + 1)? == b'|');
            let part = byte.is_ascii_alphanumeric()
                || matches!(
                    byte,
                    b'_' | b'.' | b'&' | b'*' | b'<' | b'>' | b'[' | b']' | b'?' | b'|' | b':'
                )
                || either
                || ((reference || depth > 0) && matches!(byte, b' ' | b'\''));
            if !part || next - at > TYPE {
                break;
            }
            next += 1;
        }
        if next == at {
            return Ok(None);
        }
        let (gap, _) = self.gap(next)?;
        if gap == 0 && self.window.byte(next - 1)? != b' ' {
            return Ok(None);
        }
        next += gap;
        if self.window.byte(next)? != b'=' || matches!(self.window.byte(next + 1)?, b'=' | b'>') {
            return Ok(None);
        }
        let (gap, newline) = self.gap(next + 1)?;
        Ok((!newline).then_some(next + 1 + gap))
    }

    /// What a declared variable is set to, at a distance ahead, if it is a string.
    pub(super) fn declared(
        &mut self,
        verdict: Verdict,
        name: Before,
        start: usize,
        separator: Symbol,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
        let is_string = match self.opening(start)? {
            Opening::Quote { .. } => true,
            Opening::Bracket(_) | Opening::Marker | Opening::Plain => {
                self.typed_bracket(start, true)?.is_some()
            }
        };
        if !is_string {
            return Ok(false);
        }
        let done = self.opened(verdict.rule, name, start, separator, Tail::None, false, cx)?;
        Ok(done.unwrap_or(false))
    }

    /// At the equals sign behind a type of Go, which ends `end` symbols back: the denied name before the type.
    pub(super) fn before_type(
        &mut self,
        end: usize,
        cx: &Context<'_>,
    ) -> Option<(Verdict, Before)> {
        let mut start = end;
        while let Some(symbol) = self.window.back(start)
            && (is_name(symbol) || matches!(symbol.ascii(), b'[' | b']'))
            && start - end <= TYPE
        {
            start += 1;
        }
        self.read_name(start, end);
        if self.window.back_byte(start) != b' ' || !BEHIND.contains(&self.name.as_slice()) {
            return None;
        }
        let before = self.bare_name(start + 1, b"")?;
        let verdict = self.denied(WORDS, cx.plan)?;
        Some((verdict, before))
    }
}
