//! What a watch tells: events once, how far it is again and again.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use invalidate::engine::WorkEvent;
use invalidate::server::Event;
use invalidate::source::postgres::PostgresEvent;
use invalidate::source::{FollowEvent, Followed};
use serde_json::{Value, json};

use super::progress::{Line, summary};
use crate::cli::log::{Entry, Level, Log};
use crate::cli::output::count;
use crate::cli::serve::log::{describe, worker};
use crate::cli::session::Session;
use crate::cli::size::shown_size;
use invalidate::model::millis;

/// How often it is told how far a watch is, where that is no line on a terminal.
const PROGRESS: Duration = Duration::from_secs(60);

/// How many different messages about rows are kept, so that each is printed once.
const ONCE: usize = 1000;

pub struct Teller {
    log: Log,
    line: Line,
    said: Mutex<Said>,
}

struct Said {
    once: BTreeSet<String>,
    progress: Instant,
    transactions: u64,
    is_lost: bool,
}

impl Teller {
    pub fn new(log: Log, session: &Session) -> Self {
        let line = Line::new(!session.global.quiet && !log.is_json());
        let said = Said { once: BTreeSet::new(), progress: Instant::now(), transactions: 0, is_lost: false };
        Self { log, line, said: Mutex::new(said) }
    }

    pub(super) fn print(&self, entry: Entry) {
        self.line.beside(|| self.log.print(entry));
    }

    pub fn say(&self, level: Level, name: &'static str, text: String) {
        self.print((level, name, text, json!({})));
    }

    /// Prints a message about a row the first time that it is the same; the counters have them all.
    pub(super) fn once(&self, key: String, entry: impl FnOnce() -> Entry) {
        let is_new = self.said.lock().is_ok_and(|mut said| said.once.len() < ONCE && said.once.insert(key));
        if is_new {
            self.print(entry());
        }
    }

    pub fn made(&self, statements: &[String]) {
        for statement in statements {
            self.print((Level::Info, "set-up", format!("done: {statement}"), json!({"sql": statement})));
        }
    }

    pub fn dropped_everything(&self, entries: u64) {
        let text = format!(
            "dropped everything that the tables can make stale: {}",
            count(entries, "entry", "entries")
        );
        self.print((Level::Info, "dropped-everything", text, json!({"entries": entries})));
    }

    pub fn worker(&self, event: &WorkEvent<'_>) {
        // That it is lost, and back, is told by what follows the source.
        if !matches!(event, WorkEvent::Lost(..) | WorkEvent::Back) {
            self.print(worker(event));
        }
    }

    /// What a server would tell in the same words.
    pub fn server(&self, event: &Event<'_>) {
        self.print(describe(event));
    }

    pub fn finish(&self) {
        self.line.finish();
    }

    pub fn stopped(&self, followed: &Followed) {
        self.print((Level::Info, "stopped", format!("stopped; {}", summary(followed)), figures(followed)));
    }

    pub fn postgres(&self, event: &PostgresEvent<'_>) {
        use Level::{Debug, Info, Warning};
        match event {
            PostgresEvent::Following { slot } => {
                let text = format!("following the slot `{slot}`; ctrl-c stops");
                self.print((Info, "following", text, json!({"slot": slot})));
            }
            PostgresEvent::Lost(error, wait) => {
                let hint = error.hint().map_or_else(String::new, |hint| format!(" ({hint})"));
                let text = format!("{error}{hint}; trying again after {} ms", wait.as_millis());
                self.print((Warning, "database-lost", text, json!({})));
            }
            PostgresEvent::InUse(error) => {
                let text = format!("{error}; waiting until it is free");
                self.print((Warning, "slot-in-use", text, json!({})));
            }
            PostgresEvent::Table(map) => {
                let (missing, unmapped) = (PostgresEvent::missing(map), PostgresEvent::unmapped(map));
                let fields = json!({"table": &**map.table(), "entity": map.entity(), "missing": missing, "unmapped": unmapped});
                let text = format!("the table `{}` is the entity `{}`", map.table(), map.entity());
                self.once(format!("table {text} {missing:?} {unmapped:?}"), || {
                    if !missing.is_empty() {
                        let missing = missing.join(", ");
                        let text = format!("{text}, but has no column for {missing}: rules that look at it take it as unknown");
                        return (Warning, "table", text, fields);
                    }
                    if unmapped.is_empty() {
                        return (Debug, "table", text, fields);
                    }
                    let text = format!("{text}; the rules do not know its columns {}", unmapped.join(", "));
                    (Debug, "table", text, fields)
                });
            }
            PostgresEvent::Renamed { map, before } => {
                let text = format!(
                    "the table `{before}` is `{}` now; it is taken as the entity `{}` until the next start: name it in `sources.postgres.tables`",
                    map.table(),
                    map.entity()
                );
                self.once(text.clone(), || {
                    (Warning, "renamed", text, json!({"table": &**map.table(), "before": before}))
                });
            }
            PostgresEvent::Ignored(table) => {
                let text = format!("the table `{table}` is no entity, and ignored");
                self.once(text.clone(), || (Info, "ignored", text, json!({"table": table})));
            }
            PostgresEvent::Retained(state) => {
                let text = format!(
                    "the server keeps {} of its log for the slot `{}` ({})",
                    shown_size(state.retained),
                    state.name,
                    state.status
                );
                let fields = json!({"slot": state.name, "bytes": state.retained, "status": state.status});
                self.print((Warning, "retained", text, fields));
            }
        }
    }

    pub fn follow(&self, event: &FollowEvent<'_>) {
        use Level::{Info, Warning};
        match event {
            FollowEvent::Refused { write, why, position } => {
                let (table, entity) = (&write.origin, &write.raw.entity);
                self.once(format!("refused {table} {why}"), || {
                    let at = position.as_ref().map_or_else(String::new, |at| format!(" at {at}"));
                    let text = format!(
                        "a row of `{table}`{at} is no write: {why}; everything of `{entity}` is dropped"
                    );
                    (
                        Warning,
                        "refused",
                        text,
                        json!({"table": &**table, "entity": entity, "position": position, "why": why}),
                    )
                });
            }
            FollowEvent::Unresolved { write, unresolved, widened, position } => {
                let (table, missing) = (&write.origin, unresolved.missing.join(", "));
                self.once(format!("unresolved {table} {} {}", write.raw.op, unresolved.template), || {
                    let at = position.as_ref().map_or_else(String::new, |at| format!(" at {at}"));
                    let then = if *widened { "whatever it could be is dropped" } else { "it is left stale" };
                    let text = format!(
                        "a {} of `{table}`{at} does not give {missing}, for `{}` (rule {}): {then}",
                        write.raw.op, unresolved.template, unresolved.rule
                    );
                    let fields = json!({"table": &**table, "rule": unresolved.rule, "template": unresolved.template,
                        "missing": unresolved.missing, "position": position, "widened": widened});
                    (Warning, "unresolved", text, fields)
                });
            }
            FollowEvent::Failed(step, why) => {
                let text = format!("{} `{}` was not dropped: {why}", step.kind.word(), step.target);
                self.once(text.clone(), || (Warning, "not-dropped", text, json!({"target": step.target})));
            }
            FollowEvent::CacheLost(error, wait) => {
                let is_news =
                    self.said.lock().is_ok_and(|mut said| !std::mem::replace(&mut said.is_lost, true));
                if is_news {
                    let text = format!(
                        "the cache does not take what is to be dropped: {error}; trying again after {} ms, \
                        then less often; nothing more is read until it does",
                        wait.as_millis()
                    );
                    self.print((Warning, "cache-lost", text, json!({})));
                }
            }
            FollowEvent::CacheBack => {
                if let Ok(mut said) = self.said.lock() {
                    said.is_lost = false;
                }
                self.print((Info, "cache-back", "the cache answers again".to_owned(), json!({})));
            }
            FollowEvent::NotRecorded(error) => {
                let text = format!("the statistics were not kept: {error}");
                self.once(text.clone(), || (Info, "not-recorded", text, json!({})));
            }
            FollowEvent::Progress(followed) => self.progress(followed),
            FollowEvent::Stopping => {
                self.print((Info, "stopping", "stopping: finishing what has begun".to_owned(), json!({})));
            }
        }
    }

    fn progress(&self, followed: &Followed) {
        self.line.update(followed);
        if self.line.is_shown() {
            return;
        }
        let Ok(mut said) = self.said.lock() else { return };
        if said.progress.elapsed() < PROGRESS || said.transactions == followed.counts.transactions {
            return;
        }
        (said.progress, said.transactions) = (Instant::now(), followed.counts.transactions);
        drop(said);
        self.print((Level::Info, "progress", summary(followed), figures(followed)));
    }
}

fn figures(followed: &Followed) -> Value {
    let counts = &followed.counts;
    json!({
        "transactions": counts.transactions, "rows": counts.rows, "writes": counts.writes,
        "targets": counts.targets, "entries": counts.entries, "refused": counts.refused,
        "widened": counts.widened, "failed": counts.failed, "unreadable": counts.unreadable, "lost": counts.lost, "position": followed.position,
        "behind_bytes": followed.behind, "late_ms": millis(followed.late),
    })
}
