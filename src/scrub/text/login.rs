//! User and password before the address in a data source name of Go's MySQL driver: `ann:x@tcp(db:3306)/shop` (go-sql-driver/mysql,
//! README, "DSN").

use super::symbol::Symbol;
use super::value::{Until, Value, is_name, is_space};
use super::window::More;
use super::{Context, TextMachine};

/// Longest password that is looked for, in characters.
const PASSWORD: usize = 256;
const NETWORKS: [&[u8]; 3] = [b"@tcp(", b"@unix(", b"@udp("];

impl TextMachine {
    /// At a colon behind a user. Tells whether something was redacted.
    pub(super) fn at_login(
        &mut self,
        separator: Symbol,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
        let Some(rule) = cx.plan.user_info.filter(|_| self.glance.login()) else {
            return Ok(false);
        };
        // What has been looked at once is not looked at again, so that many colons cost no more than one.
        if self.window.offset(0) < self.no_login || !self.window.back(0).is_some_and(is_name) {
            return Ok(false);
        }
        let mut at = 1;
        let mut end = None;
        while at <= PASSWORD
            && let Some(symbol) = self.window.peek(at)?
            && !is_space(symbol)
            && !self.closes_outer(at)?
        {
            if symbol.ascii() == b'@' {
                for network in NETWORKS {
                    if self.window.starts_with(at, network, false)? {
                        end = Some(at);
                    }
                }
            }
            at += 1;
        }
        let Some(end) = end else {
            self.no_login = self.window.offset(at);
            return Ok(false);
        };
        if end == 1 {
            return Ok(false);
        }
        self.redact(rule, 1, Value::new(Until::Count(end - 1), separator), cx);
        Ok(true)
    }
}
