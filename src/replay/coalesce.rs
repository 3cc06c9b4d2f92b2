//! What batching saves: a target that waits in the queue already is not put there again, as the queue of
//! the cache has it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use compact_str::CompactString;

use crate::plan::{Step, StepKind};

/// Targets that wait at once; beyond it the first due are taken as carried out early.
const MOST_WAITING: usize = 1_000_000;

/// Batched drops, by their delay.
#[derive(Debug, Default)]
pub struct Coalescing {
    by_delay: BTreeMap<u64, Saved>,
    due: HashMap<(StepKind, CompactString), i64>,
    order: BTreeSet<(i64, StepKind, CompactString)>,
    now: Option<i64>,
    /// Targets that were taken out of the queue before they were due, for want of memory.
    pub cut_short: u64,
}

/// Drops of one delay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Saved {
    /// As the plans ask for.
    pub planned: u64,
    /// Those that found their target waiting.
    pub coalesced: u64,
}

impl Coalescing {
    /// A batched step of a write made at this time, in milliseconds.
    pub fn add(&mut self, step: &Step, at: i64) {
        let now = self.now.map_or(at, |now| now.max(at));
        self.now = Some(now);
        while let Some(first) = self.order.first().filter(|(due, ..)| *due <= now) {
            let (_, kind, target) = first.clone();
            self.order.pop_first();
            self.due.remove(&(kind, target));
        }
        let saved = self.by_delay.entry(step.delay_ms).or_default();
        saved.planned += 1;
        let due = now.saturating_add(i64::try_from(step.delay_ms).unwrap_or(i64::MAX));
        let key = (step.kind, step.target.clone());
        match self.due.get_mut(&key) {
            Some(waits) => {
                saved.coalesced += 1;
                // The earlier time counts.
                if due < *waits {
                    self.order.remove(&(*waits, key.0, key.1.clone()));
                    self.order.insert((due, key.0, key.1));
                    *waits = due;
                }
            }
            None => {
                self.order.insert((due, key.0, key.1.clone()));
                self.due.insert(key, due);
            }
        }
        if self.due.len() > MOST_WAITING
            && let Some((_, kind, target)) = self.order.pop_first()
        {
            self.due.remove(&(kind, target));
            self.cut_short += 1;
        }
    }

    /// By delay in milliseconds, the shortest first.
    pub fn by_delay(&self) -> impl Iterator<Item = (u64, Saved)> {
        self.by_delay.iter().map(|(delay, saved)| (*delay, *saved))
    }
}
