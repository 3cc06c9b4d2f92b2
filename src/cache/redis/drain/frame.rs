//! What a drop is at: indexes to be set aside, and journals to be drained.

use crate::cache::index_name::IndexName;
use crate::cache::redis::source::Source;
use crate::model::Key;

/// What a start adds to the number of dropped tags.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum CountTags {
    One,
    /// For a name that a scan found: one if there is anything to remove. A scan finds a name by its
    /// generation too, perhaps after the tag was dropped.
    IfAny,
    /// For dependents, and for a tag that was counted before.
    None,
}

/// How the members of an index are come by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Begin {
    /// By a drop: the index is set aside.
    Drop,
    /// Only what is set aside already.
    Open,
    /// As [`Begin::Open`], and members that were filled under a fence since then stay.
    Collect,
    /// As [`Begin::Drop`], for a tag that so many lazy drops have set aside that the last ones could
    /// not; the members that were filled since then stay.
    CollectRest,
}

/// An index that is to be dropped, or collected.
pub(super) struct Start {
    pub begin: Begin,
    pub name: IndexName,
    pub owner: usize,
    pub depth: u32,
    pub levels: u32,
    pub tags: CountTags,
    /// Of the journal that it makes: the same when it is asked for again.
    pub id: Option<Vec<u8>>,
}

/// A key that is to be removed, with how many levels, itself included.
pub(super) struct OneKey {
    pub key: Key,
    pub owner: usize,
    pub levels: u32,
}

/// Targets that are worked on together.
#[derive(Default)]
pub(super) struct Frame {
    /// Keys that the drop names.
    pub keys: Vec<OneKey>,
    /// Tags that may be small enough to be dropped whole.
    pub small: Vec<Start>,
    /// Indexes to be set aside.
    pub starts: Vec<Start>,
    /// Indexes with so many open journals that they are dropped again when these are drained.
    pub again: Vec<Start>,
    pub sources: Vec<Source>,
}

/// Where the replies of one target stand among those of a round trip.
#[derive(Default)]
pub(super) struct Slots {
    pub removed: Vec<usize>,
    /// The page before it leaving the journal.
    pub settled: Option<usize>,
    pub next: Option<usize>,
}

impl Frame {
    pub fn is_done(&self) -> bool {
        [&self.small, &self.starts, &self.again].iter().all(|starts| starts.is_empty())
            && self.keys.is_empty()
            && self.sources.is_empty()
    }

    pub fn owners(&self) -> impl Iterator<Item = usize> {
        let starts = self.small.iter().chain(&self.starts).chain(&self.again).map(|start| start.owner);
        let keys = self.keys.iter().map(|one| one.owner);
        keys.chain(starts).chain(self.sources.iter().map(|source| source.owner))
    }

    /// Goes back to the front of each journal. Nothing is lost: a member stands there until all is done.
    pub fn page_again(&mut self) {
        for source in &mut self.sources {
            source.page_again();
        }
    }
}
