//! Reading through the cache: a hit, or a load that is stored unless a drop made it old.

use std::future::Future;
use std::time::Duration;

use super::FencedPut;
use crate::cache::Cache;
use crate::cache::error::CacheError;
use crate::model::{Key, Tag};

/// What [`Cache::fill`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    pub value: Vec<u8>,
    pub outcome: FillOutcome,
}

/// Where a value came from, and whether it is in the cache now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FillOutcome {
    /// The cache had it.
    Hit,
    /// It was loaded and stored.
    Stored,
    /// It was loaded; something was dropped meanwhile, so it was not stored.
    Refused,
    /// It was loaded; the cache failed before or after that.
    Failed(CacheError),
}

pub(in crate::cache) async fn fill<C, L, F, E>(
    cache: &C,
    key: &Key,
    tags: &[Tag],
    depends_on: &[Key],
    ttl: Option<Duration>,
    load: L,
) -> Result<Filled, E>
where
    C: Cache + ?Sized,
    L: FnOnce() -> F + Send,
    F: Future<Output = Result<Vec<u8>, E>> + Send,
    E: Send,
{
    let found = match cache.get(key).await {
        Ok(Some(value)) => return Ok(Filled { value, outcome: FillOutcome::Hit }),
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    let fence = match found {
        Ok(()) => cache.fence(key, tags, depends_on).await,
        Err(error) => Err(error),
    };
    // A cache that fails costs the load, never the answer.
    let value = load().await?;
    let stored = match fence {
        Ok(fence) => cache.put_fenced(&fence, &value, ttl).await,
        Err(error) => Err(error),
    };
    let outcome = match stored {
        Ok(FencedPut::Stored) => FillOutcome::Stored,
        Ok(FencedPut::Refused) => FillOutcome::Refused,
        Err(error) => FillOutcome::Failed(error),
    };
    Ok(Filled { value, outcome })
}
