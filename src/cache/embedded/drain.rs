//! Drops: members are taken away into journals at once and removed in transactions of bounded size.
//!
//! Journals lie in the cache itself, in the order of the drops that wrote them, so whoever drops
//! next finishes what a killed process began. A drop is acknowledged when no journal as old as its
//! own is left: an entry that it must remove may lie in the journal of another drop. Dependents of a
//! removed member are taken into a journal by the transaction that removes it.

use super::environment::Environment;
use super::failure::Failure;
use super::layout::{self, JOURNAL, JournalRow, LeaseRow, ORPHANS, name_id};
use super::rows::{Change, View};
use super::scan::{Found, Scan};
use crate::cache::clock::{now_ms, now_us};
use crate::cache::error::CacheError;
use crate::cache::index_name::IndexName;
use crate::cache::{DropRequest, DropTarget, Dropped, LeaseToken, Progress, ProgressFn, Reach, Work};

/// One drop of the call: what is left to begin, and what came of it.
struct Drop<'r> {
    /// Its place in the call.
    position: usize,
    request: &'r DropRequest,
    /// Marks its journals. 0 until it has begun.
    epoch: u64,
    dropped: Dropped,
    error: Option<CacheError>,
}

pub(super) async fn drop_many(
    environment: &Environment,
    requests: &[DropRequest],
    page: usize,
    progress: ProgressFn<'_>,
) -> Vec<Result<Dropped, CacheError>> {
    let mut drops: Vec<Drop<'_>> = requests
        .iter()
        .enumerate()
        .map(|(position, request)| Drop {
            position,
            request,
            epoch: 0,
            dropped: Dropped::default(),
            error: None,
        })
        .collect();
    // Pages here cost less than on a server, and a commit costs more.
    let budget = page.saturating_mul(4);
    // A drop that goes deep must not find dependents taken away by one that stops halfway.
    for pass in [Reach::Transitive, Reach::Direct] {
        let mut part: Vec<&mut Drop<'_>> =
            drops.iter_mut().filter(|drop| drop.request.reach == pass).collect();
        if part.is_empty() {
            continue;
        }
        if let Err(error) = run(environment, &mut part, budget, progress).await {
            // They share their transactions; a repeated drop finishes the journals.
            for drop in part {
                drop.error = Some(error.clone());
            }
        }
    }
    drops.into_iter().map(|drop| drop.error.map_or(Ok(drop.dropped), Err)).collect()
}

async fn run(
    environment: &Environment,
    drops: &mut [&mut Drop<'_>],
    budget: usize,
    progress: ProgressFn<'_>,
) -> Result<(), CacheError> {
    let requests: Vec<&DropRequest> = drops.iter().map(|drop| drop.request).collect();
    let mut begun = 0;
    let mut scan = None;
    let token = LeaseToken::fresh();
    // The work that stands for this call in the queue, should it die.
    let mut word: Vec<Vec<u8>> = Vec::new();
    loop {
        if scan.is_none() {
            scan = requests.get(begun).and_then(|request| Scan::of(&request.target));
        }
        let found = match &mut scan {
            Some(scan) => scan.next(environment, budget)?,
            None => Found::default(),
        };
        let epochs: Vec<u64> = drops.iter().map(|drop| drop.epoch).collect();
        let step = environment.write(|table, txn| {
            let mut step = Step {
                begun,
                budget,
                epochs: epochs.clone(),
                dropped: vec![Dropped::default(); epochs.len()],
            };
            let mut change = Change { table, txn, now: now_ms() };
            step.begin(&mut change, &requests, &found)?;
            let finished = step.begun == requests.len() && step.drain(&mut change)?;
            change.prune(64)?;
            let mut left = Vec::new();
            if finished {
                withdraw(&mut change, &word, token)?;
            } else {
                left = leave_word(&mut change, &requests[begun..step.begun], token)?;
            }
            Ok((step, finished, left))
        })?;
        let (step, finished, left) = step;
        word.extend(left);
        if step.begun > begun {
            scan = None;
        }
        begun = step.begun;
        for (request, drop) in drops.iter_mut().enumerate() {
            drop.epoch = step.epochs[request];
            drop.dropped += step.dropped[request];
            if step.dropped[request] != Dropped::default() {
                progress(Progress {
                    request: drop.position,
                    removed: drop.dropped.entries(),
                    left: finished.then_some(0),
                });
            }
        }
        if finished {
            return Ok(());
        }
        tokio::task::yield_now().await;
    }
}

/// After which time somebody else may take a drop up.
const LEASE_MS: u64 = 10_000;

/// Leases the collection of tags whose drop takes more than one transaction, so that a worker finishes it
/// if this process dies. What somebody else holds is seen to already. Gives the work that it has leased.
fn leave_word(
    change: &mut Change<'_, '_>,
    begun: &[&DropRequest],
    token: LeaseToken,
) -> Result<Vec<Vec<u8>>, Failure> {
    let mut left = Vec::new();
    for request in begun {
        let DropTarget::Tag(tag) = &request.target else { continue };
        let member = Work::Collect(tag.clone()).member().into_bytes();
        if change.view().lease(&member)?.is_none() {
            let until = change.now.saturating_add(LEASE_MS);
            change.set_lease(&member, LeaseRow { until, token: token.bytes() })?;
            left.push(member);
        }
    }
    Ok(left)
}

/// Ends what leases are still ours.
fn withdraw(change: &mut Change<'_, '_>, word: &[Vec<u8>], token: LeaseToken) -> Result<(), Failure> {
    for member in word {
        let lease = change.view().lease(member)?;
        if lease.is_some_and(|lease| lease.token == token.bytes()) {
            change.end_lease(member)?;
        }
    }
    Ok(())
}

/// What one transaction does.
pub(super) struct Step {
    /// How many of the requests have begun, that is, need only their journals drained.
    begun: usize,
    /// How many more rows may be removed.
    pub budget: usize,
    pub epochs: Vec<u64>,
    pub dropped: Vec<Dropped>,
}

impl Step {
    /// A step of one drop, whose journals bear this epoch.
    pub fn of_one(epoch: u64, budget: usize) -> Self {
        Self { begun: 1, budget, epochs: vec![epoch], dropped: vec![Dropped::default()] }
    }

    /// Begins requests while the budget lasts. `found` is the next part of the scan of the first one,
    /// should it need one; a later one that does waits for the next transaction.
    fn begin(
        &mut self,
        change: &mut Change<'_, '_>,
        requests: &[&DropRequest],
        found: &Found,
    ) -> Result<(), Failure> {
        let first = self.begun;
        while self.budget > 0
            && let Some(DropRequest { target, reach }) = requests.get(self.begun)
        {
            let request = self.begun;
            if self.epochs[request] == 0 {
                self.epochs[request] = change.next_number()?;
            }
            match target {
                DropTarget::Tag(tag) => {
                    self.dropped[request].tags = 1;
                    self.begin_tag(change, request, &tag.into(), *reach)?;
                }
                DropTarget::Key(key) => self.begin_key(change, request, key.as_str().as_bytes(), *reach)?,
                DropTarget::Match(_) | DropTarget::TagsMatching(_) if request != first => return Ok(()),
                DropTarget::Match(_) => {
                    for name in &found.names {
                        self.begin_key(change, request, name, *reach)?;
                    }
                }
                DropTarget::TagsMatching(_) => {
                    for name in &found.names {
                        let name = IndexName::from_bytes(name.clone());
                        let had_members = self.begin_tag(change, request, &name, *reach)?;
                        self.dropped[request].tags += u64::from(had_members);
                    }
                }
            }
            if found.more && request == first {
                return Ok(());
            }
            self.begun += 1;
        }
        Ok(())
    }

    /// Raises the generation and takes the members away. Whether there were any.
    fn begin_tag(
        &mut self,
        change: &mut Change<'_, '_>,
        request: usize,
        name: &IndexName,
        reach: Reach,
    ) -> Result<bool, Failure> {
        let mut row = change.index_or_new(name)?;
        row.generation = now_us().max(row.generation + 1);
        change.set_index(name, &row)?;
        self.budget = self.budget.saturating_sub(1);
        let set_aside = change.view().retired_of(row.serial)?;
        // What a lazy drop set aside is meant to go with all that depends on it.
        let deep = reach == Reach::Transitive || !set_aside.is_empty();
        let levels = if deep { u32::MAX } else { 2 };
        let journal = JournalRow { serial: row.serial, levels, depth: 0 };
        let moved = change.open_journal(name, row, self.epochs[request], journal)?;
        for index in set_aside {
            change.delete(&layout::retired(row.serial, index))?;
            change.set(&layout::journal(self.epochs[request], index), &journal.encode())?;
        }
        Ok(moved)
    }

    fn begin_key(
        &mut self,
        change: &mut Change<'_, '_>,
        request: usize,
        key: &[u8],
        reach: Reach,
    ) -> Result<(), Failure> {
        let levels = if reach == Reach::Direct { 2 } else { u32::MAX };
        let above = JournalRow { serial: 0, levels, depth: 0 };
        self.remove(change, Some(request), self.epochs[request], key, &name_id(key), above)
    }

    /// Removes an entry and takes its dependents into a journal of the same drop.
    pub fn remove(
        &mut self,
        change: &mut Change<'_, '_>,
        request: Option<usize>,
        epoch: u64,
        key: &[u8],
        id: &[u8],
        at: JournalRow,
    ) -> Result<(), Failure> {
        self.budget = self.budget.saturating_sub(1);
        let removed = u64::from(change.remove_entry(id)?);
        // What another drop left over counts for the first of this call.
        if let Some(dropped) = self.dropped.get_mut(request.unwrap_or(0)) {
            *(if at.depth == 0 { &mut dropped.keys } else { &mut dropped.dependents }) += removed;
        }
        self.remove_dependents(change, epoch, key, at)
    }

    /// Takes what depends on a key into a journal.
    pub fn remove_dependents(
        &mut self,
        change: &mut Change<'_, '_>,
        epoch: u64,
        key: &[u8],
        at: JournalRow,
    ) -> Result<(), Failure> {
        if at.levels <= 1 {
            return Ok(());
        }
        let name = IndexName::dependents_of(key);
        if let Some(mut row) = change.view().index(&name)? {
            row.generation = now_us().max(row.generation + 1);
            let levels = if at.levels == u32::MAX { u32::MAX } else { at.levels - 1 };
            let below = JournalRow { serial: row.serial, levels, depth: at.depth.saturating_add(1) };
            if !change.open_journal(&name, row, epoch, below)? {
                change.set_index(&name, &row)?;
            }
        }
        Ok(())
    }

    /// Removes the members of journals, oldest first, while the budget lasts. Whether every journal
    /// that this call has to wait for is empty.
    pub fn drain(&mut self, change: &mut Change<'_, '_>) -> Result<bool, Failure> {
        let newest = self.epochs.iter().copied().max().unwrap_or(0);
        while self.budget > 0 {
            let Some((epoch, index, journal)) = oldest_journal(&change.view(), newest)? else {
                return Ok(true);
            };
            let request = self.epochs.iter().position(|mine| *mine == epoch);
            let mut page = Vec::new();
            for member in change.view().members(index)?.take(self.budget) {
                let member = member?;
                page.push((member.name.to_vec(), member.id.to_vec(), member.score));
            }
            let drained = page.len() < self.budget;
            for (name, id, score) in page {
                self.remove(change, request, epoch, &name, &id, journal)?;
                change.remove_member(index, &id, score)?;
            }
            if drained {
                change.delete(&layout::journal(epoch, index))?;
                let mine = request.is_some() || epoch == ORPHANS;
                if let Some(dropped) = self.dropped.first_mut().filter(|_| !mine) {
                    dropped.journals += 1;
                }
            }
        }
        Ok(false)
    }
}

fn oldest_journal(view: &View<'_>, newest: u64) -> Result<Option<(u64, u64, JournalRow)>, Failure> {
    let Some(row) = view.table.prefix_iter(view.txn, &[JOURNAL])?.next() else { return Ok(None) };
    let (key, value) = row?;
    let (epoch, key) = layout::number(key.get(1..).unwrap_or_default())?;
    let (index, _) = layout::number(key)?;
    Ok((epoch <= newest).then_some((epoch, index, JournalRow::decode(value)?)))
}
