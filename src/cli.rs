//! The command line. Only this part of the program prints, reads the environment, or exits; it has
//! one file for each command.

mod args;
mod cache;
mod completions;
mod config;
mod database;
mod demo;
mod dep;
mod diff;
mod diff_rules;
mod doctor;
mod error;
mod explain;
mod file_watch;
mod flush;
mod fmt;
mod graph;
mod init;
mod lint;
mod log;
mod names;
mod outcome;
mod output;
mod progress;
mod replace;
mod replay;
mod runtime;
mod schema;
mod serve;
mod session;
mod size;
mod stats;
mod table;
mod targets;
mod test;
mod watch;
mod why;
mod worker;
mod write;

use args::{Cli, Command, Lazy};
use error::{CommandError, Exit};
use session::Session;

/// Runs the command that the arguments name; gives the exit code.
pub fn main() -> i32 {
    let words: Vec<_> = std::env::args_os().collect();
    let cli = match args::parse(&words) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    output::set_color(cli.global.color);
    match run(cli) {
        Ok(exit) => exit.code(),
        Err(error) => {
            error.print();
            error.exit.code()
        }
    }
}

/// Prints what clap has to say: help and version are data, everything else is a usage error.
fn usage(error: &clap::Error) -> i32 {
    // Nothing can be done about a terminal that is gone.
    let _ = error.print();
    if error.use_stderr() { Exit::Usage.code() } else { Exit::Clean.code() }
}

fn run(cli: Cli) -> Result<Exit, CommandError> {
    match cli.command {
        Command::Completions(Lazy(args)) => return completions::run(&args),
        Command::Man(Lazy(args)) => return completions::man(&args),
        Command::Explain(Lazy(args)) => return explain::run(&args),
        _ => {}
    }
    let session = Session::new(cli.global)?;
    match cli.command {
        Command::Write(Lazy(args)) => write::run(&session, args),
        Command::Lint(Lazy(args)) => lint::run(&session, &args),
        Command::Fmt(Lazy(args)) => fmt::run(&session, &args),
        Command::Diff(Lazy(args)) => diff_rules::run(&session, &args),
        Command::Graph(Lazy(args)) => graph::run(&session, &args),
        Command::Test(Lazy(args)) => test::run(&session, &args),
        Command::Why(Lazy(args)) => why::run(&session, &args),
        Command::Names(Lazy(args)) => names::run(&session, &args),
        Command::Cache(Lazy(args)) => cache::run(&session, args),
        Command::Dep(Lazy(args)) => dep::run(&session, args),
        Command::Flush(Lazy(args)) => flush::run(&session, args),
        Command::Worker(Lazy(args)) => worker::run(&session, &args),
        Command::Serve(Lazy(args)) => serve::run(&session, &args),
        Command::Watch(Lazy(args)) => watch::run(&session, &args),
        Command::Replay(Lazy(args)) => replay::run(&session, &args),
        Command::Stats(Lazy(args)) => stats::run(&session, &args),
        Command::Doctor(Lazy(args)) => doctor::run(&session, &args),
        Command::Init(Lazy(args)) => init::run(&session, &args),
        Command::Schema(Lazy(args)) => schema::run(&session, &args),
        Command::Demo(Lazy(args)) => demo::run(&session, &args),
        Command::Explain(_) | Command::Completions(_) | Command::Man(_) => Ok(Exit::Clean),
    }
}
