//! Rule files in their canonical form: the same meaning and comments, set one way.
//!
//! | stage | file | gives |
//! |---|---|---|
//! | arrange | `tree.rs`, `gap.rs` | clauses in their order, each with its comments |
//! | lay out | `layout.rs`, `doc.rs` | lines of at most 100 columns, where they can be broken |
//! | write | `text.rs` | text |
//! | prove | `meaning.rs`, `outline.rs` | that the text still says what it said |

mod doc;
mod gap;
mod layout;
mod meaning;
mod outline;
mod text;
mod tree;

use super::Read;
use crate::diagnostic::{Code, Diagnostic};
use crate::span::{FileId, Sources};

/// Why a file is left as it is.
#[derive(Debug)]
pub enum FormatError {
    /// It does not follow the grammar.
    Refused(Vec<Diagnostic>),
    /// What would be written is not what was read: a mistake of the formatter.
    Unproven,
}

/// The canonical form of a file. Findings that leave every token in its place, such as a clause
/// given twice, are no obstacle.
pub fn format(file: FileId, sources: &Sources) -> Result<String, FormatError> {
    let text = &sources.get(file).text;
    let before = read(file, sources)?;
    let page = tree::Page::of(&before.nodes, text);
    let out = text::join(&doc::set(&layout::page(&page)), text::line_end(text));

    let mut again = Sources::default();
    let file = again.add(sources.get(file).name.as_str(), out.as_str());
    let after = read(file, &again).map_err(|_| FormatError::Unproven)?;
    let outline_before = outline::outline(&page);
    let outline_after = outline::outline(&tree::Page::of(&after.nodes, &again.get(file).text));
    let is_proven = outline_before.is_some()
        && outline_before == outline_after
        && meaning::meaning(&before.tree) == meaning::meaning(&after.tree);
    if is_proven { Ok(out) } else { Err(FormatError::Unproven) }
}

/// A file that follows the grammar.
fn read(file: FileId, sources: &Sources) -> Result<Read<'_>, FormatError> {
    let mut read = super::parse_whole(file, sources);
    let is_harmless = |finding: &Diagnostic| {
        !finding.is_error()
            || matches!(finding.code, Code::DuplicateName | Code::BadLiteral | Code::BadTemplate)
    };
    if read.diagnostics.iter().all(is_harmless) {
        return Ok(read);
    }
    read.diagnostics.retain(Diagnostic::is_error);
    Err(FormatError::Refused(read.diagnostics))
}
