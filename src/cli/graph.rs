//! `invalidate graph`: the rules as a picture.

use clap::{Args, ValueEnum};
use invalidate::graph::{Graph, dot};

use super::error::{CommandError, Exit};
use super::output;
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
    let graph = Graph::of(program.rules());
    match args.format {
        GraphFormat::Dot => output::data(&dot(&graph))?,
    }
    Ok(Exit::Clean)
}
