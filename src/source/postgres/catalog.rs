//! The tables of a Postgres database, from its system catalog.

use std::time::Duration;

use rustc_hash::FxHashMap;

use super::connect::{Row, Session};
use super::error::protocol_error;
use crate::source::catalog::{Catalog, Column, ForeignKey, ReplicaIdentity, Table};
use crate::source::error::{SourceError, SourceErrorKind};

/// A catalog of some thousand tables takes well under a second.
const LIMIT: Duration = Duration::from_secs(60);

/// Ordinary tables, and partitioned ones without their partitions. `%` stands for the condition on the schema `n`.
const TABLES: &str = "
select c.oid, n.nspname, c.relname, c.relreplident
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and not c.relispartition and c.relpersistence <> 't' and (%)
order by n.nspname collate \"C\", c.relname collate \"C\"";

/// Their columns. A domain counts as the type below it, however many domains lie between.
const COLUMNS: &str = "
with recursive base(oid, type, kind) as (
  select t.oid, t.oid, t.typtype from pg_catalog.pg_type t
  union all
  select base.oid, t.typbasetype, u.typtype
  from base join pg_catalog.pg_type t on t.oid = base.type join pg_catalog.pg_type u on u.oid = t.typbasetype
  where base.kind = 'd'
)
select c.oid, a.attname,
  case when base.kind = 'e' then 'enum'
       when e.typtype = 'e' then 'enum[]'
       else pg_catalog.format_type(base.type, null) end,
  a.attnotnull, a.attgenerated <> ''
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_attribute a on a.attrelid = c.oid
  join base on base.oid = a.atttypid and base.kind <> 'd'
  join pg_catalog.pg_type t on t.oid = base.type
  left join pg_catalog.pg_type e on t.typelem <> 0 and t.typlen = -1 and e.oid = t.typelem
where c.relkind in ('r', 'p') and not c.relispartition and c.relpersistence <> 't' and (%)
  and a.attnum > 0 and not a.attisdropped
order by c.oid, a.attnum";

/// Their primary keys and unique indexes, a row for each column: whole ones of plain columns, checked at once or late.
const KEYS: &str = "
select c.oid, i.indexrelid, i.indisprimary, a.attname
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_index i on i.indrelid = c.oid
  cross join lateral pg_catalog.generate_series(0, i.indnkeyatts - 1) k
  join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[k]
where c.relkind in ('r', 'p') and not c.relispartition and c.relpersistence <> 't' and (%)
  and i.indisunique and i.indpred is null and i.indexprs is null and i.indisvalid
order by c.oid, i.indexrelid, k";

/// Their foreign keys, a row for each column; those to other schemas too. One to a partitioned table has children of its own,
/// one for each partition.
const FOREIGN_KEYS: &str = "
select c.oid, f.oid, f.confdeltype = 'c', a.attname, tn.nspname, tc.relname, b.attname
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_constraint f on f.conrelid = c.oid and f.contype = 'f'
  join pg_catalog.pg_class tc on tc.oid = coalesce(pg_catalog.pg_partition_root(f.confrelid), f.confrelid)
  join pg_catalog.pg_namespace tn on tn.oid = tc.relnamespace
  cross join lateral pg_catalog.generate_subscripts(f.conkey, 1) k
  join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = f.conkey[k]
  join pg_catalog.pg_attribute b on b.attrelid = f.confrelid and b.attnum = f.confkey[k]
where c.relkind in ('r', 'p') and not c.relispartition and c.relpersistence <> 't' and (%)
  and f.conparentid = 0
order by c.oid, f.conname collate \"C\", f.oid, k";

/// Reads the tables of the schemas, or of the search path where none is named. One snapshot sees them all.
///
/// # Errors
/// What [`Session::query`] gives; [`SourceErrorKind::Invalid`] for a schema that does not exist.
pub async fn read_catalog(session: &mut Session, schemas: &[String]) -> Result<Catalog, SourceError> {
    session.query("begin isolation level repeatable read read only", LIMIT).await?;
    let catalog = read(session, schemas).await;
    // Nothing was changed; an error of it would only hide the one before.
    let _ = session.query("rollback", LIMIT).await;
    catalog
}

async fn read(session: &mut Session, schemas: &[String]) -> Result<Catalog, SourceError> {
    let condition = if schemas.is_empty() {
        "n.nspname = any (pg_catalog.current_schemas(false)) and n.nspname <> 'pg_catalog'".to_owned()
    } else {
        check_schemas(session, schemas).await?;
        format!("n.nspname in ({})", schemas.iter().map(|name| literal(name)).collect::<Vec<_>>().join(", "))
    };
    let asked = |sql: &str| sql.replace('%', &condition);
    let mut read =
        Reading { at: FxHashMap::default(), tables: Vec::new(), place: session.place().to_owned() };
    for row in session.query(&asked(TABLES), LIMIT).await? {
        read.table(row)?;
    }
    for row in session.query(&asked(COLUMNS), LIMIT).await? {
        read.column(row)?;
    }
    // Rows of one key stand together: this is the last one's.
    let mut last = String::new();
    for row in session.query(&asked(KEYS), LIMIT).await? {
        read.key(row, &mut last)?;
    }
    for row in session.query(&asked(FOREIGN_KEYS), LIMIT).await? {
        read.foreign_key(row, &mut last)?;
    }
    Ok(Catalog { tables: read.tables })
}

/// A misspelt schema would otherwise be an empty one.
async fn check_schemas(session: &mut Session, schemas: &[String]) -> Result<(), SourceError> {
    let sql = "select nspname from pg_catalog.pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema' order by 1";
    let known: Vec<String> = session.query(sql, LIMIT).await?.into_iter().flatten().flatten().collect();
    for name in schemas {
        if !known.contains(name) {
            let error =
                SourceError::new(SourceErrorKind::Invalid, format!("the database has no schema `{name}`"));
            let help =
                crate::diagnostic::did_you_mean(name, known.iter().map(String::as_str), "its schemas are");
            return Err(match help {
                Some(help) => error.with_hint(help),
                None => error,
            });
        }
    }
    Ok(())
}

/// A string of SQL. With `standard_conforming_strings`, the default since 9.1 or set otherwise, `E''` is read alike.
fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// A catalog while its rows come in.
struct Reading {
    /// Where the table of an identifier is.
    at: FxHashMap<String, usize>,
    tables: Vec<Table>,
    place: String,
}

impl Reading {
    fn table(&mut self, row: Row) -> Result<(), SourceError> {
        let [id, schema, name, identity] = self.fields(row)?;
        self.at.insert(id, self.tables.len());
        self.tables.push(Table {
            schema,
            name,
            columns: Vec::new(),
            primary_key: Vec::new(),
            unique: Vec::new(),
            foreign_keys: Vec::new(),
            replica_identity: match identity.as_str() {
                "f" => ReplicaIdentity::Full,
                "i" => ReplicaIdentity::Index,
                "n" => ReplicaIdentity::Nothing,
                _ => ReplicaIdentity::Default,
            },
        });
        Ok(())
    }

    fn column(&mut self, row: Row) -> Result<(), SourceError> {
        let [id, name, type_name, not_null, generated] = self.fields(row)?;
        let column = Column { name, type_name, nullable: not_null != "t", generated: generated == "t" };
        self.of(&id)?.columns.push(column);
        Ok(())
    }

    fn key(&mut self, row: Row, last: &mut String) -> Result<(), SourceError> {
        let [id, index, primary, column] = self.fields(row)?;
        let is_new = *last != index;
        *last = index;
        let table = self.of(&id)?;
        if primary == "t" {
            table.primary_key.push(column);
        } else if is_new {
            table.unique.push(vec![column]);
        } else if let Some(key) = table.unique.last_mut() {
            key.push(column);
        }
        Ok(())
    }

    fn foreign_key(&mut self, row: Row, last: &mut String) -> Result<(), SourceError> {
        let [id, constraint, cascades, column, to_schema, to_table, to_column] = self.fields(row)?;
        let is_new = *last != constraint;
        *last = constraint;
        let keys = &mut self.of(&id)?.foreign_keys;
        match keys.last_mut() {
            Some(key) if !is_new => {
                key.columns.push(column);
                key.to_columns.push(to_column);
            }
            _ => keys.push(ForeignKey {
                columns: vec![column],
                to_schema,
                to_table,
                to_columns: vec![to_column],
                cascades: cascades == "t",
            }),
        }
        Ok(())
    }

    fn of(&mut self, id: &str) -> Result<&mut Table, SourceError> {
        let at = self.at.get(id).copied();
        at.and_then(|at| self.tables.get_mut(at)).ok_or_else(|| protocol_error(&self.place))
    }

    /// The values of a row that has as many as are asked for, none of them NULL.
    fn fields<const N: usize>(&self, row: Row) -> Result<[String; N], SourceError> {
        let values: Option<Vec<String>> = row.into_iter().collect();
        values.and_then(|values| values.try_into().ok()).ok_or_else(|| protocol_error(&self.place))
    }
}
