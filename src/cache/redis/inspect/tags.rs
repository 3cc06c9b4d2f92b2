//! What the server tells about one tag.

use super::{STEP, printable_key};
use crate::cache::error::CacheError;
use crate::cache::redis::RedisCache;
use crate::cache::redis::batch::{Batch, command};
use crate::cache::redis::connection::Repeat;
use crate::cache::redis::reply;
use crate::cache::{TagDescription, TagMember};
use crate::model::Tag;

impl RedisCache {
    pub(in crate::cache::redis) async fn tag_description(
        &self,
        tag: &Tag,
        limit: usize,
    ) -> Result<TagDescription, CacheError> {
        let name = tag.into();
        let mut batch = Batch::default();
        batch.add(command("GET", &[&self.layout.generation(&name)]));
        batch.add(command("SCARD", &[&self.layout.open(&name)]));
        let replies = self.connection.run(&batch, Repeat::Safe).await?;
        let generation = self.connection.read(&replies, 0, reply::optional_bytes)?;
        let mut description = TagDescription {
            generation: generation.and_then(|text| String::from_utf8_lossy(&text).parse().ok()),
            live: self.live_members(&name).await?,
            journals: self.connection.read(&replies, 1, reply::count)?,
            members: Vec::new(),
        };
        let index = self.layout.index(&name);
        let mut offset = 0;
        while description.members.len() < limit {
            let page = self.members(&index, offset).await?;
            for (member, life) in page.iter().zip(self.lives(&page).await?) {
                if let (Some(ttl), Some(key)) = (life, printable_key(member))
                    && description.members.len() < limit
                {
                    description.members.push(TagMember { key, ttl });
                }
            }
            if page.len() < STEP {
                break;
            }
            offset += STEP;
        }
        Ok(description)
    }
}
