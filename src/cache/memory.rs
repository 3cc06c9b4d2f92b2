//! The cache in this process's memory: for tests, dry runs and trying things out.
//!
//! One lock makes every operation atomic, so a drop needs no journal here.

mod closure;
mod collect;
mod fence;
mod indexes;
mod inspect;
mod names;
mod queue;
mod store;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::clock::{now_ms, ttl_ms};
use super::index_name::{IndexName, indexes_of};
use super::pace::Pace;
use super::{
    Cache, CacheError, CacheOptions, Claim, Claimed, Cursor, Dependent, DropRequest, DropTarget, Dropped,
    Enqueued, Entry, EntrySummary, Fence, FencedPut, Health, KeyDescription, LeaseToken, Mended, Page,
    Pending, Progress, ProgressFn, Rate, Reach, Retired, ServerInfo, Settle, Swept, TagDescription,
    TagSummary, Work, WorkerId,
};
use crate::model::{Key, Pattern, Tag};
use queue::Queue;
use store::{Store, Stored};

/// A cache that lives as long as this value.
pub struct MemoryCache {
    store: Box<Mutex<Store>>,
    queue: Box<Mutex<Queue>>,
}

impl Default for MemoryCache {
    fn default() -> Self {
        Self::new(&CacheOptions::default())
    }
}

impl MemoryCache {
    pub(super) fn new(options: &CacheOptions) -> Self {
        Self { store: Box::default(), queue: Box::new(Mutex::new(Queue::new(options.queue_limit))) }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // As below.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        // A panic of another thread cannot have left the store half changed: no operation has a
        // point at which it could panic between two changes.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryCache")
    }
}

impl Cache for MemoryCache {
    async fn put(&self, entry: &Entry<'_>) -> Result<(), CacheError> {
        let ttl = ttl_ms(entry.ttl)?;
        let now = now_ms();
        let indexes = indexes_of(entry.tags, entry.depends_on);
        let expires = ttl.map(|ttl| now.saturating_add(ttl));
        let stored = Stored { value: entry.value.to_vec(), expires, stamps: None };
        self.store().put(entry.key, indexes, stored, now);
        Ok(())
    }

    async fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, CacheError> {
        Ok(self.store().readable(key, now_ms()).map(|stored| stored.value.clone()))
    }

    async fn fence(&self, key: &Key, tags: &[Tag], depends_on: &[Key]) -> Result<Fence, CacheError> {
        Ok(self.store().fence(key, indexes_of(tags, depends_on), now_ms()))
    }

    async fn put_fenced(
        &self,
        fence: &Fence,
        value: &[u8],
        ttl: Option<Duration>,
    ) -> Result<FencedPut, CacheError> {
        let ttl = ttl_ms(ttl)?;
        Ok(self.store().put_fenced(fence, value, ttl, now_ms()))
    }

    async fn retire(&self, tag: &Tag) -> Result<Retired, CacheError> {
        Ok(self.store().retire(tag.into()))
    }

    async fn collect(&self, tag: &Tag, rate: Rate, progress: ProgressFn<'_>) -> Result<Dropped, CacheError> {
        Ok(self.collect_index(&tag.into(), &mut Pace::new(rate), progress).await)
    }

    async fn sweep(&self, rate: Rate) -> Result<Swept, CacheError> {
        Ok(self.sweep_all(&mut Pace::new(rate)).await)
    }

    async fn token(&self, tag: &Tag) -> Result<u64, CacheError> {
        Ok(self.store().generation(tag.into()))
    }

    async fn describe_key(&self, key: &Key) -> Result<Option<KeyDescription>, CacheError> {
        Ok(self.store().describe_key(key, now_ms()))
    }

    async fn describe_tag(&self, tag: &Tag, limit: usize) -> Result<TagDescription, CacheError> {
        Ok(self.store().describe_tag(&tag.into(), limit, now_ms()))
    }

    async fn list_entries(
        &self,
        pattern: Option<&Pattern>,
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<EntrySummary>, CacheError> {
        Ok(self.store().list_entries(pattern, cursor, limit, now_ms()))
    }

    async fn list_tags(
        &self,
        pattern: Option<&Pattern>,
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<TagSummary>, CacheError> {
        Ok(self.store().list_tags(pattern, cursor, limit))
    }

    async fn drop_many(
        &self,
        requests: &[DropRequest],
        progress: ProgressFn<'_>,
    ) -> Vec<Result<Dropped, CacheError>> {
        let mut outcomes = vec![Ok(Dropped::default()); requests.len()];
        // A drop that goes deep must not find dependents taken away by one that stops halfway.
        for pass in [Reach::Transitive, Reach::Direct] {
            for (request, drop) in requests.iter().enumerate().filter(|(_, drop)| drop.reach == pass) {
                let dropped = self.store().drop_target(&drop.target, drop.reach, now_ms());
                progress(Progress { request, removed: dropped.entries(), left: Some(0) });
                outcomes[request] = Ok(dropped);
            }
        }
        outcomes
    }

    async fn count(&self, target: &DropTarget) -> Result<u64, CacheError> {
        Ok(self.store().count(target, now_ms()))
    }

    async fn add_dependency(&self, key: &Key, on: &[Key]) -> Result<(), CacheError> {
        let mut store = self.store();
        for on in on {
            store.add_dependency(key, IndexName::dependents_of(on.as_str().as_bytes()), now_ms());
        }
        Ok(())
    }

    async fn remove_dependency(&self, key: &Key, on: &[Key]) -> Result<u64, CacheError> {
        let mut store = self.store();
        let mut removed = 0;
        for on in on {
            let index = IndexName::dependents_of(on.as_str().as_bytes());
            removed += u64::from(store.remove_member(&index, key));
        }
        Ok(removed)
    }

    async fn dependents(&self, key: &Key, reach: Reach) -> Result<Vec<Dependent>, CacheError> {
        Ok(self.store().dependents(key, reach, now_ms()))
    }

    async fn record(&self, counters: &[(&str, u64)]) -> Result<(), CacheError> {
        self.store().record(counters);
        Ok(())
    }

    async fn statistics(&self) -> Result<BTreeMap<String, u64>, CacheError> {
        Ok(self.store().statistics())
    }

    async fn reset_statistics(&self) -> Result<(), CacheError> {
        self.store().counters.clear();
        Ok(())
    }

    async fn enqueue(&self, items: &[(Work, Duration)]) -> Result<Enqueued, CacheError> {
        self.queue().enqueue(items, now_ms())
    }

    async fn claim(
        &self,
        which: Claim<'_>,
        token: LeaseToken,
        limit: usize,
        lease: Duration,
    ) -> Result<Claimed, CacheError> {
        Ok(self.queue().claim(which, token, limit, lease, now_ms()))
    }

    async fn settle(&self, token: LeaseToken, items: &[Work], how: Settle) -> Result<u64, CacheError> {
        self.queue().settle(token, items, how, now_ms())
    }

    async fn recall(&self) -> Result<u64, CacheError> {
        Ok(self.queue().end_leases(None, now_ms()))
    }

    async fn pending(&self) -> Result<Pending, CacheError> {
        Ok(self.queue().pending(now_ms()))
    }

    async fn announce(&self, worker: WorkerId, ttl: Duration) -> Result<u64, CacheError> {
        Ok(self.queue().announce(worker, ttl, now_ms()))
    }

    async fn ping(&self) -> Result<Duration, CacheError> {
        Ok(Duration::ZERO)
    }

    async fn server_info(&self) -> Result<ServerInfo, CacheError> {
        Ok(ServerInfo {
            kind: "memory".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            address: "memory:".to_owned(),
            facts: Vec::new(),
        })
    }

    async fn health(&self) -> Result<Health, CacheError> {
        Ok(Health {
            latency: Duration::ZERO,
            info: self.server_info().await,
            queue: self.pending().await,
            index: Ok(self.store().health(now_ms())),
            server: None,
            store: None,
        })
    }

    async fn mend(&self) -> Result<Mended, CacheError> {
        // One lock: nothing is ever left half done.
        Ok(Mended::default())
    }
}
