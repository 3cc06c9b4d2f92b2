//! The batch queue of an embedded cache: rows of its own, changed in one transaction a call.
//!
//! An item that waits has two rows, one in the order of due times and one by name; an item that is
//! leased has one. A claim that finds nothing to do only reads, so that a worker that waits for work
//! costs no commits.

use std::ops::Bound;
use std::time::Duration;

use super::EmbeddedCache;
use super::failure::Failure;
use super::layout::{self, DUE, HELD, LeaseRow, QUEUE_COUNTS, QUEUED, WORKER, kept_name, name_id, named};
use super::rows::{Change, View};
use crate::cache::error::CacheError;
use crate::cache::queue::{
    AT_ONCE, Claim, Claimed, Enqueued, LeaseToken, OVERDUE_MS, Pending, Settle, Work, WorkCounts, WorkKind,
    WorkerId, coalesce, delay_ms, full, ms,
};

/// What the row [`QUEUE_COUNTS`] holds.
#[derive(Clone, Copy, Default)]
struct Counts {
    waiting: WorkCounts,
    leased: u64,
}

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
                let cutoff = view.now.saturating_add_signed(by);
                let ended = view.ended_leases(view.now, 1)?;
                let idle = next.is_none_or(|next| next > cutoff) && ended.is_empty();
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
            let until = change.now.saturating_add(ms(lease));
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
                        let until = change.now.saturating_add(ms(time));
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

impl View<'_> {
    pub fn pending(&self) -> Result<Pending, Failure> {
        let counts = self.queue_counts()?;
        Ok(Pending {
            waiting: counts.waiting,
            leased: counts.leased,
            oldest_due_ms: self.next_due()?.map(|due| due.cast_signed() - self.now.cast_signed()),
            workers: self.workers()?,
        })
    }

    fn queue_counts(&self) -> Result<Counts, Failure> {
        let mut counts = Counts::default();
        let Some(mut row) = self.table.get(self.txn, QUEUE_COUNTS)? else { return Ok(counts) };
        for kind in KINDS {
            (*counts.waiting.of(kind), row) = layout::number(row)?;
        }
        counts.leased = layout::number(row)?.0;
        Ok(counts)
    }

    /// When a waiting item is due.
    fn due(&self, member: &[u8]) -> Result<Option<u64>, Failure> {
        let row = self.table.get(self.txn, &named(DUE, &name_id(member)))?;
        row.map(|row| Ok(layout::number(row)?.0)).transpose()
    }

    fn lease(&self, member: &[u8]) -> Result<Option<LeaseRow>, Failure> {
        let row = self.table.get(self.txn, &named(HELD, &name_id(member)))?;
        row.map(|row| Ok(LeaseRow::decode(row)?.0)).transpose()
    }

    fn next_due(&self) -> Result<Option<u64>, Failure> {
        let Some(row) = self.table.prefix_iter(self.txn, &[QUEUED])?.next() else { return Ok(None) };
        Ok(Some(layout::number(row?.0.get(1..).unwrap_or_default())?.0))
    }

    /// The members that are due by a time, the oldest first.
    fn due_by(&self, cutoff: u64, limit: usize) -> Result<Vec<Vec<u8>>, Failure> {
        let mut members = Vec::new();
        for row in self.table.prefix_iter(self.txn, &[QUEUED])?.take(limit) {
            let (key, kept) = row?;
            let (due, id) = layout::number(key.get(1..).unwrap_or_default())?;
            if due > cutoff {
                break;
            }
            members.push(layout::full_name(id, kept).to_vec());
        }
        Ok(members)
    }

    fn overdue(&self) -> Result<u64, Failure> {
        let end = layout::queued(self.now.saturating_sub(OVERDUE_MS), &[]);
        let range = (Bound::Included(&[QUEUED][..]), Bound::Excluded(end.as_slice()));
        let mut count = 0;
        for row in self.table.range(self.txn, &range)? {
            row?;
            count += 1;
        }
        Ok(count)
    }

    /// Leases that end by a time: member, and when.
    fn ended_leases(&self, by: u64, limit: usize) -> Result<Vec<(Vec<u8>, u64)>, Failure> {
        let mut ended = Vec::new();
        for row in self.table.prefix_iter(self.txn, &[HELD])? {
            let (key, value) = row?;
            let (lease, kept) = LeaseRow::decode(value)?;
            if lease.until <= by {
                let member = layout::full_name(key.get(1..).unwrap_or_default(), kept);
                ended.push((member.to_vec(), lease.until));
                if ended.len() == limit {
                    break;
                }
            }
        }
        Ok(ended)
    }

    fn workers(&self) -> Result<u64, Failure> {
        let mut alive = 0;
        for row in self.table.prefix_iter(self.txn, &[WORKER])? {
            alive += u64::from(layout::number(row?.1)?.0 > self.now);
        }
        Ok(alive)
    }
}

/// The kinds in the order of the row of counts.
const KINDS: [WorkKind; 6] =
    [WorkKind::Tag, WorkKind::Key, WorkKind::Match, WorkKind::TagMatch, WorkKind::Collect, WorkKind::Unknown];

impl Change<'_, '_> {
    /// Puts items back whose leases end by a time; they are due at once. Returns how many.
    pub fn end_leases(&mut self, by: u64) -> Result<u64, Failure> {
        let ended = self.view().ended_leases(by, usize::MAX)?;
        for (member, until) in &ended {
            self.end_lease(member)?;
            self.add_to_queue(member, self.now.min(*until))?;
        }
        Ok(ended.len() as u64)
    }

    pub fn announce(&mut self, worker: WorkerId, ttl: Duration) -> Result<u64, Failure> {
        let mut gone = Vec::new();
        for row in self.table.prefix_iter(self.txn, &[WORKER])? {
            let (key, until) = row?;
            if layout::number(until)?.0 <= self.now {
                gone.push(key.to_vec());
            }
        }
        for key in gone {
            self.delete(&key)?;
        }
        let key = named(WORKER, &worker.bytes());
        if ttl.is_zero() {
            self.delete(&key)?;
        } else {
            self.set(&key, &self.now.saturating_add(ms(ttl)).to_be_bytes())?;
        }
        self.view().workers()
    }

    /// Adds an item, or makes it due earlier; never later.
    fn add_to_queue(&mut self, member: &[u8], due: u64) -> Result<(), Failure> {
        match self.view().due(member)? {
            Some(earlier) if earlier <= due => return Ok(()),
            _ => self.take_from_queue(member)?,
        };
        let id = name_id(member);
        self.set(&layout::queued(due, &id), kept_name(member))?;
        self.set(&named(DUE, &id), &layout::encode_number(due, member))?;
        self.change_counts(|counts| counts.waiting.count(WorkKind::of_member(member)))
    }

    /// Takes an item away if it waits.
    fn take_from_queue(&mut self, member: &[u8]) -> Result<(), Failure> {
        let Some(due) = self.view().due(member)? else { return Ok(()) };
        let id = name_id(member);
        self.delete(&layout::queued(due, &id))?;
        self.delete(&named(DUE, &id))?;
        self.change_counts(|counts| {
            let count = counts.waiting.of(WorkKind::of_member(member));
            *count = count.saturating_sub(1);
        })
    }

    fn set_lease(&mut self, member: &[u8], lease: LeaseRow) -> Result<(), Failure> {
        if self.view().lease(member)?.is_none() {
            self.change_counts(|counts| counts.leased += 1)?;
        }
        self.set(&named(HELD, &name_id(member)), &lease.encode(member))
    }

    fn end_lease(&mut self, member: &[u8]) -> Result<(), Failure> {
        if self.delete(&named(HELD, &name_id(member)))? {
            self.change_counts(|counts| counts.leased = counts.leased.saturating_sub(1))?;
        }
        Ok(())
    }

    fn change_counts(&mut self, change: impl FnOnce(&mut Counts)) -> Result<(), Failure> {
        let mut counts = self.view().queue_counts()?;
        change(&mut counts);
        let mut row = Vec::with_capacity(8 * (KINDS.len() + 1));
        for kind in KINDS {
            row.extend(counts.waiting.of(kind).to_be_bytes());
        }
        row.extend(counts.leased.to_be_bytes());
        self.set(QUEUE_COUNTS, &row)
    }
}
