//! What a server tells of its own state. A user who may not ask for some of it learns the rest.

mod index;
mod rights;

use std::time::Instant;

use redis::Value;

use super::RedisCache;
use super::batch::{Batch, command};
use super::inspect::read_info;
use super::reply;
use crate::cache::clock::now_ms;
use crate::cache::error::CacheError;
use crate::cache::{Cache, Health, ServerHealth, ServerInfo};

/// Settings of persistence, which `INFO` does not tell.
const SETTINGS: [&str; 2] = ["appendfsync", "save"];

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
        let servers = self.servers().await;
        let primaries = match &servers {
            Ok(servers) if self.connection.is_cluster() => servers.clone(),
            _ => Vec::new(),
        };
        let first = |servers: Vec<ServerInfo>| {
            let first = servers.into_iter().next().ok_or(reply::ReplyError::Unexpected);
            let first = first.map_err(|error| self.reply_error(error))?;
            Ok(ServerInfo { address: self.connection.place().to_owned(), ..first })
        };
        let rights = self.rights(&sample).await;
        Ok(Health {
            latency,
            info: servers.and_then(first),
            queue: self.queue_pending().await,
            index,
            server: Some(ServerHealth { user, primaries, rights, clock_ahead_ms: clock }),
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

    /// What `INFO` says, and the settings of persistence where the user may ask for them; of every primary.
    async fn servers(&self) -> Result<Vec<ServerInfo>, CacheError> {
        let mut batch = Batch::default();
        batch.add_for_any(redis::cmd("INFO"));
        for name in SETTINGS {
            batch.add_for_any(command("CONFIG", &[b"GET", name.as_bytes()]));
        }
        let answers = self.connection.run_on_each(&batch).await?;
        let read = |(address, replies): (String, Vec<Value>)| {
            let text = self.connection.read(&replies, 0, reply::text)?;
            let mut info = read_info(&text, &address);
            for (name, answer) in SETTINGS.into_iter().zip(replies.iter().skip(1)) {
                // A hosted server has no `CONFIG` at all.
                if let Ok([_, value]) = reply::list(answer).as_deref() {
                    info.facts.push((name.to_owned(), String::from_utf8_lossy(value).into_owned()));
                }
            }
            info.facts.sort();
            Ok(info)
        };
        answers.into_iter().map(read).collect()
    }
}
