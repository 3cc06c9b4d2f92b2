//! The batch queue in the server: the protocol's step 7.
//!
//! Every change is one short script, so that no client can die in the middle of it, and all times are
//! the server's. The layout numbers the queue's shards; one node has no use for a second one, since
//! its scripts run one after another whatever keys they name.

use std::time::Duration;

use redis::Value;

use super::RedisCache;
use super::batch::{Batch, command};
use super::connection::Repeat;
use super::reply::{self, Reply, ReplyError};
use super::script::ScriptName;
use crate::cache::error::CacheError;
use crate::cache::queue::{
    AT_ONCE, Claim, Claimed, Enqueued, LeaseToken, OVERDUE_MS, Pending, Settle, Work, WorkKind, WorkerId,
    coalesce, delay_ms, full, is_over, lease_ms, ms,
};

/// The only shard.
pub(super) const SHARD: u32 = 0;

/// How many members one step of a look at the queue asks for.
const SCANNED_AT_ONCE: &str = "1000";

impl RedisCache {
    pub(super) async fn put_into_queue(&self, items: &[(Work, Duration)]) -> Result<Enqueued, CacheError> {
        let mut batch = Batch::default();
        self.ask_enqueue(items, &mut batch)?;
        let replies = self.connection.run(&batch, Repeat::Safe).await?;
        self.enqueued(items, &replies)
    }

    /// Adds the commands that put work into the queue.
    pub(super) fn ask_enqueue(
        &self,
        items: &[(Work, Duration)],
        batch: &mut Batch,
    ) -> Result<(), CacheError> {
        let members: Vec<(String, u64)> = coalesce(items)?.into_iter().collect();
        for part in members.chunks(AT_ONCE) {
            let mut arguments = vec![number(self.queue_limit), number(OVERDUE_MS)];
            for (member, delay) in part {
                arguments.extend([number(*delay), member.clone().into_bytes()]);
            }
            let keys = vec![self.layout.queue(SHARD), self.layout.alive(SHARD)];
            batch.call(ScriptName::Enqueue, keys, arguments);
        }
        Ok(())
    }

    /// Takes the replies to [`RedisCache::ask_enqueue`] apart.
    pub(super) fn enqueued(
        &self,
        items: &[(Work, Duration)],
        replies: &[Value],
    ) -> Result<Enqueued, CacheError> {
        let mut enqueued = Enqueued::default();
        for position in 0..replies.len() {
            let [new, waiting, workers, overdue] = self.connection.read(replies, position, integers)?;
            let count = |n: i64| u64::try_from(n).unwrap_or(0);
            let Ok(new) = u64::try_from(new) else {
                return Err(full(self.connection.place(), count(waiting), self.queue_limit));
            };
            enqueued.new += new;
            enqueued.waiting = count(waiting);
            enqueued.workers = count(workers);
            enqueued.overdue = count(overdue);
        }
        enqueued.coalesced = items.len() as u64 - enqueued.new.min(items.len() as u64);
        Ok(enqueued)
    }

    pub(super) async fn claim_items(
        &self,
        which: Claim<'_>,
        token: LeaseToken,
        limit: usize,
        lease: Duration,
    ) -> Result<Claimed, CacheError> {
        let limit = limit.min(AT_ONCE);
        let mut arguments =
            vec![b"due".to_vec(), token.to_string().into(), number(limit as u64), number(lease_ms(lease))];
        match which {
            Claim::Due { by: i64::MAX } => arguments.push(b"all".to_vec()),
            Claim::Due { by } => arguments.push(by.to_string().into_bytes()),
            Claim::These(items) => {
                arguments[0] = b"these".to_vec();
                arguments.extend(items.iter().take(limit).map(|work| work.member().into_bytes()));
                if arguments.len() == 4 {
                    return Ok(Claimed::default());
                }
            }
        }
        let (members, next_due, _) = self.call_claim(arguments).await?;
        let mut claimed = Claimed { next_due, ..Claimed::default() };
        for member in members {
            match Work::from_member(&member) {
                Some(work) => claimed.items.push(work),
                None => claimed.unknown += 1,
            }
        }
        Ok(claimed)
    }

    pub(super) async fn end_leases(&self) -> Result<u64, CacheError> {
        let mut ended = 0;
        loop {
            let (_, _, page) = self.call_claim(vec![b"recall".to_vec()]).await?;
            ended += page;
            if page < AT_ONCE as u64 {
                return Ok(ended);
            }
        }
    }

    async fn call_claim(
        &self,
        arguments: Vec<Vec<u8>>,
    ) -> Result<(Vec<Vec<u8>>, Option<Duration>, u64), CacheError> {
        let mut batch = Batch::default();
        batch.call(ScriptName::Claim, self.layout.queue_keys(SHARD), arguments);
        let replies = self.connection.run(&batch, Repeat::Safe).await?;
        self.connection.read(&replies, 0, |value| match reply::array(value)? {
            [taken, next, ended] => {
                let next = match next {
                    Value::Nil => None,
                    next => Some(Duration::from_millis(reply::count(next)?)),
                };
                Ok((reply::list(taken)?, next, reply::count(ended)?))
            }
            _ => Err(ReplyError::Unexpected),
        })
    }

    pub(super) async fn settle_items(
        &self,
        token: LeaseToken,
        items: &[Work],
        how: Settle,
    ) -> Result<u64, CacheError> {
        let (word, time) = match how {
            Settle::Done => ("done", 0),
            Settle::Again(delay) => ("again", delay_ms(delay)?),
            Settle::Longer(lease) => ("longer", lease_ms(lease)),
        };
        let mut batch = Batch::default();
        for part in items.chunks(AT_ONCE) {
            let mut arguments = vec![word.into(), token.to_string().into(), number(time)];
            arguments.extend(part.iter().map(|work| work.member().into_bytes()));
            batch.call(ScriptName::Settle, self.layout.queue_keys(SHARD), arguments);
        }
        let replies = self.connection.run(&batch, Repeat::Safe).await?;
        let mut held = 0;
        for position in 0..replies.len() {
            held += self.connection.read(&replies, position, reply::count)?;
        }
        Ok(held)
    }

    pub(super) async fn call_announce(&self, worker: WorkerId, ttl: Duration) -> Result<u64, CacheError> {
        let mut batch = Batch::default();
        let arguments = vec![worker.to_string().into(), number(ms(ttl))];
        batch.call(ScriptName::Announce, vec![self.layout.alive(SHARD)], arguments);
        let replies = self.connection.run(&batch, Repeat::Safe).await?;
        self.connection.read(&replies, 0, reply::count)
    }

    pub(super) async fn queue_pending(&self) -> Result<Pending, CacheError> {
        let queue = self.layout.queue(SHARD);
        let mut batch = Batch::default();
        let time = batch.add_beside(&queue, redis::cmd("TIME"));
        let oldest = batch.add(command("ZRANGE", &[&queue, b"0", b"0", b"WITHSCORES"]));
        let leased = batch.add(command("ZCARD", &[&self.layout.leases(SHARD)]));
        let alive = batch.add(command("ZRANGE", &[&self.layout.alive(SHARD), b"0", b"-1", b"WITHSCORES"]));
        let ended = {
            // Only the server knows when: the number of those whose end has passed by its own clock.
            let leases = self.layout.leases(SHARD);
            batch.add(command("ZRANGE", &[&leases, b"0", b"999", b"WITHSCORES"]))
        };
        let replies = self.connection.run(&batch, Repeat::Safe).await?;
        let now = match self.connection.read(&replies, time, reply::list)?.as_slice() {
            [seconds, micros] => {
                parsed(seconds).unwrap_or(0.0) * 1000.0 + (parsed(micros).unwrap_or(0.0) / 1000.0).floor()
            }
            _ => 0.0,
        };
        let scores = |found: Vec<Vec<u8>>| found.chunks(2).filter_map(|pair| parsed(pair.get(1)?)).collect();
        let oldest: Vec<f64> = scores(self.connection.read(&replies, oldest, reply::list)?);
        let alive: Vec<f64> = scores(self.connection.read(&replies, alive, reply::list)?);
        let ended: Vec<f64> = scores(self.connection.read(&replies, ended, reply::list)?);
        let mut pending = Pending {
            abandoned: ended.iter().filter(|until| **until <= now).count() as u64,
            leased: self.connection.read(&replies, leased, reply::count)?,
            oldest_due_ms: oldest.first().map(|due| (due - now) as i64),
            workers: alive.iter().filter(|until| !is_over(**until as u64, now as u64)).count() as u64,
            ..Pending::default()
        };
        let mut cursor = Some(b"0".to_vec());
        while let Some(at) = cursor {
            let step = command("ZSCAN", &[&queue, &at, b"COUNT", SCANNED_AT_ONCE.as_bytes()]);
            let (next, found) = self.connection.ask(step, reply::scan).await?;
            for pair in found.chunks(2) {
                pending.waiting.count(WorkKind::of_member(&pair[0]));
            }
            cursor = next;
        }
        Ok(pending)
    }
}

pub(super) fn number(n: u64) -> Vec<u8> {
    n.to_string().into_bytes()
}

fn parsed(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn integers<const N: usize>(value: &Value) -> Reply<[i64; N]> {
    let values: Vec<i64> = reply::array(value)?.iter().map(reply::integer).collect::<Reply<_>>()?;
    values.try_into().map_err(|_| ReplyError::Unexpected)
}
