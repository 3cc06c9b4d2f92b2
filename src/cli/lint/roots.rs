//! The rule sets in a folder: files that no other file imports.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use invalidate::span::Sources;
use invalidate::syntax::{self, ast::ItemKind};

use crate::cli::error::CommandError;

/// The root files below a folder, in the order of their names. Files that only import each other in
/// a circle count as roots too, so that the circle is reported.
pub fn roots(folder: &Path) -> Result<Vec<PathBuf>, CommandError> {
    let files = files(folder)?;
    let mut imported = BTreeSet::new();
    for file in &files {
        for target in imports(file) {
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

/// What a file imports. Files that cannot be read import nothing; checking them says why.
fn imports(file: &Path) -> Vec<String> {
    let Ok(text) = std::fs::read_to_string(file) else { return Vec::new() };
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
