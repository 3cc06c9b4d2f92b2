//! What the server does, told to whoever looks on: server-sent events, a frame at a time.
//!
//! Nothing is added up while nobody listens. While somebody does, a write costs a few counters, and what
//! is told does not grow with the load. A listener that reads slowly loses events and is told how
//! many: all share one buffer of fixed size.

pub mod document;
mod frame;
mod state;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use serde::Serialize;
use tokio::sync::broadcast;

use super::App;
use super::event::Event;
use super::explain::Explanation;
use super::rules::Loaded;
use crate::engine::{Report, StepReport, WorkEvent};
use crate::plan::{StepKind, Strategy};
use document::{ErrorSeen, Hello, Lost, WriteSeen};
use frame::{Frame, Seen, by_name, micros};

/// How often what has happened is told, and how often how things stand.
const FRAME: Duration = Duration::from_millis(250);
const STATE: Duration = Duration::from_secs(1);

/// Events that wait for a slow listener.
const BUFFER: usize = 64;

/// Who may listen at one time.
const LISTENERS: usize = 64;

/// Writes that are kept for who asks for more, and how many of them a new listener is shown.
const KEPT: usize = 256;
const RECENT: usize = 50;

/// The slowest writes that are kept, and for how long.
const SLOWEST: usize = 8;
const SLOW_FOR: Duration = Duration::from_secs(600);

/// Whoever looks on, and what they are to be told next.
pub struct Events {
    /// Whether anybody does.
    listening: AtomicBool,
    hide_values: AtomicBool,
    numbers: AtomicU64,
    sender: broadcast::Sender<Message>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    frame: Frame,
    recent: VecDeque<Arc<Seen>>,
    /// The slowest first.
    slowest: Vec<Arc<Seen>>,
    last_error: Option<ErrorSeen>,
    /// The number of the last message.
    number: u64,
}

/// An event as it is sent.
#[derive(Clone)]
pub struct Message {
    pub text: Bytes,
    /// Whether none comes after it.
    pub is_last: bool,
}

/// Somebody who listens.
pub struct Listener {
    receiver: broadcast::Receiver<Message>,
    /// What comes before everything else.
    hello: Option<Message>,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            listening: AtomicBool::new(false),
            hide_values: AtomicBool::new(false),
            // Those of a server that was here before are none of this one's.
            numbers: AtomicU64::new(millis(SystemTime::now())),
            sender: broadcast::Sender::new(BUFFER),
            inner: Mutex::default(),
        }
    }
}

impl Events {
    /// Leaves values of rows out of everything that is told.
    pub fn hide_values(&self) {
        self.hide_values.store(true, Ordering::Relaxed);
    }

    fn hides(&self) -> bool {
        self.hide_values.load(Ordering::Relaxed)
    }

    fn is_heard(&self) -> bool {
        self.listening.load(Ordering::Relaxed)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Counters that a panic left half done only inform.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes were carried out together.
    pub fn carried_out(&self, reports: &[Report], loaded: &Arc<Loaded>, streamed: bool) {
        if !self.is_heard() {
            return;
        }
        let mut inner = self.inner();
        let queued = inner.frame.figures().queued;
        let least = inner.slowest.get(SLOWEST - 1).map_or(0, |seen| seen.took_us);
        let see = |report| {
            let id = self.numbers.fetch_add(1, Ordering::Relaxed);
            Seen::of(id, report, loaded, streamed)
        };
        for (at, report) in reports.iter().enumerate() {
            let is_told = inner.frame.add(report, loaded);
            // Of writes that were carried out together each took the same share.
            let is_slow = at == 0 && micros(report) > least;
            if !is_told && !is_slow {
                continue;
            }
            let seen = see(report);
            if is_slow {
                let place = inner.slowest.partition_point(|other| other.took_us >= seen.took_us);
                inner.slowest.insert(place, Arc::new(seen.clone()));
                inner.slowest.truncate(SLOWEST);
            }
            if is_told {
                inner.frame.keep(seen);
            }
        }
        // What the queue said stands in each of the reports that were submitted together. Whatever is not
        // new in it fell together with something.
        if let Some(queue) = reports.iter().find_map(|report| report.queue) {
            let figures = inner.frame.figures();
            figures.coalesced += (figures.queued - queued).saturating_sub(queue.new);
        }
    }

    /// Targets were dropped by name.
    pub fn dropped(&self, targets: &[(&'static str, String)], outcomes: &[StepReport], strategy: Strategy) {
        if !self.is_heard() {
            return;
        }
        let mut inner = self.inner();
        for ((kind, name), report) in targets.iter().zip(outcomes) {
            let Ok(dropped) = &report.outcome else { continue };
            let kind =
                [StepKind::Key, StepKind::Tag, StepKind::Match].into_iter().find(|k| k.word() == *kind);
            let shown = if self.hides() { "…" } else { name };
            inner.frame.dropped(|| by_name(kind.unwrap_or(StepKind::Tag), shown, strategy));
            let figures = inner.frame.figures();
            figures.entries += dropped.entries();
            figures.queued += u64::from(report.queued.is_some());
        }
    }

    /// What else happened.
    pub fn heard(&self, event: &Event<'_>) {
        if !self.is_heard() {
            return;
        }
        let mut inner = self.inner();
        match event {
            Event::Request { status, .. } => {
                let figures = inner.frame.figures();
                figures.requests += 1;
                figures.refused += u64::from((400..500).contains(status));
                figures.errors += u64::from(*status >= 500);
            }
            Event::CacheError(error) | Event::Worker(WorkEvent::Lost(error, _)) => {
                inner.frame.figures().errors += 1;
                inner.last_error =
                    Some(ErrorSeen { at_ms: millis(SystemTime::now()), message: error.to_string() });
            }
            Event::Worker(WorkEvent::Batch(carried)) => {
                let figures = inner.frame.figures();
                figures.worked += carried.done.total();
                figures.worked_entries += carried.dropped.entries();
                figures.errors += carried.failed.len() as u64;
            }
            _ => {}
        }
    }

    /// A write that is kept still, with its plan and why.
    pub fn find(&self, id: u64) -> Option<Explanation> {
        let found = {
            let inner = self.inner();
            inner.recent.iter().chain(&inner.slowest).find(|seen| seen.id == id).cloned()
        };
        let explained = found?.explained()?;
        Some(if self.hides() { explained.hidden() } else { explained })
    }

    /// Listens from now on; `None` where too many do.
    pub fn listen(app: &Arc<App>) -> Option<Listener> {
        let events = app.events();
        let mut inner = events.inner();
        if events.sender.receiver_count() >= LISTENERS {
            return None;
        }
        let receiver = events.sender.subscribe();
        let skipped = inner.recent.len().saturating_sub(RECENT);
        let hello = Hello {
            schema: 1,
            version: env!("CARGO_PKG_VERSION"),
            frame_ms: FRAME.as_millis() as u64,
            values_hidden: events.hides(),
            recent: inner.recent.iter().skip(skipped).map(|seen| seen.document(events.hides())).collect(),
        };
        let hello = message("hello", inner.number, &hello, false);
        if !events.listening.swap(true, Ordering::Relaxed) {
            inner.frame = Frame::default();
            tokio::spawn(tell(app.clone()));
        }
        Some(Listener { receiver, hello: Some(hello) })
    }

    fn send(&self, name: &str, document: &impl Serialize) {
        let mut inner = self.inner();
        inner.number += 1;
        // Without a listener it is told to nobody.
        let _ = self.sender.send(message(name, inner.number, document, false));
    }

    fn slowest(&self) -> (Vec<WriteSeen>, Option<ErrorSeen>) {
        let mut inner = self.inner();
        let oldest = SystemTime::now() - SLOW_FOR;
        inner.slowest.retain(|seen| seen.at() >= oldest);
        (inner.slowest.iter().map(|seen| seen.document(self.hides())).collect(), inner.last_error.clone())
    }
}

/// Tells what has happened, frame by frame, for as long as anybody listens.
async fn tell(app: Arc<App>) {
    let events = app.events();
    let states = tokio::spawn(state::tell(app.clone()));
    let mut began = Instant::now();
    loop {
        tokio::time::sleep(FRAME).await;
        if app.metrics().is_stopping() {
            let inner = events.inner();
            let _ = events.sender.send(message("stopping", inner.number, &serde_json::json!({}), true));
        }
        let (mut figures, sample) = {
            let mut inner = events.inner();
            if events.sender.receiver_count() == 0 {
                events.listening.store(false, Ordering::Relaxed);
                inner.frame = Frame::default();
                states.abort();
                return;
            }
            if inner.frame.is_empty() {
                began = Instant::now();
                continue;
            }
            inner.frame.take()
        };
        let sample: Vec<Arc<Seen>> = sample.into_iter().map(Arc::new).collect();
        figures.ms = crate::model::millis(began.elapsed());
        figures.sample = sample.iter().map(|seen| seen.document(events.hides())).collect();
        began = Instant::now();
        let mut inner = events.inner();
        inner.recent.extend(sample);
        let surplus = inner.recent.len().saturating_sub(KEPT);
        inner.recent.drain(..surplus);
        inner.number += 1;
        let _ = events.sender.send(message("frame", inner.number, &figures, false));
    }
}

impl Listener {
    /// The next event; `None` after the last.
    pub async fn next(&mut self) -> Option<Message> {
        if let Some(hello) = self.hello.take() {
            return Some(hello);
        }
        match self.receiver.recv().await {
            Ok(message) => Some(message),
            Err(broadcast::error::RecvError::Lagged(events)) => {
                Some(Message { text: text("lost", None, &Lost { events }), is_last: false })
            }
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

fn message(name: &str, number: u64, document: &impl Serialize, is_last: bool) -> Message {
    Message { text: text(name, Some(number), document), is_last }
}

/// As the HTML standard has it: a name, an ID, and one line of data, since JSON needs no more.
fn text(name: &str, number: Option<u64>, document: &impl Serialize) -> Bytes {
    let id = number.map_or_else(String::new, |number| format!("id: {number}\n"));
    let data = serde_json::to_string(document).unwrap_or_default();
    format!("event: {name}\n{id}data: {data}\n\n").into()
}

fn millis(at: SystemTime) -> u64 {
    crate::model::millis(at.duration_since(UNIX_EPOCH).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Event<'static> {
        Event::Request { id: "", method: "GET", route: "", status: 200, took: Duration::ZERO, token: None }
    }

    #[test]
    fn nothing_is_added_up_while_nobody_listens() {
        let events = Events::default();
        events.heard(&request());
        assert!(events.inner().frame.is_empty());
        events.listening.store(true, Ordering::Relaxed);
        events.heard(&request());
        assert!(!events.inner().frame.is_empty());
    }

    /// Who does not read keeps nobody waiting and holds no memory: it is told how much it has missed.
    #[tokio::test]
    async fn a_slow_listener_loses_events_and_is_told() {
        let events = Events::default();
        let mut listener = Listener { receiver: events.sender.subscribe(), hello: None };
        let sent = BUFFER as u64 + 100;
        for number in 1..=sent {
            events.send("state", &number);
        }
        let first = listener.next().await.unwrap();
        assert_eq!(first.text, "event: lost\ndata: {\"events\":100}\n\n");
        let next = listener.next().await.unwrap();
        assert_eq!(next.text, "event: state\nid: 101\ndata: 101\n\n");
    }
}
