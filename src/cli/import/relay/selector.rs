//! Relay's selectors: which values of an event a rule is applied to.
//!
//! The grammar is that of Relay's `relay-pii/src/selector.pest`; the names of types are those of
//! `relay-event-schema/src/processor/attrs.rs`. A path matches by its end, whatever the depth (`selector.rs`, `matches_path`), and
//! without case.

use std::iter::Peekable;
use std::str::Chars;

/// A selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Selector {
    And(Vec<Selector>),
    Or(Vec<Selector>),
    Not(Box<Selector>),
    Path(Vec<Item>),
}

/// A step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// `$user`
    Type(String),
    /// `foo`, `'foo bar'`
    Key(String),
    /// `0`
    Index,
    /// `*`
    Star,
    /// `**`
    Deep,
}

/// Reads a selector, or says what is wrong with it.
pub(super) fn parse(text: &str) -> Result<Selector, String> {
    // Names that older configurations have for two types.
    let legacy = |name: &str| Ok(Selector::Path(vec![Item::Type(name.to_owned())]));
    match text {
        "freeform" | "email" | "sensitive" | "text" => return legacy("string"),
        "databag" | "container" => return legacy("object"),
        _ => {}
    }
    let mut parser = Parser {
        rest: text.chars().peekable(),
        depth: 0,
    };
    let selector = parser.or()?;
    match parser.next_sign() {
        None => Ok(selector),
        Some(sign) => Err(format!("there is a {sign:?} where it should end")),
    }
}

/// Deepest nesting of parentheses.
const DEPTH: usize = 64;

struct Parser<'a> {
    rest: Peekable<Chars<'a>>,
    depth: usize,
}

impl Parser<'_> {
    /// The next character that is no space.
    fn next_sign(&mut self) -> Option<char> {
        while self.rest.next_if_eq(&' ').is_some() {}
        self.rest.peek().copied()
    }

    /// Takes an operator that may be doubled.
    fn takes(&mut self, sign: char) -> bool {
        if self.next_sign() != Some(sign) {
            return false;
        }
        self.rest.next();
        let _ = self.rest.next_if_eq(&sign);
        true
    }

    fn or(&mut self) -> Result<Selector, String> {
        let mut parts = vec![self.and()?];
        while self.takes('|') {
            parts.push(self.and()?);
        }
        Ok(single(parts, Selector::Or))
    }

    fn and(&mut self) -> Result<Selector, String> {
        let mut parts = vec![self.not()?];
        while self.takes('&') {
            parts.push(self.not()?);
        }
        Ok(single(parts, Selector::And))
    }

    fn not(&mut self) -> Result<Selector, String> {
        match self.next_sign() {
            Some('!' | '~') => {
                self.rest.next();
                Ok(Selector::Not(Box::new(self.operand()?)))
            }
            _ => self.operand(),
        }
    }

    fn operand(&mut self) -> Result<Selector, String> {
        if self.next_sign() != Some('(') {
            return self.path();
        }
        self.rest.next();
        self.depth += 1;
        if self.depth > DEPTH {
            return Err("its parentheses are nested too deep".to_owned());
        }
        let inside = self.or()?;
        self.depth -= 1;
        match self.next_sign() {
            Some(')') => {
                self.rest.next();
                Ok(inside)
            }
            _ => Err("a parenthesis is not closed".to_owned()),
        }
    }

    fn path(&mut self) -> Result<Selector, String> {
        let mut items = vec![self.item()?];
        while self.next_sign() == Some('.') {
            self.rest.next();
            items.push(self.item()?);
        }
        if items.iter().filter(|item| **item == Item::Deep).count() > 1 {
            return Err("it has ** more than once, which Relay refuses, too".to_owned());
        }
        if items == [Item::Star] {
            return Err("it is * alone, which Relay refuses, too".to_owned());
        }
        Ok(Selector::Path(items))
    }

    fn item(&mut self) -> Result<Item, String> {
        match self.next_sign() {
            Some('$') => {
                self.rest.next();
                let name = self.run(|c| c.is_ascii_lowercase() || *c == '_');
                match name.is_empty() {
                    true => Err("there is no type behind $".to_owned()),
                    false => Ok(Item::Type(name)),
                }
            }
            Some('*') => {
                self.rest.next();
                match self.rest.next_if_eq(&'*') {
                    Some(_) => Ok(Item::Deep),
                    None => Ok(Item::Star),
                }
            }
            Some('\'') => self.quoted(),
            Some(first) if first.is_ascii_digit() => {
                self.run(|c| c.is_ascii_digit());
                Ok(Item::Index)
            }
            Some(first) if first.is_ascii_alphabetic() || first == '_' => {
                Ok(Item::Key(self.run(|c| {
                    c.is_ascii_alphanumeric() || *c == '_' || *c == '-'
                })))
            }
            Some(other) => Err(format!("{other:?} begins no step of a path")),
            None => Err("it ends where a step of a path should be".to_owned()),
        }
    }

    /// A key in quotes; a doubled quote is one.
    fn quoted(&mut self) -> Result<Item, String> {
        self.rest.next();
        let mut key = String::new();
        loop {
            match self.rest.next() {
                None => return Err("a quote is not closed".to_owned()),
                Some('\'') if self.rest.next_if_eq(&'\'').is_none() => break,
                Some(other) => key.push(other),
            }
        }
        Ok(Item::Key(key))
    }

    fn run(&mut self, wanted: fn(&char) -> bool) -> String {
        let mut text = String::new();
        while let Some(next) = self.rest.next_if(wanted) {
            text.push(next);
        }
        text
    }
}

fn single(mut parts: Vec<Selector>, many: fn(Vec<Selector>) -> Selector) -> Selector {
    if parts.len() == 1 {
        parts.remove(0)
    } else {
        many(parts)
    }
}
