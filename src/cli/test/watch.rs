//! `--watch`: the tests run again whenever a file of theirs changes.
//!
//! The files are read four times a second and compared: they are few, and a look at their content
//! works on every file system, where times of changes and notices of the kernel do not.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::{TestArgs, find, print, report};
use crate::cli::error::{CommandError, Exit};
use crate::cli::lint::roots;
use crate::cli::session::Session;

const PAUSE: Duration = Duration::from_millis(250);

/// Runs until Ctrl-C ends the process.
pub fn run(session: &Session, args: &TestArgs) -> Result<Exit, CommandError> {
    let mut sources: Vec<PathBuf> = Vec::new();
    loop {
        // What is written while the tests run is seen by the next look.
        let before = look(session, args, &sources);
        match report::run(session, args) {
            Ok(found) => {
                sources = found.sets.iter().flat_map(|set| &set.sources).map(PathBuf::from).collect();
                if let Err(error) = print(session, args, &found) {
                    error.print();
                }
            }
            Err(error) => error.print(),
        }
        // What the first run found to be part of it is looked at from here on.
        let before = if before.len() < sources.len() { look(session, args, &sources) } else { before };
        session.note("watching; Ctrl-C ends it");
        loop {
            std::thread::sleep(PAUSE);
            if look(session, args, &sources) != before {
                break;
            }
        }
    }
}

/// The test files and rule files with what they hold.
fn look(session: &Session, args: &TestArgs, sources: &[PathBuf]) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut files: Vec<PathBuf> = find::tests(session, &args.paths).unwrap_or_default();
    for folder in find::paths(session, &args.paths).iter().filter(|path| path.is_dir()) {
        files.extend(roots::files(folder).unwrap_or_default());
    }
    files.extend(sources.iter().cloned());
    files.into_iter().map(|path| (path.clone(), std::fs::read(path).ok())).collect()
}
