//! Fences of an embedded cache: a transaction checks and stores at once.

use super::failure::Failure;
use super::layout::{self, NEVER, STAMPS, TICKET, TICKET_EXPIRY, name_id, named};
use super::rows::Change;
use crate::cache::clock::endless_score;
use crate::cache::fence::{FENCE_LIFE, Fence, FencedPut, Stamp, is_current};
use crate::cache::index_name::IndexName;
use crate::cache::nonce::nonce_text;
use crate::model::Key;
use crate::model::millis;

impl Change<'_, '_> {
    pub fn fence(&mut self, key: &Key, names: &[IndexName]) -> Result<Fence, Failure> {
        let mut stamps = Vec::with_capacity(names.len());
        for name in names {
            stamps.push(Stamp { name: name.clone(), generation: self.generation(name)? });
        }
        let id = name_id(key.as_str().as_bytes());
        let ticket = self.ticket(&id)?.unwrap_or_else(nonce_text);
        let fenced = match self.view().entry(&id)?.map(|entry| entry.expires) {
            Some(expires) if self.view().stamps(&id)?.is_some() => Some(expires),
            _ => None,
        };
        if fenced.is_none() {
            // A plain entry knows nothing of fences; one that has expired is nothing to keep.
            self.remove_entry(&id)?;
        }
        let life = millis(FENCE_LIFE);
        self.set_ticket(key.as_str().as_bytes(), &ticket, fenced.unwrap_or(self.now.saturating_add(life)))?;
        Ok(Fence { key: key.clone(), ticket, stamps })
    }

    pub fn put_fenced(
        &mut self,
        fence: &Fence,
        value: &[u8],
        ttl: Option<u64>,
    ) -> Result<FencedPut, Failure> {
        let key = fence.key.as_str().as_bytes();
        let id = name_id(key);
        let view = self.view();
        let current = is_current(&fence.stamps, |name| view.generation(name))?;
        if !current || self.ticket(&id)?.as_deref() != Some(&fence.ticket) {
            return Ok(FencedPut::Refused);
        }
        let expires = ttl.map_or(NEVER, |ttl| self.now.saturating_add(ttl));
        let score = if expires == NEVER { endless_score(self.now) } else { expires };
        for stamp in &fence.stamps {
            self.add_member(&stamp.name, key, score)?;
        }
        self.put_entry(key, value, expires)?;
        self.set(&named(STAMPS, &id), &layout::encode_stamps(&fence.stamps))?;
        // Others that fill the same key took the same ticket.
        self.set_ticket(key, &fence.ticket, expires)?;
        Ok(FencedPut::Stored)
    }

    /// The ticket at a key, unless it has ended.
    pub fn ticket(&self, id: &[u8]) -> Result<Option<String>, Failure> {
        let Some(row) = self.table.get(self.txn, &named(TICKET, id))? else { return Ok(None) };
        let (expires, _, name) = layout::decode_entry(row)?;
        let name = String::from_utf8(name.to_vec()).map_err(|_| Failure::Corrupt("a ticket is no text"))?;
        Ok((expires > self.now).then_some(name))
    }

    fn set_ticket(&mut self, key: &[u8], ticket: &str, expires: u64) -> Result<(), Failure> {
        let id = name_id(key);
        self.remove_ticket(&id)?;
        self.set(&named(TICKET, &id), &layout::encode_entry(expires, key, ticket.as_bytes()))?;
        self.expect_expiry(expires, TICKET_EXPIRY, &id)
    }

    /// Ends the fences of a key.
    pub fn remove_ticket(&mut self, id: &[u8]) -> Result<(), Failure> {
        let key = named(TICKET, id);
        let Some(row) = self.table.get(self.txn, &key)? else { return Ok(()) };
        let (expires, _) = layout::number(row)?;
        self.delete(&key)?;
        self.forget_expiry(expires, TICKET_EXPIRY, id)
    }
}
