//! The nodes of the graph: plain data, copied from the rule set so that a drawing needs nothing else.

use crate::check::ruleset::{EntityId, RuleId};
use crate::model::Timing;

/// A node, by its place in the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(usize);

impl NodeId {
    /// Its place in [`super::Graph::nodes`].
    pub fn index(self) -> usize {
        self.0
    }

    pub(super) fn at(index: usize) -> Self {
        Self(index)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    Entity(EntityNode),
    Rule(RuleNode),
    /// Carried by every entry made from one instance, or only dropped.
    Tag(TargetNode),
    /// Carried by entries made from many instances.
    List(TargetNode),
    Key(TargetNode),
    /// A glob or `/regex/` over live keys.
    Match(TargetNode),
}

impl Node {
    /// The tag, list, key or pattern; `None` for entities and rules.
    pub fn target(&self) -> Option<&TargetNode> {
        match self {
            Self::Tag(t) | Self::List(t) | Self::Key(t) | Self::Match(t) => Some(t),
            Self::Entity(_) | Self::Rule(_) => None,
        }
    }

    /// What sort of thing it is, in the language's words.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Entity(_) => "entity",
            Self::Rule(_) => "rule",
            Self::Tag(_) => "tag",
            Self::List(_) => "list",
            Self::Key(_) => "key",
            Self::Match(_) => "match",
        }
    }

    /// Its name, or what its template says.
    pub fn name(&self) -> &str {
        match self {
            Self::Entity(entity) => &entity.name,
            Self::Rule(rule) => &rule.name,
            Self::Tag(t) | Self::List(t) | Self::Key(t) | Self::Match(t) => &t.text,
        }
    }
}

/// An entity. Its keys, tags and lists are nodes of their own, at the end of its `Carries` edges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityNode {
    pub id: EntityId,
    pub name: String,
    pub doc: String,
    pub fields: Vec<FieldRow>,
    /// The declared ones: no implied refs of unlinked relations.
    pub refs: Vec<RefRow>,
    /// Declared besides create, update and delete.
    pub operations: Vec<String>,
    pub place: Place,
}

/// Where something is declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file's name, as it was given or imported.
    pub file: String,
    /// From 1.
    pub line: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRow {
    pub name: String,
    /// In the language's words: `string`, `[int]`.
    pub ty: String,
    pub doc: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefRow {
    pub name: String,
    /// The entity it points to, by name.
    pub target: String,
    /// Whether it holds many ids.
    pub list: bool,
    pub doc: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleNode {
    pub id: RuleId,
    pub name: String,
    pub doc: String,
    /// 0 to 1000, higher first.
    pub priority: u16,
    pub timing: Timing,
    pub cascade: Cascade,
    /// Whether it drops what the written instance is named by.
    pub drops_self: bool,
    /// In the words of the language.
    pub condition: Option<String>,
    /// Whether dropped tags fire it, not writes.
    pub chained: bool,
    pub place: Place,
}

/// Along which relations a rule cascades.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cascade {
    Nothing,
    All,
    /// By name, in the order of the rule set.
    Along(Vec<String>),
}

/// A tag, list, key or pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetNode {
    /// With every hole named by the entity that fills it, so that the text reads the same wherever
    /// it stands: `user:{user.id}:orders`. Without the namespace.
    pub text: String,
}
