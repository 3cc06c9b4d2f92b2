//! Drops: the protocol's step 4, for many targets at once in few round trips.
//!
//! Every round trip carries the next step of all targets at hand: set indexes aside, remove a page
//! of members, read the next page. A page of members leaves its journal only when the members *and*
//! all that depends on them are gone, so a crash at any point leaves what the next drop of the same
//! tag needs to finish. Dependents are dropped by a [`Frame`] of their own while the frame that found
//! them waits. What is held in memory is a few pages for each level of dependencies.

mod ask;
mod clear;
mod frame;
mod guard;
mod overlap;
mod strip;
mod take;

pub(super) use take::PRUNED;

use std::collections::HashSet;

use self::frame::{Begin, CountTags, Frame, OneKey, Slots, Start};
use self::guard::Guard;
use super::RedisCache;
use super::batch::{Batch, command};
use super::connection::{Epoch, Sent};
use super::error::reply_error;
use super::layout::Layout;
use super::link::Link;
use super::reply::{self, Reply};
use super::source::{From, Source};
use crate::cache::error::{CacheError, CacheErrorKind};
use crate::cache::index_name::IndexName;
use crate::cache::nonce::nonce_text;
use crate::cache::pace::Pace;
use crate::cache::{DropRequest, DropTarget, Dropped, Progress, ProgressFn, Reach};

/// How often a drop begins again at the front of its journals because a connection broke.
const MOST_RESTARTS: u32 = 8;

/// How a drop goes on after a round trip.
enum Next {
    On,
    /// With another frame, which has to be finished before.
    Below(Frame),
    /// From the front of the journals: the connection broke.
    Again(CacheError),
}

/// How many targets are worked on at once. Each may hold two pages of members.
const AT_ONCE: usize = 256;

impl RedisCache {
    pub(super) fn drain<'a>(&'a self, progress: ProgressFn<'a>) -> Drain<'a> {
        Drain::new(&self.connection, &self.layout, self.page_size, self.queue_limit, progress)
    }
}

pub(super) struct Drain<'a> {
    connection: &'a Link,
    layout: &'a Layout,
    /// How many members a page may have now, and at most.
    page: usize,
    largest: usize,
    progress: ProgressFn<'a>,
    outcomes: Vec<Result<Dropped, CacheError>>,
    /// The journals that some frame is draining. A cycle of dependencies ends where it meets one.
    draining: HashSet<(IndexName, Vec<u8>)>,
    /// Whether large journals are still drained with two round trips under way.
    may_overlap: bool,
    /// Work in the background goes no faster than this.
    pace: Option<&'a mut Pace>,
    /// The connection that all of it goes over. After another one has taken its place, journals are read
    /// from their front again: a replica that took over may have back what was removed, and members
    /// that leave a journal by then would be nowhere.
    over: Option<Epoch>,
    guard: Guard,
}

impl<'a> Drain<'a> {
    fn new(
        connection: &'a Link,
        layout: &'a Layout,
        page: usize,
        queue_limit: u64,
        progress: ProgressFn<'a>,
    ) -> Self {
        let (outcomes, draining) = (Vec::new(), HashSet::new());
        Self {
            connection,
            layout,
            page,
            largest: page,
            progress,
            outcomes,
            draining,
            may_overlap: true,
            pace: None,
            over: None,
            guard: Guard::new(queue_limit),
        }
    }

    /// Drains what is set aside of one index already, at a pace. A tag's members that were filled under
    /// a fence since they were set aside stay; what depends on them goes, since it may be older.
    pub async fn collect(mut self, name: &IndexName, pace: &'a mut Pace) -> Result<Dropped, CacheError> {
        self.outcomes = vec![Ok(Dropped::default())];
        self.page = pace.step(self.page);
        self.pace = Some(pace);
        let begin = if name.is_dependency() { Begin::Open } else { Begin::Collect };
        let start = Start {
            begin,
            name: name.clone(),
            owner: 0,
            depth: 0,
            levels: u32::MAX,
            tags: CountTags::None,
            id: None,
        };
        self.finish(Frame { starts: vec![start], ..Frame::default() }).await;
        self.outcomes.into_iter().sum()
    }

    pub async fn run(mut self, requests: &[DropRequest]) -> Vec<Result<Dropped, CacheError>> {
        self.outcomes = vec![Ok(Dropped::default()); requests.len()];
        // A drop that goes deep must not find dependents taken away by one that stops halfway.
        for pass in [Reach::Transitive, Reach::Direct] {
            let mut frame = Frame::default();
            for (owner, request) in requests.iter().enumerate().filter(|(_, drop)| drop.reach == pass) {
                self.request(owner, request, &mut frame);
            }
            self.finish(frame).await;
        }
        self.outcomes
    }

    async fn finish(&mut self, first: Frame) {
        let mut frames = vec![first];
        let mut restarts = 0;
        while let Some(frame) = frames.last_mut() {
            let next = match self.step(frame).await {
                Ok(Next::Again(error)) if restarts == MOST_RESTARTS => Err(error),
                next => next,
            };
            match next {
                Ok(Next::Below(below)) => frames.push(below),
                Ok(Next::On) if frame.is_done() => {
                    frames.pop();
                }
                Ok(Next::On) => {}
                Ok(Next::Again(_)) => {
                    restarts += 1;
                    self.over = None;
                    frames.iter_mut().for_each(Frame::page_again);
                }
                Err(error) => {
                    // The connection is gone: nobody knows what was done for those still at work.
                    for owner in frames.iter().flat_map(Frame::owners) {
                        self.fail(owner, error.clone());
                    }
                    return;
                }
            }
        }
        self.release().await;
    }

    fn request(&mut self, owner: usize, DropRequest { target, reach }: &DropRequest, frame: &mut Frame) {
        let levels = if *reach == Reach::Direct { 2 } else { u32::MAX };
        let source = |from| Source::new(from, owner, 0, levels);
        match target {
            DropTarget::Tag(tag) => {
                let tags = CountTags::One;
                let begin = Begin::Drop;
                let start = Start { begin, name: tag.into(), owner, depth: 0, levels, tags, id: None };
                // In a cluster its entries are in other slots, where no script of the tag's may go.
                if self.connection.is_cluster() { &mut frame.starts } else { &mut frame.small }.push(start);
            }
            DropTarget::Key(key) if self.layout.owns(key.as_str().as_bytes()) => {
                self.fail(owner, reserved(key.as_str()));
            }
            DropTarget::Key(key) => {
                frame.keys.push(OneKey { key: key.clone(), owner, levels });
            }
            DropTarget::Match(pattern) => {
                frame.sources.push(source(From::Keys { pattern: pattern.clone() }));
            }
            DropTarget::TagsMatching(pattern) => {
                frame.sources.push(source(From::Tags { pattern: pattern.clone() }));
            }
        }
    }

    /// One round trip for all targets of a frame, and a second one to look for dependents where
    /// there may be any.
    async fn step(&mut self, frame: &mut Frame) -> Result<Next, CacheError> {
        let outcomes = &self.outcomes;
        let failed = |owner: usize| outcomes.get(owner).is_none_or(Result::is_err);
        frame.keys.retain(|one| !failed(one.owner));
        frame.small.retain(|start| !failed(start.owner));
        frame.starts.retain(|start| !failed(start.owner));
        frame.again.retain(|start| !failed(start.owner));
        let draining = &mut self.draining;
        frame.sources.retain(|source| {
            let keep = !failed(source.owner);
            if let (false, From::Journal { name, id, .. }) = (keep, &source.from) {
                draining.remove(&(name.clone(), id.clone()));
            }
            keep
        });
        if frame.sources.is_empty() {
            frame.starts.append(&mut frame.again);
        }
        if frame.is_done() {
            return Ok(Next::On);
        }
        if self.is_single(frame)
            && let Some(source) = frame.sources.first_mut()
        {
            let broken = match self.connection.is_cluster() {
                // Large futures, in which few drops ever wait.
                true => Box::pin(self.overlap(source)).await?,
                false => Box::pin(self.strip_all(source)).await?,
            };
            if let Some(broken) = broken {
                return Ok(Next::Again(broken));
            }
            if self.outcomes[source.owner].is_err() {
                return Ok(Next::On);
            }
        }

        let mut batch = Batch::default();
        // Their replies come first.
        for one in &frame.keys {
            batch.one("UNLINK", one.key.clone());
        }
        let slots: Vec<Slots> =
            frame.sources.iter().map(|source| self.ask_source(source, &mut batch)).collect();
        let small = self.ask_clear(frame, &mut batch);
        let room = AT_ONCE.saturating_sub(frame.keys.len() + frame.sources.len());
        // They stay in the frame until their replies are in: a broken connection fails them.
        let mut begun = Vec::new();
        for start in frame.starts.iter_mut().take(room) {
            let id = start.id.get_or_insert_with(|| nonce_text().into_bytes()).clone();
            let drop = self.ask_start(start, &id, &mut batch);
            begun.push((id, drop));
        }
        self.guard.ask(self.layout, &mut batch);
        let pages: usize = frame.sources.iter().map(|source| source.page.len()).sum();
        let looked_at = frame.keys.len() + pages;
        // Read after the members are gone: whoever records a dependency later found them gone.
        let marker = (looked_at > 0).then(|| {
            batch.then();
            batch.add(command("EXISTS", &[&self.layout.marker()]))
        });
        let replies = match self.connection.run_over(&batch, self.over).await? {
            Sent::Answered(replies, epoch) => {
                self.over = Some(epoch);
                replies
            }
            Sent::Broken(error) => return Ok(Next::Again(error)),
        };

        // Without the right to look, dependents are assumed.
        let has_dependencies =
            marker.is_some_and(|marker| reply::count(&replies[marker]).map_or(true, |count| count > 0));
        let mut changed = Vec::with_capacity(frame.keys.len() + frame.sources.len());
        for (one, reply) in frame.keys.iter().zip(&replies) {
            let result = self.removed(one.owner, reply);
            self.checked(one.owner, result);
            changed.push((one.owner, None));
        }
        for (source, slots) in frame.sources.iter_mut().zip(slots) {
            let owner = source.owner;
            let result = self.apply(source, &slots, &replies);
            let left = self.checked(owner, result);
            changed.push((owner, left.flatten()));
        }
        let below = match has_dependencies {
            true => Box::pin(self.dependents(frame)).await?,
            false => Frame::default(),
        };
        frame.keys.clear();
        for source in &mut frame.sources {
            source.turn(self.page);
        }
        let mut below = below;
        for source in &mut frame.sources {
            for name in source.tags.drain(..) {
                let (owner, levels) = (source.owner, source.levels);
                let (begin, tags) = (Begin::Drop, CountTags::IfAny);
                below.starts.push(Start { begin, name, owner, depth: 0, levels, tags, id: None });
            }
        }
        self.close_finished(frame);
        let starts: Vec<Start> = frame.starts.drain(..begun.len()).collect();
        for (start, (id, drop)) in starts.into_iter().zip(begun) {
            let owner = start.owner;
            let result = self.begin(start, id, drop, &replies, frame);
            self.checked(owner, result);
        }
        self.cleared(frame, &small, &replies);
        self.report(&mut changed);
        if let Some(pace) = &mut self.pace {
            pace.looked_at(looked_at).await;
        }
        Ok(if below.is_done() { Next::On } else { Next::Below(below) })
    }

    fn checked<T>(&mut self, owner: usize, result: Reply<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.fail(owner, reply_error(self.connection.place(), error));
                None
            }
        }
    }

    fn fail(&mut self, owner: usize, error: CacheError) {
        if let Some(outcome) = self.outcomes.get_mut(owner)
            && outcome.is_ok()
        {
            *outcome = Err(error);
        }
    }

    /// Tells of the requests that something was done for, with what is left of each of their parts, if known.
    fn report(&self, changed: &mut [(usize, Option<u64>)]) {
        changed.sort_unstable();
        for parts in changed.chunk_by(|a, b| a.0 == b.0) {
            let request = parts[0].0;
            let Ok(dropped) = &self.outcomes[request] else { continue };
            let left = parts.iter().map(|(_, left)| *left).sum();
            (self.progress)(Progress { request, removed: dropped.entries(), left });
        }
    }
}

pub(super) fn reserved(key: &str) -> CacheError {
    CacheError::new(CacheErrorKind::Invalid, format!("`{key}` belongs to the cache's own layout"))
        .with_hint("choose another key, or another prefix for the layout")
}
