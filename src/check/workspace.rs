//! A rule set that is checked over and over while somebody edits it: only what has changed is read and
//! parsed again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::load::{Files, normalize};
use super::{Checked, check_loaded, load};
use crate::diagnostic::Diagnostic;
use crate::span::FileId;
use crate::syntax::ast::File;

/// A root file with its imports, for an editor.
///
/// Its findings are those of [`super::check`], at any time. A file is read when it is first met, and then
/// only after [`Workspace::changed`]; what could not be read is tried again by each check.
///
/// ```
/// use invalidate::check::{Files, Workspace};
/// use std::path::Path;
///
/// let root = Path::new("rules.inv");
/// let mut workspace = Workspace::new(root, Files::Disk);
/// workspace.edit(root, Some("entity user { key profile }  rule user_data { on usr }"));
/// let (checked, _) = workspace.check();
/// assert_eq!(checked.findings[0].message, "unknown entity `usr`");
/// workspace.edit(root, Some("entity user { key profile }  rule user_data { on user }"));
/// let (checked, work) = workspace.check();
/// assert!(checked.rules.is_some());
/// assert_eq!(work.parsed, [root]);
/// ```
#[derive(Debug)]
pub struct Workspace {
    root: PathBuf,
    files: Files,
    known: Known,
}

/// What a check had to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// The files that were read, or tried to be.
    pub read: Vec<PathBuf>,
    /// The files that were parsed: those that were read, and those whose place among the files is another
    /// one now.
    pub parsed: Vec<PathBuf>,
}

impl Workspace {
    /// Reads nothing yet.
    pub fn new(root: &Path, files: Files) -> Self {
        Self { root: root.to_owned(), files, known: Known::default() }
    }

    /// Says that a file may hold something else now.
    pub fn changed(&mut self, path: &Path) {
        self.known.files.remove(&normalize(path));
    }

    /// Puts a text in front of what the disk has, as an editor does that has not saved it; `None` takes it
    /// away again.
    pub fn edit(&mut self, path: &Path, text: Option<&str>) {
        self.files.put_over(normalize(path), text.map(|text| text.as_bytes().to_vec()));
        self.changed(path);
    }

    /// Checks the rule set as it stands, and says what that took.
    pub fn check(&mut self) -> (Checked, Work) {
        self.known.work = Work::default();
        let loaded = load::load(&self.root, &self.files, &mut self.known);
        // What is imported no more is forgotten.
        let names: Vec<&str> = loaded.sources.iter().map(|(_, source)| source.name.as_str()).collect();
        self.known.files.retain(|path, _| names.contains(&load::slashed(path).as_str()));
        (check_loaded(&self.root, loaded), std::mem::take(&mut self.known.work))
    }
}

/// The files that were read so far.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub files: FxHashMap<PathBuf, Parsed>,
    pub work: Work,
}

/// A file as it was read, and its tree for one place among the files.
#[derive(Clone, Debug)]
pub(super) struct Parsed {
    pub text: Arc<str>,
    pub id: FileId,
    pub file: Arc<File>,
    pub findings: Vec<Diagnostic>,
}
