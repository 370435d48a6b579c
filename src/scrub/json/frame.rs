//! What is known about each open container, and about the member or element that comes next in it.

use crate::scrub::name::{RuleIndex, Verdict};
use crate::scrub::path::{NOWHERE, NodeIndex};

use super::keys::Role;
use super::lexer::Container;

/// What happens to the values in a container, or to one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Treat {
    /// Strings are scanned as text.
    Plain,
    /// Every leaf is replaced.
    Leaves(RuleIndex),
    /// Cookies: an object's values and a string's `name=value` pairs.
    Cookies(RuleIndex),
    /// One cookie as a list: its name, then its value.
    CookiePair(RuleIndex),
    /// A URL query.
    Query,
    /// The whole value becomes the marker.
    Replace(RuleIndex),
    /// The whole value becomes `null`.
    Null(RuleIndex),
    /// The value is an IP address, and becomes what the plan makes of one; anything else becomes `null`.
    Address(RuleIndex),
    /// The value tells a user from others: a keyed hash stands for a string, and `null` for anything else.
    Pseudonym(RuleIndex),
    /// The whole value becomes what policy requires at this node.
    Force(NodeIndex),
}

/// What has been learnt of a key/value object's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PairName {
    Unknown,
    Harmless,
    Denied(Verdict),
}

/// What the element before says about the next one in an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    Nothing,
    /// A denied name that counts only in an array of two.
    Weak(RuleIndex),
    /// A header name or a flag, which counts in longer arrays too.
    Strong(RuleIndex),
}

/// The element of an array that has just been read, or is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) is_string: bool,
    /// What it says about the next one.
    pub(super) name: Before,
    /// It names a program whose flags have users and passwords.
    pub(super) is_client: bool,
}

impl Element {
    /// The same where it is an element of so many: a name that is no header's counts only as the first.
    pub(super) fn of(self, count: u32) -> Self {
        let name = match self.name {
            Before::Weak(_) if count != 1 => Before::Nothing,
            name @ (Before::Nothing | Before::Weak(_) | Before::Strong(_)) => name,
        };
        Element {
            name,
            is_client: false,
            ..self
        }
    }
}

/// The member or element that comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) treat: Treat,
    pub(super) node: NodeIndex,
    /// The value of a denied name: an object here is a wrapper, `{"value": …, "type": …}`.
    pub(super) wrapper: bool,
    /// The keys of an object here are no names.
    pub(super) not_names: bool,
    /// What its key is besides a name.
    pub(super) role: Role,
}

impl Next {
    /// Whether a value here is nothing but text.
    pub(super) fn is_plain(&self) -> bool {
        self.treat == Treat::Plain
            && !self
                .role
                .is(Role::PAIR_NAME.or(Role::PAIR_VALUE).or(Role::STRING_VALUE))
    }

    /// Makes it nothing but text that no rule tells where it stands. Field by field: a whole that is put together elsewhere is read before it
    /// is written, and processors wait for that.
    #[inline]
    pub(super) fn clear(&mut self) {
        self.treat = Treat::Plain;
        self.node = NOWHERE;
        self.wrapper = false;
        self.not_names = false;
        self.role = Role::NONE;
    }

    pub(super) fn plain(node: NodeIndex) -> Self {
        Next {
            treat: Treat::Plain,
            node,
            wrapper: false,
            not_names: false,
            role: Role::NONE,
        }
    }
}

/// One open container.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) container: Container,
    pub(super) node: NodeIndex,
    pub(super) treat: Treat,
    /// An object under a denied name whose `type` is rewritten.
    pub(super) wrapper: bool,
    pub(super) not_names: bool,
    /// The members of this object are attributes; what is in them is `{"value", "type"}` and no pair.
    pub(super) is_attributes: bool,
    /// This object cannot be a key/value pair.
    pub(super) no_pair: bool,
    /// Nor one whose value is a number.
    pub(super) no_number_pair: bool,
    pub(super) pair: PairName,
    /// The hold that waits for this object's name or this array's end; 0 is none.
    pub(super) hold: u32,
    /// Which of the node's required members have been seen, one bit each.
    pub(super) seen: u32,
    /// A member of this object is its `id`.
    pub(super) has_id: bool,
    /// Members or elements begun.
    pub(super) count: u32,
    pub(super) before: Before,
    pub(super) element: Element,
    /// An element of this array names a program whose flags have users and passwords.
    pub(super) is_command: bool,
}

impl Frame {
    pub(super) fn new(container: Container, next: &Next, treat: Treat) -> Self {
        Frame {
            container,
            node: next.node,
            treat,
            wrapper: next.wrapper,
            not_names: next.not_names,
            is_attributes: next.role.is(Role::ATTRIBUTES) && container == Container::Object,
            no_pair: false,
            no_number_pair: false,
            pair: PairName::Unknown,
            hold: 0,
            seen: 0,
            has_id: false,
            count: 0,
            before: Before::Nothing,
            element: Element {
                is_string: false,
                name: Before::Nothing,
                is_client: false,
            },
            is_command: false,
        }
    }

    /// The next element of this array comes; `taken`: the last one was the value of the one before it, and announces nothing.
    pub(super) fn next_element(&mut self, taken: bool) {
        self.before = if taken {
            Before::Nothing
        } else {
            self.element.name
        };
        // The name of a program that has gone says nothing of the flags behind it, as it won't the next time.
        self.is_command |= self.element.is_client && !taken;
        self.element = Element {
            is_string: false,
            name: Before::Nothing,
            is_client: false,
        };
    }

    /// What holds outside of any container.
    pub(super) fn nothing() -> Next {
        Next::plain(NOWHERE)
    }
}
