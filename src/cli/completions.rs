//! `invalidate completions` and `invalidate man`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::args::Cli;
use super::error::{CommandError, Exit};
use super::output;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  invalidate completions bash > /etc/bash_completion.d/invalidate")]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  invalidate man | man -l -\n  invalidate man write > invalidate-write.1")]
pub struct ManArgs {
    /// A command [default: the program itself]
    command: Option<String>,
}

pub fn run(args: &CompletionsArgs) -> Result<Exit, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "invalidate", &mut script);
    output::raw(&script)?;
    Ok(Exit::Clean)
}

pub fn man(args: &ManArgs) -> Result<Exit, CommandError> {
    let mut root = Cli::command();
    root.build();
    let command = match &args.command {
        None => root,
        Some(name) => root.find_subcommand(name).cloned().ok_or_else(|| {
            CommandError::usage(format!("there is no command `{name}`"))
                .help("`invalidate --help` lists them")
        })?,
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    output::raw(&page)?;
    Ok(Exit::Clean)
}
