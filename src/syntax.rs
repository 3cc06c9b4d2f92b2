//! Text to syntax tree. Parsing never fails: it returns the tree of what was good and the findings
//! about what was not.

pub mod ast;
mod before;
mod build;
pub mod format;
mod parser;
mod prescan;
mod way_out;

use crate::diagnostic::{Code, Diagnostic};
use crate::span::{FileId, Sources};

/// The newest version of the language this build knows.
pub const LANGUAGE: i64 = 1;

/// The largest file taken, in bytes.
pub const MAX_FILE_BYTES: usize = 64 * 1024 * 1024;

/// Parses one file. Items that do not follow the grammar are left out of the tree and reported.
pub fn parse(file: FileId, sources: &Sources) -> (ast::File, Vec<Diagnostic>) {
    let Read { tree, diagnostics, .. } = read(file, sources);
    (tree, diagnostics)
}

/// A parsed file with the concrete syntax that its tree was built from.
struct Read<'i> {
    nodes: Vec<parser::Node<'i>>,
    tree: ast::File,
    diagnostics: Vec<Diagnostic>,
}

fn read(file: FileId, sources: &Sources) -> Read<'_> {
    let text = &sources.get(file).text;
    let mut diagnostics = Vec::new();
    let nothing =
        |diagnostic| Read { nodes: Vec::new(), tree: ast::File::empty(file), diagnostics: vec![diagnostic] };
    if let Some(diagnostic) = prescan::refuse(file, text) {
        return nothing(diagnostic);
    }
    let parser::Parsed { items: nodes, lost } = parser::parse_file(file, text, &mut diagnostics);
    let mut tree = build::file(file, &nodes, &mut diagnostics);
    tree.lost = lost;
    // What else a newer file says may be fine in its own language: one clear error.
    if let Some(at) = diagnostics.iter().position(|d| d.code == Code::NewerLanguage) {
        return nothing(diagnostics.swap_remove(at));
    }
    Read { nodes, tree, diagnostics }
}
