//! `invalidate init`: a first rule file and a commented configuration, never over what is there.

mod from;
mod sources;

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;

use super::config::FILE;
use super::error::{CommandError, Exit};
use super::output;
use super::schema::SchemaNames;
use super::session::{DEFAULT_RULES, DEFAULT_TESTS, Session};

/// The configuration with every key and its default.
const CONFIG: &str = include_str!("init/invalidate.yaml");

#[derive(Debug, Args)]
pub struct InitArgs {
    /// Where to write them
    #[arg(default_value = ".")]
    folder: PathBuf,

    /// Draft the rules from the tables of a database: postgres://USER@HOST:PORT/DATABASE, or a file that
    /// `invalidate schema` wrote
    #[arg(long, value_name = "SOURCE")]
    from: Option<String>,

    #[command(flatten)]
    names: SchemaNames,

    /// With --from: print the rules instead of writing them
    #[arg(long, requires = "from")]
    stdout: bool,
}

pub fn run(session: &Session, args: &InitArgs) -> Result<Exit, CommandError> {
    match &args.from {
        Some(source) => return from::run(session, args, source),
        None if !args.names.names.is_empty() => {
            return Err(CommandError::usage("`--schema-name` says which tables `--from` looks at")
                .help("add `--from postgres://USER@HOST:PORT/DATABASE`"));
        }
        None => {}
    }
    let tests = ("rules/default_test.yaml", DEFAULT_TESTS);
    let files = [("rules/default.inv", DEFAULT_RULES), tests, (FILE, CONFIG)];
    let mut written = 0;
    for (name, text) in files {
        let path = args.folder.join(name);
        if write_new(&path, text)? {
            written += 1;
            output::data(&format!("wrote {}\n", path.display()))?;
        } else {
            output::data(&format!("kept  {}, which was there already\n", path.display()))?;
        }
    }
    if written > 0 {
        session.note("next: adapt rules/default.inv, then `invalidate lint` and `invalidate write user 123 update --dry-run`");
    }
    Ok(Exit::Clean)
}

/// Whether the file was written: one that exists is left alone.
fn write_new(path: &Path, text: &str) -> Result<bool, CommandError> {
    let failed =
        |error: std::io::Error| CommandError::usage(format!("cannot write `{}`: {error}", path.display()));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => {
            file.write_all(text.as_bytes()).map_err(failed)?;
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed(error)),
    }
}
