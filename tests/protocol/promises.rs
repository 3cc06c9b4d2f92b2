//! The bookkeeping of what users were promised, at the moments when a promise is made or falls due.

use crate::scenario::{Safeguard, Scenario, Target};
use crate::state::{Actor, Item, KEYS, Mask, Name, Promises, Snapshot, State, Value, WriteAt};

impl State {
    /// A drop begins: marks every entry that it has to remove, its write being complete.
    pub fn mark_reached(&mut self, actor: u8, scenario: &Scenario, target: Target) {
        let mut marked = match target {
            Target::Tag(name) => scenario.carriers(name),
            Target::Key(key) => Mask::of(key),
        };
        // What was built from a member goes with it, if the member is one.
        let mut parents = match target {
            Target::Tag(name) => marked.and(self.cache.indexes[name.index()].known()),
            Target::Key(_) => marked,
        };
        while let Some(parent) = parents.iter().next() {
            parents = parents.without(Mask::of(parent));
            let name = Name::dependents_of(parent);
            let dependents = scenario.carriers(name).without(marked);
            marked = marked.or(dependents);
            parents = parents.or(dependents.and(self.cache.indexes[name.index()].known()));
        }
        for key in marked.iter() {
            let entry = &mut self.cache.entries[key.index()];
            if entry.value != Value::None && entry.incomplete == 0 {
                entry.before = entry.before.or(Mask::bit(actor));
            }
        }
    }

    /// A drop is acknowledged, or carried out by a worker: from here on nobody may read older rows.
    pub fn promise(&mut self, actor: u8, scenario: &Scenario, target: Target, row: usize, version: u8) {
        for entry in &mut self.cache.entries {
            self.promises.broken.acknowledged_too_early |= entry.before.has(actor);
            entry.before = entry.before.without(Mask::bit(actor));
        }
        raise(&mut self.promises.anyone, scenario, target, row, version);
    }

    /// A lazy drop is acknowledged.
    pub fn promise_lazily(&mut self, actor: u8, scenario: &Scenario, name: Name, row: usize, version: u8) {
        self.promises.lazily = self.promises.lazily.or(Mask::bit(actor));
        raise(&mut self.promises.contract, scenario, Target::Tag(name), row, version);
    }

    /// Work enters the queue: a worker that has it in hand began too early for it.
    pub fn accept(&mut self, item: Item) {
        self.enqueue(item);
        self.promises.owed.0 |= 1 << item.0;
        for actor in &mut self.actors {
            if let Actor::Work(work) = actor
                && work.item == item
            {
                work.covers = false;
            }
        }
    }

    /// Whether the queue still has a collection or a drop of an index before it.
    pub fn is_queued(&self, name: Name) -> bool {
        let queued = self.cache.queue.due.or(self.cache.queue.leased);
        queued.has(Item::collect(name).0) || queued.has(Item::drop_of(name).0)
    }

    /// A replica took over. All promises are void: what asynchronous replication lost may have been any
    /// of them. Connections are broken.
    pub fn fail_over(&mut self, scenario: &Scenario) {
        let broken = self.promises.broken;
        self.promises = Promises { broken, ..Default::default() };
        for entry in &mut self.cache.entries {
            entry.before = Mask::default();
        }
        for actor in &mut self.actors {
            if let Actor::Write(write) = actor
                && write.at != WriteAt::Commit
            {
                write.is_void = true;
                if scenario.has(Safeguard::PageAgain) {
                    write.drain.begin_page_again(scenario);
                }
            }
        }
    }
}

fn raise(to: &mut [Snapshot; KEYS], scenario: &Scenario, target: Target, row: usize, version: u8) {
    for key in scenario.reached_by(target).iter() {
        if scenario.shows[key.index()].0 & 1 << row != 0 {
            let promised = &mut to[key.index()][row];
            *promised = version.max(*promised);
        }
    }
}
