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
use crate::cache::{Cache, Progress, quiet};
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

/// Windows on their way to a cache and back.
pub struct Pipeline<I = Vec<Plan>, O = Window> {
    submit: Box<dyn Fn(I) -> UnderWay<O> + Send>,
    most: usize,
    under_way: FuturesOrdered<UnderWay<O>>,
}

/// Windows of transactions, given by the plans of each.
pub type TransactionPipeline = Pipeline<Vec<Vec<Plan>>, Vec<Committed>>;

type UnderWay<O> = Pin<Box<dyn Future<Output = O> + Send>>;

impl Pipeline {
    /// At most so many windows are under way at a time.
    pub fn new<C: Cache + 'static>(engine: Arc<Engine<C>>, most: usize, watch: Watch) -> Self {
        Self::over(engine, |engine| engine.cache(), most, watch)
    }

    /// As [`Pipeline::new`], of a cache that something else than an engine holds.
    pub fn over<H, C>(holder: Arc<H>, cache: fn(&H) -> &C, most: usize, watch: Watch) -> Self
    where
        H: Send + Sync + 'static,
        C: Cache + 'static,
    {
        let submit = move |plans| -> UnderWay<Window> {
            let (holder, watch) = (Arc::clone(&holder), Arc::clone(&watch));
            Box::pin(async move {
                let progress = |progress| watch(progress);
                let (reports, sent) = apply::submit_window(cache(&holder), plans, &progress).await;
                Window { reports, sent }
            })
        };
        Self { submit: Box::new(submit), most, under_way: FuturesOrdered::new() }
    }
}

impl TransactionPipeline {
    /// At most so many windows are under way at a time. The plans of a transaction are taken together.
    pub fn of_transactions<C: Cache + 'static>(engine: Arc<Engine<C>>, most: usize) -> Self {
        let submit = move |transactions| -> UnderWay<Vec<Committed>> {
            let engine = Arc::clone(&engine);
            Box::pin(async move { apply::submit_together(engine.cache(), transactions, quiet()).await })
        };
        Self { submit: Box::new(submit), most, under_way: FuturesOrdered::new() }
    }
}

impl<I, O: Send + 'static> Pipeline<I, O> {
    /// Whether another window may set out.
    pub fn has_room(&self) -> bool {
        self.under_way.len() < self.most
    }

    pub fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Sends a window out. Batched and lazy steps are left in the queue.
    pub fn begin(&mut self, window: I) {
        let mut window = (self.submit)(window);
        // What it asks for first is on its way before the next window begins, and while that is planned.
        match window.as_mut().now_or_never() {
            Some(done) => self.under_way.push_back(Box::pin(std::future::ready(done))),
            None => self.under_way.push_back(window),
        }
    }

    /// Waits for the oldest window; for ever when none is under way. Giving up the wait loses nothing.
    pub async fn next(&mut self) -> O {
        match self.under_way.next().await {
            Some(window) => window,
            None => std::future::pending().await,
        }
    }
}
