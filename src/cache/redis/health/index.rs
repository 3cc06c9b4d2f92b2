//! A look through all keys of the layout, and putting right what is wrong with them.

use std::collections::BTreeSet;

use redis::Value;

use crate::cache::error::CacheError;
use crate::cache::redis::RedisCache;
use crate::cache::redis::batch::{Batch, command};
use crate::cache::redis::connection::Repeat;
use crate::cache::redis::layout::{Own, OwnKind};
use crate::cache::redis::queue::SHARD;
use crate::cache::redis::reply::{self, ReplyError};
use crate::cache::{IndexHealth, Mended};

/// How many names one step of the scan looks at.
const STEP: usize = 512;

/// Of how many members it is asked whether their entries are there, of one index and in all.
const SAMPLE_OF_ONE: usize = 64;
const SAMPLE: u64 = 4096;

/// How many entries are kept as examples of what a drop would have to remove.
const EXAMPLES: usize = 32;

/// Where the replies about one key stand.
struct Asked {
    key: Vec<u8>,
    own: Own,
    ttl: usize,
    first: usize,
}

impl RedisCache {
    /// The state of the layout, and some of the entries that it names.
    pub(super) async fn index_health(&self) -> Result<(IndexHealth, Vec<Vec<u8>>), CacheError> {
        let mut health = IndexHealth::default();
        let mut examples = BTreeSet::new();
        let now = self.connection.ask(redis::cmd("TIME"), reply::list).await?;
        // Whole seconds: a member of this second is not called expired.
        let now = [now.first().map_or(&b"0"[..], Vec::as_slice), b"000"].concat();
        let mut cursor = Some(b"0".to_vec());
        while let Some(from) = cursor {
            let (next, found) = self.scan(&from, &self.layout.own_glob(), STEP).await?;
            cursor = next;
            let mut batch = Batch::default();
            let asked: Vec<Asked> =
                found.into_iter().filter_map(|key| self.ask_about(key, &now, &mut batch)).collect();
            let replies = self.connection.run(&batch, Repeat::Safe).await?;
            let mut members = Vec::new();
            for asked in &asked {
                self.judge(asked, &replies, &mut health, &mut members);
            }
            let room = usize::try_from(SAMPLE.saturating_sub(health.sampled)).unwrap_or(0);
            members.truncate(room);
            health.sampled += members.len() as u64;
            health.missing += self.missing(&members).await?;
            examples.extend(members.into_iter().take(EXAMPLES.saturating_sub(examples.len())));
        }
        Ok((health, examples.into_iter().collect()))
    }

    fn ask_about(&self, key: Vec<u8>, now: &[u8], batch: &mut Batch) -> Option<Asked> {
        let own = self.layout.own(&key)?;
        let ttl = batch.add(command("PTTL", &[&key]));
        let first = batch.len();
        match &own.kind {
            OwnKind::Index => {
                batch.add(command("ZCARD", &[&key]));
                batch.add(command("ZCOUNT", &[&key, b"-inf", now]));
                let (after, sample) = ([b"(", now].concat(), SAMPLE_OF_ONE.to_string());
                // A dependency recorded before its entry has the score of infinity.
                let range: [&[u8]; 6] = [&key, &after, b"(+inf", b"LIMIT", b"0", sample.as_bytes()];
                batch.add(command("ZRANGEBYSCORE", &range));
            }
            OwnKind::Generation => {
                batch.add(command("STRLEN", &[&key]));
            }
            OwnKind::Open => {
                batch.add(command("SCARD", &[&key]));
            }
            OwnKind::Journal(id) => {
                let work = [b"c:", own.name.as_bytes()].concat();
                batch.add(command("SISMEMBER", &[&self.layout.open(&own.name), id]));
                // After the look whether it is named: a drop removes a journal before its name.
                batch.add(command("ZCARD", &[&key]));
                batch.add(command("ZSCORE", &[&self.layout.queue(SHARD), &work]));
                batch.add(command("ZSCORE", &[&self.layout.leases(SHARD), &work]));
            }
        }
        Some(Asked { key, own, ttl, first })
    }

    fn judge(
        &self,
        Asked { key, own, ttl, first }: &Asked,
        replies: &[Value],
        health: &mut IndexHealth,
        members: &mut Vec<Vec<u8>>,
    ) {
        let reply = |offset: usize| replies.get(first + offset).unwrap_or(&Value::Nil);
        let count = |offset: usize| reply::count(reply(offset));
        let shown = String::from_utf8_lossy(key).into_owned();
        if replies.get(*ttl).is_some_and(|left| matches!(left, Value::Int(0..))) {
            health.expiring.add(shown.as_str());
        }
        let length = if matches!(own.kind, OwnKind::Journal(_)) { count(1) } else { count(0) };
        let length = match length {
            Ok(length) => length,
            Err(ReplyError::Server(error)) if error.code() == "WRONGTYPE" => {
                return health.foreign.add(shown);
            }
            // A user who may not look: that is for the check of the rights.
            Err(_) => return,
        };
        match own.kind {
            OwnKind::Index => {
                health.indexes += u64::from(length > 0);
                health.members += length;
                health.expired += count(1).unwrap_or(0);
                members.extend(reply::list(reply(2)).unwrap_or_default());
            }
            OwnKind::Journal(_) if length > 0 => {
                let has_work = |offset: usize| matches!(reply::optional_bytes(reply(offset)), Ok(Some(_)));
                if !matches!(reply(0), Value::Int(1..)) {
                    health.orphans.add(shown);
                } else if has_work(2) || has_work(3) {
                    health.at_work += 1;
                } else {
                    health.unfinished.add(shown);
                }
            }
            OwnKind::Journal(_) | OwnKind::Generation | OwnKind::Open => {}
        }
    }

    /// How many of these keys are not there.
    async fn missing(&self, keys: &[Vec<u8>]) -> Result<u64, CacheError> {
        let mut batch = Batch::default();
        for key in keys {
            batch.add(command("EXISTS", &[key]));
        }
        let replies = self.connection.run(&batch, Repeat::Safe).await?;
        // An entry that the user may not even look at is there for all that is known.
        Ok(replies.iter().filter(|reply| matches!(reply, Value::Int(0))).count() as u64)
    }

    /// Names journals again that no set names, and keeps keys of the layout that would expire.
    pub(in crate::cache::redis) async fn mend_layout(&self) -> Result<Mended, CacheError> {
        let mut mended = Mended::default();
        let mut cursor = Some(b"0".to_vec());
        while let Some(from) = cursor {
            let (next, found) = self.scan(&from, &self.layout.own_glob(), STEP).await?;
            cursor = next;
            let mut batch = Batch::default();
            let asked: Vec<Asked> =
                found.into_iter().filter_map(|key| self.ask_about(key, b"0", &mut batch)).collect();
            let replies = self.connection.run(&batch, Repeat::Safe).await?;
            let mut repairs = Batch::default();
            let mut kept = Vec::new();
            let mut named = Vec::new();
            for Asked { key, own, ttl, first } in &asked {
                if matches!(replies.get(*ttl), Some(Value::Int(0..))) {
                    kept.push(repairs.add(command("PERSIST", &[key])));
                }
                let is_orphan = matches!(replies.get(*first), Some(Value::Int(0)))
                    && matches!(replies.get(first + 1), Some(Value::Int(1..)));
                if let (OwnKind::Journal(id), true) = (&own.kind, is_orphan) {
                    named.push(repairs.add(command("SADD", &[&self.layout.open(&own.name), id])));
                }
            }
            let replies = self.connection.run(&repairs, Repeat::Safe).await?;
            for position in kept {
                mended.kept += self.connection.read(&replies, position, reply::count)?;
            }
            for position in named {
                mended.journals += self.connection.read(&replies, position, reply::count)?;
            }
        }
        Ok(mended)
    }
}
