//! `invalidate demo`: the proof in thirty seconds, on a temporary embedded cache.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use invalidate::cache::{AnyCache, Cache, Entry};
use invalidate::engine::Engine;
use invalidate::model::RawWrite;
use invalidate::scenario::{SampleEntry, drops, sample, telling_write};

use super::error::{CommandError, Exit};
use super::output::{self, bold, count};
use super::runtime::block_on;
use super::session::{RulesFrom, Session};
use super::table::{render, table};
use super::write::show;

/// Two worlds that have nothing to do with each other.
const WORLDS: [&str; 2] = ["123", "7"];

#[derive(Debug, Args)]
pub struct DemoArgs {}

pub fn run(session: &Session, _args: &DemoArgs) -> Result<Exit, CommandError> {
    let program = session.program()?;
    let entries = sample(&program, &WORLDS);
    let Some((raw, plan)) = telling_write(&program, WORLDS[0]) else {
        return Err(CommandError::usage("no update of any entity drops anything under these rules")
            .help("add a rule such as `rule user_data { on user }`"));
    };
    let folder = TemporaryFolder::new()?;
    let cache = AnyCache::open(&format!("embedded:{}", folder.path.display()), session.cache_options())?;

    output::data(&format!(
        "{}\n\n",
        bold("1. An application has filled the cache, with the tags that its rules ask for:")
    ))?;
    block_on(fill(&cache, &entries))?;
    let mut rows = table(&["key", "shows", "tags"]);
    for entry in &entries {
        let tags: Vec<&str> = entry.tags.iter().map(invalidate::model::Tag::as_str).collect();
        rows.add_row([entry.key.as_str(), &entry.about, &tags.join("  ")]);
    }
    output::data(&render(&rows))?;

    output::data(&format!(
        "\n{}\n\n",
        bold("2. A row is written to the database. What does that make stale?")
    ))?;
    output::data(&format!("$ {} --dry-run\n\n", command(&raw)))?;
    let mut live = Vec::with_capacity(plan.steps.len());
    for step in &plan.steps {
        let target = invalidate::engine::target(step).map_err(|e| CommandError::usage(e.to_string()))?;
        live.push(Some(block_on(async { Ok(cache.count(&target).await?) })?));
    }
    output::data(&show::dry_run(&plan, Some(&live)))?;

    output::data(&format!("\n{}\n\n", bold("3. The same plan, carried out:")))?;
    output::data(&format!("$ {}\n\n", command(&raw)))?;
    let engine = Engine::new(program, cache);
    let report = block_on(async { Ok(engine.apply(plan, &|_| {}).await) })?;
    if let Some((_, error)) = report.failures().next() {
        return Err(CommandError::new(Exit::Cache, error.to_string()));
    }
    let mut rows = table(&["", "key", "shows"]);
    let mut gone = 0u64;
    let mut wrong = Vec::new();
    for entry in &entries {
        let is_there = block_on(async { Ok(engine.cache().get(&entry.key).await?) })?.is_some();
        gone += u64::from(!is_there);
        if is_there == drops(&report.plan, entry) {
            wrong.push(entry.key.as_str());
        }
        rows.add_row([if is_there { "kept" } else { "gone" }, entry.key.as_str(), &entry.about]);
    }
    output::data(&render(&rows))?;
    if !wrong.is_empty() {
        return Err(CommandError::new(
            Exit::Cache,
            format!("these entries are not as planned: {}", wrong.join(", ")),
        ));
    }
    output::data(&format!(
        "\n{} of {} gone, exactly those that the plan names; everything else is untouched.\n",
        gone,
        count(entries.len() as u64, "entry is", "entries are"),
    ))?;
    if session.rules_from() == RulesFrom::BuiltIn {
        session.note("next: `invalidate init` writes these rules into a file of your own");
    }
    Ok(Exit::Clean)
}

async fn fill(cache: &AnyCache, entries: &[SampleEntry]) -> Result<(), CommandError> {
    for entry in entries {
        let ttl = Some(Duration::from_secs(600));
        cache
            .put(&Entry {
                key: &entry.key,
                value: entry.about.as_bytes(),
                tags: &entry.tags,
                ttl,
                depends_on: &[],
            })
            .await?;
    }
    Ok(())
}

/// The command line that gives a write. The sample's values need no quoting.
fn command(raw: &RawWrite) -> String {
    let mut out = format!("invalidate write {} {} {}", raw.entity, raw.id, raw.op);
    for (name, value) in &raw.new {
        match value.as_str() {
            Some(text) => out.push_str(&format!(" {name}={text}")),
            None => out.push_str(&format!(" {name}:={value}")),
        }
    }
    out
}

/// A folder that is removed when the demo ends, however it ends.
struct TemporaryFolder {
    path: PathBuf,
}

impl TemporaryFolder {
    fn new() -> Result<Self, CommandError> {
        let path = std::env::temp_dir().join(format!("invalidate-demo-{}", std::process::id()));
        std::fs::create_dir(&path).map_err(|error| {
            CommandError::new(Exit::Cache, format!("cannot make the folder `{}`: {error}", path.display()))
        })?;
        Ok(Self { path })
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // What is left in a temporary folder harms nobody.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
