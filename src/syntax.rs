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
    read(file, sources, |_| {})
}

/// A parsed file with the concrete syntax that its tree was built from.
struct Read<'i> {
    nodes: Vec<parser::Node<'i>>,
    tree: ast::File,
    diagnostics: Vec<Diagnostic>,
}

/// Parses one file, and keeps its concrete syntax.
fn parse_whole(file: FileId, sources: &Sources) -> Read<'_> {
    let mut nodes = Vec::new();
    let (tree, diagnostics) = read(file, sources, |node| nodes.push(node.clone()));
    Read { nodes, tree, diagnostics }
}

/// Shows each node to `keep`, and lets go of it.
fn read<'i>(
    file: FileId,
    sources: &'i Sources,
    mut keep: impl FnMut(&parser::Node<'i>),
) -> (ast::File, Vec<Diagnostic>) {
    let text = &sources.get(file).text;
    let nothing = |diagnostic| (ast::File::empty(file), vec![diagnostic]);
    if let Some(diagnostic) = prescan::refuse(file, text) {
        return nothing(diagnostic);
    }
    let mut items = parser::Items::of(file, text);
    let mut found = Vec::new();
    let mut tree = build::file(file, items.by_ref().inspect(|node| keep(node)), &mut found);
    let mut diagnostics = items.diagnostics;
    diagnostics.append(&mut found);
    tree.lost = items.lost;
    // What else a newer file says may be fine in its own language: one clear error.
    if let Some(at) = diagnostics.iter().position(|d| d.code == Code::NewerLanguage) {
        return nothing(diagnostics.swap_remove(at));
    }
    (tree, diagnostics)
}
