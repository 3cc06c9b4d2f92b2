//! What a database needs so that its log can be followed: a publication of the tables, and a slot.

use std::time::Duration;

use super::connect::{Mode, Session};
use super::reader::{LIMIT, all_tables};
use super::stream::{PostgresEvent, PostgresOptions, Tell};
use crate::plan::Program;
use crate::source::error::{SourceError, SourceErrorKind};
use crate::source::mapping::shown;
use crate::source::{Catalog, Gain, Mapping, ReplicaIdentity, Table, TableMap};

/// What is to be done, and what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    /// Only look: what is missing is an error that says how to make it.
    Check,
    /// Say what is missing.
    Say,
    /// Make it.
    Make,
}

/// A database that was looked at.
#[derive(Debug)]
pub struct Prepared {
    /// The SQL that makes what is missing, as far as it was; in the order in which it has to run.
    pub statements: Vec<String>,
    /// There was no slot: its log begins now.
    pub slot_is_new: bool,
    /// The tables whose rows are writes.
    pub tables: Vec<PreparedTable>,
    /// Tables that are no entity, and not configured to be ignored.
    pub unmapped: Vec<String>,
    /// The server keeps its log for the slot.
    pub slot: Option<SlotState>,
}

/// A table whose rows are writes.
#[derive(Debug)]
pub struct PreparedTable {
    pub map: TableMap,
    /// What the log gives of its old values.
    pub replica_identity: ReplicaIdentity,
    /// The SQL that has the log give all of them.
    pub full_identity: String,
}

impl PreparedTable {
    /// What the rules would know with all old values, where the log does not give them.
    pub fn gain(&self, program: &Program) -> Option<Gain> {
        if self.replica_identity == ReplicaIdentity::Full { None } else { self.map.gain(program) }
    }
}

/// What the server says of a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotState {
    pub name: String,
    /// Bytes of the log that it keeps for the slot.
    pub retained: u64,
    /// `reserved`, `extended`, `unreserved` or `lost`.
    pub status: String,
}

/// Holds a database against the mapping, and makes what is missing where that is asked for.
///
/// # Errors
/// What is missing under [`Setup::Check`]; a table that must not be published as it is; a slot that is lost or of
/// another kind; what the server refuses.
pub async fn prepare(
    options: &PostgresOptions,
    mapping: &Mapping,
    setup: Setup,
    all: bool,
) -> Result<Prepared, SourceError> {
    let catalog = all_tables(&options.address).await?;
    mapping.check(&catalog)?;
    let mut session = Session::connect(&options.address, Mode::Sql).await?;
    let prepared = prepare_with(&mut session, options, mapping, &catalog, setup, all).await;
    session.close().await;
    prepared
}

async fn prepare_with(
    session: &mut Session,
    options: &PostgresOptions,
    mapping: &Mapping,
    catalog: &Catalog,
    setup: Setup,
    all: bool,
) -> Result<Prepared, SourceError> {
    let mut tables = Vec::new();
    let mut mapped: Vec<&Table> = Vec::new();
    let mut unmapped = Vec::new();
    for table in &catalog.tables {
        let Some(entity) = mapping.entity(&table.schema, &table.name) else {
            if !mapping.is_ignored(&table.schema, &table.name) {
                unmapped.push(shown(&table.schema, &table.name));
            }
            continue;
        };
        let columns: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        let map = mapping.table((&table.schema, &table.name), &entity, &columns, Some(table), catalog);
        map.check_id()?;
        let (replica_identity, full_identity) = (table.replica_identity, full_identity(table));
        tables.push(PreparedTable { map, replica_identity, full_identity });
        mapped.push(table);
    }
    if mapped.is_empty() {
        return Err(invalid("no table of the database is an entity of the rules").with_hint(
            "a table is the entity of its name, singular or plural; `sources.postgres.tables` in invalidate.yaml says otherwise",
        ));
    }
    let mut statements = publication(session, options, &mapped, all, catalog).await?;
    let state = slot(session, options).await?;
    let slot_is_new = state.is_none();
    if slot_is_new {
        statements.push(format!(
            "SELECT pg_create_logical_replication_slot({}, 'pgoutput');",
            literal(&options.slot)
        ));
    }
    match setup {
        _ if statements.is_empty() => {}
        Setup::Say => {}
        Setup::Check => {
            let message = format!("the database is not set up for this: {}", statements.join(" "));
            return Err(invalid(&message)
                .with_hint("`invalidate watch --setup` runs this SQL; with `--dry-run` it prints it"));
        }
        Setup::Make => {
            check_wal_level(session).await?;
            for statement in &statements {
                session.query(statement, LIMIT).await.map_err(explained)?;
            }
        }
    }
    Ok(Prepared { statements, slot_is_new, tables, unmapped, slot: state })
}

/// The statements that make the publication hold these tables.
async fn publication(
    session: &mut Session,
    options: &PostgresOptions,
    tables: &[&Table],
    all: bool,
    catalog: &Catalog,
) -> Result<Vec<String>, SourceError> {
    let name = &options.publication;
    let sql = format!(
        "select puballtables, pubinsert and pubupdate and pubdelete and pubtruncate, pubviaroot \
         from pg_catalog.pg_publication where pubname = {}",
        literal(name)
    );
    let found = session.query(&sql, LIMIT).await?.into_iter().next();
    let list = |tables: &[&Table]| {
        let names: Vec<String> =
            tables.iter().map(|t| format!("{}.{}", quoted(&t.schema), quoted(&t.name))).collect();
        names.join(", ")
    };
    let Some(found) = found else {
        let published: Vec<&Table> = if all { catalog.tables.iter().collect() } else { tables.to_vec() };
        published.iter().try_for_each(|table| check_identity(table))?;
        let what = if all { "ALL TABLES".to_owned() } else { format!("TABLE {}", list(tables)) };
        return Ok(vec![format!(
            "CREATE PUBLICATION {} FOR {what} WITH (publish_via_partition_root = true);",
            quoted(name)
        )]);
    };
    let is = |at: usize| found.get(at).and_then(Option::as_deref) == Some("t");
    if !is(1) {
        return Err(invalid(&format!("the publication `{name}` leaves out some kinds of writes")).with_hint(
            format!("ALTER PUBLICATION {} SET (publish = 'insert, update, delete, truncate');", quoted(name)),
        ));
    }
    if is(0) && is(2) {
        return Ok(Vec::new());
    }
    let sql = format!(
        "select schemaname, tablename from pg_catalog.pg_publication_tables where pubname = {}",
        literal(name)
    );
    let published = session.query(&sql, LIMIT).await?;
    let is_published = |table: &&Table| {
        published.iter().any(|row| {
            let text = |at: usize| row.get(at).and_then(Option::as_deref);
            text(0) == Some(&table.schema) && text(1) == Some(&table.name)
        })
    };
    let missing: Vec<&Table> = tables.iter().copied().filter(|table| !is_published(table)).collect();
    missing.iter().try_for_each(|table| check_identity(table))?;
    match (missing.first(), is(0)) {
        (None, _) => Ok(Vec::new()),
        // Of all tables, a partitioned one is missing where its partitions go by their own names.
        (Some(_), true) => {
            Ok(vec![format!("ALTER PUBLICATION {} SET (publish_via_partition_root = true);", quoted(name))])
        }
        (Some(_), false) => {
            Ok(vec![format!("ALTER PUBLICATION {} ADD TABLE {};", quoted(name), list(&missing))])
        }
    }
}

/// Publishing a table without a replica identity makes its updates and deletes fail.
fn check_identity(table: &Table) -> Result<(), SourceError> {
    let has = match table.replica_identity {
        ReplicaIdentity::Full | ReplicaIdentity::Index => true,
        ReplicaIdentity::Default => !table.primary_key.is_empty(),
        ReplicaIdentity::Nothing => false,
    };
    if has {
        return Ok(());
    }
    let (name, key) = (shown(&table.schema, &table.name), table.name.as_str());
    Err(invalid(&format!(
        "the table `{name}` has no replica identity: once it is published, Postgres refuses its updates and deletes"
    ))
    .with_hint(format!("{} or leave it out: `tables: {{ {key}: ignore }}`", full_identity(table))))
}

fn full_identity(table: &Table) -> String {
    format!("ALTER TABLE {}.{} REPLICA IDENTITY FULL;", quoted(&table.schema), quoted(&table.name))
}

/// The state of the slot, where there is one that can be used.
async fn slot(session: &mut Session, options: &PostgresOptions) -> Result<Option<SlotState>, SourceError> {
    let sql = format!(
        "select plugin, slot_type, database = current_database() from pg_catalog.pg_replication_slots where slot_name = {}",
        literal(&options.slot)
    );
    let Some(row) = session.query(&sql, LIMIT).await?.into_iter().next() else { return Ok(None) };
    let text = |at: usize| row.get(at).and_then(Option::as_deref).unwrap_or_default();
    let name = &options.slot;
    let wrong = match (text(0), text(1), text(2)) {
        ("pgoutput", "logical", "t") => None,
        (_, "physical", _) => Some("is one of physical replication".to_owned()),
        (plugin, _, "t") => Some(format!("gives its log by `{plugin}`, and not by `pgoutput`")),
        _ => Some("belongs to another database of this server".to_owned()),
    };
    if let Some(wrong) = wrong {
        return Err(invalid(&format!("the slot `{name}` {wrong}"))
            .with_hint("choose another name with `--slot NAME`"));
    }
    let state = slot_state(session, name).await?;
    if let Some(state) = state.as_ref().filter(|state| state.status == "lost") {
        return Err(gone(
            &format!("the slot `{}` is lost: the server has removed the log that it stood for", state.name),
            options,
        ));
    }
    Ok(state)
}

/// What the server says of a slot.
///
/// # Errors
/// What [`Session::query`] gives.
pub async fn slot_state(session: &mut Session, name: &str) -> Result<Option<SlotState>, SourceError> {
    // On a standby there is no current end of the log, but one that was received.
    let sql = format!(
        "select coalesce(wal_status, ''), greatest(0, pg_catalog.pg_wal_lsn_diff(\
         case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_receive_lsn() else pg_catalog.pg_current_wal_lsn() end, \
         restart_lsn))::bigint from pg_catalog.pg_replication_slots where slot_name = {}",
        literal(name)
    );
    let Some(row) = session.query(&sql, LIMIT).await?.into_iter().next() else { return Ok(None) };
    let text = |at: usize| row.get(at).and_then(Option::as_deref).unwrap_or_default();
    Ok(Some(SlotState {
        name: name.to_owned(),
        status: text(0).to_owned(),
        retained: text(1).parse().unwrap_or(0),
    }))
}

/// Looks now and then at what the server keeps for the slot, and tells when that is too much.
pub(super) async fn look(options: PostgresOptions, tell: Tell, every: Duration) {
    let mut told = 0;
    loop {
        tokio::time::sleep(every).await;
        let state = async {
            let mut session = Session::connect(&options.address, Mode::Sql).await?;
            let state = slot_state(&mut session, &options.slot).await?;
            session.close().await;
            Ok::<_, SourceError>(state)
        };
        // A database that does not answer is told of by who reads it.
        let Ok(Some(state)) = state.await else { continue };
        let is_much =
            state.retained > options.max_retained || matches!(state.status.as_str(), "unreserved" | "lost");
        // Again when it has doubled.
        if is_much && state.retained / 2 >= told {
            told = state.retained;
            tell(PostgresEvent::Retained(&state));
        } else if !is_much {
            told = 0;
        }
    }
}

async fn check_wal_level(session: &mut Session) -> Result<(), SourceError> {
    let rows = session.query("show wal_level", LIMIT).await?;
    match rows.first().and_then(|row| row.first()).and_then(Option::as_deref) {
        Some("logical") | None => Ok(()),
        Some(level) => {
            Err(invalid(&format!("the log of the database holds no rows: its `wal_level` is `{level}`"))
                .with_hint("ALTER SYSTEM SET wal_level = 'logical'; and restart the server"))
        }
    }
}

/// What the server refused while it was set up, with the way out.
fn explained(error: SourceError) -> SourceError {
    match error.code() {
        Some("53400") => error.with_hint("all slots are in use: drop one with pg_drop_replication_slot('NAME'), or raise `max_replication_slots`"),
        Some("42501") => error.with_hint(
            "a publication needs the right CREATE on the database and the ownership of its tables, a slot the attribute REPLICATION; \
             or let an administrator run what `--setup --dry-run` prints",
        ),
        _ => error,
    }
}

/// What the server says when the stream cannot begin, or go on, with the way out.
pub(super) fn slot_lost(error: SourceError, options: &PostgresOptions) -> SourceError {
    match error.code() {
        Some("42704") if error.message().contains("publication") => error.with_hint(format!(
            "changes from before the publication was made cannot be read: drop the slot with \
             pg_drop_replication_slot({}), and start with `--setup --drop-everything`",
            literal(&options.slot)
        )),
        Some("42704" | "55000" | "58P01") => gone(error.message(), options),
        Some("0A000") if error.message().contains("recovery") => error.with_hint(
            "it is a standby: name the primary, or all servers and `?target_session_attrs=read-write`",
        ),
        Some("42501") => error.with_hint(
            "the user needs the attribute REPLICATION, and SELECT on nothing: ALTER ROLE NAME REPLICATION",
        ),
        _ => error,
    }
}

/// The slot is of no more use: what was committed meanwhile is unknown.
fn gone(message: &str, options: &PostgresOptions) -> SourceError {
    SourceError::new(SourceErrorKind::Refused, message).with_hint(format!(
        "what was committed since is unknown: drop the slot where it still is, with pg_drop_replication_slot({}), \
         and start with `--setup --drop-everything`; `max_slot_wal_keep_size` bounds what the server keeps",
        literal(&options.slot)
    ))
}

fn invalid(message: &str) -> SourceError {
    SourceError::new(SourceErrorKind::Invalid, message)
}

/// A name in SQL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A string in SQL, under whatever setting of `standard_conforming_strings`.
fn literal(text: &str) -> String {
    let escaped = text.replace('\'', "''");
    if escaped.contains('\\') {
        format!("E'{}'", escaped.replace('\\', "\\\\"))
    } else {
        format!("'{escaped}'")
    }
}
