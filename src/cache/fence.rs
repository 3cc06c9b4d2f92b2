//! Fences: what a filler takes before it reads the database, so that what it read cannot be stored
//! once a drop has made it old.

mod fill;
mod token;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::error::{CacheError, CacheErrorKind};
use super::index_name::IndexName;
use crate::model::{Key, Tag};

pub(super) use fill::fill;
pub use fill::{FillOutcome, Filled};
pub use token::BadFence;

/// How long a fence holds while its key has no value: the time that a load may take.
pub const FENCE_LIFE: Duration = Duration::from_secs(30);

/// A promise that [`Cache::put_fenced`](super::Cache::put_fenced) checks: nothing that the fence
/// names was dropped since the fence was taken. Its text is one word without secrets, so that it can
/// be handed to another process and back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    pub(super) key: Key,
    /// Stands at the key until the key is dropped.
    pub(super) ticket: String,
    /// The generations of the tags and dependencies, in the order of their names.
    pub(super) stamps: Vec<Stamp>,
}

/// An index and the generation that it had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub name: IndexName,
    pub generation: u64,
}

/// What came of storing an entry under a fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a refused value is not in the cache"]
pub enum FencedPut {
    /// The entry is stored, in the index of every tag and dependency.
    Stored,
    /// The key, a tag or a dependency was dropped since the fence was taken, or the fence is too old
    /// ([`FENCE_LIFE`]): the value may be stale and was not stored.
    Refused,
}

impl Fence {
    /// The key that the fence was taken for.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The tags that the entry will carry.
    pub fn tags(&self) -> Vec<Tag> {
        self.stamps.iter().filter_map(|stamp| stamp.name.tag()).collect()
    }

    /// Whether the entry will be in the index of any tag or dependency.
    pub fn has_indexes(&self) -> bool {
        !self.stamps.is_empty()
    }
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        token::write(self, f)
    }
}

impl FromStr for Fence {
    type Err = BadFence;

    fn from_str(text: &str) -> Result<Self, BadFence> {
        token::read(text)
    }
}

/// Whether an entry with these stamps may still be read. A generation that is missing matches nothing.
pub(super) fn is_current<E>(
    stamps: &[Stamp],
    mut generation: impl FnMut(&IndexName) -> Result<Option<u64>, E>,
) -> Result<bool, E> {
    for stamp in stamps {
        if generation(&stamp.name)? != Some(stamp.generation) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether collecting an index leaves a fenced entry alone: it was filled since the index was
/// dropped, or does not carry that tag any more.
pub(super) fn outlives(stamps: &[Stamp], name: &IndexName, generation: Option<u64>) -> bool {
    stamps.iter().find(|stamp| stamp.name == *name).is_none_or(|stamp| Some(stamp.generation) == generation)
}

impl From<BadFence> for CacheError {
    fn from(bad: BadFence) -> Self {
        CacheError::new(CacheErrorKind::Invalid, bad.to_string()).with_hint(bad.hint())
    }
}
