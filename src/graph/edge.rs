//! The edges of the graph.

use crate::check::ruleset::{Operations, RelationId};
use crate::model::{Kind, Timing};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edge {
    /// From a relation's source to one of its targets.
    Relation(RelationEdge),
    /// From an entity to a rule, or from a tag or list to a chained rule.
    Fires(Fires),
    /// From a rule to a tag, list, key or pattern.
    Drops(DropsEdge),
    /// From an entity to a key, tag or list of its own.
    Carries(CarriesEdge),
    /// From a rule to an entity that its cascade reaches.
    Follows(FollowsEdge),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelationEdge {
    pub id: RelationId,
    pub name: String,
    pub doc: String,
    /// Read from source to target.
    pub kind: Kind,
    pub both_ways: bool,
    /// Hops a cascade may take that starts here.
    pub depth: u32,
    /// The refs it goes over, by name; none where it is unlinked.
    pub via: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fires {
    Writes {
        operations: Operations,
    },
    /// A dropped tag or list that can match.
    Chained {
        /// As it was written, with the namespace.
        pattern: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropsEdge {
    pub timing: Timing,
    /// 0 to 1000, higher first.
    pub priority: u16,
    pub reach: Reach,
}

/// How a rule comes to drop something. The first that applies is the one an edge shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// A `drop` clause names it.
    Explicit,
    /// `drop self`: the written instance carries it.
    Itself,
    /// An instance that the cascade reaches carries it.
    Cascade {
        /// Relations on the shortest way, at least 1.
        hop: u32,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarriesEdge {
    pub what: Carried,
    /// As the entity writes it, or as it is implied; without the namespace.
    pub text: String,
    pub doc: String,
    /// Not written anywhere: an instance tag, or a scoped one.
    pub implied: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carried {
    /// A key and its name.
    Key(String),
    Tag,
    List,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowsEdge {
    /// The relation over which the cascade arrives.
    pub relation: RelationId,
    pub name: String,
    /// Relations on the shortest way, at least 1.
    pub hop: u32,
}
