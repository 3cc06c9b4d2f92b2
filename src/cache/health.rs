//! What a cache tells of its own state: facts, and no judgement. What they mean stands in
//! [`crate::engine::doctor`].

use std::time::Duration;

use super::entry::ServerInfo;
use super::error::CacheError;
use super::queue::Pending;

/// What [`Cache::health`](super::Cache::health) found. What the user may not ask is an error of its own,
/// so that one missing right hides nothing else.
#[derive(Clone, Debug)]
pub struct Health {
    /// How long it took to answer.
    pub latency: Duration,
    pub info: Result<ServerInfo, CacheError>,
    pub queue: Result<Pending, CacheError>,
    pub index: Result<IndexHealth, CacheError>,
    /// What only a server has.
    pub server: Option<ServerHealth>,
    /// What only a cache in a folder has.
    pub store: Option<StoreHealth>,
}

/// The tag indexes, the journals of drops, and what else the layout keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IndexHealth {
    /// Tags, and keys that others depend on, that have members.
    pub indexes: u64,
    pub members: u64,
    /// Members whose entries have expired.
    pub expired: u64,
    /// Of so many members it was asked whether their entries are there,
    pub sampled: u64,
    /// and so many were not: evicted, or removed by hand.
    pub missing: u64,
    /// Journals of drops that somebody is at, or that wait in the queue to be collected.
    pub at_work: u64,
    /// Journals that nobody is at: their drop was broken off, or goes on at this moment.
    pub unfinished: Found,
    /// Journals that no drop would find: the set that names them has lost them.
    pub orphans: Found,
    /// Keys of the layout that would expire.
    pub expiring: Found,
    /// Keys of the layout that hold another type than theirs.
    pub foreign: Found,
}

/// Things that were found: how many, and the first few by name, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub count: u64,
    pub first: Vec<String>,
}

impl Found {
    /// How many are named.
    const NAMED: usize = 3;

    pub(crate) fn add(&mut self, name: impl Into<String>) {
        self.count += 1;
        let name = name.into();
        let place = self.first.partition_point(|known| *known <= name);
        self.first.insert(place, name);
        self.first.truncate(Self::NAMED);
    }
}

/// What a Redis or Valkey tells besides.
#[derive(Clone, Debug)]
pub struct ServerHealth {
    /// Who we are to the server, where it tells.
    pub user: Option<String>,
    /// What each primary of a cluster says of itself, under its own address; empty for a server alone.
    pub primaries: Vec<ServerInfo>,
    pub rights: Result<Rights, CacheError>,
    /// How far this machine's clock is ahead of the server's, in milliseconds; negative when it is
    /// behind.
    pub clock_ahead_ms: Result<i64, CacheError>,
}

/// What the user lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// Commands that are needed and may not be run, sorted.
    pub commands: Vec<&'static str>,
    /// Keys that may not be touched: of the layout, and of a sample of the entries it names.
    pub keys: Found,
    /// Whether there was no way to look: without `MULTI` and `EXEC` looking would be doing.
    pub unknown: bool,
}

/// The files of an embedded cache; sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreHealth {
    /// How large the file may get before the map has to grow, which it does by itself.
    pub map_size: u64,
    /// How much of it holds something.
    pub used: u64,
    /// Places for readers that are taken, and how many there are.
    pub readers: u32,
    pub max_readers: u32,
    /// Whether the lock that one writer has at a time could be had.
    pub is_writable: bool,
}

/// What [`Cache::mend`](super::Cache::mend) did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mended {
    /// Journals that drops find again.
    pub journals: u64,
    /// Keys of the layout that do not expire any more.
    pub kept: u64,
}
