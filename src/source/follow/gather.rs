//! What is ready to set out: transactions, planned.

use std::fmt;
use std::time::SystemTime;

use super::tell::FollowEvent;
use crate::check::Undeclared;
use crate::engine::SourceStatistics;
use crate::model::RawWrite;
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

impl<P: fmt::Display> Gathered<P> {
    /// Whether there is nothing to set out.
    pub fn is_empty(&self) -> bool {
        self.transactions.is_empty() && self.open.is_empty()
    }

    pub fn is_full(&self) -> bool {
        self.rows >= ROWS || self.bytes >= BYTES
    }

    /// Whether a window may set out; at the `end` also with a transaction that goes on.
    pub fn has_some(&self, end: bool) -> bool {
        !self.transactions.is_empty() || ((end || self.is_full()) && !self.open.is_empty())
    }

    /// The position, where there is nothing else.
    pub fn take_position(&mut self) -> Option<End<P>> {
        if self.is_empty() { self.end.take() } else { None }
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
        let planner = Planner { program, widen, position: part.end.as_ref().map(|end| &end.position), tell };
        for write in part.writes {
            counts.writes += 1;
            self.open.extend(planner.plan(write, counts));
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

/// Plans the writes of a part.
struct Planner<'p, P> {
    program: &'p Program,
    widen: bool,
    /// Where their transaction ends, where that is in the part.
    position: Option<&'p P>,
    tell: &'p (dyn Fn(FollowEvent<'_>) + Send + Sync),
}

impl<P: fmt::Display> Planner<'_, P> {
    /// What a write makes stale. One that the rules refuse is one of the whole entity; what it cannot name is
    /// widened, or told.
    fn plan(&self, mut write: SourceWrite, counts: &mut SourceStatistics) -> Option<Plan> {
        let rules = self.program.rules();
        if let Some(doubt) = write.doubt.take() {
            counts.refused += 1;
            self.refused(&write, &doubt);
        }
        let raw = std::mem::take(&mut write.raw);
        // What a refused one is taken for.
        let (entity, op) = (raw.entity.clone(), raw.op.clone());
        let checked = match rules.write(raw, Undeclared::Ignore) {
            Ok(checked) => checked,
            Err(error) => {
                counts.refused += 1;
                write.raw = RawWrite { entity, op, ..RawWrite::default() };
                let help = error.help.map_or_else(String::new, |help| format!(" ({help})"));
                self.refused(&write, &format!("{}{help}", error.message));
                // An entity or operation that the rules do not have makes nothing stale.
                rules.write(write.raw, Undeclared::Ignore).ok()?
            }
        };
        if checked.id().is_none() {
            return Some(self.program.plan(&checked, Unfilled::Widen));
        }
        let plan = self.program.plan(&checked, Unfilled::Report);
        let Some(unresolved) = plan.unresolved.first() else { return Some(plan) };
        counts.widened += 1;
        write.raw = RawWrite::clone(checked.raw());
        (self.tell)(FollowEvent::Unresolved {
            write: &write,
            unresolved,
            widened: self.widen,
            position: self.position.map(P::to_string),
        });
        Some(if self.widen { self.program.plan(&checked, Unfilled::Widen) } else { plan })
    }

    fn refused(&self, write: &SourceWrite, why: &str) {
        (self.tell)(FollowEvent::Refused { write, why, position: self.position.map(P::to_string) });
    }
}
