//! The fast lane: members and elements in which nothing is to be done, read without events.
//!
//! Most of a document is like that: a key that no rule knows, and a string without escapes in which a [`Glance`] sees nothing. The lane
//! takes such a token as a whole, or leaves it, and everything that is not plain, to the lexer and its events: it can only say that there
//! is nothing. It gives up before it has changed anything, so that the token is read anew. Tokens that a chunk cuts are left, too; so
//! every test that cuts documents compares the lane with the events.

use super::again::Seen;
use super::frame::{Before, Frame, Next, Treat};
use super::keys::Role;
use super::lexer::{Container, Expect, plain_run};
use super::members::{Simple, ends_token};
use super::{CAPTURE_BYTES, Glanced, JsonScrubber};
use crate::scrub::blocks::Run;
use crate::scrub::path::{NOWHERE, NodeIndex};
use crate::scrub::splice::Splicer;
use crate::scrub::text::{Glance, Kind, Signs};

impl JsonScrubber {
    /// Reads tokens from `at` on as long as they are plain.
    pub(super) fn read_plain(
        &mut self,
        bytes: &[u8],
        at: &mut usize,
        base: u64,
        splicer: &mut Splicer,
    ) {
        if self.is_pending() || !splicer.is_idle() {
            return;
        }
        while self.plain_token(bytes, at, base, splicer).is_some() {}
    }

    /// Reads the next token, if it is plain.
    #[inline]
    fn plain_token(
        &mut self,
        bytes: &[u8],
        at: &mut usize,
        base: u64,
        splicer: &mut Splicer,
    ) -> Option<()> {
        let frame = self.frames.last_mut()?;
        if frame.treat != Treat::Plain || frame.hold != 0 {
            return None;
        }
        let mut here = *at;
        let first = loop {
            match bytes.get(here)? {
                b' ' | b'\t' | b'\r' => here += 1,
                b'\n' if !self.one_line => here += 1,
                byte => break *byte,
            }
        };
        let in_array = frame.container == Container::Array;
        let expect = self.lexer.expects()?;
        match expect {
            Expect::CommaOrClose if first == b',' => {
                self.plain_comma(in_array);
                *at = here + 1;
            }
            Expect::Key | Expect::KeyOrClose if first == b'"' => {
                *at = here;
                return self.plain_members(bytes, at, base, splicer);
            }
            Expect::Colon if first == b':' => {
                self.lexer.pass_colon();
                *at = here + 1;
            }
            Expect::Value | Expect::ValueOrClose if first != b']' => {
                if self.events_only && self.next.role.is(Role::TYPE) {
                    return None;
                }
                let is_plain = match in_array {
                    true => frame.before == Before::Nothing,
                    false => self.next.is_plain(),
                };
                let length = match first {
                    b'"' => {
                        let run = self.plain_string(bytes, here + 1)?;
                        let nothing = is_plain
                            && self
                                .plain_value(bytes, here + 1, run, base, in_array)
                                .is_some();
                        if !nothing {
                            *at = here + run.length() + 2;
                            return self.whole_string(bytes, here, run.length(), base, splicer);
                        }
                        run.length() + 2
                    }
                    _ if !is_plain => return None,
                    b'0'..=b'9' => self.plain_number(&bytes[here..])?,
                    b't' | b'f' | b'n' => plain_literal(&bytes[here..])?,
                    b'{' | b'[' => match self.container_again(bytes, here, base, splicer) {
                        Seen::Before(end) => end - here,
                        Seen::Cut => {
                            *at = here;
                            return None;
                        }
                        Seen::New => {
                            let container = match first {
                                b'{' => Container::Object,
                                _ => Container::Array,
                            };
                            if !self.lexer.pass_open(container) {
                                return None;
                            }
                            self.open_plain(container);
                            *at = here + 1;
                            return Some(());
                        }
                    },
                    _ => return None,
                };
                if in_array && let Some(frame) = self.frames.last_mut() {
                    frame.count = frame.count.saturating_add(1);
                    frame.element.is_string = first == b'"';
                }
                *at = here + length;
                if bytes.get(*at) == Some(&b',') {
                    self.plain_comma(in_array);
                    *at += 1;
                } else {
                    self.lexer.pass_value();
                }
            }
            Expect::CommaOrClose | Expect::KeyOrClose | Expect::ValueOrClose
                if first == if in_array { b']' } else { b'}' } =>
            {
                self.lexer.pass_close();
                self.close_plain(base + here as u64, splicer);
                *at = here + 1;
            }
            Expect::CommaOrClose
            | Expect::Key
            | Expect::KeyOrClose
            | Expect::Colon
            | Expect::Value
            | Expect::ValueOrClose
            | Expect::Done => return None,
        }
        Some(())
    }

    /// Reads members of an object, from the quote of a key on, as long as they are plain.
    #[inline]
    fn plain_members(
        &mut self,
        bytes: &[u8],
        at: &mut usize,
        base: u64,
        splicer: &mut Splicer,
    ) -> Option<()> {
        let frame = self.frames.last()?;
        // Known secrets and personal data may be anywhere.
        let may_be_simple = self.has_blocks && self.plan.tells_by_literals();
        let node = frame.node;
        loop {
            if may_be_simple && self.simple_members(bytes, at, node)? {
                return Some(());
            }
            let key_at = *at + 1;
            let length = self.plain_string(bytes, key_at)?.length();
            let key = &bytes[key_at..][..length];
            let behind = key_at + length + 1;
            self.plain_key(key, base + behind as u64, splicer)?;
            *at = behind;
            // Most often the colon stands right behind it, and the value behind that.
            if bytes.get(behind) != Some(&b':') {
                self.lexer.pass_key();
                return Some(());
            }
            let value = behind + 1 + usize::from(bytes.get(behind + 1) == Some(&b' '));
            *at = value;
            self.lexer.pass_colon();
            if !self.next.is_plain() || (self.events_only && self.next.role.is(Role::TYPE)) {
                return Some(());
            }
            let end = match bytes.get(value)? {
                b'"' => {
                    let Some(run) = self.plain_string(bytes, value + 1) else {
                        return Some(());
                    };
                    let end = value + run.length() + 2;
                    if self
                        .plain_value(bytes, value + 1, run, base, false)
                        .is_none()
                    {
                        *at = end;
                        return self.whole_string(bytes, value, run.length(), base, splicer);
                    }
                    end
                }
                b'0'..=b'9' => match self.plain_number(&bytes[value..]) {
                    Some(length) => value + length,
                    None => return Some(()),
                },
                b't' | b'f' | b'n' => match plain_literal(&bytes[value..]) {
                    Some(length) => value + length,
                    None => return Some(()),
                },
                _ => return Some(()),
            };
            *at = end;
            if bytes.get(end) != Some(&b',') {
                self.lexer.pass_value();
                return Some(());
            }
            self.lexer.pass_comma(false);
            *at = end + 1 + usize::from(bytes.get(end + 1) == Some(&b' '));
            if bytes.get(*at) != Some(&b'"') {
                return Some(());
            }
        }
    }

    /// Reads members as long as they are simple, from the quote of a key on. Whether something else comes than another key.
    #[inline]
    fn simple_members(&mut self, bytes: &[u8], at: &mut usize, node: NodeIndex) -> Option<bool> {
        let simple = Simple {
            keys: &self.plan.keys,
            literals: &self.plan.literals,
            node: self.plan.paths.node(node),
        };
        let passed = simple.pass(bytes, *at, &mut self.blocks);
        if passed.keys == 0 {
            return Some(false);
        }
        let frame = self.frames.last_mut()?;
        frame.count = frame.count.saturating_add(passed.keys);
        self.next.clear();
        *at = passed.at;
        self.lexer.pass(passed.expect);
        Some(passed.expect != Expect::Key)
    }

    /// Reads a string that has no escapes, and is a value in which there may be something; tells whether the lane goes on.
    fn whole_string(
        &mut self,
        bytes: &[u8],
        quote: usize,
        length: usize,
        base: u64,
        splicer: &mut Splicer,
    ) -> Option<()> {
        let inside = quote + 1;
        if self
            .glanced
            .is_none_or(|seen| seen.at != base + inside as u64)
        {
            self.see_signs(&bytes[inside..][..length]);
        }
        self.string_start(false, base + quote as u64, splicer);
        self.lexer.pass_value();
        self.string_part(bytes, inside, inside + length, true, base, splicer);
        (!self.is_pending() && splicer.is_idle()).then_some(())
    }

    /// Whether something has begun that each event must be told to.
    fn is_pending(&self) -> bool {
        self.drop.is_some() || self.held_drop.is_some() || self.otlp.is_some()
    }

    /// Opens a container that is a plain value; what [`Self::open`] does where nothing is held and nothing pending.
    #[inline]
    fn open_plain(&mut self, container: Container) {
        let Some(outer) = self.frames.last_mut() else {
            return;
        };
        let next = match outer.container {
            Container::Object => self.next,
            Container::Array => {
                outer.count = outer.count.saturating_add(1);
                outer.element.is_string = false;
                Next {
                    not_names: outer.not_names,
                    ..Next::plain(outer.node)
                }
            }
        };
        let mut frame = Frame::new(container, &next, Treat::Plain);
        frame.no_pair = outer.is_attributes;
        if next.node != NOWHERE {
            let node = self.plan.paths.node(next.node);
            frame.no_number_pair = node.not_number_pairs;
            frame.no_pair |= node.not_pairs;
        }
        self.frames.push(frame);
    }

    /// Closes a plain container, whose bracket stands at an offset; what [`Self::close`] does where nothing is held and nothing pending.
    #[inline]
    fn close_plain(&mut self, at: u64, splicer: &mut Splicer) {
        let frame = self.frames.last();
        if frame.is_none_or(|it| it.node != NOWHERE) || !self.pseudonyms.is_empty() {
            return self.close(at, splicer);
        }
        if let Some(frame) = self.frames.pop() {
            let tells = self.tell_element(&frame);
            self.end_begun(at + 1, tells, splicer);
        }
    }

    /// A comma comes behind a member or element.
    #[inline]
    fn plain_comma(&mut self, in_array: bool) {
        if in_array && let Some(frame) = self.frames.last_mut() {
            frame.next_element(false);
        }
        self.lexer.pass_comma(in_array);
    }

    /// Takes note of a key in which there is nothing.
    #[inline]
    fn plain_key(&mut self, key: &[u8], behind: u64, splicer: &mut Splicer) -> Option<()> {
        if key.len() > CAPTURE_BYTES {
            return None;
        }
        let known = self.known_key(key, self.has_blocks);
        let (role, verdict) = known.name.filter(|_| known.glance.is_idle())?;
        let frame = self.frames.last_mut()?;
        frame.count = frame.count.saturating_add(1);
        // No rule tells where it stands.
        if known.is_plain && frame.node == NOWHERE {
            self.next.clear();
            return Some(());
        }
        let name = (true, known.glance.named());
        self.key_known(key, name, Some((role, verdict)), behind, splicer);
        Some(())
    }

    /// The inside of a string that begins at an index, if it has no escapes, is of ASCII, and ends near.
    #[inline]
    fn plain_string(&mut self, bytes: &[u8], from: usize) -> Option<Run> {
        if !self.has_blocks {
            let mut signs = Signs::default();
            let length = plain_run(&bytes[from..], &mut signs);
            self.lexer.see_plain(signs);
            let ends = bytes.get(from + length) == Some(&b'"');
            return ends.then(|| Run::unread(length));
        }
        let run = self.blocks.run(bytes, from, &self.plan.literals.filter)?;
        (bytes.get(from + run.length()) == Some(&b'"')).then_some(run)
    }

    /// Looks for signs in a string that [`Self::plain_string`] has found, if that has not.
    #[inline]
    fn see_signs(&mut self, text: &[u8]) {
        if self.has_blocks {
            self.lexer.see_plain(Signs::of_plain(text));
        }
    }

    /// Whether there is nothing in the string of a value.
    #[inline]
    fn plain_value(
        &mut self,
        bytes: &[u8],
        from: usize,
        run: Run,
        base: u64,
        in_array: bool,
    ) -> Option<()> {
        let text = &bytes[from..][..run.length()];
        let quiet = self.has_blocks
            && self.plan.tells_by_literals()
            && self.plan.literals.are_none(run, bytes, from, &self.blocks);
        if quiet && !(in_array && self.may_be_command(text)) {
            return Some(());
        }
        let (mark, known) = self.recall_first(text, Kind::Plain, in_array);
        let glance = match known {
            Some(glance) => glance,
            None => self.glance_at(text, from, in_array),
        };
        let is_name = in_array && (glance.named() || self.may_be_command(text));
        if glance.is_idle() && !is_name {
            self.remember_idle(mark, known, glance);
            return Some(());
        }
        self.glanced = Some(Glanced {
            at: base + from as u64,
            glance,
            may_name: in_array,
            mark,
            is_known: known.is_some(),
        });
        None
    }

    /// Glances at a string that [`Self::plain_string`] has found.
    #[inline]
    fn glance_at(&mut self, text: &[u8], from: usize, in_array: bool) -> Glance {
        self.see_signs(text);
        let plan = &*self.plan;
        let has_blocks = self.has_blocks;
        let places = self.blocks.literals(from, from + text.len());
        Glance::with(
            text,
            false,
            self.lexer.signs,
            Kind::Plain,
            in_array,
            plan,
            |wanted| match has_blocks {
                true => plan
                    .literals
                    .look_at(text, wanted, places.map(|at| at - from)),
                false => plan.literals.look(text, wanted),
            },
        )
    }

    /// The length of an integer in which there is nothing.
    #[inline]
    fn plain_number(&self, bytes: &[u8]) -> Option<usize> {
        let length = bytes
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let leads = bytes[0] == b'0' && length > 1;
        if leads || !bytes.get(length).is_some_and(|it| ends_token(*it)) {
            return None;
        }
        let says = !(self.plan.known.is_empty() && self.plan.personal.is_empty())
            && self.number_says(&bytes[..length]).is_some();
        (!says).then_some(length)
    }
}

/// The length of a literal.
#[inline]
fn plain_literal(bytes: &[u8]) -> Option<usize> {
    let words: [&[u8]; 3] = [b"true", b"false", b"null"];
    let word = words.into_iter().find(|word| bytes.starts_with(word))?;
    let ends = bytes.get(word.len()).is_some_and(|it| ends_token(*it));
    ends.then_some(word.len())
}
