//! What two rule sets mean, held against each other: for each entity and operation the writes in which
//! one drops what the other does not, or drops it at another time or in another order; and what entries
//! are called and carry.
//!
//! Each side's rules are turned into *effects*: names with holes, each with the condition under which
//! it is dropped, cascades and chained rules followed (`effect`, `chain`). For each effect the
//! decision procedure looks for a write that fires it and nothing of the other side that drops the same
//! name (`search`). So all *complete* writes are compared, those that give everything that the rules
//! look at. What is found is planned under both rule sets before it is said (`prove`); what could not be
//! decided is said too.

mod chain;
mod conditions;
mod effect;
mod lists;
mod maker;
mod name;
mod names;
mod pair;
mod prove;
mod same;
mod search;

use std::fmt;

use serde::{Serialize, Serializer};

use crate::check::RuleSet;
use crate::model::RawWrite;
use crate::plan::{Program, Step, StepKind, Strategy};
pub use names::NameDifference;
use pair::Pair;

/// How two rule sets differ.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// Entities that only one side declares.
    pub entities: Vec<EntityDifference>,
    pub names: Vec<NameDifference>,
    /// Every entity and operation of either side, the equal ones too.
    pub writes: Vec<Compared>,
    /// What could not be decided beside the writes of one operation.
    pub undecided: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EntityDifference {
    pub entity: String,
    /// Whether the new rules are those that declare it.
    pub added: bool,
}

/// The writes of one entity with one operation.
#[derive(Clone, Debug, Serialize)]
pub struct Compared {
    pub entity: String,
    pub operation: String,
    /// None where all of these writes mean the same.
    pub differences: Vec<Difference>,
    pub undecided: Vec<String>,
}

/// Targets that both sides treat differently under one combination of conditions.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    pub class: Class,
    pub rows: Rows,
    /// The conditions with their truth; empty for every write.
    #[serde(rename = "where", serialize_with = "as_conditions")]
    pub combination: Where,
    pub targets: Vec<Target>,
    /// The smallest write that shows it, and the same as a command.
    pub write: RawWrite,
    pub command: String,
}

/// Conditions and their truth.
pub type Where = Vec<(String, bool)>;

fn as_conditions<S: Serializer>(combination: &Where, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct One<'a> {
        condition: &'a str,
        holds: bool,
    }
    serializer.collect_seq(combination.iter().map(|(condition, holds)| One { condition, holds: *holds }))
}

/// What a difference means for whoever runs the new rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The new rules leave something that the old ones drop: possibly stale data.
    Narrower,
    /// The new rules drop more: more load.
    Wider,
    /// Both drop it, at another time.
    Timing,
    /// Both drop it at the same time, at another priority.
    Order,
}

impl Class {
    pub const ALL: [Self; 4] = [Self::Narrower, Self::Wider, Self::Timing, Self::Order];

    pub fn word(self) -> &'static str {
        match self {
            Self::Narrower => "narrower",
            Self::Wider => "wider",
            Self::Timing => "timing",
            Self::Order => "order",
        }
    }
}

/// Whether a write is of one row, or of many whose ids are unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rows {
    One,
    Many,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Target {
    pub kind: StepKind,
    /// As the rules write it.
    pub template: String,
    /// In the write that is shown.
    pub target: String,
    /// How either side drops it; `None` for not at all.
    pub old: Option<Dropped>,
    pub new: Option<Dropped>,
}

/// How a target is dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dropped {
    pub strategy: Strategy,
    pub delay_ms: u64,
    pub priority: u16,
    pub rules: Vec<String>,
}

impl Dropped {
    fn of(step: &Step) -> Self {
        Self {
            strategy: step.strategy,
            delay_ms: step.delay_ms,
            priority: step.priority,
            rules: step.rules.to_strings(),
        }
    }
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.strategy {
            Strategy::Batched => write!(f, "batched, {} ms", self.delay_ms),
            other => f.write_str(other.word()),
        }
    }
}

impl Comparison {
    pub fn differences(&self) -> impl Iterator<Item = (&Compared, &Difference)> {
        self.writes.iter().flat_map(|c| c.differences.iter().map(move |d| (c, d)))
    }

    /// How many operations have something that could not be decided, and what else could not.
    pub fn undecided_count(&self) -> usize {
        self.undecided.len() + self.writes.iter().filter(|c| !c.undecided.is_empty()).count()
    }
}

/// Compares what two rule sets mean.
pub fn compare(old: &Program, new: &Program) -> Comparison {
    let (before, after) = (old.rules(), new.rules());
    let (names, undecided) = names::differences(old, new);
    let only = |rules: &RuleSet, other: &RuleSet, added: bool| -> Vec<EntityDifference> {
        let missing = rules.entities().iter().filter(|e| other.entity_named(&e.name).is_none());
        missing.map(|e| EntityDifference { entity: e.name.clone(), added }).collect()
    };
    let mut entities = only(before, after, false);
    let added = only(after, before, true);
    let all: Vec<&str> = before
        .entities()
        .iter()
        .map(|e| e.name.as_str())
        .chain(added.iter().map(|e| e.entity.as_str()))
        .collect();
    let pair = Pair::new(old, new);
    let writes = all.iter().flat_map(|entity| pair.entity(entity)).collect();
    entities.extend(added.iter().cloned());
    Comparison { entities, names, writes, undecided }
}

/// A combination as it reads in a rule; empty for every write.
pub fn shown(combination: &Where) -> String {
    search::shown(combination)
}
