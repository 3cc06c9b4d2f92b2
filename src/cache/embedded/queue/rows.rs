//! The rows of the queue, inside a transaction.

use std::ops::Bound;
use std::time::Duration;

use crate::cache::embedded::failure::Failure;
use crate::cache::embedded::layout::{
    self, DUE, HELD, LeaseRow, QUEUE_COUNTS, QUEUED, WORKER, kept_name, name_id, named,
};
use crate::cache::embedded::rows::{Change, View};
use crate::cache::queue::{FAR_MS, OVERDUE_MS, Pending, WorkCounts, WorkKind, WorkerId, is_over, ms};

/// What the row [`QUEUE_COUNTS`] holds.
#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    pub waiting: WorkCounts,
    pub leased: u64,
}

/// The kinds in the order of the row of counts.
const KINDS: [WorkKind; 6] =
    [WorkKind::Tag, WorkKind::Key, WorkKind::Match, WorkKind::TagMatch, WorkKind::Collect, WorkKind::Unknown];

impl View<'_> {
    pub fn pending(&self) -> Result<Pending, Failure> {
        let counts = self.queue_counts()?;
        Ok(Pending {
            waiting: counts.waiting,
            leased: counts.leased,
            abandoned: self.ended_leases(self.now, usize::MAX)?.len() as u64,
            oldest_due_ms: self.next_due()?.map(|due| due.cast_signed() - self.now.cast_signed()),
            workers: self.workers()?,
        })
    }

    pub(super) fn queue_counts(&self) -> Result<Counts, Failure> {
        let mut counts = Counts::default();
        let Some(mut row) = self.table.get(self.txn, QUEUE_COUNTS)? else { return Ok(counts) };
        for kind in KINDS {
            (*counts.waiting.of(kind), row) = layout::number(row)?;
        }
        counts.leased = layout::number(row)?.0;
        Ok(counts)
    }

    /// When a waiting item is due.
    pub fn due(&self, member: &[u8]) -> Result<Option<u64>, Failure> {
        let row = self.table.get(self.txn, &named(DUE, &name_id(member)))?;
        row.map(|row| Ok(layout::number(row)?.0)).transpose()
    }

    pub fn lease(&self, member: &[u8]) -> Result<Option<LeaseRow>, Failure> {
        let row = self.table.get(self.txn, &named(HELD, &name_id(member)))?;
        row.map(|row| Ok(LeaseRow::decode(row)?.0)).transpose()
    }

    pub fn next_due(&self) -> Result<Option<u64>, Failure> {
        let Some(row) = self.table.prefix_iter(self.txn, &[QUEUED])?.next() else { return Ok(None) };
        Ok(Some(layout::number(row?.0.get(1..).unwrap_or_default())?.0))
    }

    /// The members that are due by a time, the oldest first; then those of a clock that has gone back.
    pub fn due_by(&self, cutoff: u64, limit: usize) -> Result<Vec<Vec<u8>>, Failure> {
        let mut members = Vec::new();
        for row in self.table.prefix_iter(self.txn, &[QUEUED])?.take(limit) {
            let (key, kept) = row?;
            let (due, id) = layout::number(key.get(1..).unwrap_or_default())?;
            if due > cutoff {
                break;
            }
            members.push(layout::full_name(id, kept).to_vec());
        }
        let far = layout::queued(self.now.saturating_add(FAR_MS).max(cutoff).saturating_add(1), &[]);
        let range = (Bound::Included(far.as_slice()), Bound::Excluded(&[QUEUED + 1][..]));
        for row in self.table.range(self.txn, &range)?.take(limit - members.len()) {
            let (key, kept) = row?;
            let (_, id) = layout::number(key.get(1..).unwrap_or_default())?;
            members.push(layout::full_name(id, kept).to_vec());
        }
        Ok(members)
    }

    pub fn overdue(&self) -> Result<u64, Failure> {
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
    pub fn ended_leases(&self, by: u64, limit: usize) -> Result<Vec<(Vec<u8>, u64)>, Failure> {
        let mut ended = Vec::new();
        for row in self.table.prefix_iter(self.txn, &[HELD])? {
            let (key, value) = row?;
            let (lease, kept) = LeaseRow::decode(value)?;
            if is_over(lease.until, by) {
                let member = layout::full_name(key.get(1..).unwrap_or_default(), kept);
                ended.push((member.to_vec(), lease.until));
                if ended.len() == limit {
                    break;
                }
            }
        }
        Ok(ended)
    }

    pub fn workers(&self) -> Result<u64, Failure> {
        let mut alive = 0;
        for row in self.table.prefix_iter(self.txn, &[WORKER])? {
            alive += u64::from(!is_over(layout::number(row?.1)?.0, self.now));
        }
        Ok(alive)
    }
}

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
            if is_over(layout::number(until)?.0, self.now) {
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
    pub fn add_to_queue(&mut self, member: &[u8], due: u64) -> Result<(), Failure> {
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
    pub fn take_from_queue(&mut self, member: &[u8]) -> Result<(), Failure> {
        let Some(due) = self.view().due(member)? else { return Ok(()) };
        let id = name_id(member);
        self.delete(&layout::queued(due, &id))?;
        self.delete(&named(DUE, &id))?;
        self.change_counts(|counts| {
            let count = counts.waiting.of(WorkKind::of_member(member));
            *count = count.saturating_sub(1);
        })
    }

    pub fn set_lease(&mut self, member: &[u8], lease: LeaseRow) -> Result<(), Failure> {
        if self.view().lease(member)?.is_none() {
            self.change_counts(|counts| counts.leased += 1)?;
        }
        self.set(&named(HELD, &name_id(member)), &lease.encode(member))
    }

    pub fn end_lease(&mut self, member: &[u8]) -> Result<(), Failure> {
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
