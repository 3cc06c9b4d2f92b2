//! The compiled rules: for each entity the rules its writes can fire, with relations walked and
//! names turned into slots.

use std::sync::{Arc, OnceLock};

use super::chain::Chains;
use super::{Plan, Unfilled};
use super::{compile, merge};
use crate::check::condition::Condition;
use crate::check::ruleset::{ContextId, EntityId, Operations, RelationId, RuleId, VaryId};
use crate::check::{RuleSet, Write};

/// A rule set made ready for planning. Each entity is compiled when its first write comes.
#[derive(Debug)]
pub struct Program {
    rules: RuleSet,
    entities: Vec<OnceLock<EntityProgram>>,
    chains: OnceLock<Chains>,
}

impl Program {
    pub fn new(rules: RuleSet) -> Self {
        let entities = rules.entities().iter().map(|_| OnceLock::new()).collect();
        Self { rules, entities, chains: OnceLock::new() }
    }

    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// What a write makes stale.
    pub fn plan(&self, write: &Write, unfilled: Unfilled) -> Plan {
        merge::plan(self, write, unfilled)
    }

    pub(super) fn entity(&self, id: EntityId) -> &EntityProgram {
        self.entities[id.index()].get_or_init(|| compile::entity(&self.rules, id))
    }

    pub(super) fn chains(&self) -> &Chains {
        self.chains.get_or_init(|| Chains::new(&self.rules))
    }
}

/// The rules that writes of one entity can fire.
#[derive(Debug)]
pub(super) struct EntityProgram {
    pub slots: Vec<Slot>,
    pub rules: Vec<RuleProgram>,
}

/// A value that a write can give.
#[derive(Debug)]
pub(super) struct Slot {
    /// As the write names it: `id`, `user`, `order.user`, `user.plan`.
    pub name: String,
    /// The refs on the way, as the write names them: `order` for `order.user`.
    pub behind: Vec<String>,
}

#[derive(Debug)]
pub(super) struct RuleProgram {
    pub rule: RuleId,
    pub operations: Operations,
    pub guard: Option<Condition<usize>>,
    /// The written instance where the rule drops `self`, then everything the cascade touches.
    pub groups: Vec<Arc<Group>>,
    pub explicit: Vec<Explicit>,
}

/// The names of one instance, or of the instances that one path reaches.
#[derive(Debug)]
pub(super) struct Group {
    pub hop: u32,
    pub via: Arc<[RelationId]>,
    /// The slots of the ids along the way, and whether each may be the written instance.
    pub passes: Vec<(usize, bool)>,
    /// Nearest first; only those that a write could fill.
    pub tags: Vec<Filling>,
    pub lists: Vec<Filling>,
    pub keys: Vec<Filling>,
}

#[derive(Debug)]
pub(super) enum Explicit {
    Tag(Filling),
    Key(Filling),
    Match(Filling),
    /// A regex, as it is printed.
    Regex(String),
}

/// A template over slots.
#[derive(Debug)]
pub(super) struct Filling {
    pub parts: Vec<Piece>,
    /// As it was written.
    pub text: Arc<str>,
    /// See [`crate::check::template::Template::distance`]; the largest number for none.
    pub distance: usize,
    /// Whether values are quoted for a glob.
    pub glob: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(Arc<str>),
    Slot(usize),
    Context(ContextId),
    Vary(VaryId),
    /// A hole of a chained rule's trigger, by its place.
    Trigger(usize),
    /// Nothing can fill it: an open dimension, or a value that is unknown where a cascade arrives.
    Open,
}

impl Group {
    /// Of the written row, reached by no relation.
    pub fn of_the_row() -> Self {
        Self {
            hop: 0,
            via: Arc::from([]),
            passes: Vec::new(),
            tags: Vec::new(),
            lists: Vec::new(),
            keys: Vec::new(),
        }
    }

    /// Whether a slot holds an id that may be the written instance's, which is visited already.
    pub fn may_revisit(&self, slot: usize) -> bool {
        self.passes.contains(&(slot, true))
    }
}

impl Filling {
    pub fn is_open(&self) -> bool {
        self.parts.contains(&Piece::Open)
    }
}
