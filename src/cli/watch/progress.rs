//! A line on the terminal that says how far a watch is.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use invalidate::source::Followed;

use crate::cli::output::count;
use crate::cli::size::shown_size;

/// The line; it stays empty where stderr is no terminal, or nothing is to be said.
pub struct Line {
    bar: ProgressBar,
}

impl Line {
    pub fn new(is_wanted: bool) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        // The template is fixed and valid; the default style is the harmless alternative.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        if is_wanted {
            bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        }
        Self { bar }
    }

    pub fn is_shown(&self) -> bool {
        !self.bar.is_hidden()
    }

    pub fn update(&self, followed: &Followed) {
        self.bar.set_message(summary(followed));
        self.bar.tick();
    }

    /// Prints something above the line.
    pub fn beside(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// `5 transactions, 9 rows, 3 entries gone, 1.5 kB behind`.
pub fn summary(followed: &Followed) -> String {
    let counts = &followed.counts;
    let mut parts = vec![
        count(counts.transactions, "transaction", "transactions"),
        count(counts.rows, "row", "rows"),
        format!("{} gone", count(counts.entries, "entry", "entries")),
    ];
    for (n, what) in [
        (counts.refused, "refused"),
        (counts.widened, "not named in full"),
        (counts.failed, "not dropped"),
        (counts.unreadable, "unreadable"),
        (counts.lost, "lost before they were read"),
    ] {
        if n > 0 {
            parts.push(format!("{n} {what}"));
        }
    }
    if let Some(behind) = followed.behind {
        parts.push(format!("{} behind", shown_size(behind)));
    }
    if followed.late >= Duration::from_secs(1) {
        parts.push(format!("{} s late", followed.late.as_secs()));
    }
    if let Some(position) = &followed.position {
        parts.push(format!("at {position}"));
    }
    parts.join(", ")
}
