//! Writes of several connections, carried out together.
//!
//! A few writes go to the cache by themselves. While they are under way, those that come meanwhile wait for
//! each other, and go as one window: one round trip, and equal targets once. While it is under way, the next
//! one gathers. A window that takes long, for a large tag, holds up nobody but those that went with it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep};

use super::App;
use super::rules::Loaded;
use crate::cache::{observe, quiet};
use crate::engine::{Report, submit};
use crate::plan::Plan;

/// How many writes go by themselves side by side.
const FEW: usize = 2;

/// For how long they wait at most.
const SLOW: Duration = Duration::from_millis(1);

/// The most writes of a window.
const TOGETHER: usize = 256;

/// Where writes meet.
#[derive(Default)]
pub struct Combiner {
    queue: Mutex<Queue>,
    /// Tells [`run`] to look at the queue.
    look: Notify,
}

#[derive(Default)]
struct Queue {
    // Each connection has one write at most: their limit is this queue's.
    waiting: Vec<Waiting>,
    /// How many writes are under way by themselves, and how many windows.
    alone: usize,
    windows: usize,
    /// Whether [`run`] looks at the queue in time without being told.
    is_watched: bool,
}

/// A plan, the rules that it was made by, and who waits for its report.
struct Waiting {
    plan: Plan,
    loaded: Arc<Loaded>,
    sender: oneshot::Sender<Report>,
}

impl Combiner {
    /// Carries a plan out, with others where there are any, and counts what came of it.
    pub async fn submit(&self, app: &App, loaded: Arc<Loaded>, plan: Plan) -> Report {
        // Who is observed is observed by himself.
        if observe::is_observed() {
            return Box::pin(by_itself(app, loaded, plan)).await;
        }
        let report = match self.enter(loaded, plan) {
            // What carries it out is kept apart: most writes wait for others.
            Entered::Alone(loaded, plan, _alone) => return Box::pin(by_itself(app, loaded, plan)).await,
            Entered::Waits(report) => report,
        };
        match report.await {
            Ok(report) => report,
            // Only the end of the process ends the windows.
            Err(_) => std::future::pending().await,
        }
    }

    fn enter(&self, loaded: Arc<Loaded>, plan: Plan) -> Entered<'_> {
        let mut queue = self.queue();
        if queue.alone < FEW && queue.windows == 0 && queue.waiting.is_empty() {
            queue.alone += 1;
            return Entered::Alone(loaded, plan, Alone(self));
        }
        let (sender, report) = oneshot::channel();
        queue.waiting.push(Waiting { plan, loaded, sender });
        // One word is enough for all that come until it is heard.
        if !std::mem::replace(&mut queue.is_watched, true) {
            drop(queue);
            self.look.notify_one();
        }
        Entered::Waits(report)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing that is done under the lock panics.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a write goes to the cache.
enum Entered<'c> {
    Alone(Arc<Loaded>, Plan, Alone<'c>),
    Waits(oneshot::Receiver<Report>),
}

/// A write that goes by itself, for as long as this lives: others wait for it.
struct Alone<'c>(&'c Combiner);

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        queue.alone -= 1;
        if queue.alone == 0 && !queue.waiting.is_empty() {
            drop(queue);
            self.0.look.notify_one();
        }
    }
}

async fn by_itself(app: &App, loaded: Arc<Loaded>, plan: Plan) -> Report {
    let mut reports = submit(app.cache(), vec![plan], quiet()).await;
    app.carried_out(&reports, &loaded, false);
    // One plan gives one report.
    reports.remove(0)
}

/// Sends windows out, for as long as the server lives.
pub async fn run(app: Arc<App>) {
    let combiner = app.combiner();
    let mut windows = FuturesUnordered::new();
    // When those that wait go, whatever is under way; while it is not set, `look` tells of the first of them.
    let mut latest = std::pin::pin!(sleep(SLOW));
    let mut is_set = false;
    loop {
        let (mut ended, mut is_late) = (0, false);
        tokio::select! {
            biased;
            Some(()) = windows.next() => ended = 1,
            () = combiner.look.notified() => {}
            () = &mut latest, if is_set => (is_late, is_set) = (true, false),
        }
        let mut queue = combiner.queue();
        queue.windows -= ended;
        let may_go = is_late || queue.alone + queue.windows == 0;
        let count = if may_go { queue.waiting.len().min(TOGETHER) } else { 0 };
        let waiting: Vec<Waiting> = queue.waiting.drain(..count).collect();
        if count > 0 {
            queue.windows += 1;
            windows.push(window(&app, waiting));
        }
        if count > 0 || (!queue.waiting.is_empty() && !is_set) {
            latest.as_mut().reset(Instant::now() + SLOW);
            is_set = true;
        }
        queue.is_watched = is_set;
    }
}

async fn window(app: &App, waiting: Vec<Waiting>) {
    let mut plans = Vec::with_capacity(waiting.len());
    let mut others = Vec::with_capacity(waiting.len());
    for Waiting { plan, loaded, sender } in waiting {
        plans.push(plan);
        others.push((loaded, sender));
    }
    let reports = submit(app.cache(), plans, quiet()).await;
    let mut rest = reports.as_slice();
    // Between two plans the rules may have been read anew.
    for same in others.chunk_by(|(a, _), (b, _)| Arc::ptr_eq(a, b)) {
        let (these, after) = rest.split_at(same.len().min(rest.len()));
        app.carried_out(these, &same[0].0, false);
        rest = after;
    }
    for ((_, sender), report) in others.into_iter().zip(reports) {
        // Who is gone wants no report.
        let _ = sender.send(report);
    }
}
