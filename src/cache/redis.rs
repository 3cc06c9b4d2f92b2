//! The cache in a Redis or Valkey: one node, the one that sentinels name, or a cluster.
//!
//! The keys and the protocol are those that ARCHITECTURE.md lays down for applications too. Nothing
//! here ever asks the server for work that grows with a tag: members are read and removed in pages,
//! and all that a call has to do next for all its targets goes in one round trip.

mod batch;
mod cluster;
mod collect;
mod connection;
mod dial;
mod drain;
mod error;
mod fence;
mod grant;
mod health;
mod inspect;
mod layout;
mod link;
mod queue;
mod reply;
mod script;
mod sentinel;
mod source;
mod store;
mod stream;
mod sweep;

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use super::address::{ClusterAddress, RedisAddress, SentinelAddress};
use super::pace::Pace;
use super::{
    Cache, CacheError, CacheErrorKind, CacheOptions, Claim, Claimed, Cursor, Dependent, DropRequest,
    DropTarget, Dropped, Enqueued, Entry, EntrySummary, Fence, FencedPut, Health, KeyDescription, LeaseToken,
    Mended, Page, Pending, ProgressFn, Rate, Reach, Retired, ServerInfo, Settle, Swept, TagDescription,
    TagSummary, Work, WorkerId,
};
use crate::model::{Key, Pattern, Tag};

pub use grant::acl_line;
pub use stream::{EntryId, GroupClaim, GroupRead, GroupStart, Leaves, Lost, StreamEntry, StreamGroup};

use batch::{Batch, command};
use cluster::Cluster;
use connection::{Breaks, Connection, Origin, Repeat, Timeouts};
use layout::Layout;
use link::Link;

/// A cache in a Redis or Valkey. The first operation connects.
pub struct RedisCache {
    connection: Link,
    layout: Layout,
    page_size: usize,
    queue_limit: u64,
}

impl RedisCache {
    pub(super) fn new(address: RedisAddress, options: &CacheOptions) -> Self {
        let connection = Connection::new(Origin::At(address), timeouts(options), Breaks::default());
        Self::with(Link::One(Box::new(connection)), options)
    }

    pub(super) fn behind_sentinels(address: SentinelAddress, options: &CacheOptions) -> Self {
        let connection = Connection::new(Origin::Sentinels(address), timeouts(options), Breaks::default());
        Self::with(Link::One(Box::new(connection)), options)
    }

    pub(super) fn in_cluster(address: ClusterAddress, options: &CacheOptions) -> Self {
        Self::with(Link::Cluster(Cluster::new(address, timeouts(options))), options)
    }

    fn with(connection: Link, options: &CacheOptions) -> Self {
        Self {
            connection,
            layout: Layout::new(options.prefix.clone()),
            page_size: options.page_size,
            queue_limit: options.queue_limit,
        }
    }

    fn reply_error(&self, error: reply::ReplyError) -> CacheError {
        error::reply_error(self.connection.place(), error)
    }
}

fn timeouts(options: &CacheOptions) -> Timeouts {
    Timeouts {
        connect: options.connect_timeout,
        response: options.response_timeout,
        failover: options.failover_timeout,
    }
}

impl fmt::Debug for RedisCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisCache({})", self.connection.place())
    }
}

impl Cache for RedisCache {
    async fn put(&self, entry: &Entry<'_>) -> Result<(), CacheError> {
        self.store(entry).await
    }

    async fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, CacheError> {
        self.value(key).await
    }

    async fn fence(&self, key: &Key, tags: &[Tag], depends_on: &[Key]) -> Result<Fence, CacheError> {
        self.take_fence(key, tags, depends_on).await
    }

    async fn put_fenced(
        &self,
        fence: &Fence,
        value: &[u8],
        ttl: Option<Duration>,
    ) -> Result<FencedPut, CacheError> {
        self.publish(fence, value, ttl).await
    }

    async fn retire(&self, tag: &Tag) -> Result<Retired, CacheError> {
        self.set_aside(&tag.into()).await
    }

    async fn retire_and_enqueue(
        &self,
        tags: &[Tag],
        items: &[(Work, Duration)],
    ) -> (Vec<Result<Retired, CacheError>>, Result<Enqueued, CacheError>) {
        self.set_aside_and_queue(tags, items).await
    }

    async fn collect(&self, tag: &Tag, rate: Rate, progress: ProgressFn<'_>) -> Result<Dropped, CacheError> {
        self.collect_index(&tag.into(), &mut Pace::new(rate), progress).await
    }

    async fn sweep(&self, rate: Rate) -> Result<Swept, CacheError> {
        self.sweep_all(&mut Pace::new(rate)).await
    }

    async fn token(&self, tag: &Tag) -> Result<u64, CacheError> {
        self.generation(tag).await
    }

    async fn describe_key(&self, key: &Key) -> Result<Option<KeyDescription>, CacheError> {
        self.key_description(key).await
    }

    async fn describe_tag(&self, tag: &Tag, limit: usize) -> Result<TagDescription, CacheError> {
        self.tag_description(tag, limit).await
    }

    async fn list_entries(
        &self,
        pattern: Option<&Pattern>,
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<EntrySummary>, CacheError> {
        self.entry_page(pattern, cursor, limit).await
    }

    async fn list_tags(
        &self,
        pattern: Option<&Pattern>,
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<TagSummary>, CacheError> {
        self.tag_page(pattern, cursor, limit).await
    }

    async fn drop_many(
        &self,
        requests: &[DropRequest],
        progress: ProgressFn<'_>,
    ) -> Vec<Result<Dropped, CacheError>> {
        self.drain(progress).run(requests).await
    }

    async fn count(&self, target: &DropTarget) -> Result<u64, CacheError> {
        self.live_count(target).await
    }

    async fn add_dependency(&self, key: &Key, on: &[Key]) -> Result<(), CacheError> {
        self.depend(key, on).await
    }

    async fn remove_dependency(&self, key: &Key, on: &[Key]) -> Result<u64, CacheError> {
        self.depend_no_more(key, on).await
    }

    async fn dependents(&self, key: &Key, reach: Reach) -> Result<Vec<Dependent>, CacheError> {
        self.all_dependents(key, reach).await
    }

    async fn record(&self, counters: &[(&str, u64)]) -> Result<(), CacheError> {
        let mut batch = Batch::default();
        for (name, by) in counters {
            let by = i64::try_from(*by).unwrap_or(i64::MAX).to_string();
            batch.add(command("HINCRBY", &[&self.layout.statistics(), name.as_bytes(), by.as_bytes()]));
        }
        // A repetition would count twice.
        let replies = self.connection.run(&batch, Repeat::Never).await?;
        (0..replies.len()).try_for_each(|position| self.connection.read(&replies, position, reply::done))
    }

    async fn statistics(&self) -> Result<BTreeMap<String, u64>, CacheError> {
        self.counters().await
    }

    async fn reset_statistics(&self) -> Result<(), CacheError> {
        self.connection.ask(command("UNLINK", &[&self.layout.statistics()]), reply::done).await
    }

    async fn enqueue(&self, items: &[(Work, Duration)]) -> Result<Enqueued, CacheError> {
        self.put_into_queue(items).await
    }

    async fn claim(
        &self,
        which: Claim<'_>,
        token: LeaseToken,
        limit: usize,
        lease: Duration,
    ) -> Result<Claimed, CacheError> {
        self.claim_items(which, token, limit, lease).await
    }

    async fn settle(&self, token: LeaseToken, items: &[Work], how: Settle) -> Result<u64, CacheError> {
        self.settle_items(token, items, how).await
    }

    async fn recall(&self) -> Result<u64, CacheError> {
        self.end_leases().await
    }

    async fn pending(&self) -> Result<Pending, CacheError> {
        self.queue_pending().await
    }

    async fn announce(&self, worker: WorkerId, ttl: Duration) -> Result<u64, CacheError> {
        self.call_announce(worker, ttl).await
    }

    async fn ping(&self) -> Result<Duration, CacheError> {
        let start = Instant::now();
        let mut batch = Batch::default();
        batch.add_for_all(redis::cmd("PING"));
        let replies = self.connection.run(&batch, Repeat::Safe).await?;
        self.connection.read(&replies, 0, reply::done)?;
        Ok(start.elapsed())
    }

    async fn server_info(&self) -> Result<ServerInfo, CacheError> {
        self.info().await
    }

    async fn health(&self) -> Result<Health, CacheError> {
        self.look().await
    }

    async fn mend(&self) -> Result<Mended, CacheError> {
        self.mend_layout().await
    }
}

/// A cursor of this backend: digits, as `SCAN` gives them; in a cluster `@` and the place come after them.
fn scan_cursor(cursor: Option<&Cursor>) -> Result<Vec<u8>, CacheError> {
    match cursor {
        None => Ok(b"0".to_vec()),
        Some(Cursor(text)) if is_cursor(text) => Ok(text.clone()),
        Some(_) => Err(CacheError::new(CacheErrorKind::Invalid, "the cursor is not one of this cache")),
    }
}

fn is_cursor(text: &[u8]) -> bool {
    let digits = text.split(|b| *b == b'@').next().unwrap_or_default();
    (1..=20).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit) && text.len() <= 300
}
