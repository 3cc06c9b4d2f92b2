//! The guarantees of the contract, each as something that holds in every state.

use crate::scenario::{Program, Scenario, Target};
use crate::state::{Actor, Key, Mask, Name, Snapshot, Stage, State, Value};

/// A guarantee of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Property {
    /// Every entry is in its indexes, or in an open journal of them.
    Indexed,
    /// An acknowledged drop has removed every entry that was complete before it began.
    Removed,
    /// After the acknowledgement no fenced entry from an older snapshot is readable by anyone.
    FencedFromAnyone,
    /// After a lazy drop no reader of the fenced contract sees an entry from an older snapshot.
    FencedFromReaders,
    /// What a lazy drop left for the collector is gone after the collection.
    Collected,
    /// Work that was accepted is carried out after that, or is in the queue, under a lease, or in hand.
    CarriedOut,
    /// A drop of more than a page that broke off is finished by a worker.
    Resumed,
    /// Members are in no journal that nobody would find.
    Findable,
    /// No guarantee, but what one might take for one: once a drop is acknowledged, no entry of any kind
    /// from an older snapshot is stored.
    OlderNeverStored,
}

impl Property {
    /// A few words for the list of what was searched.
    pub fn words(self) -> &'static str {
        match self {
            Self::Indexed => "entries are indexed",
            Self::Removed => "acknowledged drops have removed",
            Self::FencedFromAnyone => "nobody reads older rows",
            Self::FencedFromReaders => "no fenced reader reads older rows",
            Self::Collected => "lazily dropped is collected",
            Self::CarriedOut => "accepted work is carried out",
            Self::Resumed => "broken off is resumed",
            Self::Findable => "members are findable",
            Self::OlderNeverStored => "older entries are gone after the acknowledgement",
        }
    }

    /// Whether the guarantee holds in the state.
    pub fn holds(self, scenario: &Scenario, state: &State) -> bool {
        let cache = &state.cache;
        match self {
            Self::Indexed => Key::ALL.into_iter().all(|key| {
                let entry = &cache.entries[key.index()];
                let is_exempt = entry.value == Value::None || entry.incomplete != 0;
                let mut carried = scenario.carries[key.index()].names();
                is_exempt || carried.all(|name| cache.indexes[name.index()].known().has(key.0))
            }),
            Self::Removed => !state.promises.broken.acknowledged_too_early,
            Self::FencedFromAnyone => Key::ALL.into_iter().all(|key| {
                let entry = &cache.entries[key.index()];
                entry.value != Value::Fenced
                    || !is_older(&entry.snapshot, &state.promises.anyone[key.index()])
            }),
            Self::OlderNeverStored => Key::ALL.into_iter().all(|key| {
                let entry = &cache.entries[key.index()];
                let promised = [&state.promises.anyone, &state.promises.contract];
                let mut promised = promised.map(|kind| kind[key.index()]).into_iter();
                entry.value == Value::None || !promised.any(|kind| is_older(&entry.snapshot, &kind))
            }),
            Self::FencedFromReaders => {
                let none_current = Key::ALL.into_iter().all(|key| {
                    let entry = &cache.entries[key.index()];
                    entry.value != Value::Fenced
                        || !is_older(&entry.snapshot, &state.promised_to_readers(scenario, key))
                        || !state.is_current(key)
                });
                none_current && !state.promises.broken.stale_hit
            }
            Self::Collected => Key::ALL.into_iter().all(|key| {
                let entry = &cache.entries[key.index()];
                let promised = &state.promises.contract[key.index()];
                entry.value == Value::None
                    || lazily_dropped(scenario).all(|(actor, row, name)| {
                        let is_marked = entry.before.and(state.promises.lazily).has(actor);
                        let is_old = entry.value == Value::Fenced && entry.snapshot[row] < promised[row];
                        !(is_marked || is_old) || state.is_queued(name)
                    })
            }),
            Self::CarriedOut => {
                let mut lost = state.promises.owed.without(cache.queue.due).without(cache.queue.leased);
                for actor in &state.actors {
                    if let Actor::Work(work) = actor
                        && work.covers
                    {
                        lost = lost.without(Mask::bit(work.item.0));
                    }
                }
                lost.is_empty()
            }
            Self::Resumed => Name::ALL.into_iter().all(|name| {
                let index = &cache.indexes[name.index()];
                let mut journals = state.promises.resumable[name.index()].bits();
                state.is_queued(name) || journals.all(|at| index.journals[usize::from(at)].members.is_empty())
            }),
            Self::Findable => cache.indexes.iter().all(|index| {
                index
                    .journals
                    .iter()
                    .all(|journal| journal.members.is_empty() || journal.stage == Stage::Open)
            }),
        }
    }
}

impl State {
    /// The oldest versions that a reader of the fenced contract may see under a key. Lazily dropped
    /// are the members of a tag at once, what was built from them with the collection.
    pub fn promised_to_readers(&self, scenario: &Scenario, key: Key) -> Snapshot {
        let mut promised = self.promises.anyone[key.index()];
        for (_, row, name) in lazily_dropped(scenario) {
            if scenario.carries[key.index()].has(name.0) {
                promised[row] = promised[row].max(self.promises.contract[key.index()][row]);
            }
        }
        promised
    }
}

fn is_older(snapshot: &Snapshot, promised: &Snapshot) -> bool {
    snapshot.iter().zip(promised).any(|(version, promised)| version < promised)
}

/// The lazy drops of a scenario: actor, row, tag.
fn lazily_dropped(scenario: &Scenario) -> impl Iterator<Item = (u8, usize, Name)> {
    (0..).zip(&scenario.actors).filter_map(|(actor, program)| match program {
        Program::Write { row, target: Target::Tag(name), timing: crate::scenario::Timing::Lazy } => {
            Some((actor, *row, *name))
        }
        _ => None,
    })
}
