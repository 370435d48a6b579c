//! Elements of XML and HTML: their text goes because of their name (`<token>x</token>`), because of the name that an attribute gives
//! (`<entry key="token">x</entry>`), or because of the key before them (`<key>token</key><string>x</string>`).
//!
//! A start tag may be longer than what is looked at, and has quotes in which `>` ends nothing: what its name says is remembered
//! until it ends. Below a denied element every text goes, up to the end tag of that name.

use super::before::push;
use super::quote::Quote;
use super::separator::WORDS;
use super::symbol::Symbol;
use super::value::{Until, Value, is_name, is_space};
use super::window::More;
use super::{Context, TextMachine};
use crate::scrub::name::RuleIndex;

/// Longest name of an element, and longest key in one, in characters.
const NAME: usize = 128;
/// What opens a section of text.
const CDATA: &[u8] = b"<![CDATA[";
/// Elements that are the value of the key before them: of property lists, XML-RPC, and others.
const VALUES: [&[u8]; 11] = [
    b"value", b"string", b"data", b"integer", b"real", b"date", b"array", b"dict", b"int", b"val",
    b"text",
];
/// Elements of HTML whose name is a control's, and whose text is what is shown of it.
const CONTROLS: [&[u8]; 12] = [
    b"button",
    b"a",
    b"form",
    b"select",
    b"fieldset",
    b"slot",
    b"iframe",
    b"map",
    b"object",
    b"input",
    b"meta",
    b"details",
];

/// What of markup is being read.
#[derive(Debug, Default, Clone)]
pub(super) struct Markup {
    tag: Option<Tag>,
    element: Option<Element>,
    /// The name of the tag; within a denied element, of that element.
    name: Vec<u8>,
    /// The rule that covers the key before the next element.
    announced: Option<RuleIndex>,
}

/// A tag, from its `<` to its `>`.
#[derive(Debug, Clone, Copy)]
struct Tag {
    kind: TagKind,
    /// Its `<` is written as a character reference.
    entity: bool,
    /// The quote around the attribute's value that is being read.
    quote: Option<Quote>,
    /// The rule by which the element's text goes.
    rule: Option<RuleIndex>,
    /// The rule that covers what its `name` or `key` says.
    named: Option<RuleIndex>,
    /// The rule is that of the key before.
    announced: bool,
    /// A word stands right before it, as before the parameter of a type: `Vec<Token>`.
    glued: bool,
    /// It has the name of the denied element around it.
    same: bool,
    /// It is a key of a property list.
    key: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TagKind {
    Start,
    End,
    /// A comment, a section of text, or an instruction.
    Other,
}

/// A denied element.
#[derive(Debug, Clone, Copy)]
struct Element {
    rule: RuleIndex,
    entity: bool,
    /// How many elements of its name are open.
    depth: u16,
    /// Its end tag has been seen.
    sure: bool,
    /// Its name is that of a property list's value: keys inside of it stay.
    announced: bool,
}

/// Whether the end tag of an element comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Seen,
    /// It is too far to be seen.
    Far,
    None,
}

impl Markup {
    /// Whether an element is being read whose text goes.
    pub(super) fn is_within(&self) -> bool {
        self.element.is_some()
    }

    pub(super) fn clear(&mut self) {
        self.tag = None;
        self.element = None;
        self.announced = None;
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.name.capacity()
    }

    /// Whether the attributes of a start tag are being read.
    pub(super) fn in_tag(&self) -> bool {
        self.tag
            .is_some_and(|tag| tag.kind == TagKind::Start && tag.quote.is_none())
    }

    /// The rule by which a `value` goes that is an attribute of the tag at hand.
    pub(super) fn value_rule(&self) -> Option<RuleIndex> {
        let around = self.element.map(|element| element.rule);
        self.tag.and_then(|tag| tag.rule.or(tag.named)).or(around)
    }

    /// An attribute of the tag at hand, `name` or `key`, says a name that a rule covers.
    pub(super) fn see_name(&mut self, rule: Option<RuleIndex>) {
        if !self.in_tag() {
            return;
        }
        let control = CONTROLS
            .iter()
            .any(|control| self.name.eq_ignore_ascii_case(control));
        let outside = self.element.is_none();
        if let Some(tag) = &mut self.tag {
            tag.named = tag.named.or(rule);
            if outside && !control {
                tag.rule = tag.rule.or(rule);
            }
        }
    }
}

impl TextMachine {
    /// A quote passes: in a tag, it may begin or end the value of an attribute.
    pub(super) fn see_tag_quote(&mut self, quote: Quote) {
        let mut before = quote.backslashes();
        while self.window.back(before).is_some_and(is_space) && before < NAME {
            before += 1;
        }
        let assigned = self.window.back_byte(before) == b'=';
        if let Some(tag) = &mut self.markup.tag {
            match tag.quote {
                Some(open) if open == quote => tag.quote = None,
                None if assigned && tag.kind == TagKind::Start => tag.quote = Some(quote),
                Some(_) | None => {}
            }
        }
    }

    /// At `<`.
    pub(super) fn at_tag(&mut self, open: Symbol, cx: &mut Context<'_>) -> Result<bool, More> {
        let quoted = self.markup.tag.is_some_and(|tag| tag.quote.is_some());
        let kind = match self.window.byte(1)? {
            b'/' => TagKind::End,
            b'!' | b'?' => TagKind::Other,
            _ => TagKind::Start,
        };
        let before = self.window.back_byte(0);
        let mut tag = Tag {
            kind,
            entity: open.entity,
            quote: None,
            rule: None,
            named: None,
            announced: false,
            glued: before.is_ascii_alphanumeric() || before == b'_',
            same: false,
            key: false,
        };
        if kind == TagKind::Other {
            return self.at_section(tag, open, quoted, cx);
        }
        let is_tag = self.tag_name(if kind == TagKind::End { 2 } else { 1 })?;
        let Some(element) = self.markup.element else {
            let denied = if is_tag && kind == TagKind::Start {
                self.denied(WORDS, cx.plan).map(|verdict| verdict.rule)
            } else {
                None
            };
            if quoted && denied.is_none() {
                return Ok(false);
            }
            let announced = self.markup.announced.take();
            tag.rule = denied.or(announced);
            tag.announced = denied.is_none() && announced.is_some();
            self.markup.name.clear();
            self.markup.name.extend_from_slice(&self.name);
            self.markup.tag = is_tag.then_some(tag);
            return Ok(false);
        };
        tag.same = is_tag && self.name.eq_ignore_ascii_case(&self.markup.name);
        tag.key = self.name.eq_ignore_ascii_case(b"key");
        if quoted && !(tag.same && kind == TagKind::End) {
            return Ok(false);
        }
        if is_tag {
            self.markup.tag = Some(tag);
            return Ok(false);
        }
        // It is one of the text, which goes on.
        let (gap, _) = self.gap(1)?;
        let value = Value {
            entity: element.entity,
            ..Value::new(Until::Markup, open)
        };
        self.whole(element.rule, 1 + gap, value, cx)
    }

    /// At the `<` of a comment, a section or an instruction.
    fn at_section(
        &mut self,
        tag: Tag,
        open: Symbol,
        quoted: bool,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
        if quoted {
            return Ok(false);
        }
        let Some(element) = self.markup.element else {
            self.markup.tag = None;
            return Ok(false);
        };
        let value = Value::new(Until::CData, open);
        let section =
            self.window.starts_with(0, CDATA, false)? && !self.is_spared(&value, CDATA.len())?;
        self.markup.tag = Some(tag);
        if section {
            self.redact(element.rule, CDATA.len(), value, cx);
        }
        Ok(section)
    }

    /// Reads the name of a tag at a distance ahead; tells whether it can be one's.
    fn tag_name(&mut self, at: usize) -> Result<bool, More> {
        self.name.clear();
        let mut length = 0;
        while length <= NAME
            && let Some(symbol) = self.window.peek(at + length)?
            && (is_name(symbol) || symbol.ascii() == b':')
        {
            push(&mut self.name, symbol);
            length += 1;
        }
        let begins = self
            .name
            .first()
            .is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_' || *byte >= 0x80);
        let delimited = self
            .window
            .peek(at + length)?
            .is_some_and(|symbol| is_space(symbol) || matches!(symbol.ascii(), b'>' | b'/'));
        Ok(begins && delimited && length <= NAME)
    }

    /// At `>`: the end of a tag, behind which text begins.
    pub(super) fn at_tag_end(
        &mut self,
        separator: Symbol,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
        let Some(tag) = self.markup.tag else {
            return Ok(false);
        };
        if tag.quote.is_some() || (separator.entity && !tag.entity) {
            return Ok(false);
        }
        let last = self.window.back_byte(0);
        let arrow = last == b'-' || (last == b'=' && self.window.back_byte(1) == b' ');
        let empty = last == b'/';
        match self.markup.element {
            Some(element) => self.within(element, tag, empty, separator, cx),
            None if tag.kind == TagKind::End => {
                let announced = self.key_before(cx)?;
                self.markup.announced = announced;
                self.markup.tag = None;
                Ok(false)
            }
            None => match tag.rule {
                Some(rule) if !arrow && !empty => self.element(rule, tag, separator, cx),
                Some(_) | None => {
                    self.markup.tag = None;
                    Ok(false)
                }
            },
        }
    }

    /// The start tag of a denied element ends.
    fn element(
        &mut self,
        rule: RuleIndex,
        tag: Tag,
        separator: Symbol,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
        let (gap, _) = self.gap(1)?;
        // It must be an element, and no placeholder: its end tag comes, or is too far to be seen.
        let end = self.end_ahead(1 + gap, tag.entity)?;
        if end == End::None && !self.window.starts_with(1 + gap, CDATA, false)? {
            self.markup.tag = None;
            return Ok(false);
        }
        let element = Element {
            rule,
            entity: tag.entity,
            depth: 1,
            sure: end == End::Seen,
            announced: tag.announced,
        };
        self.leaf(element, tag.glued, separator, cx)
    }

    /// A tag ends that stands within a denied element.
    fn within(
        &mut self,
        mut element: Element,
        tag: Tag,
        empty: bool,
        separator: Symbol,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
        match tag.kind {
            TagKind::End if tag.same => element.depth -= 1,
            TagKind::Start if tag.same && !empty => {
                element.depth = element.depth.saturating_add(1);
            }
            TagKind::Start | TagKind::End | TagKind::Other => {}
        }
        let mut stays = element.depth > 0;
        if stays && !element.sure {
            match self.end_ahead(1, element.entity)? {
                End::Seen => element.sure = true,
                End::Far => {}
                End::None => stays = false,
            }
        }
        if !stays {
            self.markup.clear();
            return Ok(false);
        }
        if element.announced && tag.key && tag.kind == TagKind::Start {
            self.markup.element = Some(element);
            self.markup.tag = None;
            return Ok(false);
        }
        self.leaf(element, false, separator, cx)
    }

    /// Redacts the text behind a tag, and remembers the element around it. If that is `glued` to a word, it may be no element: then
    /// there is no more to it than this text.
    fn leaf(
        &mut self,
        element: Element,
        glued: bool,
        separator: Symbol,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
        let (gap, _) = self.gap(1)?;
        let value = Value {
            entity: element.entity,
            ..Value::new(Until::Markup, separator)
        };
        let spared = self.is_spared(&value, 1 + gap)?;
        self.markup.tag = None;
        self.markup.element = (!glued || spared).then_some(element);
        if !spared {
            self.redact(element.rule, 1 + gap, value, cx);
        }
        Ok(!spared)
    }

    /// Whether the end tag of the element at hand stands at a distance ahead or further.
    fn end_ahead(&self, at: usize, entity: bool) -> Result<End, More> {
        let name = &self.markup.name;
        let mut at = at;
        loop {
            let Some(symbol) = self.window.peek(at)? else {
                return Ok(if self.window.goes_on(at) {
                    End::Far
                } else {
                    End::None
                });
            };
            if symbol.ascii() == b'<'
                && symbol.entity == entity
                && self.window.byte(at + 1)? == b'/'
                && self.stands_at(at + 2, name)?
                && !(name.is_ascii()
                    && self
                        .window
                        .peek(at + 2 + name.len())?
                        .is_some_and(|symbol| is_name(symbol) || symbol.ascii() == b':'))
            {
                return Ok(End::Seen);
            }
            at += 1;
        }
    }

    /// Whether a text stands at a distance ahead, in any case.
    fn stands_at(&self, at: usize, text: &[u8]) -> Result<bool, More> {
        let mut read = Vec::with_capacity(text.len());
        let mut next = at;
        while read.len() < text.len() {
            let Some(symbol) = self.window.peek(next)? else {
                return Ok(false);
            };
            push(&mut read, symbol);
            next += 1;
        }
        Ok(read.eq_ignore_ascii_case(text))
    }

    /// At the end of `<key>token</key>` or `<name>token</name>`, with an element behind it that is its value: the rule that covers it.
    fn key_before(&mut self, cx: &mut Context<'_>) -> Result<Option<RuleIndex>, More> {
        let name = self.markup.name.to_ascii_lowercase();
        if !matches!(name.as_slice(), b"key" | b"name") {
            return Ok(None);
        }
        let mut end = name.len();
        while end < NAME && self.window.back_byte(end) != b'<' {
            end += 1;
        }
        end += 1;
        let mut start = end;
        while self
            .window
            .back(start)
            .is_some_and(|symbol| !matches!(symbol.ascii(), b'<' | b'>'))
            && start - end < NAME
        {
            start += 1;
        }
        if self.window.back_byte(start) != b'>' || start == end {
            return Ok(None);
        }
        self.read_name(start, end);
        self.name = self.name.trim_ascii().to_vec();
        let phrase = !self.name.contains(&b' ')
            || cx
                .plan
                .names
                .is_whole_phrase(&self.name, &mut self.verdicts.words);
        let Some(verdict) = self.denied(WORDS, cx.plan).filter(|_| phrase) else {
            return Ok(None);
        };
        let (gap, _) = self.gap(1)?;
        if self.window.byte(1 + gap)? != b'<' {
            return Ok(None);
        }
        let value = self.tag_name(2 + gap)?
            && VALUES
                .iter()
                .any(|value| self.name.eq_ignore_ascii_case(value));
        Ok(value.then_some(verdict.rule))
    }
}
