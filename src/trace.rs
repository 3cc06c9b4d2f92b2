//! What the rules make of a write, step by step: which conditions held and on which values, which
//! ways a cascade took, and what became of every template.
//!
//! The planner answers what is dropped, and as fast as it can; this says why, and as fully as it
//! can. It reads the checked rules by themselves, so the planner pays nothing for it, and
//! [`Trace::plan`] is the planner's plan: `tests/reference.rs` holds the two together.

mod chain;
pub mod facts;
pub mod fill;
mod rows;
mod steps;
mod truth;

use crate::check::condition::Image;
use crate::check::ruleset::{EntityId, RelationId, RuleId};
use crate::check::{RuleSet, Write};
use crate::plan::StepKind;

pub use truth::{AtomTruth, Evaluation, Reading, Truth};

/// What every rule that could have fired did about a write.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The rules on the written entity in the order in which they were written, then the chained
    /// ones in the order in which they fired.
    pub firings: Vec<Firing>,
    /// The chained rule, and its trigger, at which a chain was given up.
    pub stopped: Option<(RuleId, String)>,
}

/// One rule, and one reason to fire it.
#[derive(Clone, Debug)]
pub struct Firing {
    pub rule: RuleId,
    /// The dropped tag that a chained rule answers; `None` for the write itself.
    pub trigger: Option<String>,
    /// Whether the rule is on this operation. If not, nothing else was looked at.
    pub listens: bool,
    /// `None` for a rule without a condition.
    pub condition: Option<Evaluation>,
    /// The instances it came to: the written one where it drops `self`, then those of its cascade.
    pub groups: Vec<Reached>,
    /// What it tried to drop, in that order; empty unless it fired.
    pub attempts: Vec<Attempt>,
}

/// The instance, or the instances at the end of one path, whose names a rule drops.
#[derive(Clone, Debug)]
pub struct Reached {
    pub entity: EntityId,
    pub hop: u32,
    pub via: Vec<RelationId>,
    /// For each image of the write, where the way to it ended before; `None` where it did not.
    pub ended: Vec<(Image, Option<Ended>)>,
}

/// A way that leads nowhere: to nothing, or back to the written row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The value that is null, or the written row's id, as a write names it.
    pub at: String,
    /// Names whose value was only assumed not to have moved.
    pub unmoved: Vec<String>,
}

/// One template, filled from one image of the row.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub kind: StepKind,
    /// As it was written.
    pub template: String,
    /// Its text and holes, as the written row fills them.
    pub pieces: Vec<fill::Piece>,
    pub image: Image,
    /// Whose template it is; `None` for what the rule names.
    pub entity: Option<EntityId>,
    pub hop: u32,
    pub via: Vec<RelationId>,
    pub outcome: Outcome,
}

/// What came of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// These targets are dropped. None where a null was filled in. `unmoved` are the names whose
    /// values were only assumed not to have moved.
    Drops { targets: Vec<String>, unmoved: Vec<String> },
    /// A key that cannot be named goes with this tag, which all its entries carry.
    Covered { by: String },
    /// The write could have given what fills it. `missing` is empty where there is another reason.
    Unresolved { missing: Vec<String>, reason: Option<String> },
    /// Something nearer to the instance is dropped, or missing, and takes this along.
    NotNeeded,
    /// Nothing that a write of this entity could give would name it.
    Unnameable,
}

impl Firing {
    pub fn fires(&self) -> bool {
        self.listens && self.condition.as_ref().is_none_or(|c| c.truth != Truth::False)
    }
}

impl Trace {
    /// Holds a write against the rules.
    pub fn of(rules: &RuleSet, write: &Write) -> Self {
        let mut trace = Self { firings: rows::fire(rules, write), stopped: None };
        chain::fire(rules, write, &mut trace);
        trace
    }
}
