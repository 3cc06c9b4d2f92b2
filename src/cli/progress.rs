//! A progress line on the terminal for drops that take longer than a second, and what is said of one
//! that was broken off.

use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use invalidate::cache::Progress;

use super::error::{CommandError, Exit};
use super::output;

/// How long a drop may take before it is worth a line.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is said when Ctrl-C ends a drop: nothing is lost, since what is left is set aside in the cache.
pub fn interrupted(bar: &Bar, targets: &[String], again: &str) -> CommandError {
    let (removed, left) = bar.so_far();
    let left = left.filter(|n| *n > 0).map_or_else(String::new, |n| format!(", about {n} are left"));
    let gone = output::count(removed, "entry is", "entries are");
    let mut named = targets.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    if targets.len() > 3 {
        named.push_str(&format!(" and {} more", targets.len() - 3));
    }
    CommandError::new(Exit::Cache, format!("interrupted: {gone} gone{left}"))
        .help(format!("not acknowledged: {named}"))
        .help(format!(
            "{again} to go on where this stopped; what is left of a tag is kept in the cache for it"
        ))
}

/// Shows how many entries are gone, how many are left, and how fast it goes.
pub struct Bar {
    started: Instant,
    quiet: bool,
    /// Made when there is something to show.
    bar: OnceLock<ProgressBar>,
    /// How far each request has come.
    requests: Mutex<Vec<Option<Progress>>>,
}

impl Bar {
    /// A bar on stderr, which stays empty when that is no terminal or `quiet` is set.
    pub fn new(quiet: bool) -> Self {
        Self { started: Instant::now(), quiet, bar: OnceLock::new(), requests: Mutex::new(Vec::new()) }
    }

    fn make(&self) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if !self.quiet {
            bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        }
        // The template is fixed and valid; the default style is the harmless alternative.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} entries dropped, {per_sec}, {msg}") {
            bar.set_style(style);
        }
        bar.with_elapsed(self.started.elapsed())
    }

    pub fn update(&self, progress: Progress) {
        let Ok(mut requests) = self.requests.lock() else { return };
        if requests.len() <= progress.request {
            requests.resize(progress.request + 1, None);
        }
        requests[progress.request] = Some(progress);
        if self.started.elapsed() >= PATIENCE {
            let (removed, left) = totals(&requests);
            let bar = self.bar.get_or_init(|| self.make());
            bar.set_position(removed);
            bar.set_message(left.map_or_else(String::new, |n| format!("{n} left")));
        }
    }

    /// How many entries are gone, and how many index members are left to look at where that is known.
    pub fn so_far(&self) -> (u64, Option<u64>) {
        self.requests.lock().map_or((0, None), |requests| totals(&requests))
    }

    pub fn finish(&self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}

fn totals(requests: &[Option<Progress>]) -> (u64, Option<u64>) {
    let known = requests.iter().flatten();
    let removed = known.clone().map(|progress| progress.removed).sum();
    (removed, known.filter_map(|progress| progress.left).reduce(|a, b| a + b))
}
