//! The batch queue of a memory cache.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::cache::error::CacheError;
use crate::cache::queue::{
    AT_ONCE, Claim, Claimed, Enqueued, FAR_MS, LeaseToken, OVERDUE_MS, Pending, Settle, Work, WorkKind,
    WorkerId, coalesce, delay_ms, full, is_over, lease_ms, ms,
};

/// Items by member; times in milliseconds since 1970.
pub(super) struct Queue {
    limit: u64,
    /// When each waiting item is due.
    waiting: BTreeMap<String, u64>,
    /// The same, in the order in which they are due.
    order: BTreeSet<(u64, String)>,
    /// When each lease ends, and who holds it.
    leases: BTreeMap<String, (u64, LeaseToken)>,
    /// Until when each worker counts as alive.
    workers: BTreeMap<WorkerId, u64>,
}

impl Queue {
    pub fn new(limit: u64) -> Self {
        Self {
            limit,
            waiting: BTreeMap::new(),
            order: BTreeSet::new(),
            leases: BTreeMap::new(),
            workers: BTreeMap::new(),
        }
    }

    pub fn enqueue(&mut self, items: &[(Work, Duration)], now: u64) -> Result<Enqueued, CacheError> {
        let members = coalesce(items)?;
        let waiting = self.waiting.len() as u64;
        let new = members.keys().filter(|member| !self.waiting.contains_key(*member)).count() as u64;
        if new > 0 && waiting + new > self.limit {
            return Err(full("the memory cache", waiting, self.limit));
        }
        for (member, delay) in members {
            self.add(member, now.saturating_add(delay));
        }
        let long_ago = (now.saturating_sub(OVERDUE_MS), String::new());
        Ok(Enqueued {
            new,
            coalesced: items.len() as u64 - new,
            waiting: waiting + new,
            workers: self.alive(now),
            overdue: self.order.range(..long_ago).count() as u64,
        })
    }

    pub fn claim(
        &mut self,
        which: Claim<'_>,
        token: LeaseToken,
        limit: usize,
        lease: Duration,
        now: u64,
    ) -> Claimed {
        let limit = limit.min(AT_ONCE);
        let taken: Vec<String> = match which {
            Claim::Due { by } => {
                self.end_leases(Some(now), now);
                let cutoff = now.saturating_add_signed(by);
                let due = self.order.iter().take_while(|(at, _)| *at <= cutoff);
                let far = (now.saturating_add(FAR_MS).max(cutoff).saturating_add(1), String::new());
                due.chain(self.order.range(far..)).take(limit).map(|(_, member)| member.clone()).collect()
            }
            Claim::These(items) => items
                .iter()
                .map(Work::member)
                .filter(|member| self.waiting.contains_key(member) || self.leases.contains_key(member))
                .take(limit)
                .collect(),
        };
        let mut claimed = Claimed::default();
        for member in taken {
            if let Some(due) = self.waiting.remove(&member) {
                self.order.remove(&(due, member.clone()));
            }
            match Work::from_member(member.as_bytes()) {
                Some(work) => claimed.items.push(work),
                None => claimed.unknown += 1,
            }
            self.leases.insert(member, (now.saturating_add(lease_ms(lease)), token));
        }
        let next = self.order.first().map(|(due, _)| Duration::from_millis(due.saturating_sub(now)));
        Claimed { next_due: next, ..claimed }
    }

    pub fn settle(
        &mut self,
        token: LeaseToken,
        items: &[Work],
        how: Settle,
        now: u64,
    ) -> Result<u64, CacheError> {
        let again = if let Settle::Again(delay) = how { delay_ms(delay)? } else { 0 };
        let mut held = 0;
        for member in items.iter().map(Work::member) {
            let Some((until, holder)) = self.leases.get_mut(&member) else { continue };
            if *holder != token {
                continue;
            }
            held += 1;
            match how {
                Settle::Longer(lease) => *until = now.saturating_add(lease_ms(lease)),
                Settle::Done => {
                    self.leases.remove(&member);
                }
                Settle::Again(_) => {
                    self.leases.remove(&member);
                    self.add(member, now.saturating_add(again));
                }
            }
        }
        Ok(held)
    }

    /// Puts items back whose leases end by a time, or all; they are due at once.
    pub fn end_leases(&mut self, by: Option<u64>, now: u64) -> u64 {
        let ended: Vec<(String, u64)> = self
            .leases
            .iter()
            .filter(|(_, (until, _))| by.is_none_or(|by| is_over(*until, by)))
            .map(|(member, (until, _))| (member.clone(), *until))
            .collect();
        for (member, until) in &ended {
            self.leases.remove(member);
            self.add(member.clone(), now.min(*until));
        }
        ended.len() as u64
    }

    pub fn pending(&self, now: u64) -> Pending {
        let mut pending = Pending {
            leased: self.leases.len() as u64,
            oldest_due_ms: self.order.first().map(|(due, _)| due.cast_signed() - now.cast_signed()),
            workers: self.alive(now),
            abandoned: self.leases.values().filter(|(until, _)| *until <= now).count() as u64,
            ..Pending::default()
        };
        for member in self.waiting.keys() {
            pending.waiting.count(WorkKind::of_member(member.as_bytes()));
        }
        pending
    }

    pub fn announce(&mut self, worker: WorkerId, ttl: Duration, now: u64) -> u64 {
        self.workers.retain(|_, until| !is_over(*until, now));
        if ttl.is_zero() {
            self.workers.remove(&worker);
        } else {
            self.workers.insert(worker, now.saturating_add(ms(ttl)));
        }
        self.alive(now)
    }

    fn alive(&self, now: u64) -> u64 {
        self.workers.values().filter(|until| !is_over(**until, now)).count() as u64
    }

    fn add(&mut self, member: String, due: u64) {
        match self.waiting.get(&member) {
            Some(earlier) if *earlier <= due => return,
            Some(later) => {
                self.order.remove(&(*later, member.clone()));
            }
            None => {}
        }
        self.order.insert((due, member.clone()));
        self.waiting.insert(member, due);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Tag;

    #[test]
    fn a_clock_that_goes_back_holds_nothing_up() {
        let (hour, lease) = (3_600_000, Duration::from_secs(10));
        let mut queue = Queue::new(10);
        let work = |name| Work::drop(Tag::new(name).expect("a tag"));
        let delay = Duration::from_millis(100);
        queue.enqueue(&[(work("waiting"), delay), (work("leased"), delay)], hour).expect("there is room");
        queue.claim(Claim::These(&[work("leased")]), LeaseToken::fresh(), 10, lease, hour);
        queue.announce(WorkerId::fresh(), Duration::from_secs(3), hour);
        assert_eq!(
            (queue.claim(Claim::DUE, LeaseToken::fresh(), 10, lease, hour).items.len(), queue.alive(hour)),
            (0, 1)
        );
        // An hour less than it was.
        let claimed = queue.claim(Claim::DUE, LeaseToken::fresh(), 10, lease, 1);
        assert_eq!(claimed.items.len(), 2, "{claimed:?}");
        assert_eq!(queue.alive(1), 0);
    }
}
