//! How tables are mapped, and what they would gain by: for `--check`, and as warnings at the start.

use std::collections::BTreeSet;

use invalidate::plan::Program;
use invalidate::source::postgres::{PostgresEvent, Prepared, PreparedTable};
use invalidate::source::{Gain, Mapping, ReplicaIdentity};
use serde::Serialize;

use super::tell::Teller;
use crate::cli::args::Format;
use crate::cli::error::{CommandError, Exit};
use crate::cli::log::Level;
use crate::cli::output;
use crate::cli::table::{render, table};

/// What `--check` says.
#[derive(Serialize)]
struct Document<'d> {
    schema: u32,
    tables: Vec<TableDocument<'d>>,
    /// Tables that are no entity.
    unmapped: &'d [String],
    /// Entities that no table is.
    without_table: Vec<&'d str>,
    /// SQL that is missing.
    setup: &'d [String],
}

#[derive(Serialize)]
struct TableDocument<'d> {
    table: &'d str,
    entity: &'d str,
    id: Vec<&'d str>,
    /// Fields and refs that no column holds.
    missing: Vec<&'d str>,
    /// Columns that the rules do not know.
    unmapped: Vec<&'d str>,
    replica_identity: ReplicaIdentity,
    /// What the rules would know with `REPLICA IDENTITY FULL`.
    gains: Option<GainDocument>,
    #[serde(skip)]
    advice: Option<String>,
}

#[derive(Serialize)]
struct GainDocument {
    moved: Vec<String>,
    conditions: Vec<String>,
}

fn without_table<'m>(mapping: &'m Mapping, found: &Prepared) -> Vec<&'m str> {
    let have: BTreeSet<&str> = found.tables.iter().map(|table| table.map.entity()).collect();
    mapping.entities().filter(|name| !have.contains(name)).collect()
}

pub fn print(
    program: &Program,
    mapping: &Mapping,
    found: &Prepared,
    format: Format,
) -> Result<Exit, CommandError> {
    let tables = found.tables.iter().map(|table| {
        let gain = table.gain(program);
        TableDocument {
            table: table.map.table(),
            entity: table.map.entity(),
            id: table.map.id_columns().collect(),
            missing: PostgresEvent::missing(&table.map),
            unmapped: PostgresEvent::unmapped(&table.map),
            replica_identity: table.replica_identity,
            advice: gain.as_ref().map(|gain| advice(table, gain)),
            gains: gain.map(|gain| GainDocument { moved: gain.moved, conditions: gain.conditions }),
        }
    });
    let document = Document {
        schema: 1,
        tables: tables.collect(),
        unmapped: &found.unmapped,
        without_table: without_table(mapping, found),
        setup: &found.statements,
    };
    let is_clean = document.setup.is_empty()
        && document.tables.iter().all(|t| t.missing.is_empty() && t.gains.is_none());
    match format {
        Format::Json => output::json(&document)?,
        Format::Table => output::data(&text(&document))?,
    }
    Ok(if is_clean { Exit::Clean } else { Exit::Findings })
}

fn text(document: &Document<'_>) -> String {
    let mut rows = table(&["table", "entity", "id", "old values", "missing"]);
    for line in &document.tables {
        let identity = match line.replica_identity {
            ReplicaIdentity::Full => "all",
            ReplicaIdentity::Nothing => "none",
            ReplicaIdentity::Default | ReplicaIdentity::Index => "key",
        };
        rows.add_row([line.table, line.entity, &line.id.join(", "), identity, &line.missing.join(", ")]);
    }
    let mut out = render(&rows);
    let mut say = |text: String| out.push_str(&format!("\n{text}\n"));
    for line in &document.tables {
        if let Some(advice) = &line.advice {
            say(advice.clone());
        }
    }
    if !document.unmapped.is_empty() {
        say(format!("no entity: {}", document.unmapped.join(", ")));
    }
    if !document.without_table.is_empty() {
        say(format!("entities without a table: {}", document.without_table.join(", ")));
    }
    if !document.setup.is_empty() {
        say(format!("to be set up, by `--setup` or by hand:\n  {}", document.setup.join("\n  ")));
    }
    out
}

/// What a table would gain by all old values.
fn advice(table: &PreparedTable, gain: &Gain) -> String {
    let name = table.map.table();
    format!("{name}: the log gives only the key of old rows: {}\n  {}", gain.why(), table.full_identity)
}

/// What is worth a warning at the start.
pub fn warn(teller: &Teller, program: &Program, mapping: &Mapping, found: &Prepared) {
    for table in &found.tables {
        if let Some(gain) = table.gain(program) {
            // Rows that move leave something stale; a condition that counts as true is only a needless miss.
            let level = if gain.moved.is_empty() { Level::Info } else { Level::Warning };
            let text = advice(table, &gain).replace("\n ", ":");
            teller.say(level, "replica-identity", text);
        }
    }
    let without = without_table(mapping, found);
    if !without.is_empty() {
        teller.say(Level::Info, "without-table", format!("entities without a table: {}", without.join(", ")));
    }
    if !found.unmapped.is_empty() {
        let text = format!("tables of no entity, ignored: {}", found.unmapped.join(", "));
        teller.say(Level::Info, "unmapped", text);
    }
}
