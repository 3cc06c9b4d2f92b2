//! A root file and everything it imports, read once each.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::errors::ErrorCount;
use super::workspace::{Known, Parsed};
use crate::diagnostic::{Code, Diagnostic};
use crate::span::{Sources, Span};
use crate::syntax::ast::{File, ItemKind};
use crate::syntax::{self, MAX_FILE_BYTES};

/// Imports inside one another at most.
const MAX_IMPORT_DEPTH: usize = 64;

/// Where rule files come from.
#[derive(Clone, Debug)]
pub enum Files {
    Disk,
    /// Texts by their path; used for rules that are built in or made by a test.
    Memory(BTreeMap<PathBuf, Vec<u8>>),
    /// Texts that stand in front of the disk: what is piped in, or not yet written.
    Over(BTreeMap<PathBuf, Vec<u8>>),
}

impl Files {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match self {
            Self::Over(files) if files.contains_key(path) => {
                let bytes = files[path].clone();
                if bytes.len() > MAX_FILE_BYTES { Err(too_large()) } else { Ok(bytes) }
            }
            Self::Disk | Self::Over(_) => {
                let mut bytes = Vec::new();
                // What is no regular file may have no length and no end.
                std::fs::File::open(path)?.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
                if bytes.len() > MAX_FILE_BYTES {
                    return Err(too_large());
                }
                Ok(bytes)
            }
            Self::Memory(files) => files.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into()),
        }
    }

    /// Puts a text in front of a file, or takes it away.
    pub(super) fn put_over(&mut self, path: PathBuf, text: Option<Vec<u8>>) {
        if let Self::Disk = self {
            *self = Self::Over(BTreeMap::new());
        }
        let (Self::Memory(files) | Self::Over(files)) = self else { return };
        match text {
            Some(text) => files.insert(path, text),
            None => files.remove(&path),
        };
    }

    /// The text of a rule file as it stands, or why there is none. `import`: where it is asked for.
    pub fn text(&self, path: &Path, import: Option<Span>) -> Result<String, Box<Diagnostic>> {
        let (code, why, help) = match self.read(path) {
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => return Ok(text),
                Err(error) => {
                    let at = error.utf8_error().valid_up_to();
                    let line = error.as_bytes()[..at].iter().filter(|b| **b == b'\n').count() + 1;
                    let why = format!("is not UTF-8: byte {at}, in line {line}");
                    (Code::UnreadableFile, why, "save the file as UTF-8")
                }
            },
            Err(error) => {
                let why = describe(&error);
                match error.kind() {
                    io::ErrorKind::FileTooLarge => (
                        Code::TooLarge,
                        why,
                        "split it into files and `import` them; is it a rule file at all?",
                    ),
                    io::ErrorKind::NotFound if import.is_some() => {
                        (Code::UnreadableFile, why, "imports are relative to the file they stand in")
                    }
                    io::ErrorKind::NotFound => {
                        (Code::UnreadableFile, why, "`invalidate init` writes a first rule file")
                    }
                    _ => (Code::UnreadableFile, why, "check the path and its permissions"),
                }
            }
        };
        let message = format!("`{}` {why}", path.display());
        let finding = match import {
            Some(span) => Diagnostic::at(code, span, message, "imported here"),
            None => Diagnostic::nowhere(code, message),
        };
        Err(Box::new(finding.help(help)))
    }
}

fn too_large() -> io::Error {
    let most = MAX_FILE_BYTES / (1024 * 1024);
    io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than the {most} MiB that are taken"))
}

/// The files of a rule set, the root first, in the order of their first import.
pub struct Loaded {
    pub sources: Sources,
    pub files: Vec<Arc<File>>,
    pub findings: Vec<Diagnostic>,
}

/// Reads and parses a root file and its imports, besides what is known already.
pub fn load(root: &Path, files: &Files, known: &mut Known) -> Loaded {
    let mut loader = Loader {
        files,
        known,
        loaded: Loaded { sources: Sources::default(), files: Vec::new(), findings: Vec::new() },
        done: FxHashSet::default(),
        chain: Vec::new(),
        errors: ErrorCount::default(),
    };
    loader.file(normalize(root), None);
    loader.loaded
}

struct Loader<'a> {
    files: &'a Files,
    known: &'a mut Known,
    loaded: Loaded,
    done: FxHashSet<PathBuf>,
    /// The files whose imports are being read, the root first.
    chain: Vec<PathBuf>,
    errors: ErrorCount,
}

impl Loader<'_> {
    fn file(&mut self, path: PathBuf, import: Option<Span>) {
        if self.chain.contains(&path) {
            self.report_cycle(&path, import);
            return;
        }
        if self.errors.is_exceeded(&self.loaded.findings) || !self.done.insert(path.clone()) {
            return;
        }
        let Some(file) = self.parsed(&path, import) else { return };
        let imports: Vec<(String, Span)> = file
            .items
            .iter()
            .filter_map(|item| match &item.kind {
                ItemKind::Import(target) => Some((target.node.clone(), target.span)),
                _ => None,
            })
            .collect();
        self.loaded.files.push(file);
        if imports.is_empty() {
            return;
        }
        if self.chain.len() >= MAX_IMPORT_DEPTH {
            let (_, span) = &imports[0];
            let message = format!("imports are nested more than {MAX_IMPORT_DEPTH} files deep");
            self.loaded.findings.push(Diagnostic::at(Code::TooDeep, *span, message, "not followed"));
            return;
        }
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        self.chain.push(path);
        for (target, span) in imports {
            self.file(normalize(&folder.join(target)), Some(span));
        }
        self.chain.pop();
    }

    /// The tree of a file, whose text and findings are taken in.
    fn parsed(&mut self, path: &Path, import: Option<Span>) -> Option<Arc<File>> {
        let text = match self.known.files.get(path) {
            Some(known) => known.text.clone(),
            None => self.text(path, import)?.into(),
        };
        let sources = &mut self.loaded.sources;
        let id = sources.add(slashed(path), text.clone());
        // Places in a tree name its file: where that has another number now, it is made anew.
        if let Some(known) = self.known.files.get(path).filter(|known| known.id == id) {
            self.loaded.findings.extend_from_slice(&known.findings);
            return Some(known.file.clone());
        }
        self.known.work.parsed.push(path.to_owned());
        let (file, findings) = syntax::parse(id, sources);
        let file = Arc::new(file);
        self.loaded.findings.extend_from_slice(&findings);
        self.known.files.insert(path.to_owned(), Parsed { text, id, file: file.clone(), findings });
        Some(file)
    }

    fn text(&mut self, path: &Path, import: Option<Span>) -> Option<String> {
        self.known.work.read.push(path.to_owned());
        match self.files.text(path, import) {
            Ok(text) => Some(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)),
            Err(finding) => {
                self.loaded.findings.push(*finding);
                None
            }
        }
    }

    fn report_cycle(&mut self, path: &Path, import: Option<Span>) {
        let Some(span) = import else { return };
        let from = self.chain.iter().position(|p| p == path).unwrap_or(0);
        let chain: Vec<String> = self.chain[from..]
            .iter()
            .map(PathBuf::as_path)
            .chain([path])
            .map(|p| format!("`{}`", p.display()))
            .collect();
        let message = format!("imports form a circle: {}", chain.join(" imports "));
        self.loaded.findings.push(
            Diagnostic::at(Code::ImportCycle, span, message, "this closes the circle")
                .help("move what both files need into a third one"),
        );
    }
}

fn describe(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "does not exist".to_owned(),
        io::ErrorKind::PermissionDenied => "may not be read: permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "is a folder, not a file".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}

/// A path with `/` between its parts, as names of files are reported everywhere.
pub fn slashed(path: &Path) -> String {
    let text = path.to_string_lossy();
    if std::path::MAIN_SEPARATOR == '/' { text.into_owned() } else { text.replace('\\', "/") }
}

/// Resolves `.` and `..` by the text alone, so that one file has one name.
pub fn normalize(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    if out.as_os_str().is_empty() { PathBuf::from(".") } else { out }
}
