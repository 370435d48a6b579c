//! Paths: where in a JSON document we are, as far as rules care. A tree of member names, walked one member at a time;
//! array elements stay at their array's node. Nothing here looks at values.
//!
//! Rules' paths are kept as they were added, and compiled together: a node stands for the set of all paths that may still
//! match, each with how far it has come, as in the subset construction of an automaton. So one step costs one look-up however
//! many paths there are, and a path never hides another.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use super::name::{RuleIndex, Treatment};
use super::plan::Document;

/// A node of the tree. Node 0 is "no rule below here".
pub(crate) type NodeIndex = u16;

/// The node from which no rule can be reached.
pub(crate) const NOWHERE: NodeIndex = 0;

/// Most nodes of a tree. Only several `**` in several paths come near it.
const NODES: usize = 16 << 10;

/// A member that must be there with this value.
#[derive(Debug, Clone)]
pub struct Forced {
    /// Its name.
    pub key: String,
    /// The JSON text of its whole required value.
    pub literal: String,
    /// Members required inside it, if it is an object that may have others; empty: the literal replaces any value.
    pub inside: Vec<Forced>,
}

/// The paths of a plan combine to more places than one can tell apart: there are too many `**` in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyPlaces;

impl fmt::Display for TooManyPlaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the paths of its rules combine to more than {NODES} places; use fewer '**'"
        )
    }
}

impl std::error::Error for TooManyPlaces {}

#[derive(Debug, Clone, Default)]
pub(crate) struct Node {
    /// By name, sorted.
    children: Vec<(Box<[u8]>, NodeIndex)>,
    /// By name in lower case, sorted: for a member that is none of `children`.
    caseless: Vec<(Box<[u8]>, NodeIndex)>,
    /// One bit for each [`bit_of`] the names of both.
    bits: u64,
    /// Where to go for a member that no child names.
    otherwise: NodeIndex,
    pub(crate) action: Option<(Treatment, RuleIndex)>,
    pub(crate) not_pairs: bool,
    /// The same where the value is a number.
    pub(crate) not_number_pairs: bool,
    /// What stands here is let through, as far as that is for an operator to say.
    pub(crate) allowed: bool,
    /// This node's own forced value, when it is a forced member.
    pub(crate) forced: Option<ForcedValue>,
    /// Children that must be present in an object at this node.
    pub(crate) required: Vec<NodeIndex>,
}

/// A bit for a name, by its length, its first byte and its last. Case does not matter.
#[inline]
fn bit_of(name: &[u8]) -> u64 {
    let fold = |byte: Option<&u8>| byte.map_or(0, |byte| usize::from(byte | 0x20));
    let sum = name.len() + 5 * fold(name.first()) + 11 * fold(name.last());
    1 << (sum % 64)
}

impl Node {
    /// Whether a member with this decoded name may be of some other place than one of which nothing is known.
    #[inline]
    pub(crate) fn may_lead(&self, key: &[u8]) -> bool {
        self.bits & bit_of(key) != 0 || self.otherwise != NOWHERE
    }
}

#[derive(Debug, Clone)]
pub(crate) struct ForcedValue {
    /// `"key":literal`, as it is appended.
    pub(crate) member: bytes::Bytes,
    /// The literal alone.
    pub(crate) literal: bytes::Bytes,
    /// Whether an object may stay (and is completed), or any value is replaced.
    pub(crate) keeps_object: bool,
}

/// A step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// `**`: any number of members.
    Deep,
    /// `*`: one member, whatever its name.
    Any,
    /// The member of this name; in lower case if case does not matter.
    Name(Box<[u8]>),
}

/// What a path is for.
#[derive(Debug, Clone)]
enum Mark {
    Action(Treatment, RuleIndex),
    NotPairs,
    NotNumberPairs,
    Allowed,
    Forced(ForcedValue),
}

/// A path as it was added.
#[derive(Debug, Clone)]
struct Path {
    document: Document,
    steps: Vec<Step>,
    caseless: bool,
    mark: Mark,
}

impl Path {
    /// How narrow it is: one with fewer `**` is narrower, then one with more names.
    fn narrowness(&self) -> (std::cmp::Reverse<usize>, usize) {
        let count = |wanted: fn(&Step) -> bool| self.steps.iter().filter(|it| wanted(it)).count();
        (
            std::cmp::Reverse(count(|step| *step == Step::Deep)),
            count(|step| matches!(step, Step::Name(_))),
        )
    }
}

/// Paths that may still match, by their index, each with how many of its steps are done.
type State = BTreeSet<(u16, u16)>;

/// Names that are asked for next.
type Wanted = BTreeSet<Box<[u8]>>;

#[derive(Debug, Clone)]
pub(crate) struct PathTree {
    paths: Vec<Path>,
    nodes: Vec<Node>,
}

impl Default for PathTree {
    fn default() -> Self {
        // Node 0 is nowhere; the roots of the documents follow.
        PathTree {
            paths: Vec::new(),
            nodes: vec![Node::default(); 1 + Document::ALL.len()],
        }
    }
}

impl PathTree {
    pub(crate) fn root(document: Document) -> NodeIndex {
        match document {
            Document::Event => 1,
            Document::Container => 2,
            Document::Session => 3,
            Document::Other => 4,
        }
    }

    pub(crate) fn node(&self, index: NodeIndex) -> &Node {
        &self.nodes[index as usize]
    }

    /// The node of a member with this decoded name.
    pub(crate) fn child(&self, index: NodeIndex, key: &[u8]) -> NodeIndex {
        if index == NOWHERE {
            return NOWHERE;
        }
        let node = self.node(index);
        if node.bits & bit_of(key) == 0 {
            return node.otherwise;
        }
        let by_name = |(name, _): &(Box<[u8]>, NodeIndex)| name.as_ref().cmp(key);
        if let Ok(at) = node.children.binary_search_by(by_name) {
            return node.children[at].1;
        }
        if !node.caseless.is_empty() {
            let key = || key.iter().map(u8::to_ascii_lowercase);
            let by_name = |(name, _): &(Box<[u8]>, NodeIndex)| name.iter().copied().cmp(key());
            if let Ok(at) = node.caseless.binary_search_by(by_name) {
                return node.caseless[at].1;
            }
        }
        node.otherwise
    }

    pub(crate) fn add(
        &mut self,
        document: Document,
        path: &[String],
        caseless: bool,
        treatment: Treatment,
        rule: RuleIndex,
    ) {
        self.add_path(document, path, caseless, Mark::Action(treatment, rule));
    }

    /// `numbers`: only where the value is a number.
    pub(crate) fn add_not_pairs(&mut self, document: Document, path: &[String], numbers: bool) {
        let mark = if numbers {
            Mark::NotNumberPairs
        } else {
            Mark::NotPairs
        };
        self.add_path(document, path, false, mark);
    }

    pub(crate) fn add_allowed(&mut self, document: Document, path: &[String]) {
        self.add_path(document, path, false, Mark::Allowed);
    }

    pub(crate) fn add_forced(&mut self, document: Document, forced: &Forced) {
        self.force(document, &[], forced);
    }

    fn force(&mut self, document: Document, parent: &[String], forced: &Forced) {
        let path = [parent, std::slice::from_ref(&forced.key)].concat();
        let value = ForcedValue {
            member: format!("\"{}\":{}", forced.key, forced.literal).into(),
            literal: forced.literal.clone().into(),
            keeps_object: !forced.inside.is_empty(),
        };
        self.add_path(document, &path, false, Mark::Forced(value));
        for inside in &forced.inside {
            self.force(document, &path, inside);
        }
    }

    fn add_path(&mut self, document: Document, path: &[String], caseless: bool, mark: Mark) {
        let step = |name: &String| match name.as_str() {
            "**" => Step::Deep,
            "*" => Step::Any,
            name if caseless => Step::Name(name.to_ascii_lowercase().into_bytes().into()),
            name => Step::Name(name.as_bytes().into()),
        };
        self.paths.push(Path {
            document,
            steps: path.iter().map(step).collect(),
            caseless,
            mark,
        });
    }

    /// Makes the nodes of all paths that were added.
    ///
    /// # Errors
    /// They are too many.
    pub(crate) fn compile(&mut self) -> Result<(), TooManyPlaces> {
        self.nodes = vec![Node::default(); 1];
        let mut known: HashMap<State, NodeIndex> = HashMap::from([(State::new(), NOWHERE)]);
        let mut states = vec![State::new()];
        for document in Document::ALL {
            let begun = self.paths.iter().enumerate();
            let begun = begun.filter(|(_, path)| path.document == document);
            let state = self.closed(begun.map(|(index, _)| (index as u16, 0)).collect());
            // Each root has a node of its own, even if nothing is below it.
            self.nodes.push(Node::default());
            states.push(state);
        }
        let mut at = 1;
        while at < states.len() {
            let state = states[at].clone();
            let mut index_of = |state: State, nodes: &mut Vec<Node>| match known.get(&state) {
                Some(index) => Ok(*index),
                None if nodes.len() >= NODES => Err(TooManyPlaces),
                None => {
                    let index = nodes.len() as NodeIndex;
                    nodes.push(Node::default());
                    states.push(state.clone());
                    known.insert(state, index);
                    Ok(index)
                }
            };
            let mut node = self.marks(&state);
            node.otherwise = index_of(self.after(&state, None), &mut self.nodes)?;
            let (exact, caseless) = self.names(&state);
            for (names, is_exact) in [(&exact, true), (&caseless, false)] {
                for name in names {
                    let next = self.after(&state, Some((name, is_exact)));
                    let index = index_of(next, &mut self.nodes)?;
                    let children = match is_exact {
                        true => &mut node.children,
                        false => &mut node.caseless,
                    };
                    children.push((name.clone(), index));
                    node.bits |= bit_of(name);
                }
            }
            for (path, done) in &state {
                let path = &self.paths[usize::from(*path)];
                let last = usize::from(*done) + 1 == path.steps.len();
                if let (Mark::Forced(_), true, Some(Step::Name(name))) =
                    (&path.mark, last, path.steps.last())
                {
                    let child = index_of(self.after(&state, Some((name, true))), &mut self.nodes)?;
                    node.required.push(child);
                }
            }
            self.nodes[at] = node;
            at += 1;
        }
        Ok(())
    }

    /// What the paths that end in a state say. An allowed place has no other action; else the narrowest path counts, and of
    /// two that are equally narrow the first.
    fn marks(&self, state: &State) -> Node {
        let mut node = Node::default();
        let mut narrowest = None;
        for (index, done) in state {
            let path = &self.paths[usize::from(*index)];
            if usize::from(*done) < path.steps.len() {
                continue;
            }
            match &path.mark {
                Mark::Action(treatment, rule) => {
                    let narrowness = path.narrowness();
                    if narrowest.is_none_or(|known| narrowness > known) {
                        narrowest = Some(narrowness);
                        node.action = Some((*treatment, *rule));
                    }
                }
                Mark::NotPairs => node.not_pairs = true,
                Mark::NotNumberPairs => node.not_number_pairs = true,
                Mark::Allowed => node.allowed = true,
                Mark::Forced(value) => node.forced = Some(value.clone()),
            }
        }
        if node.allowed {
            node.action = None;
        }
        node
    }

    /// The names that a state's paths ask for next: as they are, and in lower case.
    fn names(&self, state: &State) -> (Wanted, Wanted) {
        let (mut exact, mut caseless) = (Wanted::new(), Wanted::new());
        for (index, done) in state {
            let path = &self.paths[usize::from(*index)];
            if let Some(Step::Name(name)) = path.steps.get(usize::from(*done)) {
                match path.caseless {
                    true => caseless.insert(name.clone()),
                    false => exact.insert(name.clone()),
                };
            }
        }
        (exact, caseless)
    }

    /// The state behind a member: of this name (and whether it is one of the exact ones), or of a name that nothing asks for.
    fn after(&self, state: &State, name: Option<(&[u8], bool)>) -> State {
        let mut next = State::new();
        for (index, done) in state {
            let path = &self.paths[usize::from(*index)];
            let passes = match path.steps.get(usize::from(*done)) {
                None => false,
                Some(Step::Deep) => {
                    next.insert((*index, *done));
                    false
                }
                Some(Step::Any) => true,
                Some(Step::Name(wanted)) => match name {
                    None => false,
                    Some((name, _)) if path.caseless => wanted.eq_ignore_ascii_case(name),
                    Some((name, is_exact)) => is_exact && wanted.as_ref() == name,
                },
            };
            if passes {
                next.insert((*index, done + 1));
            }
        }
        self.closed(next)
    }

    /// With the paths whose `**` stands for no member at all.
    fn closed(&self, mut state: State) -> State {
        let mut open: Vec<(u16, u16)> = state.iter().copied().collect();
        while let Some((index, done)) = open.pop() {
            let steps = &self.paths[usize::from(index)].steps;
            if steps.get(usize::from(done)) == Some(&Step::Deep) && state.insert((index, done + 1))
            {
                open.push((index, done + 1));
            }
        }
        state
    }
}
