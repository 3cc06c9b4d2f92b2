//! The cache in a folder: an LMDB environment, so that everything works with nothing installed.
//!
//! Any number of processes may use one folder at once, and any of them may be killed at any moment:
//! every change is one durable transaction. Transactions are short, so they run where they are
//! called; a process that is *stopped* inside one keeps the others from writing until it goes on.

mod collect;
mod drain;
mod environment;
mod failure;
mod fence;
mod health;
mod inspect;
mod layout;
mod queue;
mod rows;
mod scan;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::clock::{endless_score, now_ms, ttl_ms};
use super::index_name::{IndexName, indexes_of};
use super::pace::Pace;
use super::{
    Cache, CacheError, CacheOptions, Claim, Claimed, Cursor, Dependent, DropRequest, DropTarget, Dropped,
    Enqueued, Entry, EntrySummary, Fence, FencedPut, Health, KeyDescription, LeaseToken, Mended, Page,
    Pending, ProgressFn, Rate, Reach, Retired, ServerInfo, Settle, Swept, TagDescription, TagSummary, Work,
    WorkerId,
};
use crate::model::{Key, Pattern, Tag};
use environment::Environment;
use failure::Failure;
use layout::{NEVER, name_id};
use rows::{Change, View};

/// How many expired things one `put` clears away, so that none of them has to do much.
const PRUNED_PER_PUT: usize = 16;

/// A cache in a folder.
pub struct EmbeddedCache {
    environment: Arc<Environment>,
    page_size: usize,
    queue_limit: u64,
}

impl EmbeddedCache {
    /// Opens the cache in a folder, which is made on demand. Within a process, all who open the same
    /// folder share one environment.
    ///
    /// # Errors
    /// [`CacheErrorKind`](super::CacheErrorKind)`::Permission`, `ReadOnly` or `OutOfMemory` (the disk
    /// is full) when the folder cannot be used, `Invalid` when the path is no folder, `Corrupt` when
    /// what lies there is no cache or a damaged one.
    pub fn open(folder: &Path, options: &CacheOptions) -> Result<Self, CacheError> {
        let environment = Environment::open(folder, options.map_size)?;
        Ok(Self { environment, page_size: options.page_size, queue_limit: options.queue_limit })
    }

    fn read<R>(&self, mut work: impl FnMut(View<'_>) -> Result<R, Failure>) -> Result<R, CacheError> {
        let now = now_ms();
        self.environment.read(|table, txn| work(View { table, txn, now }))
    }

    fn write<R>(
        &self,
        mut work: impl FnMut(&mut Change<'_, '_>) -> Result<R, Failure>,
    ) -> Result<R, CacheError> {
        self.environment.write(|table, txn| work(&mut Change { table, txn, now: now_ms() }))
    }
}

impl fmt::Debug for EmbeddedCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EmbeddedCache({})", self.environment.folder().display())
    }
}

impl Cache for EmbeddedCache {
    async fn put(&self, entry: &Entry<'_>) -> Result<(), CacheError> {
        let ttl = ttl_ms(entry.ttl)?;
        let indexes = indexes_of(entry.tags, entry.depends_on);
        let key = entry.key.as_str().as_bytes();
        self.write(|change| {
            change.prune(PRUNED_PER_PUT)?;
            let expires = ttl.map(|ttl| change.now.saturating_add(ttl));
            let score = expires.unwrap_or_else(|| endless_score(change.now));
            for index in &indexes {
                change.add_member(index, key, score)?;
            }
            change.put_entry(key, entry.value, expires.unwrap_or(NEVER))
        })
    }

    async fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, CacheError> {
        let id = name_id(key.as_str().as_bytes());
        self.read(|view| Ok(view.readable(&id)?.map(|entry| entry.value.to_vec())))
    }

    async fn fence(&self, key: &Key, tags: &[Tag], depends_on: &[Key]) -> Result<Fence, CacheError> {
        let names = indexes_of(tags, depends_on);
        self.write(|change| change.fence(key, &names))
    }

    async fn put_fenced(
        &self,
        fence: &Fence,
        value: &[u8],
        ttl: Option<Duration>,
    ) -> Result<FencedPut, CacheError> {
        let ttl = ttl_ms(ttl)?;
        self.write(|change| {
            change.prune(PRUNED_PER_PUT)?;
            change.put_fenced(fence, value, ttl)
        })
    }

    async fn retire(&self, tag: &Tag) -> Result<Retired, CacheError> {
        self.write(|change| change.retire(&tag.into()))
    }

    async fn collect(&self, tag: &Tag, rate: Rate, progress: ProgressFn<'_>) -> Result<Dropped, CacheError> {
        self.collect_index(&tag.into(), &mut Pace::new(rate), progress).await
    }

    async fn sweep(&self, rate: Rate) -> Result<Swept, CacheError> {
        self.sweep_all(&mut Pace::new(rate)).await
    }

    async fn token(&self, tag: &Tag) -> Result<u64, CacheError> {
        self.write(|change| change.generation(&tag.into()))
    }

    async fn describe_key(&self, key: &Key) -> Result<Option<KeyDescription>, CacheError> {
        self.read(|view| view.describe_key(key))
    }

    async fn describe_tag(&self, tag: &Tag, limit: usize) -> Result<TagDescription, CacheError> {
        self.read(|view| view.describe_tag(&tag.into(), limit))
    }

    async fn list_entries(
        &self,
        pattern: Option<&Pattern>,
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<EntrySummary>, CacheError> {
        self.read(|view| view.list_entries(pattern, cursor, limit))
    }

    async fn list_tags(
        &self,
        pattern: Option<&Pattern>,
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<TagSummary>, CacheError> {
        self.read(|view| view.list_tags(pattern, cursor, limit))
    }

    async fn drop_many(
        &self,
        requests: &[DropRequest],
        progress: ProgressFn<'_>,
    ) -> Vec<Result<Dropped, CacheError>> {
        drain::drop_many(&self.environment, requests, self.page_size, progress).await
    }

    async fn count(&self, target: &DropTarget) -> Result<u64, CacheError> {
        self.read(|view| view.count(target))
    }

    async fn add_dependency(&self, key: &Key, on: &[Key]) -> Result<(), CacheError> {
        let key = key.as_str().as_bytes();
        self.write(|change| {
            let score = match change.view().entry(&name_id(key))? {
                Some(entry) if entry.expires == NEVER => endless_score(change.now),
                Some(entry) => entry.expires,
                None => NEVER,
            };
            for on in on {
                change.add_member(&IndexName::dependents_of(on.as_str().as_bytes()), key, score)?;
            }
            Ok(())
        })
    }

    async fn remove_dependency(&self, key: &Key, on: &[Key]) -> Result<u64, CacheError> {
        let id = name_id(key.as_str().as_bytes());
        self.write(|change| {
            let mut removed = 0;
            for on in on {
                let name = IndexName::dependents_of(on.as_str().as_bytes());
                let Some(row) = change.view().index(&name)? else { continue };
                if let Some(score) = change.view().score(row.index, &id)? {
                    removed += u64::from(change.remove_member(row.index, &id, score)?);
                }
            }
            Ok(removed)
        })
    }

    async fn dependents(&self, key: &Key, reach: Reach) -> Result<Vec<Dependent>, CacheError> {
        self.read(|view| view.dependents(key, reach))
    }

    async fn record(&self, counters: &[(&str, u64)]) -> Result<(), CacheError> {
        if counters.is_empty() {
            return Ok(());
        }
        self.write(|change| counters.iter().try_for_each(|(name, by)| change.count_up(name, *by)))
    }

    async fn statistics(&self) -> Result<BTreeMap<String, u64>, CacheError> {
        self.read(|view| view.statistics())
    }

    async fn reset_statistics(&self) -> Result<(), CacheError> {
        self.write(|change| change.forget_counters())
    }

    async fn enqueue(&self, items: &[(Work, Duration)]) -> Result<Enqueued, CacheError> {
        self.put_into_queue(items)
    }

    async fn claim(
        &self,
        which: Claim<'_>,
        token: LeaseToken,
        limit: usize,
        lease: Duration,
    ) -> Result<Claimed, CacheError> {
        self.claim_items(which, token, limit, lease)
    }

    async fn settle(&self, token: LeaseToken, items: &[Work], how: Settle) -> Result<u64, CacheError> {
        self.settle_items(token, items, how)
    }

    async fn recall(&self) -> Result<u64, CacheError> {
        self.write(|change| change.end_leases(u64::MAX))
    }

    async fn pending(&self) -> Result<Pending, CacheError> {
        self.read(|view| view.pending())
    }

    async fn announce(&self, worker: WorkerId, ttl: Duration) -> Result<u64, CacheError> {
        self.write(|change| change.announce(worker, ttl))
    }

    async fn ping(&self) -> Result<Duration, CacheError> {
        let start = Instant::now();
        self.read(|view| view.is_live(b"x"))?;
        Ok(start.elapsed())
    }

    async fn server_info(&self) -> Result<ServerInfo, CacheError> {
        let (major, minor, patch) = {
            let version = heed::lmdb_version();
            (version.major, version.minor, version.patch)
        };
        Ok(ServerInfo {
            kind: "embedded".to_owned(),
            version: format!("LMDB {major}.{minor}.{patch}"),
            address: format!("embedded:{}", self.environment.folder().display()),
            facts: self.environment.facts(),
        })
    }

    async fn health(&self) -> Result<Health, CacheError> {
        let latency = self.ping().await?;
        Ok(Health {
            latency,
            info: self.server_info().await,
            queue: self.pending().await,
            index: self.read(|view| view.health()),
            server: None,
            store: Some(self.environment.health()?),
        })
    }

    async fn mend(&self) -> Result<Mended, CacheError> {
        // Every change is one transaction: nothing is ever left half done.
        Ok(Mended::default())
    }
}
