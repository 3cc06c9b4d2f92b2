//! What the server tells about entries, dependencies and itself.

mod count;
mod dependents;
mod list;
mod tags;

use std::collections::BTreeMap;
use std::time::Duration;

use redis::Value;

use super::RedisCache;
use super::batch::{Batch, command};
use super::connection::Repeat;
use super::reply;
use crate::cache::error::CacheError;
use crate::cache::{EntryKind, KeyDescription, Reach, ServerInfo};
use crate::model::{Key, Tag};

/// How many names one step of a scan looks at, and how many keys one round trip asks about.
const STEP: usize = 512;

impl RedisCache {
    pub(super) async fn key_description(&self, key: &Key) -> Result<Option<KeyDescription>, CacheError> {
        let name = key.as_str().as_bytes();
        let mut batch = Batch::default();
        batch.add(command("TYPE", &[name]));
        batch.add(command("PTTL", &[name]));
        // Of these two, one fails with the wrong type: that is how the kinds are told apart.
        batch.add(command("STRLEN", &[name]));
        batch.add(command("HGET", &[name, b"v"]));
        batch.add(command("HEXISTS", &[name, b"p"]));
        let replies = self.connection.run(&batch, Repeat::Safe).await?;
        let left = self.connection.read(&replies, 1, reply::integer)?;
        if left == -2 {
            return Ok(None);
        }
        let (kind, bytes) = match self.connection.read(&replies, 0, reply::text)?.as_str() {
            "string" => (EntryKind::Plain, self.connection.read(&replies, 2, reply::count)?),
            "hash" => match self.connection.read(&replies, 3, reply::optional_bytes)? {
                Some(value) => (EntryKind::Fenced, value.len() as u64),
                // A fill is under way; there is no entry yet.
                None if matches!(replies.get(4), Some(Value::Int(1))) => return Ok(None),
                None => (EntryKind::Foreign("hash".to_owned()), 0),
            },
            other => (EntryKind::Foreign(other.to_owned()), 0),
        };
        let (tags, depends_on) = self.indexes_with(name).await?;
        let dependents = self.all_dependents(key, Reach::Direct).await?.len() as u64;
        Ok(Some(KeyDescription { kind, bytes, ttl: ttl(left), tags, depends_on, dependents }))
    }

    /// The tags and dependencies whose indexes hold a key: a look through all of them.
    async fn indexes_with(&self, key: &[u8]) -> Result<(Vec<Tag>, Vec<Key>), CacheError> {
        let glob = self.layout.scan_glob("t", "*");
        let (mut tags, mut depends_on) = (Vec::new(), Vec::new());
        let mut cursor = Some(b"0".to_vec());
        while let Some(from) = cursor {
            let (next, found) = self.scan(&from, &glob, STEP).await?;
            cursor = next;
            let mut batch = Batch::default();
            for index in &found {
                batch.add(command("ZSCORE", &[index, key]));
            }
            let replies = self.connection.run(&batch, Repeat::Safe).await?;
            for (index, reply) in found.iter().zip(&replies) {
                // An index of the wrong type holds nothing.
                let Ok(Some(_)) = reply::optional_bytes(reply) else { continue };
                let Some(name) = self.layout.name_in(index) else { continue };
                tags.extend(name.tag());
                depends_on.extend(name.key().as_deref().and_then(printable_key));
            }
        }
        tags.sort();
        tags.dedup();
        depends_on.sort();
        depends_on.dedup();
        Ok((tags, depends_on))
    }

    pub(super) async fn counters(&self) -> Result<BTreeMap<String, u64>, CacheError> {
        let key = self.layout.statistics();
        let mut counters = BTreeMap::new();
        let mut cursor = Some(b"0".to_vec());
        while let Some(from) = cursor {
            let step = command("HSCAN", &[&key, &from, b"COUNT", b"512"]);
            let (next, fields) = self.connection.ask(step, reply::scan).await?;
            for field in fields.chunks_exact(2) {
                let count = String::from_utf8_lossy(&field[1]).parse().unwrap_or(0);
                counters.insert(String::from_utf8_lossy(&field[0]).into_owned(), count);
            }
            cursor = next;
        }
        Ok(counters)
    }

    pub(super) async fn info(&self) -> Result<ServerInfo, CacheError> {
        let mut batch = Batch::default();
        batch.add_for_any(redis::cmd("INFO"));
        let replies = self.connection.run(&batch, Repeat::Safe).await?;
        let text = self.connection.read(&replies, 0, reply::text)?;
        Ok(read_info(&text, self.connection.place()))
    }

    /// One step of a scan over all keys.
    pub(super) async fn scan(
        &self,
        cursor: &[u8],
        glob: &str,
        step: usize,
    ) -> Result<reply::Scanned, CacheError> {
        self.connection.scan(cursor, glob, step).await
    }

    /// What `PTTL` says of each key: `None` for one that does not exist.
    async fn lives(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Option<Duration>>>, CacheError> {
        let mut batch = Batch::default();
        for key in keys {
            batch.add(command("PTTL", &[key]));
        }
        let replies = self.connection.run(&batch, Repeat::Safe).await?;
        let read = |reply: &Value| reply::integer(reply).map(|left| (left != -2).then(|| ttl(left)));
        (0..keys.len()).map(|position| self.connection.read(&replies, position, read)).collect()
    }

    /// How many of these keys exist.
    async fn existing(&self, keys: &[Vec<u8>]) -> Result<u64, CacheError> {
        if keys.is_empty() {
            return Ok(0);
        }
        let mut batch = Batch::default();
        batch.each("EXISTS", keys.to_vec());
        let replies = self.connection.run(&batch, Repeat::Safe).await?;
        self.connection.read(&replies, 0, reply::count)
    }
}

/// What the reply of `INFO` says.
pub(super) fn read_info(text: &str, address: &str) -> ServerInfo {
    let lines: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once(':')).collect();
    let get = |name| lines.get(name).copied();
    let is_valkey = get("server_name") == Some("valkey") || get("valkey_version").is_some();
    const FACTS: [&str; 12] = [
        "aof_enabled",
        "aof_last_write_status",
        "connected_clients",
        "evicted_keys",
        "maxmemory",
        "maxmemory_policy",
        "rdb_last_bgsave_status",
        "rdb_last_save_time",
        "redis_mode",
        "role",
        "uptime_in_seconds",
        "used_memory",
    ];
    ServerInfo {
        kind: if is_valkey { "valkey" } else { "redis" }.to_owned(),
        version: get("valkey_version").or(get("redis_version")).unwrap_or("unknown").to_owned(),
        address: address.to_owned(),
        facts: FACTS.into_iter().filter_map(|name| Some((name.into(), get(name)?.into()))).collect(),
    }
}

/// The reply of `PTTL` for a key that exists.
fn ttl(left: i64) -> Option<Duration> {
    u64::try_from(left).ok().map(Duration::from_millis)
}

/// A key as it can be shown: what is not UTF-8 is replaced, what is too long is cut.
fn printable_key(key: &[u8]) -> Option<Key> {
    let text = String::from_utf8_lossy(&key[..key.len().min(crate::model::MAX_NAME_BYTES)]);
    let mut end = text.len().min(crate::model::MAX_NAME_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Key::new(&text[..end]).ok()
}
