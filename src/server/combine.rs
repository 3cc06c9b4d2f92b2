//! Writes of several connections, carried out together.
//!
//! A write that comes alone goes to the cache by itself. While some are under way, those that come
//! meanwhile wait for each other, and go as one window: one round trip, and equal targets once. A window
//! that takes long, for a large tag, holds up nobody but those that went with it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::App;
use crate::cache::{AnyCache, observe, quiet};
use crate::engine::{Report, submit};
use crate::plan::Plan;

/// How many writes, or windows of them, are under way before others wait for them.
const UNDER_WAY: usize = 2;

/// For how long they wait at most.
const SLOW: Duration = Duration::from_millis(1);

/// The most writes of a window.
const TOGETHER: usize = 256;

/// A plan, and who waits for its report.
type Waiting = (Plan, oneshot::Sender<Report>);

/// Where writes meet.
pub struct Combiner {
    alone: AtomicUsize,
    // Each connection has one write at most: their limit is this queue's.
    sender: UnboundedSender<Waiting>,
    /// Until [`run`] takes it.
    receiver: Mutex<Option<UnboundedReceiver<Waiting>>>,
}

impl Default for Combiner {
    fn default() -> Self {
        let (sender, receiver) = unbounded_channel();
        Self { alone: AtomicUsize::new(0), sender, receiver: Mutex::new(Some(receiver)) }
    }
}

impl Combiner {
    /// Carries a plan out, with others where there are any.
    pub async fn submit(&self, cache: &AnyCache, plan: Plan) -> Report {
        let alone = Alone::new(&self.alone);
        // Who is observed is observed by himself.
        if alone.are_few || observe::is_observed() {
            return by_itself(cache, plan).await;
        }
        drop(alone);
        let (sender, report) = oneshot::channel();
        if let Err(unsent) = self.sender.send((plan, sender)) {
            return by_itself(cache, unsent.0.0).await;
        }
        match report.await {
            Ok(report) => report,
            // Only the end of the process ends the windows.
            Err(_) => std::future::pending().await,
        }
    }
}

async fn by_itself(cache: &AnyCache, plan: Plan) -> Report {
    // One plan gives one report.
    submit(cache, vec![plan], quiet()).await.remove(0)
}

/// A write that goes by itself, for as long as this lives.
struct Alone<'c> {
    count: &'c AtomicUsize,
    are_few: bool,
}

impl<'c> Alone<'c> {
    fn new(count: &'c AtomicUsize) -> Self {
        let are_few = count.fetch_add(1, Ordering::Relaxed) < UNDER_WAY;
        Self { count, are_few }
    }
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Sends windows out, for as long as the server lives.
pub async fn run(app: Arc<App>) {
    let receiver = app.combiner().receiver.lock().unwrap_or_else(PoisonError::into_inner).take();
    // Somebody else does it.
    let Some(mut receiver) = receiver else { return };
    let mut windows = FuturesUnordered::new();
    let mut waiting: Vec<Waiting> = Vec::new();
    let mut began = Instant::now();
    loop {
        tokio::select! {
            biased;
            Some(()) = windows.next() => {}
            taken = receiver.recv_many(&mut waiting, TOGETHER), if waiting.len() < TOGETHER => {
                if taken == 0 {
                    return;
                }
            }
            () = tokio::time::sleep_until(began + SLOW), if !waiting.is_empty() => {}
        }
        let may_go = windows.len() < UNDER_WAY || began.elapsed() >= SLOW;
        if may_go && !waiting.is_empty() {
            windows.push(window(&app, std::mem::take(&mut waiting)));
            began = Instant::now();
        }
    }
}

async fn window(app: &App, waiting: Vec<Waiting>) {
    let (plans, senders): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
    let reports = submit(app.cache(), plans, quiet()).await;
    for (sender, report) in senders.into_iter().zip(reports) {
        // Who is gone wants no report.
        let _ = sender.send(report);
    }
}
