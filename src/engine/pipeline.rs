//! A stream of plans, carried out window by window, with several windows under way at a time.
//!
//! What holds whatever is under way: windows set out in the order in which they came, over one connection,
//! and their reports come back in that order. Equal targets share a drop only within a window, whose plans were all there
//! before it set out; so no drop stands for a write that came after it was sent. A window's own steps keep
//! to what [`Engine::submit_all`] says: a tag is retired before its collection is in the queue.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::stream::{FuturesOrdered, StreamExt};

use super::{Committed, Engine, Report, apply};
use crate::cache::{Cache, Progress};
use crate::plan::Plan;

/// Is told now and then how far a drop has come.
pub type Watch = Arc<dyn Fn(Progress) + Send + Sync>;

/// What came of the plans of one window.
#[derive(Debug)]
pub struct Window {
    /// One for each plan, in their order.
    pub reports: Vec<Report>,
    pub sent: Sent,
}

/// How much a cache was asked for, equal targets taken together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Targets that were dropped, or retired.
    pub drops: u64,
    /// Items that were not in the queue before.
    pub queued: u64,
}

/// Windows on their way to a cache and back: of plans, or of transactions.
pub struct Pipeline<C, W = Window> {
    engine: Arc<Engine<C>>,
    watch: Watch,
    most: usize,
    under_way: FuturesOrdered<Pin<Box<dyn Future<Output = W> + Send>>>,
}

impl<C: Cache + 'static, W: Send + 'static> Pipeline<C, W> {
    /// At most so many windows are under way at a time.
    pub fn new(engine: Arc<Engine<C>>, most: usize, watch: Watch) -> Self {
        Self { engine, watch, most, under_way: FuturesOrdered::new() }
    }

    /// Whether another window may set out.
    pub fn has_room(&self) -> bool {
        self.under_way.len() < self.most
    }

    pub fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    fn set_out(&mut self, mut window: Pin<Box<dyn Future<Output = W> + Send>>) {
        // What it asks for first is on its way before the next window begins, and while that is planned.
        match window.as_mut().now_or_never() {
            Some(done) => self.under_way.push_back(Box::pin(std::future::ready(done))),
            None => self.under_way.push_back(window),
        }
    }

    /// Waits for the oldest window; for ever when none is under way. Giving up the wait loses nothing.
    pub async fn next(&mut self) -> W {
        match self.under_way.next().await {
            Some(window) => window,
            None => std::future::pending().await,
        }
    }
}

impl<C: Cache + 'static> Pipeline<C> {
    /// Sends a window out. Batched and lazy steps are left in the queue.
    pub fn begin(&mut self, plans: Vec<Plan>) {
        let (engine, watch) = (Arc::clone(&self.engine), Arc::clone(&self.watch));
        self.set_out(Box::pin(async move {
            let (reports, sent) =
                apply::submit_window(engine.cache(), plans, &|progress| watch(progress)).await;
            Window { reports, sent }
        }));
    }
}

impl<C: Cache + 'static> Pipeline<C, Vec<Committed>> {
    /// Sends a window of transactions out, the plans of each taken together. Batched and lazy steps are left in
    /// the queue.
    pub fn commit(&mut self, transactions: Vec<Vec<Plan>>) {
        let (engine, watch) = (Arc::clone(&self.engine), Arc::clone(&self.watch));
        self.set_out(Box::pin(async move {
            apply::submit_together(engine.cache(), transactions, &|progress| watch(progress)).await
        }));
    }
}
