//! The closed choice of backends.

use std::collections::BTreeMap;
use std::time::Duration;

use super::address::Address;
use super::{
    Cache, CacheError, CacheOptions, Claim, Claimed, Cursor, Dependent, DropRequest, DropTarget, Dropped,
    EmbeddedCache, Enqueued, Entry, EntrySummary, Fence, FencedPut, Health, KeyDescription, LeaseToken,
    MemoryCache, Mended, Page, Pending, ProgressFn, Rate, Reach, RedisCache, Retired, ServerInfo, Settle,
    Swept, TagDescription, TagSummary, Work, WorkerId,
};
use crate::model::{Key, Pattern, Tag};

/// A cache of any kind.
#[derive(Debug)]
pub enum AnyCache {
    Memory(MemoryCache),
    Embedded(EmbeddedCache),
    Redis(Box<RedisCache>),
}

impl AnyCache {
    /// Opens the cache that a URL names: `redis://[USER:PASSWORD@]HOST[:PORT][/DB]`, `rediss://` for
    /// TLS (`?ca=FILE`, `?insecure`), `redis-cluster://HOST:PORT[,HOST:PORT]…`,
    /// `redis+sentinel://HOST:PORT[,HOST:PORT]…/NAME[/DB]`, `unix:///PATH[?db=N&user=U&pass=P]`,
    /// `embedded:FOLDER` or `memory:`. A server is connected to by the first operation, not here.
    ///
    /// # Errors
    /// [`CacheErrorKind::BadUrl`](super::CacheErrorKind::BadUrl),
    /// [`CacheErrorKind::Invalid`](super::CacheErrorKind::Invalid) for an option out of range, and
    /// for an embedded cache what opening its folder reports.
    pub fn open(url: &str, options: CacheOptions) -> Result<Self, CacheError> {
        options.check()?;
        match Address::parse(url)? {
            Address::Memory => Ok(Self::Memory(MemoryCache::new(&options))),
            Address::Embedded(folder) => EmbeddedCache::open(&folder, &options).map(Self::Embedded),
            Address::Redis(address) => Ok(Self::Redis(Box::new(RedisCache::new(address, &options)))),
            Address::Cluster(address) => Ok(Self::Redis(Box::new(RedisCache::in_cluster(address, &options)))),
            Address::Sentinel(address) => {
                Ok(Self::Redis(Box::new(RedisCache::behind_sentinels(address, &options))))
            }
        }
    }
}

macro_rules! delegate {
    ($self:ident.$method:ident($($argument:expr),*)) => {
        match $self {
            Self::Memory(cache) => cache.$method($($argument),*).await,
            Self::Embedded(cache) => cache.$method($($argument),*).await,
            Self::Redis(cache) => cache.$method($($argument),*).await,
        }
    };
}

impl Cache for AnyCache {
    async fn put(&self, entry: &Entry<'_>) -> Result<(), CacheError> {
        delegate!(self.put(entry))
    }

    async fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, CacheError> {
        delegate!(self.get(key))
    }

    async fn fence(&self, key: &Key, tags: &[Tag], depends_on: &[Key]) -> Result<Fence, CacheError> {
        delegate!(self.fence(key, tags, depends_on))
    }

    async fn put_fenced(
        &self,
        fence: &Fence,
        value: &[u8],
        ttl: Option<Duration>,
    ) -> Result<FencedPut, CacheError> {
        delegate!(self.put_fenced(fence, value, ttl))
    }

    async fn retire(&self, tag: &Tag) -> Result<Retired, CacheError> {
        delegate!(self.retire(tag))
    }

    async fn retire_and_enqueue(
        &self,
        tags: &[Tag],
        items: &[(Work, Duration)],
    ) -> (Vec<Result<Retired, CacheError>>, Result<Enqueued, CacheError>) {
        delegate!(self.retire_and_enqueue(tags, items))
    }

    async fn collect(&self, tag: &Tag, rate: Rate, progress: ProgressFn<'_>) -> Result<Dropped, CacheError> {
        delegate!(self.collect(tag, rate, progress))
    }

    async fn sweep(&self, rate: Rate) -> Result<Swept, CacheError> {
        delegate!(self.sweep(rate))
    }

    async fn token(&self, tag: &Tag) -> Result<u64, CacheError> {
        delegate!(self.token(tag))
    }

    async fn describe_key(&self, key: &Key) -> Result<Option<KeyDescription>, CacheError> {
        delegate!(self.describe_key(key))
    }

    async fn describe_tag(&self, tag: &Tag, limit: usize) -> Result<TagDescription, CacheError> {
        delegate!(self.describe_tag(tag, limit))
    }

    async fn list_entries(
        &self,
        pattern: Option<&Pattern>,
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<EntrySummary>, CacheError> {
        delegate!(self.list_entries(pattern, cursor, limit))
    }

    async fn list_tags(
        &self,
        pattern: Option<&Pattern>,
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<TagSummary>, CacheError> {
        delegate!(self.list_tags(pattern, cursor, limit))
    }

    async fn drop_many(
        &self,
        requests: &[DropRequest],
        progress: ProgressFn<'_>,
    ) -> Vec<Result<Dropped, CacheError>> {
        delegate!(self.drop_many(requests, progress))
    }

    async fn count(&self, target: &DropTarget) -> Result<u64, CacheError> {
        delegate!(self.count(target))
    }

    async fn add_dependency(&self, key: &Key, on: &[Key]) -> Result<(), CacheError> {
        delegate!(self.add_dependency(key, on))
    }

    async fn remove_dependency(&self, key: &Key, on: &[Key]) -> Result<u64, CacheError> {
        delegate!(self.remove_dependency(key, on))
    }

    async fn dependents(&self, key: &Key, reach: Reach) -> Result<Vec<Dependent>, CacheError> {
        delegate!(self.dependents(key, reach))
    }

    async fn record(&self, counters: &[(&str, u64)]) -> Result<(), CacheError> {
        delegate!(self.record(counters))
    }

    async fn statistics(&self) -> Result<BTreeMap<String, u64>, CacheError> {
        delegate!(self.statistics())
    }

    async fn reset_statistics(&self) -> Result<(), CacheError> {
        delegate!(self.reset_statistics())
    }

    async fn enqueue(&self, items: &[(Work, Duration)]) -> Result<Enqueued, CacheError> {
        delegate!(self.enqueue(items))
    }

    async fn claim(
        &self,
        which: Claim<'_>,
        token: LeaseToken,
        limit: usize,
        lease: Duration,
    ) -> Result<Claimed, CacheError> {
        delegate!(self.claim(which, token, limit, lease))
    }

    async fn settle(&self, token: LeaseToken, items: &[Work], how: Settle) -> Result<u64, CacheError> {
        delegate!(self.settle(token, items, how))
    }

    async fn recall(&self) -> Result<u64, CacheError> {
        delegate!(self.recall())
    }

    async fn pending(&self) -> Result<Pending, CacheError> {
        delegate!(self.pending())
    }

    async fn announce(&self, worker: WorkerId, ttl: Duration) -> Result<u64, CacheError> {
        delegate!(self.announce(worker, ttl))
    }

    async fn ping(&self) -> Result<Duration, CacheError> {
        delegate!(self.ping())
    }

    async fn server_info(&self) -> Result<ServerInfo, CacheError> {
        delegate!(self.server_info())
    }

    async fn health(&self) -> Result<Health, CacheError> {
        delegate!(self.health())
    }

    async fn mend(&self) -> Result<Mended, CacheError> {
        delegate!(self.mend())
    }
}
