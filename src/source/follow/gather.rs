//! What is ready to set out: transactions, planned.

use std::sync::Arc;
use std::time::SystemTime;

use super::tell::FollowEvent;
use crate::check::Undeclared;
use crate::engine::SourceStatistics;
use crate::model::{RawId, RawWrite};
use crate::plan::{Plan, Program, Unfilled};
use crate::source::{End, Part, SourceWrite};

/// Rows that are carried out together at most. A transaction that is larger is carried out in several windows.
const ROWS: usize = 4096;
const BYTES: usize = 4 * 1024 * 1024;

/// What is under way, for when it is acknowledged.
pub(super) struct Window<P> {
    pub transactions: u64,
    /// The last transaction that ends in it.
    pub end: Option<End<P>>,
    /// When its first transaction was committed.
    pub first: Option<SystemTime>,
}

/// Transactions that have come together, planned; the last may go on.
pub(super) struct Gathered<P> {
    transactions: Vec<Vec<Plan>>,
    /// The plans of the transaction that has not ended.
    open: Vec<Plan>,
    ended: u64,
    end: Option<End<P>>,
    pub first: Option<SystemTime>,
    rows: usize,
    bytes: usize,
}

impl<P> Default for Gathered<P> {
    fn default() -> Self {
        Self {
            transactions: Vec::new(),
            open: Vec::new(),
            ended: 0,
            end: None,
            first: None,
            rows: 0,
            bytes: 0,
        }
    }
}

impl<P> Gathered<P> {
    pub fn is_full(&self) -> bool {
        self.rows >= ROWS || self.bytes >= BYTES
    }

    /// Whether a window may set out; at the `end` also with a transaction that goes on.
    pub fn has_some(&self, end: bool) -> bool {
        !self.transactions.is_empty() || ((end || self.is_full()) && !self.open.is_empty())
    }

    /// The position, where there is nothing else.
    pub fn take_position(&mut self) -> Option<End<P>> {
        if self.transactions.is_empty() && self.open.is_empty() { self.end.take() } else { None }
    }

    /// Takes out what may set out.
    pub fn window(&mut self, end: bool) -> (Window<P>, Vec<Vec<Plan>>) {
        let mut transactions = std::mem::take(&mut self.transactions);
        if end || self.is_full() {
            let open = std::mem::take(&mut self.open);
            if !open.is_empty() {
                transactions.push(open);
            }
        }
        (self.rows, self.bytes) = (self.open.len(), 0);
        let window = Window {
            transactions: std::mem::take(&mut self.ended),
            end: self.end.take(),
            first: self.first.take(),
        };
        (window, transactions)
    }

    /// Plans the rows of a part.
    pub fn take(
        &mut self,
        part: Part<P>,
        program: &Program,
        widen: bool,
        counts: &mut SourceStatistics,
        tell: &(dyn Fn(FollowEvent<'_>) + Send + Sync),
    ) {
        self.rows += part.writes.len();
        self.bytes += part.bytes;
        for write in part.writes {
            counts.writes += 1;
            self.open.extend(plan(write, program, widen, counts, tell));
        }
        let Some(end) = part.end else { return };
        if end.committed_at.is_some() {
            self.ended += 1;
            self.first = self.first.or(end.committed_at);
        }
        if !self.open.is_empty() {
            self.transactions.push(std::mem::take(&mut self.open));
        }
        self.end = Some(end);
    }
}

/// What a write makes stale. One that the rules refuse is one of the whole entity; what it cannot name is widened,
/// or told.
fn plan(
    mut write: SourceWrite,
    program: &Program,
    widen: bool,
    counts: &mut SourceStatistics,
    tell: &(dyn Fn(FollowEvent<'_>) + Send + Sync),
) -> Option<Plan> {
    let raw = std::mem::take(&mut write.raw);
    let whole = RawWrite { entity: raw.entity.clone(), op: raw.op.clone(), ..RawWrite::default() };
    let is_many = raw.id == RawId::Many;
    if let Some(doubt) = write.doubt.take() {
        counts.refused += 1;
        tell(FollowEvent::Refused(&write, &doubt));
    }
    let checked = match program.rules().write(raw, Undeclared::Ignore) {
        Ok(checked) => checked,
        Err(error) => {
            counts.refused += 1;
            let why = error
                .help
                .as_ref()
                .map_or_else(|| error.message.clone(), |h| format!("{} ({h})", error.message));
            tell(FollowEvent::Refused(&write, &why));
            // An entity or operation that the rules do not have makes nothing stale.
            program.rules().write(whole, Undeclared::Ignore).ok()?
        }
    };
    if is_many || checked.id().is_none() {
        return Some(program.plan(&checked, Unfilled::Widen));
    }
    let plan = program.plan(&checked, Unfilled::Report);
    let Some(first) = plan.unresolved.first() else { return Some(plan) };
    counts.widened += 1;
    write.raw = RawWrite::clone(&Arc::clone(checked.raw()));
    tell(FollowEvent::Unresolved { write: &write, unresolved: first, widened: widen });
    Some(if widen { program.plan(&checked, Unfilled::Widen) } else { plan })
}
