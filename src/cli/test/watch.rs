//! `--watch`: the tests run again whenever a test or rule file changes.

use std::path::PathBuf;

use super::{TestArgs, find, print, report};
use crate::cli::error::{CommandError, Exit};
use crate::cli::file_watch::{self, Watched};
use crate::cli::lint::roots;
use crate::cli::session::Session;

/// Runs until Ctrl-C ends it.
pub fn run(session: &Session, args: &TestArgs) -> Result<Exit, CommandError> {
    file_watch::run(session, Testing { session, args, sources: Vec::new() })
}

struct Testing<'a> {
    session: &'a Session,
    args: &'a TestArgs,
    /// The rule files that the last run read.
    sources: Vec<PathBuf>,
}

impl Watched for Testing<'_> {
    fn files(&self) -> Vec<PathBuf> {
        let mut files = find::tests(self.session, &self.args.paths).unwrap_or_default();
        for folder in find::paths(self.session, &self.args.paths).iter().filter(|path| path.is_dir()) {
            files.extend(roots::files(folder).unwrap_or_default());
        }
        files.extend(self.sources.iter().cloned());
        files
    }

    fn run(&mut self, _: &[PathBuf]) -> Exit {
        let result = report::run(self.session, self.args).and_then(|found| {
            self.sources = found.sets.iter().flat_map(|set| &set.sources).map(PathBuf::from).collect();
            print(self.session, self.args, &found)
        });
        result.unwrap_or_else(|error| {
            error.print();
            error.exit
        })
    }
}
