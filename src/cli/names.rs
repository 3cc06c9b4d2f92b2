//! `invalidate names`: what an application must write so that drops reach its entries.

use clap::Args;
use invalidate::check::Undeclared;
use invalidate::diagnostic::visible;
use invalidate::model::{RawId, RawWrite};
use invalidate::plan::{Carried, InstanceNames};
use serde::Serialize;

use super::args::Format;
use super::error::{CommandError, Exit};
use super::output;
use super::session::Session;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
invalidate names user 123 plan=pro\n  \
invalidate names order_item 5 order=9 order.user=123")]
pub struct NamesArgs {
    /// The entity
    entity: String,

    /// The instance's id
    #[arg(allow_negative_numbers = true)]
    id: String,

    /// Values of the row, as in `invalidate write`
    #[arg(value_name = "NAME=VALUE")]
    values: Vec<String>,

    /// How the names are printed
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    entity: &'a str,
    id: &'a str,
    #[serde(flatten)]
    names: &'a InstanceNames,
}

pub fn run(session: &Session, args: &NamesArgs) -> Result<Exit, CommandError> {
    let program = session.program_of(&args.entity)?;
    let mut raw = RawWrite {
        entity: args.entity.clone(),
        id: RawId::parse(&args.id),
        // One image: the instance as it is.
        op: "create".to_owned(),
        ..RawWrite::default()
    };
    for value in &args.values {
        raw.assign(value)?;
    }
    let write = program.rules().write(raw, Undeclared::Refuse)?;
    if write.id().is_none() {
        return Err(CommandError::usage("`*` is no instance").help("give one row's id"));
    }
    let names = program.names(&write);
    match args.format {
        Format::Json => {
            output::json(&Document { schema: 1, entity: &args.entity, id: &args.id, names: &names })?;
        }
        Format::Table => output::data(&text(&names))?,
    }
    let missing = |list: &[Carried]| list.iter().any(|c| !c.missing.is_empty() || c.reason.is_some());
    let incomplete = missing(&names.keys) || missing(&names.tags) || missing(&names.lists);
    Ok(if incomplete { Exit::Unresolved } else { Exit::Clean })
}

fn text(names: &InstanceNames) -> String {
    let mut out = String::new();
    let mut section = |title: &str, word: &str, list: &[Carried]| {
        if list.is_empty() {
            return;
        }
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&format!("{}\n", output::bold(title)));
        for carried in list {
            for name in &carried.names {
                out.push_str(&format!("  {word} {}\n", visible(name)));
            }
            let template = visible(&carried.template);
            if let Some(reason) = &carried.reason {
                out.push_str(&format!("  {word} {template}   {}\n", visible(reason)));
            } else if !carried.missing.is_empty() {
                let names: Vec<String> = carried.missing.iter().map(|m| format!("{m}=…")).collect();
                out.push_str(&format!("  {word} {template}   pass {}\n", names.join(" and ")));
            } else if carried.open {
                out.push_str(&format!("  {word} {template}   the application fills what is open\n"));
            }
        }
    };
    section("keys of its entries", "key ", &names.keys);
    section("tags that every one of these entries carries", "tag ", &names.tags);
    section("tags for entries that show many such rows, once for each row shown", "list", &names.lists);
    out
}
