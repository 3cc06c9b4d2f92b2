//! How much a drop would remove, for a dry run.

use super::STEP;
use crate::cache::DropTarget;
use crate::cache::error::CacheError;
use crate::cache::index_name::IndexName;
use crate::cache::redis::RedisCache;
use crate::cache::redis::batch::{Batch, command};
use crate::cache::redis::connection::Repeat;
use crate::cache::redis::reply;

/// How many journals of one tag are looked into. There are more only where drops keep crashing.
const JOURNALS: &[u8] = b"128";

impl RedisCache {
    pub(in crate::cache::redis) async fn live_count(&self, target: &DropTarget) -> Result<u64, CacheError> {
        match target {
            DropTarget::Key(key) => self.existing(&[key.as_str().as_bytes().to_vec()]).await,
            DropTarget::Tag(tag) => self.live_members(&tag.into()).await,
            DropTarget::Match(pattern) => {
                let mut live = 0;
                let mut cursor = Some(b"0".to_vec());
                while let Some(from) = cursor {
                    let (next, found) = self.scan(&from, &pattern.scan_glob(), STEP).await?;
                    let is_hit = |key: &&Vec<u8>| {
                        !self.layout.owns(key) && pattern.matches(&String::from_utf8_lossy(key))
                    };
                    live += found.iter().filter(is_hit).count() as u64;
                    cursor = next;
                }
                Ok(live)
            }
            DropTarget::TagsMatching(pattern) => {
                let glob = self.layout.scan_glob("t", &pattern.scan_glob());
                let mut live = 0;
                let mut cursor = Some(b"0".to_vec());
                while let Some(from) = cursor {
                    let (next, found) = self.scan(&from, &glob, STEP).await?;
                    for name in found.iter().filter_map(|key| self.layout.name_in(key)) {
                        let text = String::from_utf8_lossy(name.as_bytes());
                        if !name.is_dependency() && pattern.matches(&text) {
                            live += self.live_members(&name).await?;
                        }
                    }
                    cursor = next;
                }
                Ok(live)
            }
        }
    }

    /// Members that exist: those of the index, and those that an unfinished drop left in a journal.
    pub(super) async fn live_members(&self, name: &IndexName) -> Result<u64, CacheError> {
        let open = command("SRANDMEMBER", &[&self.layout.open(name), JOURNALS]);
        let journals = self.connection.ask(open, reply::list).await?;
        let journals = journals.iter().map(|id| self.layout.journal(name, id));
        // A key filled anew between two drops stands in several of them, and counts once.
        let mut counted: Vec<Vec<u8>> = Vec::new();
        let mut live = 0;
        for set in std::iter::once(self.layout.index(name)).chain(journals) {
            live += self.live_outside(&set, &counted).await?;
            counted.push(set);
        }
        Ok(live)
    }

    /// Existing members of a sorted set that none of some others holds.
    async fn live_outside(&self, set: &[u8], others: &[Vec<u8>]) -> Result<u64, CacheError> {
        let mut live = 0;
        let mut offset = 0;
        loop {
            let page = self.members(set, offset).await?;
            let mut outside = vec![true; page.len()];
            let mut batch = Batch::default();
            if !page.is_empty() {
                for other in others {
                    let mut scores = command("ZMSCORE", &[other]);
                    scores.arg(&page);
                    batch.add(scores);
                }
            }
            let replies = self.connection.run(&batch, Repeat::Safe).await?;
            for position in 0..replies.len() {
                let scores = self.connection.read(&replies, position, |reply| {
                    reply::array(reply)?.iter().map(reply::optional_bytes).collect::<Result<Vec<_>, _>>()
                })?;
                for (outside, score) in outside.iter_mut().zip(scores) {
                    *outside &= score.is_none();
                }
            }
            let length = page.len();
            let mut outside = outside.into_iter();
            let page: Vec<_> = page.into_iter().filter(|_| outside.next() == Some(true)).collect();
            live += self.existing(&page).await?;
            if length < STEP {
                return Ok(live);
            }
            offset += STEP;
        }
    }

    /// One page of a sorted set.
    pub(super) async fn members(&self, set: &[u8], offset: usize) -> Result<Vec<Vec<u8>>, CacheError> {
        let (from, to) = (offset.to_string(), (offset + STEP - 1).to_string());
        self.connection.ask(command("ZRANGE", &[set, from.as_bytes(), to.as_bytes()]), reply::list).await
    }
}
