//! Fences of a memory cache.

use super::store::{Store, Stored, Ticket};
use crate::cache::fence::{FENCE_LIFE, Fence, FencedPut, Stamp, is_current};
use crate::cache::index_name::IndexName;
use crate::cache::nonce::nonce_text;
use crate::model::Key;
use crate::model::millis;

/// How many tickets are kept before the first look for those that have ended.
const TICKETS: usize = 64;

impl Store {
    pub fn fence(&mut self, key: &Key, names: Vec<IndexName>, now: u64) -> Fence {
        let stamps =
            names.into_iter().map(|name| Stamp { generation: self.generation(name.clone()), name }).collect();
        if self.live(key, now).is_none_or(|stored| stored.stamps.is_none()) {
            // A plain entry has no place for a ticket; one that has expired has one no longer.
            let ticket = self.tickets.remove(key).filter(|ticket| ticket.expires > now);
            self.remove(key, now);
            self.tickets.extend(ticket.map(|ticket| (key.clone(), ticket)));
        }
        let least = now.saturating_add(millis(FENCE_LIFE));
        let expires = self.live(key, now).map_or(least, |stored| stored.expires.unwrap_or(u64::MAX));
        self.forget_tickets(now);
        let ticket =
            self.tickets.entry(key.clone()).or_insert_with(|| Ticket { name: nonce_text(), expires });
        ticket.expires = expires;
        Fence { key: key.clone(), ticket: ticket.name.clone(), stamps }
    }

    pub fn put_fenced(&mut self, fence: &Fence, value: &[u8], ttl: Option<u64>, now: u64) -> FencedPut {
        let generation =
            |name: &IndexName| Ok::<_, std::convert::Infallible>(self.generations.get(name).copied());
        let current = matches!(is_current(&fence.stamps, generation), Ok(true));
        let ticket = self.tickets.get(&fence.key);
        let ticket = ticket.filter(|ticket| ticket.expires > now && ticket.name == fence.ticket);
        if !current || ticket.is_none() {
            return FencedPut::Refused;
        }
        let expires = ttl.map(|ttl| now.saturating_add(ttl));
        let stored = Stored { value: value.to_vec(), expires, stamps: Some(fence.stamps.clone()) };
        let names = fence.stamps.iter().map(|stamp| stamp.name.clone()).collect();
        self.put(&fence.key, names, stored, now);
        // Others that fill the same key took the same ticket.
        let ticket = Ticket { name: fence.ticket.clone(), expires: expires.unwrap_or(u64::MAX) };
        self.tickets.insert(fence.key.clone(), ticket);
        FencedPut::Stored
    }

    /// Forgets the tickets that have ended, whenever there are twice as many as were left last time.
    fn forget_tickets(&mut self, now: u64) {
        if self.tickets.len() >= self.tickets_at_most.max(TICKETS) {
            self.tickets.retain(|_, ticket| ticket.expires > now);
            self.tickets_at_most = 2 * self.tickets.len();
        }
    }
}
