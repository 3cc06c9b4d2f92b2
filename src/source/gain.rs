//! What old values would tell: which tables the rules look at so that the key of the old row is not enough.

use super::mapping::TableMap;
use crate::check::Undeclared;
use crate::model::{RawId, RawWrite};
use crate::plan::{Plan, Program, Unfilled};

/// What is unknown of a table's writes as long as the log gives the old row's key alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gain {
    /// Names whose old values rules put into keys, tags and lists: a row that moves is missed where it was.
    pub moved: Vec<String>,
    /// Conditions that ask what changed: they are taken as true.
    pub conditions: Vec<String>,
}

impl TableMap {
    /// What the rules would know with all old values; `None` where the key is enough.
    pub fn gain(&self, program: &Program) -> Option<Gain> {
        let mut gain = Gain::default();
        for op in ["update", "delete"] {
            // A write that gives nothing: what the planner misses is what the rules look at.
            let raw = RawWrite {
                entity: self.entity.clone(),
                id: RawId::Int(1),
                op: op.to_owned(),
                ..RawWrite::default()
            };
            let Ok(write) = program.rules().write(raw, Undeclared::Ignore) else { continue };
            gain.add(&program.plan(&write, Unfilled::Report), self);
        }
        gain.moved.sort();
        gain.moved.dedup();
        gain.conditions.sort();
        gain.conditions.dedup();
        (gain != Gain::default()).then_some(gain)
    }
}

impl Gain {
    /// Why the key of an old row is not enough, for people.
    pub fn why(&self) -> String {
        let mut parts = Vec::new();
        if !self.moved.is_empty() {
            parts.push(format!("a row whose {} changes is missed where it was", self.moved.join(" or ")));
        }
        if !self.conditions.is_empty() {
            let list: Vec<String> = self.conditions.iter().map(|c| format!("`{c}`")).collect();
            parts.push(format!("{} counts as true for every update", list.join(", ")));
        }
        parts.join("; ")
    }

    fn add(&mut self, plan: &Plan, map: &TableMap) {
        let names = plan.unresolved.iter().flat_map(|unresolved| &unresolved.missing);
        let own = names.filter(|name| map.named.iter().any(|column| column.name == **name));
        self.moved.extend(own.cloned());
        let asks = |condition: &&str| condition.contains("changed(") || condition.contains("old.");
        self.conditions.extend(plan.assumed.iter().map(|a| &*a.condition).filter(asks).map(str::to_owned));
    }
}
