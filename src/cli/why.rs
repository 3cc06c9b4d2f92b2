//! `invalidate why`: why a write drops a key or tag, or does not; and which writes can drop it.

mod text;

use clap::Args;
use invalidate::RuleSet;
use invalidate::check::{Undeclared, Write, WriteErrorKind};
use invalidate::model::RawWrite;
use invalidate::why::{Answer, Verdict, Writes, explain, writes};
use serde::Serialize;

use super::args::Format;
use super::error::{CommandError, Exit};
use super::output;
use super::session::Session;
use text::answer;
pub use text::reasons;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
invalidate why user:123:session --write 'user 123 update plan=pro'\n  \
invalidate why session:5:data --write 'user 123 update' --tag user:123:session\n  \
invalidate why user:123:profile                          # every kind of write that can drop it\n\n\
Exit codes: 0 it is dropped, or something can drop it; 1 it is not; 4 the write or the name does not say.")]
pub struct WhyArgs {
    /// A key or a tag
    name: String,

    /// The write, as `invalidate write` takes it, or as one JSON object [default: every kind of write
    /// that can drop it]
    #[arg(long, value_name = "WRITE")]
    write: Option<String>,

    /// A tag that the entry under this key carries; once for each [default: those that the rules
    /// give to such a key]
    #[arg(long = "tag", value_name = "TAG", requires = "write")]
    tags: Vec<String>,

    /// How the answer is printed
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,
}

#[derive(Serialize)]
struct AnswerDocument<'a> {
    schema: u32,
    name: &'a str,
    write: &'a RawWrite,
    #[serde(flatten)]
    answer: &'a Answer,
}

#[derive(Serialize)]
struct WritesDocument<'a> {
    schema: u32,
    name: &'a str,
    #[serde(flatten)]
    writes: &'a Writes,
}

pub fn run(session: &Session, args: &WhyArgs) -> Result<Exit, CommandError> {
    if args.name.is_empty() {
        return Err(CommandError::usage("the name is empty").help("give a key or a tag"));
    }
    let program = session.program()?;
    let rules = program.rules();
    let Some(line) = &args.write else { return who(rules, args) };
    let raw = RawWrite::from_line(line).map_err(CommandError::usage)?;
    let write = held_against(rules, raw)?;
    let carried = (!args.tags.is_empty()).then_some(args.tags.as_slice());
    let found = explain(rules, &write, &args.name, carried);
    match args.format {
        Format::Json => {
            output::json(&AnswerDocument { schema: 1, name: &args.name, write: write.raw(), answer: &found })?
        }
        Format::Table => output::data(&answer(&args.name, write.raw(), &found))?,
    }
    Ok(match found.verdict {
        Verdict::Dropped | Verdict::GoesWithTag => Exit::Clean,
        Verdict::NotDropped => Exit::Findings,
        Verdict::Perhaps | Verdict::Unresolved => Exit::Unresolved,
    })
}

fn held_against(rules: &RuleSet, raw: RawWrite) -> Result<Write, CommandError> {
    rules.write(raw, Undeclared::Refuse).map_err(|error| {
        let order = matches!(error.kind, WriteErrorKind::UnknownEntity | WriteErrorKind::UnknownOperation);
        let error = CommandError::from(error);
        if order { error.help("the order is ENTITY ID OPERATION, as in `user 123 update`") } else { error }
    })
}

fn who(rules: &RuleSet, args: &WhyArgs) -> Result<Exit, CommandError> {
    let found = writes(rules, &args.name);
    match args.format {
        Format::Json => output::json(&WritesDocument { schema: 1, name: &args.name, writes: &found })?,
        Format::Table => output::data(&text::writes(&args.name, &found))?,
    }
    Ok(if found.writes.is_empty() { Exit::Findings } else { Exit::Clean })
}
