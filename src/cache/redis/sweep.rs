//! Clearing up in a server: a scan over the layout's own keys, and bounded steps for each tag.

use std::collections::BTreeSet;

use redis::Value;

use super::RedisCache;
use super::batch::{Batch, command};
use super::connection::Repeat;
use super::drain::PRUNED;
use super::reply;
use super::script::ScriptName;
use crate::cache::collect::GENERATION_LIFE;
use crate::cache::error::{CacheError, CacheErrorKind};
use crate::cache::index_name::IndexName;
use crate::cache::nonce::nonce_text;
use crate::cache::pace::Pace;
use crate::cache::{Swept, quiet};

/// How many members one step takes.
const STEP: usize = 128;

impl RedisCache {
    pub(super) async fn sweep_all(&self, pace: &mut Pace) -> Result<Swept, CacheError> {
        let mut swept = Swept::default();
        let glob = self.layout.scan_glob("[tgo]", "*");
        let mut cursor = Some(b"0".to_vec());
        while let Some(from) = cursor {
            let (next, found) = self.connection.scan(&from, &glob, pace.step(STEP)).await?;
            cursor = next;
            let names: BTreeSet<IndexName> =
                found.iter().filter_map(|key| self.layout.name_in(key)).collect();
            for name in &names {
                match self.sweep_index(name, pace, &mut swept).await {
                    // A key that is not what the layout says is somebody else's, and stays.
                    Err(error) if error.kind() == CacheErrorKind::WrongType => {}
                    other => other?,
                }
            }
            pace.looked_at(names.len()).await;
        }
        Ok(swept)
    }

    async fn sweep_index(
        &self,
        name: &IndexName,
        pace: &mut Pace,
        swept: &mut Swept,
    ) -> Result<(), CacheError> {
        let collected = self.collect_index(name, pace, quiet()).await?;
        swept.collected += collected;
        loop {
            let expired = self.prune(name, pace.step(STEP)).await?;
            swept.expired += expired;
            if expired == 0 {
                break;
            }
            self.collect_index(name, pace, quiet()).await?;
        }
        self.sweep_missing(name, pace, swept).await?;
        let keys = vec![self.layout.generation(name), self.layout.index(name), self.layout.open(name)];
        let mut batch = Batch::default();
        batch.call(ScriptName::Forget, keys, vec![GENERATION_LIFE.as_micros().to_string().into_bytes()]);
        let replies = self.connection.run(&batch, Repeat::Safe).await?;
        swept.generations += self.connection.read(&replies, 0, reply::count)?;
        Ok(())
    }

    async fn prune(&self, name: &IndexName, limit: usize) -> Result<u64, CacheError> {
        let id = self.pruned_id();
        let keys = self.moving_keys(name, &id);
        let mut batch = Batch::default();
        batch.call(ScriptName::Prune, keys, vec![id, limit.to_string().into_bytes()]);
        let replies = self.connection.run(&batch, Repeat::Safe).await?;
        self.connection.read(&replies, 0, reply::count)
    }

    /// Members whose entries are not there, though their time has not come.
    async fn sweep_missing(
        &self,
        name: &IndexName,
        pace: &mut Pace,
        swept: &mut Swept,
    ) -> Result<(), CacheError> {
        let index = self.layout.index(name);
        let mut offset = 0;
        loop {
            let step = pace.step(STEP);
            let (from, to) = (offset.to_string(), (offset + step - 1).to_string());
            let page = command("ZRANGE", &[&index, from.as_bytes(), to.as_bytes(), b"WITHSCORES"]);
            let page = self.connection.ask(page, reply::list).await?;
            let members: Vec<&[Vec<u8>]> = page.chunks_exact(2).collect();
            let mut batch = Batch::default();
            for member in &members {
                batch.add(command("EXISTS", &[&member[0]]));
            }
            let replies = self.connection.run(&batch, Repeat::Safe).await?;
            let id = self.pruned_id();
            let mut arguments = vec![id.clone()];
            for (member, reply) in members.iter().zip(&replies) {
                // A dependency recorded before its entry has the score of infinity.
                if matches!(reply, Value::Int(0)) && member[1] != b"inf" {
                    arguments.extend([member[1].clone(), member[0].clone()]);
                }
            }
            let mut missing = 0;
            if arguments.len() > 1 {
                let mut batch = Batch::default();
                batch.call(ScriptName::Missing, self.moving_keys(name, &id), arguments);
                let replies = self.connection.run(&batch, Repeat::Safe).await?;
                missing = self.connection.read(&replies, 0, reply::count)?;
                swept.missing += missing;
                self.collect_index(name, pace, quiet()).await?;
            }
            pace.looked_at(members.len()).await;
            if members.len() < step {
                return Ok(());
            }
            offset += members.len() - usize::try_from(missing).unwrap_or(0).min(members.len());
        }
    }

    fn pruned_id(&self) -> Vec<u8> {
        [PRUNED, nonce_text().as_bytes()].concat()
    }

    fn moving_keys(&self, name: &IndexName, id: &[u8]) -> Vec<Vec<u8>> {
        vec![self.layout.index(name), self.layout.open(name), self.layout.journal(name, id)]
    }
}
