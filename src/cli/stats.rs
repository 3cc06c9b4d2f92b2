//! `invalidate stats`: what the rules hold, and what they have dropped so far.

use std::collections::BTreeMap;

use clap::Args;
use invalidate::cache::{Cache, Pending};
use invalidate::check::RuleSet;
use serde::Serialize;

use super::args::Format;
use super::error::{CommandError, Exit};
use super::flush::named;
use super::output;
use super::runtime::block_on;
use super::session::Session;
use super::table::{render, table};

#[derive(Debug, Args)]
pub struct StatsArgs {
    /// How the numbers are printed
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,
}

#[derive(Debug, Serialize)]
struct Document {
    schema: u32,
    entities: usize,
    relations: usize,
    rules: usize,
    /// Writes carried out on this cache.
    writes: u64,
    by_rule: BTreeMap<String, Counts>,
    by_strategy: BTreeMap<String, Counts>,
    queue: Queue,
}

/// What waits in the batch queue.
#[derive(Debug, Default, Serialize)]
struct Queue {
    tags: u64,
    keys: u64,
    matches: u64,
    tag_matches: u64,
    collects: u64,
    unknown: u64,
    /// In milliseconds from now, negative when it is overdue; null when nothing waits.
    oldest_due_in_ms: Option<i64>,
    /// Items that are being carried out, or were when their worker died.
    leased: u64,
    workers: u64,
}

/// What was carried out for one rule or strategy.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Counts {
    /// Writes that fired it; 0 for a strategy, which many rules share.
    writes: u64,
    /// Tags, keys and matches dropped.
    targets: u64,
    /// Entries gone with them.
    entries: u64,
}

pub fn run(session: &Session, args: &StatsArgs) -> Result<Exit, CommandError> {
    let program = session.program()?;
    let (counters, pending) = match session.cache_to_look_at()? {
        Some(cache) => block_on(async { Ok((cache.statistics().await?, cache.pending().await?)) })?,
        None => {
            session.note(&format!("there is no cache at {} yet", session.cache_url()));
            (BTreeMap::new(), Pending::default())
        }
    };
    let document = document(program.rules(), &counters, &pending);
    match args.format {
        Format::Json => output::json(&document)?,
        Format::Table => output::data(&format!("{}\n{}", text(&document), queue_line(&pending)))?,
    }
    Ok(Exit::Clean)
}

fn document(rules: &RuleSet, counters: &BTreeMap<String, u64>, pending: &Pending) -> Document {
    // A rule that never dropped anything is worth seeing too; one that is gone still counts.
    let mut by_rule: BTreeMap<String, Counts> =
        rules.rules().iter().map(|r| (r.name.clone(), Counts::default())).collect();
    let mut by_strategy = BTreeMap::new();
    for (name, n) in counters {
        let mut parts = name.splitn(3, '.');
        let (table, name, what) = (parts.next(), parts.next(), parts.next());
        let counts: &mut Counts = match (table, name) {
            (Some("rule"), Some(name)) => by_rule.entry(name.to_owned()).or_default(),
            (Some("strategy"), Some(name)) => by_strategy.entry(name.to_owned()).or_default(),
            _ => continue,
        };
        match what {
            Some("writes") => counts.writes = *n,
            Some("targets") => counts.targets = *n,
            Some("entries") => counts.entries = *n,
            _ => {}
        }
    }
    Document {
        schema: 1,
        entities: rules.entities().len(),
        relations: rules.relations().len(),
        rules: rules.rules().len(),
        writes: counters.get("writes").copied().unwrap_or(0),
        by_rule,
        by_strategy,
        queue: Queue {
            tags: pending.waiting.tags,
            keys: pending.waiting.keys,
            matches: pending.waiting.matches,
            tag_matches: pending.waiting.tag_matches,
            collects: pending.waiting.collects,
            unknown: pending.waiting.unknown,
            oldest_due_in_ms: pending.oldest_due_ms,
            leased: pending.leased,
            workers: pending.workers,
        },
    }
}

/// `queue: 3 tags, 2 keys, the oldest due in 80 ms; 1 item being carried out; 1 worker`.
fn queue_line(pending: &Pending) -> String {
    let mut parts: Vec<String> = named(&pending.waiting).map(|(name, n)| format!("{n} {name}")).collect();
    match pending.oldest_due_ms {
        Some(due) if due < 0 => parts.push(format!("the oldest overdue by {} ms", due.unsigned_abs())),
        Some(due) => parts.push(format!("the oldest due in {due} ms")),
        None => parts.push("empty".to_owned()),
    }
    let leased = match pending.leased {
        0 => String::new(),
        n => format!("; {} being carried out", output::count(n, "item", "items")),
    };
    let workers = match pending.workers {
        0 => "no worker".to_owned(),
        n => output::count(n, "worker", "workers"),
    };
    format!("queue: {}{leased}; {workers}\n", parts.join(", "))
}

fn text(document: &Document) -> String {
    let mut out = format!(
        "{}, {}, {}; {} carried out on this cache\n\n",
        output::count(document.entities as u64, "entity", "entities"),
        output::count(document.relations as u64, "relation", "relations"),
        output::count(document.rules as u64, "rule", "rules"),
        output::count(document.writes, "write", "writes"),
    );
    let mut rows = table(&["rule", "#writes", "#targets", "#entries"]);
    for (name, counts) in &document.by_rule {
        rows.add_row([
            name.clone(),
            counts.writes.to_string(),
            counts.targets.to_string(),
            counts.entries.to_string(),
        ]);
    }
    out.push_str(&render(&rows));
    if !document.by_strategy.is_empty() {
        let mut rows = table(&["strategy", "#targets", "#entries"]);
        for (name, counts) in &document.by_strategy {
            rows.add_row([name.clone(), counts.targets.to_string(), counts.entries.to_string()]);
        }
        out.push('\n');
        out.push_str(&render(&rows));
    }
    out
}
