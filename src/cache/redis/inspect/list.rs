//! Listings, a page at a time.

use redis::Value;

use super::printable_key;
use crate::cache::error::CacheError;
use crate::cache::redis::batch::{Batch, command};
use crate::cache::redis::connection::Repeat;
use crate::cache::redis::reply;
use crate::cache::redis::{RedisCache, scan_cursor};
use crate::cache::{Cursor, EntryKind, EntrySummary, Page, TagSummary};
use crate::model::Pattern;

/// How many steps one page may take before it is given out empty, so that a caller who looks for
/// something rare among very many keys hears from time to time.
const STEPS_PER_PAGE: usize = 64;

impl RedisCache {
    pub(in crate::cache::redis) async fn entry_page(
        &self,
        pattern: Option<&Pattern>,
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<EntrySummary>, CacheError> {
        let glob = pattern.map_or_else(|| "*".to_owned(), Pattern::scan_glob);
        let mut from = scan_cursor(cursor)?;
        for _ in 0..STEPS_PER_PAGE {
            let (next, mut found) = self.scan(&from, &glob, limit.clamp(10, 1000)).await?;
            found.retain(|key| {
                let matches = |pattern: &Pattern| pattern.matches(&String::from_utf8_lossy(key));
                !self.layout.owns(key) && pattern.is_none_or(matches)
            });
            let items = self.summaries(&found).await?;
            match next {
                Some(next) if items.is_empty() => from = next,
                next => return Ok(Page { items, next: next.map(Cursor) }),
            }
        }
        Ok(Page { items: Vec::new(), next: Some(Cursor(from)) })
    }

    async fn summaries(&self, keys: &[Vec<u8>]) -> Result<Vec<EntrySummary>, CacheError> {
        let mut batch = Batch::default();
        for key in keys {
            batch.add(command("TYPE", &[key]));
            batch.add(command("HEXISTS", &[key, b"v"]));
            batch.add(command("HEXISTS", &[key, b"p"]));
        }
        let replies = self.connection.run(&batch, Repeat::Safe).await?;
        let lives = self.lives(keys).await?;
        let mut items = Vec::new();
        for (position, (name, life)) in keys.iter().zip(lives).enumerate() {
            // A key that has vanished meanwhile is no entry.
            let (Some(ttl), Some(key)) = (life, printable_key(name)) else { continue };
            let has = |field: usize| matches!(replies.get(3 * position + field), Some(Value::Int(1)));
            let kind = match self.connection.read(&replies, 3 * position, reply::text)?.as_str() {
                "string" => EntryKind::Plain,
                "hash" if has(1) => EntryKind::Fenced,
                // A fill is under way; there is no entry yet.
                "hash" if has(2) => continue,
                other => EntryKind::Foreign(other.to_owned()),
            };
            items.push(EntrySummary { key, kind, ttl });
        }
        Ok(items)
    }

    pub(in crate::cache::redis) async fn tag_page(
        &self,
        pattern: Option<&Pattern>,
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<TagSummary>, CacheError> {
        let names = pattern.map_or_else(|| "*".to_owned(), Pattern::scan_glob);
        let glob = self.layout.scan_glob("t", &names);
        let mut from = scan_cursor(cursor)?;
        for _ in 0..STEPS_PER_PAGE {
            let (next, found) = self.scan(&from, &glob, limit.clamp(10, 1000)).await?;
            let mut tags = Vec::new();
            let mut batch = Batch::default();
            for index in &found {
                let Some(tag) = self.layout.name_in(index).and_then(|name| name.tag()) else { continue };
                if pattern.is_none_or(|pattern| pattern.matches(tag.as_str())) {
                    batch.add(command("ZCARD", &[index]));
                    tags.push(tag);
                }
            }
            let replies = self.connection.run(&batch, Repeat::Safe).await?;
            let mut items = Vec::new();
            for (tag, reply) in tags.into_iter().zip(&replies) {
                // An index of the wrong type lists nothing.
                let members = reply::count(reply).unwrap_or(0);
                if members > 0 {
                    items.push(TagSummary { tag, members });
                }
            }
            match next {
                Some(next) if items.is_empty() => from = next,
                next => return Ok(Page { items, next: next.map(Cursor) }),
            }
        }
        Ok(Page { items: Vec::new(), next: Some(Cursor(from)) })
    }
}
