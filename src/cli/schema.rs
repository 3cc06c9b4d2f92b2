//! `invalidate schema`: prints what a database holds, for where no database can be asked.

use std::path::{Path, PathBuf};

use clap::Args;
use invalidate::source::postgres::{Address, Mode, Session as Connection, read_catalog};
use invalidate::source::{Catalog, SourceError};

use super::database;
use super::error::{CommandError, Exit};
use super::output;
use super::replace::replace;
use super::runtime;
use super::session::Session;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
invalidate schema postgres://app@db/shop --output-file schema.json\n  \
invalidate lint --schema schema.json\n  \
invalidate init --from schema.json")]
pub struct SchemaArgs {
    /// postgres://USER@HOST:PORT/DATABASE [default: `sources.postgres.url` of invalidate.yaml]
    source: Option<String>,

    #[command(flatten)]
    names: SchemaNames,

    /// Write it into a file, whole or not at all
    #[arg(long, value_name = "FILE")]
    output_file: Option<PathBuf>,
}

#[derive(Clone, Debug, Default, Args)]
pub struct SchemaNames {
    /// Only the tables of this schema of the database; repeatable [default: those of the search path]
    #[arg(long = "schema-name", value_name = "NAME")]
    pub names: Vec<String>,
}

pub fn run(session: &Session, args: &SchemaArgs) -> Result<Exit, CommandError> {
    let configured = session.config.sources.postgres.url.as_deref();
    let Some(source) = args.source.as_deref().or(configured) else {
        return Err(CommandError::usage("no database is named")
            .help("name it: `invalidate schema postgres://USER@HOST:PORT/DATABASE`")
            .help("or in invalidate.yaml: `sources: { postgres: { url: … } }`"));
    };
    let text = read(source, &args.names)?.to_json();
    match &args.output_file {
        Some(path) => replace(path, text.as_bytes())?,
        None => output::data(&text)?,
    }
    Ok(Exit::Clean)
}

/// The tables of a database, or of the file that `invalidate schema` wrote.
pub fn read(source: &str, names: &SchemaNames) -> Result<Catalog, CommandError> {
    if !source.contains("://") {
        return from_file(Path::new(source), names);
    }
    let address = Address::parse(source, &database::environment())?;
    runtime::block_on(async {
        let mut connection = Connection::connect(&address, Mode::Sql).await?;
        let catalog = read_catalog(&mut connection, &names.names).await?;
        connection.close().await;
        Ok::<_, SourceError>(catalog).map_err(CommandError::from)
    })
}

fn from_file(path: &Path, names: &SchemaNames) -> Result<Catalog, CommandError> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        CommandError::usage(format!("cannot read `{shown}`: {error}")).help(
            "name a database, `postgres://USER@HOST:PORT/DATABASE`, or a file that `invalidate schema` wrote",
        )
    })?;
    let mut catalog = Catalog::parse(&text).map_err(|why| {
        CommandError::usage(format!("`{shown}` is no catalog of a database: {why}"))
            .help("write it anew: `invalidate schema postgres://… --output-file FILE`")
    })?;
    for name in &names.names {
        if !catalog.tables.iter().any(|table| table.schema == *name) {
            let known = catalog.tables.iter().map(|table| table.schema.as_str());
            let mut error = CommandError::usage(format!("`{shown}` has no table of the schema `{name}`"));
            error.help.extend(invalidate::diagnostic::did_you_mean(name, known, "its schemas are"));
            return Err(error);
        }
    }
    if !names.names.is_empty() {
        catalog.tables.retain(|table| names.names.contains(&table.schema));
    }
    Ok(catalog)
}
