//! Paths: where in a JSON document we are, as far as rules care. A tree of member names, walked one member at a time;
//! array elements stay at their array's node. Nothing here looks at values.

use super::name::{RuleIndex, Treatment};
use super::plan::Document;

/// A node of the tree. Node 0 is "no rule below here".
pub(crate) type NodeIndex = u16;

/// The node from which no rule can be reached.
pub(crate) const NOWHERE: NodeIndex = 0;

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

#[derive(Debug, Clone, Default)]
pub(crate) struct Node {
    children: Vec<(Box<[u8]>, NodeIndex)>,
    /// `**`: where to go for a member that no child names.
    otherwise: NodeIndex,
    pub(crate) action: Option<(Treatment, RuleIndex)>,
    pub(crate) not_pairs: bool,
    /// This node's own forced value, when it is a forced member.
    pub(crate) forced: Option<ForcedValue>,
    /// Children that must be present in an object at this node.
    pub(crate) required: Vec<NodeIndex>,
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

#[derive(Debug, Clone)]
pub(crate) struct PathTree {
    nodes: Vec<Node>,
}

impl Default for PathTree {
    fn default() -> Self {
        // Node 0 is nowhere; the roots of the documents follow.
        PathTree {
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
        let named = node.children.iter().find(|(name, _)| name.as_ref() == key);
        named.map_or(node.otherwise, |(_, child)| *child)
    }

    pub(crate) fn add(
        &mut self,
        document: Document,
        path: &[String],
        treatment: Treatment,
        rule: RuleIndex,
    ) {
        let node = self.grow(document, path);
        self.nodes[node as usize].action = Some((treatment, rule));
    }

    pub(crate) fn add_not_pairs(&mut self, document: Document, path: &[String]) {
        let node = self.grow(document, path);
        self.nodes[node as usize].not_pairs = true;
    }

    pub(crate) fn add_forced(&mut self, document: Document, forced: Forced) {
        self.force(Self::root(document), &forced);
    }

    fn force(&mut self, parent: NodeIndex, forced: &Forced) {
        let node = self.step(parent, &forced.key);
        self.nodes[node as usize].forced = Some(ForcedValue {
            member: format!("\"{}\":{}", forced.key, forced.literal).into(),
            literal: forced.literal.clone().into(),
            keeps_object: !forced.inside.is_empty(),
        });
        self.nodes[parent as usize].required.push(node);
        for inside in &forced.inside {
            self.force(node, inside);
        }
    }

    fn grow(&mut self, document: Document, path: &[String]) -> NodeIndex {
        path.iter()
            .fold(Self::root(document), |node, key| self.step(node, key))
    }

    fn step(&mut self, node: NodeIndex, key: &str) -> NodeIndex {
        if key == "**" {
            // Below here, any member that nothing names leads back here.
            self.nodes[node as usize].otherwise = node;
            return node;
        }
        let known = self.child(node, key.as_bytes());
        if known != NOWHERE && known != self.nodes[node as usize].otherwise {
            return known;
        }
        let otherwise = self.nodes[node as usize].otherwise;
        self.nodes.push(Node {
            otherwise,
            ..Node::default()
        });
        let index = (self.nodes.len() - 1) as NodeIndex;
        self.nodes[node as usize]
            .children
            .push((key.as_bytes().into(), index));
        index
    }
}
