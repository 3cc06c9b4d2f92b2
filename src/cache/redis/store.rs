//! Storing entries and dependencies: the protocol's plain writer.

use redis::{Cmd, Value};

use super::RedisCache;
use super::batch::{Batch, command};
use super::connection::Repeat;
use super::drain::reserved;
use super::reply;
use super::script::ScriptName;
use crate::cache::Entry;
use crate::cache::clock::{endless_score, now_ms, ttl_ms};
use crate::cache::error::CacheError;
use crate::cache::index_name::{IndexName, indexes_of};
use crate::model::{Key, Tag};

/// The score of a dependency that was recorded before its entry existed.
pub(super) const AHEAD: &[u8] = b"+inf";

impl RedisCache {
    pub(super) async fn store(&self, entry: &Entry<'_>) -> Result<(), CacheError> {
        let ttl = ttl_ms(entry.ttl)?;
        let key = self.entry_key(entry.key)?;
        // This clock only gives the score, a hint; the server's own counts the TTL.
        let now = now_ms();
        let score = ttl.map_or_else(|| endless_score(now), |ttl| now.saturating_add(ttl)).to_string();
        let indexes = indexes_of(entry.tags, entry.depends_on);
        let mut set = command("SET", &[key, entry.value]);
        if let Some(ttl) = ttl {
            set.arg("PX").arg(ttl);
        }
        if self.connection.is_cluster() {
            return self.store_over_nodes(key, set, &indexes, score.as_bytes()).await;
        }

        let mut batch = Batch::default();
        batch.add(redis::cmd("MULTI"));
        if indexes.iter().any(IndexName::is_dependency) {
            batch.add(command("SET", &[&self.layout.marker(), b"1"]));
        }
        for index in &indexes {
            batch.add(command("ZADD", &[&self.layout.index(index), b"GT", score.as_bytes(), key]));
        }
        batch.add(set);
        let exec = batch.add(redis::cmd("EXEC"));
        let replies = self.connection.run(&batch, Repeat::Safe).await?;

        // An error while queueing says more than the "transaction discarded" that follows it.
        let queued = replies.iter().take(exec).try_for_each(reply::done);
        let stored = queued.and_then(|()| replies.get(exec).map_or(Ok(()), reply::done));
        if let Err(error) = stored {
            // A transaction runs to its end whatever fails inside it. An entry must not stay where
            // its place in an index could not be written.
            if matches!(replies.get(exec), Some(Value::Array(_))) {
                self.connection.ask(command("UNLINK", &[key]), reply::done).await?;
            }
            return Err(self.reply_error(error));
        }
        Ok(())
    }

    /// Without transactions: the indexes before the entry, and once more after it, in case that a drop
    /// has set them aside between. What cannot be indexed does not stay.
    async fn store_over_nodes(
        &self,
        key: &[u8],
        set: Cmd,
        indexes: &[IndexName],
        score: &[u8],
    ) -> Result<(), CacheError> {
        let mut enter = Batch::default();
        if indexes.iter().any(IndexName::is_dependency) {
            enter.add(command("SET", &[&self.layout.marker(), b"1"]));
            enter.then();
        }
        for index in indexes {
            enter.add(command("ZADD", &[&self.layout.index(index), b"GT", score, key]));
        }
        self.run_all(&enter).await?;
        self.connection.ask(set, reply::done).await?;
        let entered = self.run_all(&enter).await;
        if entered.is_err() {
            self.connection.ask(command("UNLINK", &[key]), reply::done).await?;
        }
        entered
    }

    /// Carries out commands all of which have to succeed.
    async fn run_all(&self, batch: &Batch) -> Result<(), CacheError> {
        let replies = self.connection.run(batch, Repeat::Safe).await?;
        (0..replies.len()).try_for_each(|position| self.connection.read(&replies, position, reply::done))
    }

    pub(super) async fn generation(&self, tag: &Tag) -> Result<u64, CacheError> {
        let mut batch = Batch::default();
        batch.call(ScriptName::Token, vec![self.layout.generation(&tag.into())], Vec::new());
        let replies = self.connection.run(&batch, Repeat::Safe).await?;
        self.connection.read(&replies, 0, reply::count)
    }

    pub(super) async fn depend(&self, key: &Key, on: &[Key]) -> Result<(), CacheError> {
        if on.is_empty() {
            return Ok(());
        }
        let key = self.entry_key(key)?;
        let mut batch = Batch::default();
        batch.add(command("PTTL", &[key]));
        // Of these two, one fails with the wrong type where there is an entry.
        batch.add(command("STRLEN", &[key]));
        batch.add(command("HEXISTS", &[key, b"v"]));
        let replies = self.connection.run(&batch, Repeat::Safe).await?;
        let left = self.connection.read(&replies, 0, reply::integer)?;
        // Where a fill is under way there is a key, but no entry yet.
        let is_filling = matches!(replies.get(1), Some(Value::ServerError(_)))
            && matches!(replies.get(2), Some(Value::Int(0)));
        let left = if is_filling { -2 } else { left };
        let score = match (left, u64::try_from(left)) {
            (_, Ok(left)) => now_ms().saturating_add(left).to_string().into_bytes(),
            (-1, _) => endless_score(now_ms()).to_string().into_bytes(),
            _ => AHEAD.to_vec(),
        };
        // One node does all or nothing.
        let in_cluster = self.connection.is_cluster();
        let mut batch = Batch::default();
        if !in_cluster {
            batch.add(redis::cmd("MULTI"));
        }
        batch.add(command("SET", &[&self.layout.marker(), b"1"]));
        batch.then();
        for on in on {
            let index = self.layout.index(&dependents_of(on));
            batch.add(command("ZADD", &[&index, b"GT", &score, key]));
        }
        if !in_cluster {
            batch.add(redis::cmd("EXEC"));
        }
        self.run_all(&batch).await
    }

    pub(super) async fn depend_no_more(&self, key: &Key, on: &[Key]) -> Result<u64, CacheError> {
        let mut batch = Batch::default();
        for on in on {
            let index = self.layout.index(&dependents_of(on));
            batch.add(command("ZREM", &[&index, key.as_str().as_bytes()]));
        }
        let replies = self.connection.run(&batch, Repeat::Safe).await?;
        let mut removed = 0;
        for position in 0..replies.len() {
            removed += self.connection.read(&replies, position, reply::count)?;
        }
        Ok(removed)
    }

    /// A key as bytes, unless it is one of the layout's own.
    pub(super) fn entry_key<'k>(&self, key: &'k Key) -> Result<&'k [u8], CacheError> {
        let bytes = key.as_str().as_bytes();
        if self.layout.owns(bytes) { Err(reserved(key.as_str())) } else { Ok(bytes) }
    }
}

fn dependents_of(key: &Key) -> IndexName {
    IndexName::dependents_of(key.as_str().as_bytes())
}
