//! How a cache is to be used, beyond where it is.

use std::time::Duration;

use super::error::{CacheError, CacheErrorKind};

/// The settings of a cache. [`CacheOptions::default`] suits nearly everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheOptions {
    /// What the layout's own keys start with in a Redis or Valkey: `inv` gives `inv:t:{tag}`. All
    /// that share a cache must agree on it.
    pub prefix: String,
    /// How long connecting may take, name lookup and TLS included.
    pub connect_timeout: Duration,
    /// How long one answer may take.
    pub response_timeout: Duration,
    /// How long a call waits, behind sentinels or in a cluster, until another server has taken the place
    /// of one that died.
    pub failover_timeout: Duration,
    /// How many members of a tag are taken in one step, 1 to 4096. Smaller lets other clients in more
    /// often, larger needs fewer round trips.
    pub page_size: usize,
    /// The first size of the embedded cache's memory map, in bytes. It grows by itself; this is
    /// address space, not memory or disk.
    pub map_size: usize,
    /// How many items the batch queue takes. What would exceed it is refused, so that producers
    /// without a worker cannot fill the cache.
    pub queue_limit: u64,
}

impl Default for CacheOptions {
    fn default() -> Self {
        Self {
            prefix: "inv".to_owned(),
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(5),
            failover_timeout: Duration::from_secs(30),
            page_size: 512,
            map_size: 256 << 20,
            queue_limit: 1_000_000,
        }
    }
}

impl CacheOptions {
    /// Refuses what would break the layout.
    pub(super) fn check(&self) -> Result<(), CacheError> {
        let invalid = |message: String| Err(CacheError::new(CacheErrorKind::Invalid, message));
        if self.prefix.is_empty() || self.prefix.len() > 256 {
            return invalid("the cache prefix must be 1 to 256 bytes long".to_owned());
        }
        if let Some(c) = self.prefix.chars().find(|c| matches!(c, '{' | '}') || c.is_control()) {
            return invalid(format!("the cache prefix may not hold `{}`", c.escape_default()));
        }
        if !(1..=4096).contains(&self.page_size) {
            return invalid(format!("a page size of {} is not between 1 and 4096", self.page_size));
        }
        if self.queue_limit == 0 {
            return invalid("a queue limit of 0 would refuse every batched drop".to_owned());
        }
        if self.connect_timeout.is_zero() || self.response_timeout.is_zero() {
            return invalid("a time-out of zero leaves no time for an answer".to_owned());
        }
        Ok(())
    }
}
