//! How much a drop would remove, for a dry run.

use super::STEP;
use crate::cache::DropTarget;
use crate::cache::error::CacheError;
use crate::cache::index_name::IndexName;
use crate::cache::redis::RedisCache;
use crate::cache::redis::batch::command;
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
        let index = self.layout.index(name);
        let mut live = 0;
        let mut offset = 0;
        loop {
            let page = self.members(&index, offset).await?;
            live += self.existing(&page).await?;
            if page.len() < STEP {
                break;
            }
            offset += STEP;
        }
        let open = command("SRANDMEMBER", &[&self.layout.open(name), JOURNALS]);
        for id in self.connection.ask(open, reply::list).await? {
            live += self.live_in_journal(&self.layout.journal(name, &id), &index).await?;
        }
        Ok(live)
    }

    /// Existing members of a journal that the index does not hold too.
    async fn live_in_journal(&self, journal: &[u8], index: &[u8]) -> Result<u64, CacheError> {
        let mut live = 0;
        let mut offset = 0;
        loop {
            let page = self.members(journal, offset).await?;
            if page.is_empty() {
                return Ok(live);
            }
            let mut scores = command("ZMSCORE", &[index]);
            scores.arg(&page);
            let scores = self
                .connection
                .ask(scores, |reply| {
                    reply::array(reply)?.iter().map(reply::optional_bytes).collect::<Result<Vec<_>, _>>()
                })
                .await?;
            let only_here: Vec<Vec<u8>> = page
                .iter()
                .zip(scores)
                .filter(|(_, score)| score.is_none())
                .map(|(key, _)| key.clone())
                .collect();
            live += self.existing(&only_here).await?;
            offset += page.len();
        }
    }

    /// One page of a sorted set.
    pub(super) async fn members(&self, set: &[u8], offset: usize) -> Result<Vec<Vec<u8>>, CacheError> {
        let (from, to) = (offset.to_string(), (offset + STEP - 1).to_string());
        self.connection.ask(command("ZRANGE", &[set, from.as_bytes(), to.as_bytes()]), reply::list).await
    }
}
