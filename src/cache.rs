//! The live cache: where entries are stored, indexed by tag and key dependency, and dropped.
//!
//! [`Cache`] says what every backend does; [`AnyCache`] is the closed choice of backends, opened from
//! a URL. The guarantees are the same everywhere: an acknowledged drop has removed every entry that
//! was stored before it, its dependents included, and a drop that a crash cut short is finished by
//! the next drop of the same tag. Every operation may be repeated after an error.
//!
//! Nothing here knows rules or plans, prints, or reads the environment.
//!
//! ```
//! use invalidate::cache::{AnyCache, Cache, CacheOptions, Entry, Reach, quiet};
//! use invalidate::model::{Key, Tag};
//! use std::time::Duration;
//!
//! // Or `redis://localhost`, `redis-cluster://…`, `redis+sentinel://…`, `embedded:FOLDER`.
//! let cache = AnyCache::open("memory:", CacheOptions::default())?;
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let (page, home) = (Key::new("order:9:page")?, Key::new("home")?);
//! let (tags, ttl) = ([Tag::new("order:9")?], Some(Duration::from_secs(600)));
//! cache.put(&Entry { key: &page, value: b"an order", tags: &tags, ttl, depends_on: &[] }).await?;
//! // An entry that is built from another one goes with it.
//! let depends_on = [page.clone()];
//! cache.put(&Entry { key: &home, value: b"orders", tags: &[], ttl, depends_on: &depends_on }).await?;
//! let dropped = cache.drop_tag(&tags[0], Reach::Transitive, quiet()).await?;
//! assert_eq!((dropped.keys, dropped.dependents), (1, 1));
//! assert_eq!(cache.get(&home).await?, None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod any;
mod clock;
mod collect;
mod drop;
mod embedded;
mod entry;
mod error;
mod fence;
mod health;
mod index_name;
mod memory;
mod nonce;
pub(crate) mod observe;
mod options;
mod pace;
pub(crate) mod percent;
mod queue;
mod redis;
mod step;

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use crate::model::{Key, Pattern, Tag};

pub use address::StreamAddress;
pub use any::AnyCache;
pub use collect::{Retired, Swept};
pub use drop::{DropRequest, DropTarget, Dropped, Progress, ProgressFn, Reach, quiet};
pub use embedded::EmbeddedCache;
pub use entry::{
    Cursor, Dependent, Entry, EntryKind, EntrySummary, KeyDescription, Page, ServerInfo, TagDescription,
    TagMember, TagSummary,
};
pub use error::{CacheError, CacheErrorKind};
pub use fence::{BadFence, FENCE_LIFE, Fence, FencedPut, FillOutcome, Filled};
pub use health::{Found, Health, IndexHealth, Mended, Rights, ServerHealth, StoreHealth};
pub use memory::MemoryCache;
pub use options::CacheOptions;
pub use pace::Rate;
pub use queue::{
    Claim, Claimed, Enqueued, LeaseToken, MAX_DELAY, Pending, Settle, Work, WorkCounts, WorkKind, WorkerId,
};
pub use redis::{
    EntryId, GroupClaim, GroupRead, GroupStart, Leaves, Lost, RedisCache, StreamEntry, StreamGroup, acl_line,
};
pub use step::{Carrier, Step};

/// What a cache can do, whatever holds it.
///
/// Tags and dependencies only ever accumulate: storing an entry again under other tags leaves it in
/// the indexes of the old ones until they expire or are dropped. Dropping such a tag then drops the
/// entry needlessly, which costs a miss and never serves stale data.
pub trait Cache: Send + Sync {
    /// Stores an entry as the plain writer of the layout does: first its place in the index of every
    /// tag and dependency, then the value, all at once.
    ///
    /// # Errors
    /// [`CacheErrorKind::Invalid`] for a TTL of zero or a key that the layout itself uses; else what
    /// the backend reports.
    fn put(&self, entry: &Entry<'_>) -> impl Future<Output = Result<(), CacheError>> + Send;

    /// The value of a live entry: a plain value, or the value of a fenced entry none of whose tags or
    /// dependencies was dropped since its fence was taken, be it lazily.
    ///
    /// # Errors
    /// [`CacheErrorKind::WrongType`] when the key holds something that is no cache entry.
    fn get(&self, key: &Key) -> impl Future<Output = Result<Option<Vec<u8>>, CacheError>> + Send;

    /// Takes a fence, to be called before the database is read: [`Cache::put_fenced`] stores what was
    /// read only if neither the key nor a tag nor a dependency was dropped since. A plain entry under
    /// the key is removed. The fence holds for as long as the key has a value, or [`FENCE_LIFE`].
    ///
    /// # Errors
    /// [`CacheErrorKind::Invalid`] for a key that the layout itself uses; else what the backend reports.
    fn fence(
        &self,
        key: &Key,
        tags: &[Tag],
        depends_on: &[Key],
    ) -> impl Future<Output = Result<Fence, CacheError>> + Send;

    /// Stores an entry under the key, tags and dependencies of its fence, unless something was dropped
    /// since the fence was taken.
    ///
    /// # Errors
    /// [`CacheErrorKind::Invalid`] for a TTL of zero; else what the backend reports.
    fn put_fenced(
        &self,
        fence: &Fence,
        value: &[u8],
        ttl: Option<Duration>,
    ) -> impl Future<Output = Result<FencedPut, CacheError>> + Send;

    /// Drops a tag lazily, at the same cost whatever its size: fenced entries that carry it are gone at
    /// once for [`Cache::get`], plain ones when [`Cache::collect`] has come by. Its members are set
    /// aside for that in the cache itself, where no crash loses them.
    ///
    /// # Errors
    /// What the backend reports.
    fn retire(&self, tag: &Tag) -> impl Future<Output = Result<Retired, CacheError>> + Send;

    /// Retires tags, then puts work into the queue, in one round trip where the backend has any. The
    /// first answer has one element for each tag, in their order.
    ///
    /// # Errors
    /// As [`Cache::retire`] and [`Cache::enqueue`].
    fn retire_and_enqueue(
        &self,
        tags: &[Tag],
        items: &[(Work, Duration)],
    ) -> impl Future<Output = (Vec<Result<Retired, CacheError>>, Result<Enqueued, CacheError>)> + Send {
        async move {
            let mut retired = Vec::with_capacity(tags.len());
            for tag in tags {
                retired.push(self.retire(tag).await);
            }
            (retired, self.enqueue(items).await)
        }
    }

    /// Removes the members of a tag that lazy or broken-off drops have set aside, and all that depends
    /// on them, at a bounded rate. An entry that was filled under a fence since then stays. May be
    /// broken off at any point, and be carried out by several at once.
    ///
    /// # Errors
    /// What the backend reports; what is left is still set aside then.
    fn collect(
        &self,
        tag: &Tag,
        rate: Rate,
        progress: ProgressFn<'_>,
    ) -> impl Future<Output = Result<Dropped, CacheError>> + Send;

    /// Goes once through all tags and dependencies, at a bounded rate: forgets members whose entries
    /// have expired or were evicted, collects everything that is set aside, and forgets generations
    /// that no entry can carry any more.
    ///
    /// # Errors
    /// What the backend reports; the next sweep does the rest.
    fn sweep(&self, rate: Rate) -> impl Future<Output = Result<Swept, CacheError>> + Send;

    /// The tag's generation, which every drop raises; created when missing. It never repeats.
    ///
    /// # Errors
    /// What the backend reports.
    fn token(&self, tag: &Tag) -> impl Future<Output = Result<u64, CacheError>> + Send;

    /// All that is known of one live entry; `None` when there is none. Looks through the tag indexes,
    /// so it is meant for people, not for hot paths.
    ///
    /// # Errors
    /// What the backend reports.
    fn describe_key(
        &self,
        key: &Key,
    ) -> impl Future<Output = Result<Option<KeyDescription>, CacheError>> + Send;

    /// All that is known of one tag, with at most `limit` of its live members.
    ///
    /// # Errors
    /// What the backend reports.
    fn describe_tag(
        &self,
        tag: &Tag,
        limit: usize,
    ) -> impl Future<Output = Result<TagDescription, CacheError>> + Send;

    /// One page of the live entries, in no promised order; the next page starts at its cursor. A
    /// page may be empty and still have a successor, or hold somewhat more than `limit`.
    ///
    /// # Errors
    /// [`CacheErrorKind::Invalid`] for a cursor of another backend; else what the backend reports.
    fn list_entries(
        &self,
        pattern: Option<&Pattern>,
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> impl Future<Output = Result<Page<EntrySummary>, CacheError>> + Send;

    /// One page of the tags that have members, dependencies left out; as [`Cache::list_entries`].
    ///
    /// # Errors
    /// As [`Cache::list_entries`].
    fn list_tags(
        &self,
        pattern: Option<&Pattern>,
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> impl Future<Output = Result<Page<TagSummary>, CacheError>> + Send;

    /// Carries out drops together, in as few round trips as the backend allows, and tells for each
    /// whether it was done. The answer has one element for each request, in their order.
    ///
    /// Requests of [`Reach::Transitive`] are carried out before those of [`Reach::Direct`]; otherwise
    /// their order makes no difference. A key that several requests reach is counted for one of them.
    /// After an `Err` that request may have been carried out in part; repeating it finishes it.
    fn drop_many(
        &self,
        requests: &[DropRequest],
        progress: ProgressFn<'_>,
    ) -> impl Future<Output = Vec<Result<Dropped, CacheError>>> + Send;

    /// How many live entries a drop of this target would remove now, dependents not counted. Changes
    /// nothing.
    ///
    /// # Errors
    /// What the backend reports.
    fn count(&self, target: &DropTarget) -> impl Future<Output = Result<u64, CacheError>> + Send;

    /// Records that `key` was built from each of `on`: dropping any of them drops `key` too. Neither
    /// needs to exist yet.
    ///
    /// # Errors
    /// What the backend reports.
    fn add_dependency(&self, key: &Key, on: &[Key]) -> impl Future<Output = Result<(), CacheError>> + Send;

    /// Forgets that `key` was built from `on`; returns how many of them were recorded.
    ///
    /// # Errors
    /// What the backend reports.
    fn remove_dependency(
        &self,
        key: &Key,
        on: &[Key],
    ) -> impl Future<Output = Result<u64, CacheError>> + Send;

    /// The keys that depend on `key`, nearest first, each once and never `key` itself. An entry that
    /// is gone is left out, unless its dependency was recorded before it existed.
    ///
    /// # Errors
    /// What the backend reports.
    fn dependents(
        &self,
        key: &Key,
        reach: Reach,
    ) -> impl Future<Output = Result<Vec<Dependent>, CacheError>> + Send;

    /// Adds to named counters, which the cache keeps for all its users.
    ///
    /// # Errors
    /// What the backend reports.
    fn record(&self, counters: &[(&str, u64)]) -> impl Future<Output = Result<(), CacheError>> + Send;

    /// All counters ever recorded.
    ///
    /// # Errors
    /// What the backend reports.
    fn statistics(&self) -> impl Future<Output = Result<BTreeMap<String, u64>, CacheError>> + Send;

    /// Forgets all counters.
    ///
    /// # Errors
    /// What the backend reports.
    fn reset_statistics(&self) -> impl Future<Output = Result<(), CacheError>> + Send;

    /// Puts work into the queue, each item due after its delay by the cache's own clock. Work that
    /// waits already stays one item, due at the earlier of both times. Once this returns, no crash
    /// of any client loses an item.
    ///
    /// # Errors
    /// [`CacheErrorKind::QueueFull`] when the items would exceed the bound,
    /// [`CacheErrorKind::Invalid`] for a delay above [`MAX_DELAY`]; else what the backend reports. Some
    /// of the items may have been accepted all the same, and repeating the call is harmless.
    fn enqueue(
        &self,
        items: &[(Work, Duration)],
    ) -> impl Future<Output = Result<Enqueued, CacheError>> + Send;

    /// Takes items out of the queue, at most `limit` of them and at most 1,000, and leases them to
    /// the holder of the token, for a minute at most. Items of leases that have run out are back in the queue before.
    ///
    /// # Errors
    /// What the backend reports. Items that were claimed by a call that failed come back with the
    /// end of their lease.
    fn claim(
        &self,
        which: Claim<'_>,
        token: LeaseToken,
        limit: usize,
        lease: Duration,
    ) -> impl Future<Output = Result<Claimed, CacheError>> + Send;

    /// Settles claimed items, those that the token still holds; returns how many they are.
    ///
    /// # Errors
    /// What the backend reports.
    fn settle(
        &self,
        token: LeaseToken,
        items: &[Work],
        how: Settle,
    ) -> impl Future<Output = Result<u64, CacheError>> + Send;

    /// Ends all leases: their items are due again at once. Who holds one carries on in vain.
    ///
    /// # Errors
    /// What the backend reports.
    fn recall(&self) -> impl Future<Output = Result<u64, CacheError>> + Send;

    /// What waits in the queue. Looks at every item, so it is meant for people.
    ///
    /// # Errors
    /// What the backend reports.
    fn pending(&self) -> impl Future<Output = Result<Pending, CacheError>> + Send;

    /// Says that a worker is alive and stays so for this time; with zero, that it leaves. Returns how
    /// many are alive.
    ///
    /// # Errors
    /// What the backend reports.
    fn announce(
        &self,
        worker: WorkerId,
        ttl: Duration,
    ) -> impl Future<Output = Result<u64, CacheError>> + Send;

    /// Asks the cache for a sign of life and tells how long it took.
    ///
    /// # Errors
    /// What the backend reports.
    fn ping(&self) -> impl Future<Output = Result<Duration, CacheError>> + Send;

    /// What is at the other end, without secrets.
    ///
    /// # Errors
    /// What the backend reports.
    fn server_info(&self) -> impl Future<Output = Result<ServerInfo, CacheError>> + Send;

    /// Looks at everything that bears on the guarantees and changes nothing. Goes through all names of
    /// the layout, so it is meant for people.
    ///
    /// # Errors
    /// What the backend reports where it cannot be spoken to at all; what it only refuses to tell stands
    /// in the answer.
    fn health(&self) -> impl Future<Output = Result<Health, CacheError>> + Send;

    /// Puts right what is wrong with the layout itself: journals that no drop would find, and keys that
    /// would expire. What the journals hold is then for [`Cache::sweep`].
    ///
    /// # Errors
    /// What the backend reports; doing it again does the rest.
    fn mend(&self) -> impl Future<Output = Result<Mended, CacheError>> + Send;

    /// Reads through the cache: the value that is there, or else what `load` gives, stored under a
    /// fence that was taken before `load` began. Where a drop or a failure of the cache keeps it from
    /// being stored, the value is returned all the same.
    ///
    /// ```
    /// # use invalidate::cache::{Cache, FillOutcome, MemoryCache};
    /// # use invalidate::model::{Key, Tag};
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # let cache = MemoryCache::default();
    /// let (key, tags) = (Key::new("order:9:page")?, [Tag::new("order:9")?]);
    /// let load = || async { Ok::<_, std::io::Error>(b"from the database".to_vec()) };
    /// let filled = cache.fill(&key, &tags, &[], None, load).await?;
    /// assert_eq!(filled.outcome, FillOutcome::Stored);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// The error of `load`.
    fn fill<L, F, E>(
        &self,
        key: &Key,
        tags: &[Tag],
        depends_on: &[Key],
        ttl: Option<Duration>,
        load: L,
    ) -> impl Future<Output = Result<Filled, E>> + Send
    where
        L: FnOnce() -> F + Send,
        F: Future<Output = Result<Vec<u8>, E>> + Send,
        E: Send,
    {
        fence::fill(self, key, tags, depends_on, ttl, load)
    }

    /// Drops every entry that carries the tag.
    ///
    /// # Errors
    /// What the backend reports; the drop may then have been carried out in part.
    fn drop_tag(
        &self,
        tag: &Tag,
        reach: Reach,
        progress: ProgressFn<'_>,
    ) -> impl Future<Output = Result<Dropped, CacheError>> + Send {
        drop_one(self, DropTarget::Tag(tag.clone()), reach, progress)
    }

    /// Drops the entries of these keys, and adds up what was removed.
    ///
    /// # Errors
    /// The first error that the backend reports; the other keys are dropped all the same.
    fn drop_keys(
        &self,
        keys: &[Key],
        reach: Reach,
    ) -> impl Future<Output = Result<Dropped, CacheError>> + Send {
        let requests: Vec<_> = keys.iter().map(|key| DropRequest::new(key.clone(), reach)).collect();
        async move { self.drop_many(&requests, quiet()).await.into_iter().sum() }
    }

    /// Drops every live entry whose key matches. Looks through all keys of the cache.
    ///
    /// # Errors
    /// As [`Cache::drop_tag`].
    fn drop_matching(
        &self,
        pattern: &Pattern,
        reach: Reach,
        progress: ProgressFn<'_>,
    ) -> impl Future<Output = Result<Dropped, CacheError>> + Send {
        drop_one(self, DropTarget::Match(pattern.clone()), reach, progress)
    }

    /// Drops every tag whose name matches. Looks through all tags of the cache.
    ///
    /// # Errors
    /// As [`Cache::drop_tag`].
    fn drop_tags_matching(
        &self,
        pattern: &Pattern,
        reach: Reach,
        progress: ProgressFn<'_>,
    ) -> impl Future<Output = Result<Dropped, CacheError>> + Send {
        drop_one(self, DropTarget::TagsMatching(pattern.clone()), reach, progress)
    }

    /// How many live entries carry the tag.
    ///
    /// # Errors
    /// As [`Cache::count`].
    fn count_tag(&self, tag: &Tag) -> impl Future<Output = Result<u64, CacheError>> + Send {
        let target = DropTarget::Tag(tag.clone());
        async move { self.count(&target).await }
    }

    /// How many of these keys are live entries.
    ///
    /// # Errors
    /// As [`Cache::count`].
    fn count_keys(&self, keys: &[Key]) -> impl Future<Output = Result<u64, CacheError>> + Send {
        let targets: Vec<_> = keys.iter().cloned().map(DropTarget::Key).collect();
        async move {
            let mut live = 0;
            for target in &targets {
                live += self.count(target).await?;
            }
            Ok(live)
        }
    }

    /// How many live entries have a matching key.
    ///
    /// # Errors
    /// As [`Cache::count`].
    fn count_matching(&self, pattern: &Pattern) -> impl Future<Output = Result<u64, CacheError>> + Send {
        let target = DropTarget::Match(pattern.clone());
        async move { self.count(&target).await }
    }
}

async fn drop_one<C: Cache + ?Sized>(
    cache: &C,
    target: DropTarget,
    reach: Reach,
    progress: ProgressFn<'_>,
) -> Result<Dropped, CacheError> {
    cache.drop_many(&[DropRequest { target, reach }], progress).await.into_iter().sum()
}
