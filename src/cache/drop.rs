//! What to drop, and what came of it.

use std::iter::Sum;
use std::ops::AddAssign;

use crate::model::{Key, Pattern, Tag};

/// What a drop names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DropTarget {
    /// Every entry that carries the tag.
    Tag(Tag),
    /// One entry.
    Key(Key),
    /// Every live entry whose key matches.
    Match(Pattern),
    /// Every tag whose name matches.
    TagsMatching(Pattern),
}

impl From<Tag> for DropTarget {
    fn from(tag: Tag) -> Self {
        Self::Tag(tag)
    }
}
impl From<Key> for DropTarget {
    fn from(key: Key) -> Self {
        Self::Key(key)
    }
}
impl From<Pattern> for DropTarget {
    fn from(pattern: Pattern) -> Self {
        Self::Match(pattern)
    }
}

/// How far a drop follows key dependencies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Dependents, their dependents, and so on.
    #[default]
    Transitive,
    /// Only what depends directly on a dropped key.
    Direct,
}

/// One drop among those given to [`Cache::drop_many`](super::Cache::drop_many).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropRequest {
    pub target: DropTarget,
    pub reach: Reach,
}

impl DropRequest {
    pub fn new(target: impl Into<DropTarget>, reach: Reach) -> Self {
        Self { target: target.into(), reach }
    }
}

/// What a drop removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Tags that were dropped, with or without members.
    pub tags: u64,
    /// Entries that were live and are gone, dependents not counted. On a server a key that is being
    /// filled under a fence counts as one.
    pub keys: u64,
    /// Entries that went because they depended on a dropped key.
    pub dependents: u64,
    /// Journals left by earlier drops that never finished, and drained now.
    pub journals: u64,
}

impl Dropped {
    /// All entries that are gone.
    pub fn entries(&self) -> u64 {
        self.keys + self.dependents
    }
}

impl AddAssign for Dropped {
    fn add_assign(&mut self, other: Self) {
        self.tags += other.tags;
        self.keys += other.keys;
        self.dependents += other.dependents;
        self.journals += other.journals;
    }
}

impl Sum for Dropped {
    fn sum<I: Iterator<Item = Self>>(outcomes: I) -> Self {
        outcomes.fold(Self::default(), |mut total, outcome| {
            total += outcome;
            total
        })
    }
}

/// How far a drop has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The position of the request among those of the call.
    pub request: usize,
    /// Entries removed for it so far, dependents included.
    pub removed: u64,
    /// Index members still to be looked at, where that is known; expired ones are among them.
    pub left: Option<u64>,
}

/// Is told now and then how far a drop has come.
pub type ProgressFn<'a> = &'a (dyn Fn(Progress) + Sync);

/// For callers that do not want to know.
pub fn quiet() -> ProgressFn<'static> {
    &|_| {}
}
