//! The rules in force, which may be read anew while requests go on.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use crate::check::{Checked, Files, check};
use crate::diagnostic::{Code, Diagnostic, visible};
use crate::plan::Program;

/// Where rules are read.
pub struct Source {
    pub root: PathBuf,
    pub files: Files,
}

/// What was read, ready for planning.
pub struct Loaded {
    pub program: Arc<Program>,
    /// The files that were read, with what tells that one has changed since.
    files: Vec<(PathBuf, Stamp)>,
    /// How often the rules have been read with success, this time included.
    pub generation: u64,
    pub at: SystemTime,
}

/// Time of the last change and length; `None` for a file that cannot be looked at.
type Stamp = Option<(SystemTime, u64)>;

/// How files look, as far as tells that one has changed.
#[derive(Clone, PartialEq, Eq)]
pub struct Look(Vec<(PathBuf, Stamp)>);

/// Errors that kept the rules of before in force.
#[derive(Clone, Default)]
pub struct Failure {
    /// A line each, with its place.
    pub errors: Vec<String>,
    is_missing_a_file: bool,
    files: Vec<(PathBuf, Stamp)>,
}

/// The rules in force.
pub struct Rules {
    source: Source,
    loaded: RwLock<Arc<Loaded>>,
    failure: RwLock<Option<Arc<Failure>>>,
}

impl Rules {
    /// Reads the rules.
    ///
    /// # Errors
    /// The findings, where there is an error among them.
    pub fn load(source: Source) -> Result<Self, Box<Checked>> {
        let began = SystemTime::now();
        let checked = check(&source.root, &source.files);
        let files = stamps(&checked, &source, began);
        match take(checked) {
            Err(checked) => Err(checked),
            Ok(program) => {
                let loaded = Loaded { program, files, generation: 1, at: SystemTime::now() };
                let loaded = RwLock::new(Arc::new(loaded));
                Ok(Self { source, loaded, failure: RwLock::new(None) })
            }
        }
    }

    /// The rules in force now. A request asks once, and keeps to what it got.
    pub fn now(&self) -> Arc<Loaded> {
        // A lock is held for an assignment alone, which cannot leave anything half done.
        self.loaded.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why the rules that were read last are not in force.
    pub fn failure(&self) -> Option<Arc<Failure>> {
        self.failure.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How the files look now, where one has changed since it was read last, with success or without.
    pub fn changed(&self) -> Option<Look> {
        let look = |files: &[(PathBuf, Stamp)]| {
            let now: Vec<_> = files.iter().map(|(path, _)| (path.clone(), stamp(path))).collect();
            (now != files, Look(now))
        };
        let (is_other, look, is_missing_a_file) = match self.failure() {
            Some(failure) => {
                let (is_other, now) = look(&failure.files);
                // A file that is missing has no stamp.
                (is_other, now, failure.is_missing_a_file)
            }
            None => {
                let (is_other, now) = look(&self.now().files);
                (is_other, now, false)
            }
        };
        (is_other || is_missing_a_file).then_some(look)
    }

    /// Reads the rules anew, unless a file has come to look otherwise meanwhile: whoever writes it may be
    /// in the middle of it, and half a file can be rules without an error.
    pub fn reload_as(&self, look: &Look) -> Option<Result<Arc<Loaded>, Arc<Failure>>> {
        let (checked, files) = self.read();
        let is_steady = look.0.iter().all(|(path, was)| stamp(path) == *was);
        is_steady.then(|| self.settle(checked, files))
    }

    /// Reads the rules anew. Where they have errors, those of before stay in force.
    ///
    /// # Errors
    /// The errors, a line each.
    pub fn reload(&self) -> Result<Arc<Loaded>, Arc<Failure>> {
        let (checked, files) = self.read();
        self.settle(checked, files)
    }

    fn read(&self) -> (Checked, Vec<(PathBuf, Stamp)>) {
        let began = SystemTime::now();
        let checked = check(&self.source.root, &self.source.files);
        let files = stamps(&checked, &self.source, began);
        (checked, files)
    }

    /// Puts what was read in force, or keeps its errors.
    fn settle(&self, checked: Checked, files: Vec<(PathBuf, Stamp)>) -> Result<Arc<Loaded>, Arc<Failure>> {
        match take(checked) {
            Ok(program) => {
                let generation = self.now().generation + 1;
                let loaded = Arc::new(Loaded { program, files, generation, at: SystemTime::now() });
                *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = loaded.clone();
                *self.failure.write().unwrap_or_else(PoisonError::into_inner) = None;
                Ok(loaded)
            }
            Err(checked) => {
                let errors = checked.findings.iter().filter(|finding| finding.is_error());
                let line = |finding: &Diagnostic| {
                    let place = finding.primary.as_ref().map(|label| {
                        let source = checked.sources.get(label.span.file);
                        let position = source.position(label.span.start);
                        format!("{}:{}:{}: ", source.name, position.line, position.column)
                    });
                    visible(&format!("{}{}", place.unwrap_or_default(), finding.message)).into_owned()
                };
                let is_missing_a_file =
                    checked.findings.iter().any(|finding| finding.code == Code::UnreadableFile);
                let errors = errors.map(line).collect();
                let failure = Arc::new(Failure { errors, is_missing_a_file, files });
                *self.failure.write().unwrap_or_else(PoisonError::into_inner) = Some(failure.clone());
                Err(failure)
            }
        }
    }
}

fn take(mut checked: Checked) -> Result<Arc<Program>, Box<Checked>> {
    checked.rules.take().map(|rules| Arc::new(Program::new(rules))).ok_or_else(|| Box::new(checked))
}

/// The root, and every file that it led to.
fn stamps(checked: &Checked, source: &Source, began: SystemTime) -> Vec<(PathBuf, Stamp)> {
    if !matches!(source.files, Files::Disk) {
        return Vec::new();
    }
    let read = checked.sources.iter().map(|(_, file)| PathBuf::from(&file.name));
    let mut paths: Vec<PathBuf> = read.chain([source.root.clone()]).collect();
    paths.sort();
    paths.dedup();
    // What changed while it was read may have been read as it was before: no stamp fits, so that it
    // is read once more.
    let steady = |stamp: &(SystemTime, u64)| stamp.0 + GRAIN < began;
    let stamp_of = |path: PathBuf| {
        let stamp = stamp(&path);
        let fits = stamp.as_ref().is_none_or(steady);
        (path, if fits { stamp } else { Some((SystemTime::UNIX_EPOCH, 0)) })
    };
    paths.into_iter().map(stamp_of).collect()
}

/// How far the times of a file system may lag behind the clock.
const GRAIN: Duration = Duration::from_millis(10);

fn stamp(path: &Path) -> Stamp {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}
