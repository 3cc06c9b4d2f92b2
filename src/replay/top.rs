//! The busiest targets, in memory that does not grow (Space-Saving: Metwally, Agrawal, El Abbadi,
//! "Efficient computation of frequent and top-k elements in data streams", 2005).

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;

use crate::plan::StepKind;

/// Targets that are counted at once. With no more different ones, counts are exact.
pub const CAPACITY: usize = 20_000;

/// Counts of targets. Whatever was dropped more often than `drops / CAPACITY` times is among them.
#[derive(Debug, Default)]
pub struct TopTargets {
    slots: Vec<Slot>,
    places: HashMap<(StepKind, String), usize>,
    /// Counts and places, the smallest first.
    order: BTreeSet<(u64, usize)>,
    overflowed: bool,
}

#[derive(Debug)]
struct Slot {
    kind: StepKind,
    target: String,
    count: u64,
    /// By how much the count may be too large.
    error: u64,
}

/// A busy target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Busy {
    pub kind: StepKind,
    pub target: String,
    pub drops: u64,
    /// By how much `drops` may be too large; 0 where it is exact.
    pub at_most_over_by: u64,
}

impl TopTargets {
    pub fn add(&mut self, kind: StepKind, target: &str) {
        if let Some(place) = self.places.get(&(kind, target.to_owned())).copied() {
            let slot = &mut self.slots[place];
            self.order.remove(&(slot.count, place));
            slot.count += 1;
            self.order.insert((slot.count, place));
            return;
        }
        if self.slots.len() < CAPACITY {
            let place = self.slots.len();
            self.slots.push(Slot { kind, target: target.to_owned(), count: 1, error: 0 });
            self.places.insert((kind, target.to_owned()), place);
            self.order.insert((1, place));
            return;
        }
        // The rarest makes room, and what it counted may have been the new one's.
        let Some((count, place)) = self.order.pop_first() else { return };
        self.overflowed = true;
        let slot = &mut self.slots[place];
        self.places.remove(&(slot.kind, std::mem::take(&mut slot.target)));
        *slot = Slot { kind, target: target.to_owned(), count: count + 1, error: count };
        self.places.insert((kind, target.to_owned()), place);
        self.order.insert((count + 1, place));
    }

    /// Whether every count is exact.
    pub fn is_exact(&self) -> bool {
        !self.overflowed
    }

    /// Different targets that are counted; of them all where the counts are exact.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The busiest, then by name.
    pub fn most(&self, n: usize) -> Vec<Busy> {
        let mut all: Vec<&Slot> = self.slots.iter().collect();
        all.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| (a.kind, &a.target).cmp(&(b.kind, &b.target))));
        let busy = |s: &Slot| Busy {
            kind: s.kind,
            target: s.target.clone(),
            drops: s.count,
            at_most_over_by: s.error,
        };
        all.into_iter().take(n).map(busy).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_never_too_small_and_their_error_is_said() {
        let mut top = TopTargets::default();
        for round in 0..3 * CAPACITY {
            top.add(StepKind::Tag, "hot");
            top.add(StepKind::Tag, &format!("cold:{round}"));
        }
        assert!(!top.is_exact());
        let most = top.most(1);
        assert_eq!((most[0].target.as_str(), most[0].drops), ("hot", 3 * CAPACITY as u64));
        assert!(top.most(CAPACITY).iter().all(|b| b.target == "hot" || b.drops - b.at_most_over_by <= 1));
        assert_eq!(top.len(), CAPACITY);
    }

    #[test]
    fn few_targets_are_counted_exactly() {
        let mut top = TopTargets::default();
        for target in ["b", "a", "b", "c"] {
            top.add(StepKind::Key, target);
        }
        let most: Vec<(String, u64)> = top.most(2).into_iter().map(|b| (b.target, b.drops)).collect();
        assert_eq!(most, [("b".to_owned(), 2), ("a".to_owned(), 1)]);
        assert!(top.is_exact());
    }
}
