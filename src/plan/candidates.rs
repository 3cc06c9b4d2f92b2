//! Which rules an operation could fire: those that a write certainly does not fire are not looked at,
//! however many there are.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use smallvec::SmallVec;

use super::guard::Facts;
use super::index::Index;
use super::program::{EntityProgram, RuleProgram};
use super::row::Row;
use super::ways::ways;
use crate::check::ruleset::Operation;
use crate::model::Value;

/// Rules that are quicker looked at than found.
const FEW: usize = 4;

/// Places of rules in their entity's list: sorted, each once.
pub type Places = SmallVec<[u32; 16]>;

/// The rules that one operation on one entity could fire, by their places.
#[derive(Debug)]
pub struct Candidates {
    all: Box<[u32]>,
    /// Whether a write came before. A process that plans one write needs no index.
    asked: AtomicBool,
    index: OnceLock<Index>,
}

impl Candidates {
    pub fn new(rules: &[RuleProgram], operation: &Operation) -> Self {
        let all = (0..).zip(rules).filter(|(_, rule)| rule.operations.contains(operation));
        Self { all: all.map(|(at, _)| at).collect(), asked: AtomicBool::new(false), index: OnceLock::new() }
    }

    /// At least those rules that a write fires.
    pub fn of(&self, facts: &Facts<'_>, entity: &EntityProgram, operation: &Operation) -> Places {
        if self.all.len() <= FEW {
            return Places::from_slice(&self.all);
        }
        // Two threads that both come first both look at all rules.
        if !self.asked.load(Relaxed) {
            self.asked.store(true, Relaxed);
            return Places::from_slice(&self.all);
        }
        self.index.get_or_init(|| self.index(facts.operation, entity, operation)).of(facts)
    }

    fn index(&self, name: &Value, entity: &EntityProgram, operation: &Operation) -> Index {
        let row = Row::of_operation(operation, &entity.slots);
        let known = Facts { row: &row, operation: name, context: &[], trigger: &[] };
        let ways = self.all.iter().flat_map(|at| {
            let guard = entity.rules[*at as usize].guard.as_ref();
            let ways = guard.map_or_else(|| vec![Vec::new()], |guard| ways(guard, &known));
            ways.into_iter().map(|way| (*at, way))
        });
        Index::new(ways.collect())
    }
}
