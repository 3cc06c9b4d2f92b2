//! The compiled rules: for each entity the rules its writes can fire, with relations walked, names
//! turned into slots, and everything that a step says of a rule made ready to share.

use std::sync::{Arc, OnceLock};

use rustc_hash::FxHashMap;

use super::candidates::{Candidates, Places};
use super::chain::Chains;
use super::guard::Facts;
use super::{Names, Plan, Terms, Unfilled};
use super::{compile, merge};
use crate::check::condition::Condition;
use crate::check::ruleset::{ContextId, EntityId, Operation, Operations, RuleId, VaryId};
use crate::check::{RuleSet, Write};
use crate::model::Value;

/// A rule set made ready for planning. Each entity is compiled when its first write comes.
///
/// ```
/// use invalidate::{RuleSet, check::Undeclared, model::RawWrite, plan::{Program, Unfilled}};
///
/// let checked = RuleSet::parse(r#"
///     entity user { fields { plan: string }  key profile }
///     entity session { ref user }
///     relation user_sessions: user -> session
///     rule user_data { on user  when changed(plan)  follow user_sessions }
/// "#);
/// let program = Program::new(checked.rules.expect("the rules are clean"));
/// let write: RawWrite = serde_json::from_str(
///     r#"{"entity": "user", "id": "1", "op": "update", "old": {"plan": "free"}, "new": {"plan": "pro"}}"#,
/// )?;
/// let write = program.rules().write(write, Undeclared::Refuse)?;
/// let plan = program.plan(&write, Unfilled::Report);
/// let step = plan.steps.iter().find(|step| step.target == "user:1:session").expect("the cascade");
/// assert_eq!((step.hop, &*step.rules[0]), (1, "user_data"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Program {
    rules: RuleSet,
    /// The rules that writes of each entity may fire.
    rules_of: OnceLock<Vec<Vec<RuleId>>>,
    entities: Vec<OnceLock<EntityProgram>>,
    chains: OnceLock<Chains>,
    /// What drops that name their target belong to.
    pub(super) row: Group,
}

impl Program {
    pub fn new(rules: RuleSet) -> Self {
        let entities = rules.entities().iter().map(|_| OnceLock::new()).collect();
        Self { rules, rules_of: OnceLock::new(), entities, chains: OnceLock::new(), row: Group::default() }
    }

    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// What a write makes stale.
    pub fn plan(&self, write: &Write, unfilled: Unfilled) -> Plan {
        merge::plan(self, write, unfilled)
    }

    pub(super) fn entity(&self, id: EntityId) -> &EntityProgram {
        self.entities[id.index()].get_or_init(|| {
            let rules_of = self.rules_of.get_or_init(|| compile::rules_of(&self.rules));
            compile::entity(&self.rules, id, &rules_of[id.index()])
        })
    }

    pub(super) fn chains(&self) -> &Chains {
        self.chains.get_or_init(|| Chains::new(&self.rules))
    }
}

/// The rules that writes of one entity can fire.
#[derive(Debug)]
pub(super) struct EntityProgram {
    pub slots: Slots,
    pub rules: Vec<RuleProgram>,
    /// Create, update and delete.
    built_in: [OperationProgram; 3],
    declared: FxHashMap<Arc<str>, OperationProgram>,
}

impl EntityProgram {
    pub fn new<'n>(slots: Slots, rules: Vec<RuleProgram>, declared: impl Iterator<Item = &'n str>) -> Self {
        let declared = declared.map(|name| (name.into(), OperationProgram::new(Operation::named(name))));
        Self {
            slots,
            rules,
            built_in: [Operation::Create, Operation::Update, Operation::Delete].map(OperationProgram::new),
            declared: declared.collect(),
        }
    }

    /// What an operation can fire; `None` for one that the rules do not declare.
    pub fn operation(&self, operation: &Operation) -> Option<&OperationProgram> {
        match operation {
            Operation::Create => Some(&self.built_in[0]),
            Operation::Update => Some(&self.built_in[1]),
            Operation::Delete => Some(&self.built_in[2]),
            Operation::Custom(name) => self.declared.get(name),
        }
    }
}

/// What one operation on an entity can fire.
#[derive(Debug)]
pub(super) struct OperationProgram {
    /// The operation's name, as conditions compare it.
    pub name: Value,
    operation: Operation,
    /// Found when the first write comes.
    candidates: OnceLock<Candidates>,
}

impl OperationProgram {
    fn new(operation: Operation) -> Self {
        Self { name: Value::text(operation.name()), operation, candidates: OnceLock::new() }
    }

    /// At least those rules of the entity that a write fires, by their places.
    pub fn candidates(&self, entity: &EntityProgram, facts: &Facts<'_>) -> Places {
        let candidates = || Candidates::new(&entity.rules, &self.operation);
        self.candidates.get_or_init(candidates).of(facts, entity, &self.operation)
    }
}

/// The values that writes of one entity can give, by number.
#[derive(Debug, Default)]
pub(super) struct Slots {
    pub list: Vec<Slot>,
    pub by_name: FxHashMap<Arc<str>, usize>,
}

impl Slots {
    /// The slot of the row's own id.
    pub const ID: usize = 0;
}

/// A value that a write can give.
#[derive(Debug)]
pub(super) struct Slot {
    /// As the write names it: `id`, `user`, `order.user`, `user.plan`.
    pub name: Arc<str>,
    /// What a plan says that takes it as unmoved: `old.user == user`.
    pub unmoved: Arc<str>,
    /// The refs on the way, nearest first: `order` for `order.user`.
    pub behind: Vec<usize>,
}

#[derive(Debug)]
pub(super) struct RuleProgram {
    pub label: Label,
    pub operations: Operations,
    pub guard: Option<Condition<usize>>,
    /// The written instance where the rule drops `self`, then everything the cascade touches.
    pub groups: Vec<(Arc<Group>, Arc<Terms>)>,
    pub explicit: Vec<Explicit>,
    /// How many names it drops where each of its templates makes one.
    pub names: usize,
}

/// A rule, as plans name it.
#[derive(Debug)]
pub(super) struct Label {
    pub id: RuleId,
    pub name: Arc<str>,
    /// Of what it drops without following a relation.
    pub terms: Arc<Terms>,
}

/// The names of one instance, or of the instances that one path reaches.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub hop: u32,
    /// The relations on the way.
    pub via: Names,
    /// The slots of the ids along the way, and whether each may be the written instance.
    pub passes: Vec<(usize, bool)>,
    /// Nearest first; only those that a write could fill.
    pub tags: Vec<Filling>,
    pub lists: Vec<Filling>,
    pub keys: Vec<Filling>,
    /// Every slot that matters to any of these, but for the row's own id.
    pub slots: Vec<usize>,
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
    /// The parts to be filled, each once.
    pub holes: Vec<Piece>,
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
    /// How many names it has where each of its templates makes one.
    pub fn names(&self) -> usize {
        self.keys.len() + self.tags.len() + self.lists.len()
    }

    /// Whether a slot holds an id that may be the written instance's, which is visited already.
    pub fn may_revisit(&self, slot: usize) -> bool {
        self.passes.contains(&(slot, true))
    }
}

impl Filling {
    pub fn is_open(&self) -> bool {
        self.holes.contains(&Piece::Open)
    }

    /// Every slot that fills it, but for the row's own id.
    pub fn slots(&self) -> impl Iterator<Item = usize> {
        self.holes.iter().filter_map(|hole| match hole {
            Piece::Slot(slot) if *slot != Slots::ID => Some(*slot),
            _ => None,
        })
    }
}
