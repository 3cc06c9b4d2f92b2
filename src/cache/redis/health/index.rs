//! A look through all keys of the layout, and putting right what is wrong with them.

use std::collections::BTreeSet;
use std::time::Duration;

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

/// For how long a drop that nobody seems to be at is given time to end, and how many are.
const PATIENCE: Duration = Duration::from_millis(200);
const PATIENT_WITH: usize = 1024;

/// How many entries are kept as examples of what a drop would have to remove.
const EXAMPLES: usize = 32;

/// Where the replies about one key stand.
struct Asked {
    key: Vec<u8>,
    own: Own,
    ttl: usize,
    first: usize,
}

/// What a journal tells of its drop.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Journal {
    /// It is none, or empty.
    None,
    /// No set names it.
    Orphan,
    /// Somebody is at it, or will be.
    AtWork,
    Unfinished,
}

impl Asked {
    fn reply<'r>(&self, replies: &'r [Value], offset: usize) -> &'r Value {
        replies.get(self.first + offset).unwrap_or(&Value::Nil)
    }

    fn expires(&self, replies: &[Value]) -> bool {
        matches!(replies.get(self.ttl), Some(Value::Int(0..)))
    }

    fn journal(&self, replies: &[Value]) -> Journal {
        let is_some = |offset| matches!(self.reply(replies, offset), Value::Int(1..));
        let has_work = |offset| matches!(reply::optional_bytes(self.reply(replies, offset)), Ok(Some(_)));
        match &self.own.kind {
            OwnKind::Journal(_) if !is_some(1) => Journal::None,
            OwnKind::Journal(_) if !is_some(0) => Journal::Orphan,
            OwnKind::Journal(_) if has_work(2) || has_work(3) => Journal::AtWork,
            OwnKind::Journal(_) => Journal::Unfinished,
            OwnKind::Index | OwnKind::Generation | OwnKind::Open => Journal::None,
        }
    }
}

impl RedisCache {
    /// The state of the layout, and some of the entries that it names.
    pub(super) async fn index_health(&self) -> Result<(IndexHealth, Vec<Vec<u8>>), CacheError> {
        let mut health = IndexHealth::default();
        let mut examples = BTreeSet::new();
        let now = self.connection.ask(redis::cmd("TIME"), reply::list).await?;
        // Whole seconds: a member of this second is not called expired.
        let now = [now.first().map_or(&b"0"[..], Vec::as_slice), b"000"].concat();
        let mut unfinished = Vec::new();
        let mut cursor = Some(b"0".to_vec());
        while let Some(from) = cursor {
            let (next, found) = self.scan(&from, &self.layout.own_glob(), STEP).await?;
            cursor = next;
            let mut batch = Batch::default();
            let room = usize::try_from(SAMPLE.saturating_sub(health.sampled)).unwrap_or(0);
            let sample = room.min(SAMPLE_OF_ONE);
            let ask = |key| self.ask_about(key, &now, sample, &mut batch);
            let asked: Vec<Asked> = found.into_iter().filter_map(ask).collect();
            let replies = self.connection.run(&batch, Repeat::Safe).await?;
            let mut members = Vec::new();
            for asked in asked {
                if self.judge(&asked, &replies, &mut health, &mut members) == Journal::Unfinished {
                    unfinished.push(asked.key);
                }
            }
            members.truncate(room);
            health.sampled += members.len() as u64;
            health.missing += self.missing(&members).await?;
            examples.extend(members.into_iter().take(EXAMPLES.saturating_sub(examples.len())));
        }
        self.look_again(unfinished, &mut health).await?;
        Ok((health, examples.into_iter().collect()))
    }

    /// A small drop takes no more than a moment, and many may be under way: what is open still is told.
    async fn look_again(&self, mut open: Vec<Vec<u8>>, health: &mut IndexHealth) -> Result<(), CacheError> {
        let rest = open.split_off(open.len().min(PATIENT_WITH));
        if !open.is_empty() {
            tokio::time::sleep(PATIENCE).await;
        }
        let mut batch = Batch::default();
        let asked: Vec<Asked> =
            open.into_iter().filter_map(|key| self.ask_about(key, b"0", 0, &mut batch)).collect();
        let replies = self.connection.run(&batch, Repeat::Safe).await?;
        let still = asked.into_iter().filter(|asked| asked.journal(&replies) == Journal::Unfinished);
        for key in still.map(|asked| asked.key).chain(rest) {
            health.unfinished.add(String::from_utf8_lossy(&key));
        }
        Ok(())
    }

    fn ask_about(&self, key: Vec<u8>, now: &[u8], sample: usize, batch: &mut Batch) -> Option<Asked> {
        let own = self.layout.own(&key)?;
        let ttl = batch.add(command("PTTL", &[&key]));
        let first = batch.len();
        match &own.kind {
            OwnKind::Index => {
                batch.add(command("ZCARD", &[&key]));
                batch.add(command("ZCOUNT", &[&key, b"-inf", now]));
                let (after, sample) = ([b"(", now].concat(), sample.to_string());
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
        asked: &Asked,
        replies: &[Value],
        health: &mut IndexHealth,
        members: &mut Vec<Vec<u8>>,
    ) -> Journal {
        let reply = |offset: usize| asked.reply(replies, offset);
        let shown = String::from_utf8_lossy(&asked.key).into_owned();
        if asked.expires(replies) {
            health.expiring.add(shown.as_str());
        }
        let length = if matches!(asked.own.kind, OwnKind::Journal(_)) { reply(1) } else { reply(0) };
        let length = match reply::count(length) {
            Ok(length) => length,
            Err(ReplyError::Server(error)) if error.code() == "WRONGTYPE" => {
                health.foreign.add(shown);
                return Journal::None;
            }
            // A user who may not look: that is for the check of the rights.
            Err(_) => return Journal::None,
        };
        if matches!(asked.own.kind, OwnKind::Index) {
            health.indexes += u64::from(length > 0);
            health.members += length;
            health.expired += reply::count(reply(1)).unwrap_or(0);
            members.extend(reply::list(reply(2)).unwrap_or_default());
        }
        let journal = asked.journal(replies);
        match journal {
            Journal::Orphan => health.orphans.add(shown),
            Journal::AtWork => health.at_work += 1,
            Journal::Unfinished | Journal::None => {}
        }
        journal
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
            let ask = |key| self.ask_about(key, b"0", 0, &mut batch);
            let asked: Vec<Asked> = found.into_iter().filter_map(ask).collect();
            let replies = self.connection.run(&batch, Repeat::Safe).await?;
            let mut repairs = Batch::default();
            let mut kept = Vec::new();
            let mut named = Vec::new();
            for asked in &asked {
                if asked.expires(&replies) {
                    kept.push(repairs.add(command("PERSIST", &[&asked.key])));
                }
                if let (OwnKind::Journal(id), Journal::Orphan) = (&asked.own.kind, asked.journal(&replies)) {
                    named.push(repairs.add(command("SADD", &[&self.layout.open(&asked.own.name), id])));
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
