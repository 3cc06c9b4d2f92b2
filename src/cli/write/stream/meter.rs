//! A progress line on the terminal for a stream: how many writes, and how fast.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use invalidate::cache::Progress;

use crate::cli::error::CommandError;
use crate::cli::output;

/// How long a stream may take before it is worth a line, and how often that is drawn anew.
const PATIENCE: Duration = Duration::from_secs(1);
const DRAWN: Duration = Duration::from_millis(100);

pub struct Meter {
    bar: ProgressBar,
    is_quiet: bool,
    started: Instant,
    said: Mutex<Said>,
}

#[derive(Default)]
struct Said {
    is_shown: bool,
    writes: u64,
    entries: u64,
    /// How many members the largest drop under way has still to look at.
    left: Option<u64>,
}

impl Meter {
    /// A line on stderr, which stays empty when that is no terminal or `quiet` is set.
    pub fn new(quiet: bool) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        // The template is fixed and valid; the default style is the harmless alternative.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} writes, {per_sec}, {msg}") {
            bar.set_style(style);
        }
        Self { bar, is_quiet: quiet, started: Instant::now(), said: Mutex::default() }
    }

    /// So many writes are reported, and so many entries gone with them.
    pub fn done(&self, writes: u64, entries: u64) {
        self.say(|said| {
            said.writes += writes;
            said.entries += entries;
            said.left = None;
        });
    }

    /// A drop has come so far. Small ones are over before that is worth a word.
    pub fn update(&self, progress: Progress) {
        if let Some(left) = progress.left.filter(|left| *left > 0) {
            self.say(|said| said.left = Some(left));
        }
    }

    fn say(&self, change: impl FnOnce(&mut Said)) {
        let Ok(mut said) = self.said.lock() else { return };
        change(&mut said);
        if !said.is_shown && !self.is_quiet && self.started.elapsed() >= PATIENCE {
            said.is_shown = true;
            self.bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
            if !self.bar.is_hidden() {
                self.bar.enable_steady_tick(DRAWN);
            }
        }
        if said.is_shown && !self.bar.is_hidden() {
            let left = said.left.map_or_else(String::new, |left| format!(", {left} left of a large tag"));
            self.bar.set_position(said.writes);
            self.bar.set_message(format!("{} gone{left}", output::count(said.entries, "entry", "entries")));
        }
    }

    /// Prints data; the line makes room for it.
    pub fn print(&self, text: &str) -> Result<(), CommandError> {
        if text.is_empty() {
            return Ok(());
        }
        self.bar.suspend(|| output::data(text))
    }

    /// Prints a warning in the same way.
    pub fn warn(&self, text: &str) {
        self.bar.suspend(|| output::warning(text));
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
