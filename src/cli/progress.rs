//! A progress line on the terminal for drops that take longer than a second.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use invalidate::cache::Progress;

/// How long a drop may take before it is worth a line.
const PATIENCE: Duration = Duration::from_secs(1);

/// Shows how many entries are gone, how many are left, and how fast it goes.
pub struct Bar {
    started: Instant,
    bar: ProgressBar,
    /// Removed so far, by request.
    removed: Mutex<Vec<u64>>,
}

impl Bar {
    /// A bar on stderr, which stays empty when that is no terminal or `quiet` is set.
    pub fn new(quiet: bool) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if !quiet {
            bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        }
        // The template is fixed and valid; the default style is the harmless alternative.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} entries dropped, {per_sec}, {msg}") {
            bar.set_style(style);
        }
        Self { started: Instant::now(), bar, removed: Mutex::new(Vec::new()) }
    }

    pub fn update(&self, progress: Progress) {
        let Ok(mut removed) = self.removed.lock() else { return };
        if removed.len() <= progress.request {
            removed.resize(progress.request + 1, 0);
        }
        removed[progress.request] = progress.removed;
        if self.started.elapsed() >= PATIENCE {
            self.bar.set_position(removed.iter().sum());
            let left = progress.left.map_or_else(String::new, |n| format!("{n} left"));
            self.bar.set_message(left);
        }
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
