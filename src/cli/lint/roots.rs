//! The rule sets to check: what was named, and in a folder the files that no other file imports.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use invalidate::check::{Checked, Files, check, normalize};
use invalidate::span::Sources;
use invalidate::syntax::{self, MAX_FILE_BYTES, ast::ItemKind};

use crate::cli::error::CommandError;
use crate::cli::session::{RulesFrom, Session};

/// A root file and where it is read.
#[derive(Clone, Debug)]
pub struct Root {
    pub path: PathBuf,
    pub files: Files,
}

impl Root {
    pub fn check(&self) -> Checked {
        check(&self.path, &self.files)
    }
}

/// Every root that the paths name, or the configured rules. `-` is stdin, under the name that it is
/// to have.
pub fn all(session: &Session, paths: &[PathBuf], stdin: &Path) -> Result<Vec<Root>, CommandError> {
    let places = places(session, paths);
    if places.is_empty() {
        let (path, files) = Session::built_in();
        return Ok(vec![Root { path, files }]);
    }
    below(session, &places, stdin, &mut Imports::default())
}

/// The files and folders to look at: those that are named, else where the configured rules are. None
/// for the built-in rules.
pub fn places(session: &Session, paths: &[PathBuf]) -> Vec<PathBuf> {
    if !paths.is_empty() {
        return paths.to_vec();
    }
    let folder = Path::new("rules");
    let explicit = session.global.rules.is_some() || session.config.rules.is_some();
    match session.rules_from() {
        RulesFrom::BuiltIn => Vec::new(),
        RulesFrom::File(_) if !explicit && folder.is_dir() => vec![folder.to_path_buf()],
        RulesFrom::File(path) => vec![path],
    }
}

/// Every root that files and folders hold. `-` is stdin.
pub fn below(
    session: &Session,
    places: &[PathBuf],
    stdin: &Path,
    imports: &mut Imports,
) -> Result<Vec<Root>, CommandError> {
    let on_disk = |path: &Path| Root { path: from_here(session, path), files: Files::Disk };
    let mut out: Vec<Root> = Vec::new();
    for path in places {
        if path.as_os_str() == "-" {
            let mut bytes = Vec::new();
            std::io::stdin()
                .take(MAX_FILE_BYTES as u64 + 1)
                .read_to_end(&mut bytes)
                .map_err(|error| CommandError::usage(format!("cannot read stdin: {error}")))?;
            let path = invalidate::check::normalize(&from_here(session, stdin));
            out.push(Root { files: Files::Over([(path.clone(), bytes)].into()), path });
        } else if path.is_dir() {
            let roots = roots(path, imports)?;
            if roots.is_empty() {
                return Err(CommandError::usage(format!("`{}` holds no .inv file", path.display()))
                    .help("name the folder of the rules, or run `invalidate init` to get some"));
            }
            out.extend(roots.iter().map(|root| on_disk(root)));
        } else {
            out.push(on_disk(path));
        }
    }
    Ok(out)
}

/// A path from the working directory where it lies below.
pub fn from_here(session: &Session, path: &Path) -> PathBuf {
    path.strip_prefix(&session.here).unwrap_or(path).to_path_buf()
}

/// The root files below a folder, in the order of their names. Files that only import each other in
/// a circle count as roots too, so that the circle is reported.
fn roots(folder: &Path, imports: &mut Imports) -> Result<Vec<PathBuf>, CommandError> {
    let files = files(folder)?;
    let mut imported = BTreeSet::new();
    for file in &files {
        for target in imports.of(file) {
            let target = file.parent().unwrap_or(Path::new("")).join(target);
            // What does not exist is reported when the importing file is checked.
            if let Ok(target) = target.canonicalize() {
                imported.insert(target);
            }
        }
    }
    let is_root = |file: &&PathBuf| file.canonicalize().is_ok_and(|f| !imported.contains(&f));
    let roots: Vec<PathBuf> = files.iter().filter(is_root).cloned().collect();
    Ok(if roots.is_empty() { files.into_iter().collect() } else { roots })
}

/// Of files that are held in memory those that no other one imports, as [`all`] finds them on disk.
pub fn among(below: &[PathBuf], files: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<PathBuf> {
    let of = |file: &PathBuf| imported(file, files.get(file).map_or(&[][..], Vec::as_slice));
    let imported: BTreeSet<PathBuf> = below.iter().flat_map(of).collect();
    let roots: Vec<PathBuf> = below.iter().filter(|file| !imported.contains(*file)).cloned().collect();
    if roots.is_empty() { below.to_vec() } else { roots }
}

/// The files that one imports, from where it lies itself.
pub fn imported(file: &Path, text: &[u8]) -> Vec<PathBuf> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let targets = imports_of(file, String::from_utf8_lossy(text).into_owned());
    targets.into_iter().map(|target| normalize(&folder.join(target))).collect()
}

/// Every rule file below a folder, in the order of their names.
pub fn files(folder: &Path) -> Result<BTreeSet<PathBuf>, CommandError> {
    let mut files = BTreeSet::new();
    collect(folder, &mut files)?;
    Ok(files)
}

fn collect(folder: &Path, files: &mut BTreeSet<PathBuf>) -> Result<(), CommandError> {
    let unreadable = |error: std::io::Error| {
        CommandError::usage(format!("cannot read the folder `{}`: {error}", folder.display()))
    };
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        // Links to folders are not followed: they could lead in a circle.
        if entry.file_type().map_err(unreadable)?.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|e| e == "inv") {
            files.insert(path);
        }
    }
    Ok(())
}

/// What files import, read once each. Those that cannot be read import nothing; checking them says why.
#[derive(Debug, Default)]
pub struct Imports(BTreeMap<PathBuf, Vec<String>>);

impl Imports {
    fn of(&mut self, file: &Path) -> &[String] {
        self.0.entry(normalize(file)).or_insert_with(|| {
            std::fs::read_to_string(file).map_or_else(|_| Vec::new(), |text| imports_of(file, text))
        })
    }

    /// Says that a file may import something else now.
    pub fn changed(&mut self, file: &Path) {
        self.0.remove(&normalize(file));
    }
}

fn imports_of(file: &Path, text: String) -> Vec<String> {
    let mut sources = Sources::default();
    let id = sources.add(file.display().to_string(), text);
    let (tree, _) = syntax::parse(id, &sources);
    tree.items
        .into_iter()
        .filter_map(|item| match item.kind {
            ItemKind::Import(target) => Some(target.node),
            _ => None,
        })
        .collect()
}
