//! The batch queue of an embedded cache: rows of its own, changed in one transaction a call.
//!
//! An item that waits has two rows, one in the order of due times and one by name; an item that is
//! leased has one. A claim that finds nothing to do only reads, so that a worker that waits for work
//! costs no commits.

mod rows;

use std::time::Duration;

use super::EmbeddedCache;
use super::layout::LeaseRow;
use crate::cache::error::CacheError;
use crate::cache::queue::{
    AT_ONCE, Claim, Claimed, Enqueued, LeaseToken, Settle, Work, coalesce, delay_ms, full, lease_ms,
};

impl EmbeddedCache {
    pub(super) fn put_into_queue(&self, items: &[(Work, Duration)]) -> Result<Enqueued, CacheError> {
        let members = coalesce(items)?;
        let outcome = self.write(|change| {
            let waiting = change.view().queue_counts()?.waiting.total();
            let mut new = 0;
            for member in members.keys() {
                new += u64::from(change.view().due(member.as_bytes())?.is_none());
            }
            if new > 0 && waiting + new > self.queue_limit {
                return Ok(Err(waiting));
            }
            for (member, delay) in &members {
                change.add_to_queue(member.as_bytes(), change.now.saturating_add(*delay))?;
            }
            Ok(Ok(Enqueued {
                new,
                coalesced: items.len() as u64 - new,
                waiting: waiting + new,
                workers: change.view().workers()?,
                overdue: change.view().overdue()?,
            }))
        })?;
        let place = || format!("the embedded cache in `{}`", self.environment.folder().display());
        outcome.map_err(|waiting| full(&place(), waiting, self.queue_limit))
    }

    pub(super) fn claim_items(
        &self,
        which: Claim<'_>,
        token: LeaseToken,
        limit: usize,
        lease: Duration,
    ) -> Result<Claimed, CacheError> {
        let limit = limit.min(AT_ONCE);
        if let Claim::Due { by } = which {
            let idle = self.read(|view| {
                let next = view.next_due()?;
                let due = view.due_by(view.now.saturating_add_signed(by), 1)?;
                let idle = due.is_empty() && view.ended_leases(view.now, 1)?.is_empty();
                Ok(idle.then(|| Claimed { next_due: wait(next, view.now), ..Claimed::default() }))
            })?;
            if let Some(claimed) = idle {
                return Ok(claimed);
            }
        }
        self.write(|change| {
            let taken: Vec<Vec<u8>> = match which {
                Claim::Due { by } => {
                    change.end_leases(change.now)?;
                    change.view().due_by(change.now.saturating_add_signed(by), limit)?
                }
                Claim::These(items) => {
                    let mut taken = Vec::new();
                    for member in items.iter().map(|work| work.member().into_bytes()).take(limit) {
                        let view = change.view();
                        if view.due(&member)?.is_some() || view.lease(&member)?.is_some() {
                            taken.push(member);
                        }
                    }
                    taken
                }
            };
            let mut claimed = Claimed::default();
            let until = change.now.saturating_add(lease_ms(lease));
            for member in taken {
                change.take_from_queue(&member)?;
                change.set_lease(&member, LeaseRow { until, token: token.bytes() })?;
                match Work::from_member(&member) {
                    Some(work) => claimed.items.push(work),
                    None => claimed.unknown += 1,
                }
            }
            claimed.next_due = wait(change.view().next_due()?, change.now);
            Ok(claimed)
        })
    }

    pub(super) fn settle_items(
        &self,
        token: LeaseToken,
        items: &[Work],
        how: Settle,
    ) -> Result<u64, CacheError> {
        let again = if let Settle::Again(delay) = how { delay_ms(delay)? } else { 0 };
        self.write(|change| {
            let mut held = 0;
            for member in items.iter().map(|work| work.member().into_bytes()) {
                let lease = change.view().lease(&member)?;
                let Some(lease) = lease.filter(|lease| lease.token == token.bytes()) else { continue };
                held += 1;
                match how {
                    Settle::Longer(time) => {
                        let until = change.now.saturating_add(lease_ms(time));
                        change.set_lease(&member, LeaseRow { until, ..lease })?;
                    }
                    Settle::Done => change.end_lease(&member)?,
                    Settle::Again(_) => {
                        change.end_lease(&member)?;
                        change.add_to_queue(&member, change.now.saturating_add(again))?;
                    }
                }
            }
            Ok(held)
        })
    }
}

/// The time from now until the next item is due.
fn wait(next: Option<u64>, now: u64) -> Option<Duration> {
    next.map(|due| Duration::from_millis(due.saturating_sub(now)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::CacheOptions;
    use crate::cache::queue::WorkerId;
    use crate::model::Tag;

    #[test]
    fn a_clock_that_goes_back_holds_nothing_up() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let cache = EmbeddedCache::open(folder.path(), &CacheOptions::default()).expect("a cache");
        let work = |name| Work::drop(Tag::new(name).expect("a tag"));
        let token = LeaseToken::fresh();
        cache
            .write(|change| {
                // An hour more than it will be.
                change.now += 3_600_000;
                change.add_to_queue(work("waiting").member().as_bytes(), change.now)?;
                let lease = LeaseRow { until: change.now + 10_000, token: token.bytes() };
                change.set_lease(work("leased").member().as_bytes(), lease)?;
                change.announce(WorkerId::fresh(), Duration::from_secs(3))
            })
            .expect("written");
        let lease = Duration::from_secs(10);
        let claimed = cache.claim_items(Claim::DUE, LeaseToken::fresh(), 10, lease).expect("claimed");
        assert_eq!(claimed.items.len(), 2, "{claimed:?}");
        assert_eq!(cache.read(|view| view.workers()).expect("read"), 0);
    }
}
