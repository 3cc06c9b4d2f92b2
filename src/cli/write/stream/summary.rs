//! What the lines of a stream came to: a note, and with `--summary` a table or document.

use std::collections::BTreeMap;
use std::time::Instant;

use invalidate::cache::Enqueued;
use invalidate::diagnostic::visible;
use invalidate::engine::{Report, Sent};
use invalidate::plan::{Plan, StepKind};
use serde::Serialize;

use super::super::{Mode, show};
use super::frequent::Frequent;
use crate::cli::args::Format;
use crate::cli::error::{CommandError, Exit};
use crate::cli::output::{self, count};
use crate::cli::session::Session;
use crate::cli::table::{render, table};

/// How many tags are named.
const TAGS: usize = 10;

/// What the lines came to.
pub struct Tally {
    pub done: u64,
    pub entries: u64,
    pub bad: u64,
    /// Writes some of whose targets could not be dropped.
    pub failed: u64,
    pub unresolved: u64,
    /// Writes with names that the rules do not declare.
    pub ignored: u64,
    /// Targets that were left in the queue.
    pub queued: u64,
    /// What the queue said last.
    pub queue: Enqueued,
    started: Instant,
    /// All targets of all plans, and how much of that the cache was asked for.
    targets: u64,
    sent: Sent,
    rules: BTreeMap<String, Rule>,
    tags: Frequent,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Rule {
    writes: u64,
    targets: u64,
}

impl Tally {
    pub fn new() -> Self {
        Self {
            done: 0,
            entries: 0,
            bad: 0,
            failed: 0,
            unresolved: 0,
            ignored: 0,
            queued: 0,
            queue: Enqueued::default(),
            started: Instant::now(),
            targets: 0,
            sent: Sent::default(),
            rules: BTreeMap::new(),
            tags: Frequent::default(),
        }
    }

    /// Adds what a window asked a cache for.
    pub fn sent(&mut self, sent: Sent) {
        self.sent.drops += sent.drops;
        self.sent.queued += sent.queued;
    }

    /// Adds a plan, for `--summary`.
    pub fn plan(&mut self, plan: &Plan) {
        self.targets += plan.steps.len() as u64;
        for (place, step) in plan.steps.iter().enumerate() {
            if step.kind == StepKind::Tag {
                self.tags.add(&step.target);
            }
            for name in &step.rules {
                let is_first = !plan.steps[..place].iter().any(|before| before.rules.contains(name));
                if !self.rules.contains_key(&**name) {
                    self.rules.insert(name.to_string(), Rule::default());
                }
                if let Some(rule) = self.rules.get_mut(&**name) {
                    rule.targets += 1;
                    rule.writes += u64::from(is_first);
                }
            }
        }
    }

    /// Notes what a report says of the queue.
    pub fn queue(&mut self, report: &Report) {
        if let Some(queue) = report.queue {
            self.queue = queue;
        }
    }

    pub fn exit(&self) -> Exit {
        match () {
            () if self.failed > 0 => Exit::Cache,
            () if self.bad > 0 => Exit::Usage,
            () if self.unresolved > 0 => Exit::Unresolved,
            () => Exit::Clean,
        }
    }

    /// Says on stderr what the stream came to.
    pub fn note(&self, session: &Session, mode: Mode) {
        let writes = count(self.done, "write", "writes");
        let mut text = match mode.dry_run {
            true => format!("{writes} planned"),
            false => format!("{writes} carried out, {} gone", count(self.entries, "entry", "entries")),
        };
        let mut add = |n: u64, one: &str, many: &str, what: &str| {
            if n > 0 {
                text.push_str(&format!(", {}{what}", count(n, one, many)));
            }
        };
        add(self.bad, "line", "lines", " refused");
        add(self.failed, "write", "writes", " carried out in part");
        add(self.ignored, "write", "writes", " with undeclared names");
        let held = if mode.strict { " unresolved and not carried out" } else { " unresolved" };
        add(self.unresolved, "write", "writes", held);
        add(self.queued, "target", "targets", " queued");
        session.note(&text);
        show::queue_notes(self.queued, &self.queue, session);
    }

    /// Prints the summary that `--summary` asks for.
    pub fn print(&self, mode: Mode) -> Result<(), CommandError> {
        let document = self.document(mode);
        match mode.format {
            Format::Json => output::json(&document),
            Format::Table => output::data(&document.table(mode)),
        }
    }

    fn document(&self, mode: Mode) -> Document<'_> {
        let (tags, uncounted) = self.tags.top(TAGS);
        let sent = self.sent.drops + self.sent.queued;
        let seconds = self.started.elapsed().as_secs_f64();
        let hundredths = |n: f64| (n * 100.0).round() / 100.0;
        Document {
            schema: 1,
            writes: self.done,
            writes_per_second: (self.done as f64 / seconds.max(1e-6)).round(),
            refused: self.bad,
            failed: self.failed,
            unresolved: self.unresolved,
            targets: self.targets,
            drops: (!mode.dry_run).then_some(self.sent.drops),
            queued: (!mode.dry_run).then_some(self.sent.queued),
            coalescing: (sent > 0).then(|| hundredths(self.targets as f64 / sent as f64)),
            entries: (!mode.dry_run).then_some(self.entries),
            rules: &self.rules,
            tags: tags.into_iter().map(|(tag, times)| TagCount { tag, times }).collect(),
            uncounted,
        }
    }
}

#[derive(Serialize)]
struct Document<'t> {
    schema: u32,
    writes: u64,
    writes_per_second: f64,
    refused: u64,
    failed: u64,
    unresolved: u64,
    /// What all plans name, each time.
    targets: u64,
    /// How often the cache was asked to drop something, and what was new in its queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    drops: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queued: Option<u64>,
    /// Targets for each drop and each new item of the queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    coalescing: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entries: Option<u64>,
    rules: &'t BTreeMap<String, Rule>,
    tags: Vec<TagCount<'t>>,
    /// How much too low any of their counts may be.
    uncounted: u64,
}

#[derive(Serialize)]
struct TagCount<'t> {
    tag: &'t str,
    times: u64,
}

impl Document<'_> {
    fn table(&self, mode: Mode) -> String {
        let mut out = String::new();
        if !self.rules.is_empty() {
            let mut rows = table(&["rule", "#writes", "#targets"]);
            for (name, rule) in self.rules {
                rows.add_row([name.clone(), rule.writes.to_string(), rule.targets.to_string()]);
            }
            out.push_str(&render(&rows));
            out.push('\n');
        }
        if !self.tags.is_empty() {
            let mut rows = table(&["tag", "#times"]);
            for TagCount { tag, times } in &self.tags {
                rows.add_row([visible(tag).into_owned(), times.to_string()]);
            }
            out.push_str(&render(&rows));
            if self.uncounted > 0 {
                out.push_str(&format!("of so many tags that a count may be {} too low\n", self.uncounted));
            }
            out.push('\n');
        }
        let targets = count(self.targets, "target", "targets");
        let writes = format!("{}, {}/s", count(self.writes, "write", "writes"), self.writes_per_second);
        match (self.drops, self.queued) {
            (Some(drops), Some(queued)) if !mode.dry_run => {
                let ratio = self.coalescing.map_or_else(String::new, |ratio| format!(" ({ratio} to 1)"));
                out.push_str(&format!(
                    "{writes}: {targets} in {} and {}{ratio}\n",
                    count(drops, "drop", "drops"),
                    count(queued, "item of the queue", "items of the queue"),
                ));
            }
            _ => out.push_str(&format!("{writes}: {targets}\n")),
        }
        out
    }
}
