//! Set lines to text: comments behind code in one column, line ends as the file had them.

use super::doc::Line;

/// Blanks before a comment behind code, at least.
const BEFORE_NOTE: usize = 2;

/// Lines in a row share a column for their comments unless their lengths differ by more than this.
const MOST_PADDING: usize = 40;

/// The line end that most lines of a text have.
pub fn line_end(text: &str) -> &'static str {
    let both = text.matches("\r\n").count();
    if both * 2 > text.matches('\n').count() { "\r\n" } else { "\n" }
}

/// The text of lines, each with a line end. A file of nothing stays one.
pub fn join(lines: &[Line<'_>], line_end: &str) -> String {
    let mut out = String::new();
    if let [Line { code, note: None }] = lines
        && code.is_empty()
    {
        return out;
    }
    let mut rest = lines;
    while let [first, ..] = rest {
        let run = if first.note.is_some() { run(rest) } else { 1 };
        let (block, after) = rest.split_at(run);
        let column = block.iter().map(length).max().unwrap_or(0) + BEFORE_NOTE;
        for line in block {
            out.push_str(line.code.trim_end_matches(' '));
            if let Some(note) = line.note {
                out.extend(std::iter::repeat_n(' ', column - length(line)));
                out.push_str(note);
            }
            out.push_str(line_end);
        }
        rest = after;
    }
    out
}

/// How many of the first lines share a column.
fn run(lines: &[Line<'_>]) -> usize {
    let (mut least, mut most) = (usize::MAX, 0);
    let fits = |line: &&Line<'_>| {
        let length = length(line);
        (least, most) = (least.min(length), most.max(length));
        line.note.is_some() && most - least <= MOST_PADDING
    };
    lines.iter().take_while(fits).count().max(1)
}

fn length(line: &Line<'_>) -> usize {
    line.code.trim_end_matches(' ').chars().count()
}
