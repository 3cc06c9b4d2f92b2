//! Entries: what is stored, and what can be told about what is stored.

use std::time::Duration;

use crate::model::{Key, Tag};

/// An entry to store.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    pub key: &'a Key,
    pub value: &'a [u8],
    /// Every tag that the entry carries.
    pub tags: &'a [Tag],
    /// How long it lives, at a millisecond's precision; `None` lives until it is dropped. The layout
    /// asks for a TTL: it is the last line of defence for an entry that no rule knows.
    pub ttl: Option<Duration>,
    /// The keys of the entries that this one was built from.
    pub depends_on: &'a [Key],
}

/// How an entry is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// The application's own value.
    Plain,
    /// A value with the generations of its tags.
    Fenced,
    /// Something that is no cache entry; holds the server's word for its type.
    Foreign(String),
}

/// What [`Cache::describe_key`](super::Cache::describe_key) tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyDescription {
    pub kind: EntryKind,
    /// The length of the value.
    pub bytes: u64,
    /// What is left of its life; `None` lives until it is dropped.
    pub ttl: Option<Duration>,
    /// Sorted. May hold tags of an earlier value of the same key.
    pub tags: Vec<Tag>,
    /// Sorted. The keys it was built from.
    pub depends_on: Vec<Key>,
    /// How many keys are recorded as built directly from this one.
    pub dependents: u64,
}

/// What [`Cache::describe_tag`](super::Cache::describe_tag) tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagDescription {
    /// `None` for a tag that was neither dropped nor fenced so far.
    pub generation: Option<u64>,
    /// Entries that carry the tag and are alive.
    pub live: u64,
    /// Drops of the tag that have begun and not finished, or whose process died.
    pub journals: u64,
    /// The first live members, at most as many as were asked for.
    pub members: Vec<TagMember>,
}

/// A live entry that carries a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagMember {
    pub key: Key,
    /// What is left of its life; `None` lives until it is dropped.
    pub ttl: Option<Duration>,
}

/// One line of [`Cache::list_entries`](super::Cache::list_entries).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntrySummary {
    pub key: Key,
    pub kind: EntryKind,
    /// What is left of its life; `None` lives until it is dropped.
    pub ttl: Option<Duration>,
}

/// One line of [`Cache::list_tags`](super::Cache::list_tags).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagSummary {
    pub tag: Tag,
    /// Members of the index; may count some that have expired.
    pub members: u64,
}

/// A key that depends on another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependent {
    pub key: Key,
    /// 1 for a direct dependent, 2 for a dependent of one, and so on.
    pub distance: u32,
}

/// Where the next page of a listing starts. Means something only to the cache that gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub(super) Vec<u8>);

/// A part of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// `None` on the last page.
    pub next: Option<Cursor>,
}

/// What is at the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerInfo {
    /// `memory`, `embedded`, `redis` or `valkey`.
    pub kind: String,
    /// The backend's own version.
    pub version: String,
    /// Where it is, without user or password.
    pub address: String,
    /// Facts that bear on the guarantees, such as `maxmemory_policy`; sorted by name.
    pub facts: Vec<(String, String)>,
}
