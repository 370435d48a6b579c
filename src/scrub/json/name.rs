//! What a key, or the name of a pair, says of the value that comes with it.

use bytes::Bytes;

use super::frame::{Before, Next, PairName, Treat};
use super::keys::Role;
use super::lexer::Container;
use super::place::shown;
use super::string::decode;
use super::{HeldDrop, JsonScrubber, MEMBER, OTLP_BYTES, apply, replace};
use crate::scrub::name::{Kinds, Treatment, Verdict};
use crate::scrub::path::NOWHERE;
use crate::scrub::splice::{Reading, Splicer};
use crate::scrub::text::{is_http_client, takes_user};

/// The members of an OTLP value object that cannot keep their shape.
pub(super) const OTLP_TYPED: [&[u8]; 5] = [
    b"intValue",
    b"doubleValue",
    b"arrayValue",
    b"kvlistValue",
    b"bytesValue",
];

/// What an OTLP value object becomes.
const OTLP_MARKER: &[u8] = b"{\"stringValue\":\"[Filtered]\"}";

impl JsonScrubber {
    /// A key is complete (`None`: too long to be a name): what about its value?
    pub(super) fn key_end(
        &mut self,
        raw: Option<&[u8]>,
        may_name: bool,
        known: Option<(Role, Option<Verdict>)>,
        behind: u64,
        splicer: &mut Splicer,
    ) {
        let mut decoded = std::mem::take(&mut self.decoded);
        let key = match raw {
            Some(raw) if self.lexer.escaped => {
                decode(raw, &mut decoded);
                decoded.as_slice()
            }
            Some(raw) => raw,
            None => b"",
        };
        self.key_known(key, (raw.is_some(), may_name), known, behind, splicer);
        decoded.clear();
        self.decoded = decoded;
    }

    /// A key is known, `whole` or too long to be a name.
    pub(super) fn key_known(
        &mut self,
        key: &[u8],
        (whole, may_name): (bool, bool),
        known: Option<(Role, Option<Verdict>)>,
        behind: u64,
        splicer: &mut Splicer,
    ) {
        if let Some((start, depth, reading, rule)) = self.otlp {
            if behind - start <= OTLP_BYTES && OTLP_TYPED.contains(&key) {
                self.otlp = None;
                if reading == Reading::Redacted {
                    // As it is, the object stays.
                    for at in self.newlines.drain(..) {
                        replace(splicer, Reading::Plain, at, at + 1, b" ");
                    }
                }
                self.newlines.clear();
                splicer.cut(reading, start);
                splicer.insert(reading, &Bytes::from_static(OTLP_MARKER));
                splicer.record(reading, rule, start);
                if reading == Reading::Both {
                    self.drop = Some(depth);
                    self.frames.pop();
                    return;
                }
                let hold = splicer.value_hold();
                self.held_drop = Some(HeldDrop { depth, hold });
            } else {
                self.no_otlp(splicer);
            }
        }
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        frame.has_id |= key == b"id";
        let node = if whole {
            self.plan.paths.child(frame.node, key)
        } else {
            NOWHERE
        };
        let mut next = Next::plain(node);
        next.treat = match frame.treat {
            Treat::CookiePair(rule) | Treat::Cookies(rule) => Treat::Leaves(rule),
            other => other,
        };
        let allowed = self.plan.paths.node(node).allowed;
        if allowed && !matches!(next.treat, Treat::Leaves(rule) if self.plan.is_fixed(rule)) {
            next.treat = Treat::Plain;
        }
        let role = known.map_or_else(|| Role::of(key), |(role, _)| role);
        next.role = role;
        if node != NOWHERE {
            let info = self.plan.paths.node(node);
            if self.forces && info.forced.is_some() {
                next.treat = Treat::Force(node);
                let required = &self.plan.paths.node(frame.node).required;
                if let Some(bit) = required.iter().position(|child| *child == node) {
                    frame.seen |= 1 << bit;
                }
            } else if let Some((treatment, rule)) = info.action {
                apply(&mut next, treatment, rule);
            }
        }
        // What was held too long goes leaf by leaf; but what would have gone as a whole goes as a whole.
        let was_held = next.treat == Treat::Leaves(self.plan.held_rule);
        let open = (matches!(next.treat, Treat::Plain | Treat::Query) || was_held)
            && self.plan.paths.node(node).action.is_none();
        if open && !frame.not_names && whole && may_name {
            let in_query = frame.treat == Treat::Query;
            let kinds = if in_query {
                MEMBER.or(Kinds::PARAM)
            } else {
                MEMBER
            };
            let names = &self.plan.names;
            let verdict = match (allowed, known) {
                (true, _) => self.verdicts.look_up_fixed(names, key, kinds),
                (false, Some((_, verdict))) if !in_query => verdict,
                (false, _) => self.verdicts.look_up(names, key, kinds),
            };
            let goes_whole = |verdict: &Verdict| {
                matches!(
                    verdict.treatment,
                    Treatment::Replace
                        | Treatment::Null
                        | Treatment::Address
                        | Treatment::Pseudonym
                )
            };
            if let Some(verdict) = verdict.filter(|it| !was_held || goes_whole(it)) {
                apply(&mut next, verdict.treatment, verdict.rule);
            }
        }
        self.next = next;
        if splicer.path.is_some() {
            let depth = self.frames.len();
            self.keys_path.truncate(depth - 1);
            self.keys_path.resize(depth - 1, String::new());
            self.keys_path
                .push(shown(key, matches!(next.treat, Treat::Leaves(_))));
        }
    }

    /// A string is complete that may be the name of a pair.
    pub(super) fn name_end(&mut self, raw: Option<&[u8]>, behind: u64, splicer: &mut Splicer) {
        let mut decoded = std::mem::take(&mut self.decoded);
        let name = match raw {
            Some(raw) if self.lexer.escaped => {
                decode(raw, &mut decoded);
                Some(decoded.as_slice())
            }
            raw => raw,
        };
        self.name_known(name, behind, splicer);
        decoded.clear();
        self.decoded = decoded;
    }

    pub(super) fn name_known(&mut self, name: Option<&[u8]>, behind: u64, splicer: &mut Splicer) {
        let is_string_value = self.next.role.is(Role::STRING_VALUE);
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        if matches!(frame.treat, Treat::Leaves(_)) {
            return;
        }
        let kinds = Kinds::KEY.or(Kinds::HEADER);
        let kinds = if frame.treat == Treat::Query {
            kinds.or(Kinds::PARAM)
        } else {
            kinds
        };
        if frame.container == Container::Array || is_string_value {
            let name = name.unwrap_or_default();
            let verdict = self
                .verdicts
                .look_up_pair_name(&self.plan.names, name, kinds);
            // A query is looked at as one where its name comes first, and as text elsewhere.
            let denied = verdict.filter(|v| v.treatment != Treatment::Query);
            frame.element.is_string = true;
            frame.element.is_client = is_http_client(name);
            let user = self
                .plan
                .user_info
                .filter(|_| frame.is_command && takes_user(name));
            frame.element.name = match denied {
                None if user.is_some() => user.map_or(Before::Nothing, Before::Strong),
                Some(v)
                    if v.kinds.meets(Kinds::HEADER)
                        || name.starts_with(b"-")
                        || self
                            .verdicts
                            .look_up(&self.plan.names, name, Kinds::HEADER)
                            .is_some() =>
                {
                    Before::Strong(v.rule)
                }
                Some(v) if frame.count == 1 => Before::Weak(v.rule),
                _ => Before::Nothing,
            };
            return;
        }
        let verdict = name.and_then(|name| {
            self.verdicts
                .look_up_member_name(&self.plan.names, name, kinds)
        });
        match verdict {
            Some(verdict) => {
                frame.pair = PairName::Denied(verdict);
                if frame.hold != 0 {
                    let denied = (verdict.treatment != Treatment::Query).then_some(verdict.rule);
                    splicer.resolve(frame.hold, behind, denied, self.plan.held_rule);
                    frame.hold = 0;
                }
            }
            None => {
                if frame.pair == PairName::Unknown {
                    frame.pair = PairName::Harmless;
                }
            }
        }
    }

    /// Whether a string may be a program, or a flag of one, whose flags have users and passwords.
    pub(super) fn may_be_command(&self, inside: &[u8]) -> bool {
        let in_array = self
            .frames
            .last()
            .is_some_and(|frame| frame.container == Container::Array);
        in_array && (is_http_client(inside) || takes_user(inside))
    }

    /// The name of a key/value object is too long to be looked at whole, and may end in anything.
    pub(super) fn unknown_name(&mut self, behind: u64, splicer: &mut Splicer) {
        let rule = self.plan.held_rule;
        if let Some(frame) = self.frames.last_mut()
            && frame.container == Container::Object
            && !matches!(frame.treat, Treat::Leaves(_))
        {
            frame.pair = PairName::Denied(Verdict {
                rule,
                treatment: Treatment::Leaves,
                kinds: Kinds::KEY,
            });
            if frame.hold != 0 {
                splicer.resolve(frame.hold, behind, Some(rule), rule);
                frame.hold = 0;
            }
        }
    }
}
