//! `invalidate init --from`: a first rule file for a database that exists.

use std::path::Path;

use invalidate::source::postgres::Address;
use invalidate::source::{Draft, draft};

use super::sources;
use super::{CONFIG, InitArgs, write_new};
use crate::cli::config::FILE;
use crate::cli::error::{CommandError, Exit};
use crate::cli::output;
use crate::cli::schema;
use crate::cli::session::Session;

const RULES: &str = "rules/default.inv";

pub fn run(session: &Session, args: &InitArgs, source: &str) -> Result<Exit, CommandError> {
    let catalog = schema::read(source, &args.names)?;
    let draft = draft(&catalog);
    if draft.entities == 0 {
        return Err(CommandError::usage(
            "the database has no table with a primary key: there is nothing to draft",
        )
        .help("`--schema-name NAME` looks into a schema that is not in the search path"));
    }
    let section = sources::tables(&draft);
    if args.stdout {
        output::data(&draft.rules)?;
        if !draft.tables.is_empty() {
            session.note(&format!("these belong into {FILE}:\n{}", sources::block(&section)));
        }
        return Ok(Exit::Clean);
    }
    let url = source.contains("://").then(|| Address::without_password(source));
    let rules = args.folder.join(RULES);
    let is_new = say(&rules, write_new(&rules, &draft.rules)?)?;
    let config = args.folder.join(FILE);
    let is_config_new = write_new(&config, &sources::configuration(CONFIG, url.as_deref(), &section))?;
    say(&config, is_config_new)?;
    if !is_config_new && !draft.tables.is_empty() {
        session.note(&format!("these belong into {}:\n{}", config.display(), sources::block(&section)));
    }
    session.note(&summary(&draft));
    if is_new {
        session.note(&format!(
            "next: take rules in {RULES} out of their comments, then `invalidate lint --schema {}`",
            shown(source)
        ));
    }
    Ok(Exit::Clean)
}

fn say(path: &Path, written: bool) -> Result<bool, CommandError> {
    output::data(&if written {
        format!("wrote {}\n", path.display())
    } else {
        format!("kept  {}, which was there already\n", path.display())
    })?;
    Ok(written)
}

/// A source without its password.
fn shown(source: &str) -> String {
    if source.contains("://") { Address::without_password(source) } else { source.to_owned() }
}

fn summary(draft: &Draft) -> String {
    let count = |n: usize, one, many| output::count(n as u64, one, many);
    let ignored = match draft.ignored.len() {
        0 => String::new(),
        n => format!(", {} left out: no primary key", count(n, "table", "tables")),
    };
    format!(
        "{}, {}{ignored}",
        count(draft.entities, "entity", "entities"),
        count(draft.relations, "relation", "relations")
    )
}
