//! What a server tells of its own state. A user who may not ask for some of it learns the rest.

mod index;
mod rights;

use std::time::Instant;

use super::RedisCache;
use super::batch::command;
use super::reply;
use crate::cache::clock::now_ms;
use crate::cache::error::CacheError;
use crate::cache::{Cache, Health, ServerHealth, ServerInfo};

impl RedisCache {
    pub(super) async fn look(&self) -> Result<Health, CacheError> {
        // The first command connects and logs in, and any answer to it is a sign of life.
        let connected = self.ping().await;
        if let Err(error) = connected
            && !matches!(error.kind(), super::CacheErrorKind::Permission | super::CacheErrorKind::Busy)
        {
            return Err(error);
        }
        let start = Instant::now();
        let clock = self.clock_ahead().await;
        let latency = start.elapsed();
        let index = self.index_health().await;
        let (index, sample) = match index {
            Ok((index, sample)) => (Ok(index), sample),
            Err(error) => (Err(error), Vec::new()),
        };
        let user = self.connection.ask(command("ACL", &[b"WHOAMI"]), reply::text).await.ok();
        Ok(Health {
            latency,
            info: self.info_with_settings().await,
            queue: self.queue_pending().await,
            index,
            server: Some(ServerHealth { user, rights: self.rights(&sample).await, clock_ahead_ms: clock }),
            store: None,
        })
    }

    /// By how many milliseconds this machine's clock is ahead of the server's.
    async fn clock_ahead(&self) -> Result<i64, CacheError> {
        let before = now_ms();
        let theirs = self.connection.ask(redis::cmd("TIME"), reply::list).await?;
        let ours = before.midpoint(now_ms());
        let part = |n: usize| -> u64 {
            let text = theirs.get(n).map(|text| String::from_utf8_lossy(text));
            text.and_then(|text| text.parse().ok()).unwrap_or(0)
        };
        let theirs = part(0).saturating_mul(1000).saturating_add(part(1) / 1000);
        Ok(ours.cast_signed().saturating_sub(theirs.cast_signed()))
    }

    /// What `INFO` says, and the settings of persistence where the user may ask for them.
    async fn info_with_settings(&self) -> Result<ServerInfo, CacheError> {
        let mut info = self.info().await?;
        for name in ["appendfsync", "save"] {
            // A hosted server has no `CONFIG` at all.
            let asked = command("CONFIG", &[b"GET", name.as_bytes()]);
            if let Ok(answer) = self.connection.ask(asked, reply::list).await
                && let [_, value] = answer.as_slice()
            {
                info.facts.push((name.to_owned(), String::from_utf8_lossy(value).into_owned()));
            }
        }
        info.facts.sort();
        Ok(info)
    }
}
