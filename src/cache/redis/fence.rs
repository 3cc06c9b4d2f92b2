//! Fences in a server: the protocol's steps 2 and 3.

use redis::Value;

use super::RedisCache;
use super::batch::{Batch, command};
use super::connection::Repeat;
use super::reply;
use super::script::ScriptName;
use crate::cache::clock::ttl_ms;
use crate::cache::error::{CacheError, CacheErrorKind};
use crate::cache::fence::{FENCE_LIFE, Fence, FencedPut, Stamp, is_current};
use crate::cache::index_name::{IndexName, indexes_of};
use crate::cache::nonce::nonce_text;
use crate::model::{Key, Tag};

impl RedisCache {
    /// Generations first, ticket last: a drop that comes between is seen by one of them.
    pub(super) async fn take_fence(
        &self,
        key: &Key,
        tags: &[Tag],
        depends_on: &[Key],
    ) -> Result<Fence, CacheError> {
        let names = indexes_of(tags, depends_on);
        let mut batch = Batch::default();
        if names.iter().any(IndexName::is_dependency) {
            batch.add(command("SET", &[&self.layout.marker(), b"1"]));
            batch.then();
        }
        let first = batch.len();
        for index in &names {
            batch.call(ScriptName::Token, vec![self.layout.generation(index)], Vec::new());
        }
        // A ticket whose answer was lost may have been taken away by a drop since. Asked for under the
        // same name it would stand there again, beside generations that are older than that drop.
        let (replies, ticket) = match self.ask_ticket(key, batch.clone()).await {
            Err(error) if error.kind() == CacheErrorKind::Unreachable => self.ask_ticket(key, batch).await?,
            answer => answer?,
        };
        for position in 0..first {
            self.connection.read(&replies, position, reply::done)?;
        }
        let mut stamps = Vec::with_capacity(names.len());
        for (position, name) in names.into_iter().enumerate() {
            let generation = self.connection.read(&replies, first + position, reply::count)?;
            stamps.push(Stamp { name, generation });
        }
        let ticket = self.connection.read(&replies, ticket, reply::text)?;
        Ok(Fence { key: key.clone(), ticket, stamps })
    }

    /// Sends commands with TICKET, under a new name, after them; gives its position too.
    async fn ask_ticket(&self, key: &Key, mut batch: Batch) -> Result<(Vec<Value>, usize), CacheError> {
        let name = self.entry_key(key)?.to_vec();
        let life = FENCE_LIFE.as_millis().to_string().into_bytes();
        let arguments = vec![nonce_text().into_bytes(), life];
        batch.then();
        let ticket = batch.call(ScriptName::Ticket, vec![name], arguments);
        Ok((self.connection.run(&batch, Repeat::Never).await?, ticket))
    }

    pub(super) async fn publish(
        &self,
        fence: &Fence,
        value: &[u8],
        ttl: Option<std::time::Duration>,
    ) -> Result<FencedPut, CacheError> {
        let ttl = ttl_ms(ttl)?.unwrap_or(0).to_string().into_bytes();
        let mut keys = vec![self.entry_key(&fence.key)?.to_vec()];
        let in_cluster = self.connection.is_cluster();
        if in_cluster && !self.enter_indexes(fence, &ttl).await? {
            return Ok(FencedPut::Refused);
        }
        let mut arguments =
            vec![fence.ticket.clone().into_bytes(), value.to_vec(), stamps_text(&fence.stamps), ttl];
        for Stamp { name, generation } in fence.stamps.iter().filter(|_| !in_cluster) {
            keys.push(self.layout.generation(name));
            keys.push(self.layout.index(name));
            arguments.push(generation.to_string().into_bytes());
        }
        let mut batch = Batch::default();
        batch.call(ScriptName::Publish, keys, arguments);
        let replies = self.connection.run(&batch, Repeat::Safe).await?;
        let stored = self.connection.read(&replies, 0, reply::count)?;
        Ok(if stored == 1 { FencedPut::Stored } else { FencedPut::Refused })
    }

    /// Says whether all generations are still those of the fence.
    async fn enter_indexes(&self, fence: &Fence, ttl: &[u8]) -> Result<bool, CacheError> {
        let key = fence.key.as_str().as_bytes();
        let mut batch = Batch::default();
        for Stamp { name, generation } in &fence.stamps {
            let keys = vec![self.layout.generation(name), self.layout.index(name)];
            let arguments = vec![generation.to_string().into_bytes(), key.to_vec(), ttl.to_vec()];
            batch.call(ScriptName::Index, keys, arguments);
        }
        let replies = self.connection.run(&batch, Repeat::Safe).await?;
        let mut are_current = true;
        for position in 0..replies.len() {
            are_current &= self.connection.read(&replies, position, reply::count)? == 1;
        }
        Ok(are_current)
    }

    /// The value of a plain entry in one round trip, that of a fenced one in two.
    pub(super) async fn value(&self, key: &Key) -> Result<Option<Vec<u8>>, CacheError> {
        let key = key.as_str().as_bytes();
        let mut batch = Batch::default();
        // Of these two, one fails with the wrong type: that is how the kinds are told apart.
        batch.add(command("GET", &[key]));
        batch.add(command("HMGET", &[key, b"v", b"s"]));
        let replies = self.connection.run(&batch, Repeat::Safe).await?;
        let is_hash = matches!(replies.first(), Some(Value::ServerError(e)) if e.code() == "WRONGTYPE")
            && matches!(replies.get(1), Some(Value::Array(_)));
        if !is_hash {
            return self.connection.read(&replies, 0, reply::optional_bytes);
        }
        let fields = self.connection.read(&replies, 1, |reply| {
            reply::array(reply)?.iter().map(reply::optional_bytes).collect::<Result<Vec<_>, _>>()
        })?;
        let mut fields = fields.into_iter();
        let (Some(Some(value)), stamps) = (fields.next(), fields.next().flatten()) else { return Ok(None) };
        let Some(stamps) = parse_stamps(&stamps.unwrap_or_default()) else { return Ok(None) };
        if stamps.is_empty() {
            return Ok(Some(value));
        }
        let mut batch = Batch::default();
        for stamp in &stamps {
            batch.add(command("GET", &[&self.layout.generation(&stamp.name)]));
        }
        let replies = self.connection.run(&batch, Repeat::Safe).await?;
        let mut position = 0;
        let current = is_current(&stamps, |_| {
            position += 1;
            self.connection.read(&replies, position - 1, |reply| {
                let text = reply::optional_bytes(reply)?;
                // What is no number matches nothing.
                Ok(text.and_then(|text| std::str::from_utf8(&text).ok()?.parse().ok()))
            })
        })?;
        Ok(current.then_some(value))
    }
}

/// The field `s`: `TAG=GENERATION`, one a line.
fn stamps_text(stamps: &[Stamp]) -> Vec<u8> {
    let lines = stamps.iter().map(|stamp| {
        let generation = stamp.generation.to_string();
        [stamp.name.as_bytes(), b"=", generation.as_bytes()].concat()
    });
    lines.collect::<Vec<_>>().join(&b'\n')
}

/// `None` for a text that has another form: who wrote it meant something that cannot be checked.
fn parse_stamps(text: &[u8]) -> Option<Vec<Stamp>> {
    let lines = text.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let at = line.iter().rposition(|b| *b == b'=').filter(|at| *at > 0)?;
            let generation = std::str::from_utf8(line.get(at + 1..)?).ok()?.parse().ok()?;
            Some(Stamp { name: IndexName::from_bytes(line.get(..at)?.to_vec()), generation })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_come_back_and_what_cannot_be_read_is_not_taken_for_none() {
        let stamp = |name: &str, generation| Stamp { name: IndexName::from_bytes(name.into()), generation };
        let stamps = vec![stamp("=a=3", 1), stamp("b=7", u64::MAX), stamp("c d", 0)];
        assert_eq!(stamps_text(&stamps), format!("=a=3=1\nb=7={}\nc d=0", u64::MAX).into_bytes());
        assert_eq!(parse_stamps(&stamps_text(&stamps)), Some(stamps));
        assert_eq!(parse_stamps(b""), Some(Vec::new()));
        for text in [&b"t"[..], b"t=", b"=1", b"t=x", b"t=1\nu"] {
            assert_eq!(parse_stamps(text), None, "{}", String::from_utf8_lossy(text));
        }
    }
}
