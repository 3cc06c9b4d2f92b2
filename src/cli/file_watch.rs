//! `--watch`: a command that runs again whenever a file of its changes.
//!
//! The files are read four times a second and compared by a hash of what they hold: they are few, and a
//! look at their content works on every file system, where times of changes and notices of the kernel do
//! not.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_128;

use super::error::{CommandError, Exit};
use super::output;
use super::runtime::{runtime, stop_signal};
use super::session::Session;

const PAUSE: Duration = Duration::from_millis(250);

/// A command to run over and over.
pub trait Watched {
    /// The files that the next run would look at, as far as is known before it.
    fn files(&self) -> Vec<PathBuf>;

    /// One run, after these files have changed: none at first. It prints its own errors.
    fn run(&mut self, changed: &[PathBuf]) -> Exit;
}

/// What files hold; nothing for those that cannot be read.
type Contents = BTreeMap<PathBuf, Option<u128>>;

/// Runs a command now and after each change of its files, until Ctrl-C ends it with the exit code of the
/// last run, or the reader of what it prints has gone.
pub fn run(session: &Session, mut watched: impl Watched) -> Result<Exit, CommandError> {
    // Runs stand outside of it: they may wait for something themselves.
    let runtime = runtime()?;
    let mut interrupted = {
        let _inside = runtime.enter();
        Box::pin(stop_signal()?)
    };
    // What is written during a run is seen by the next look.
    let mut before = look(&watched.files(), Contents::new());
    let mut changed = Vec::new();
    loop {
        let exit = watched.run(&changed);
        if output::is_gone() {
            return Ok(exit);
        }
        // What the run found to be part of it is looked at from here on.
        before = look(&watched.files(), before);
        session.note("watching; Ctrl-C ends it");
        changed = loop {
            let pause = async {
                tokio::select! {
                    () = &mut interrupted => true,
                    () = tokio::time::sleep(PAUSE) => false,
                }
            };
            if runtime.block_on(pause) {
                return Ok(exit);
            }
            let now = look(&watched.files(), Contents::new());
            let changed = differences(&before, &now);
            if !changed.is_empty() {
                before = now;
                break changed;
            }
        };
    }
}

/// What files hold now, besides what is known of them.
fn look(files: &[PathBuf], mut known: Contents) -> Contents {
    for file in files {
        if !known.contains_key(file) {
            known.insert(file.clone(), std::fs::read(file).ok().map(|bytes| xxh3_128(&bytes)));
        }
    }
    known
}

/// The files that hold something else, that have come or gone.
fn differences(before: &Contents, now: &Contents) -> Vec<PathBuf> {
    let held = |contents: &Contents, file: &PathBuf| contents.get(file).copied().flatten();
    let files = before.keys().chain(now.keys().filter(|file| !before.contains_key(*file)));
    files.filter(|file| held(before, file) != held(now, file)).cloned().collect()
}
