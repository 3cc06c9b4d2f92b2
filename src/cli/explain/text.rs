//! A page as people read it.

use invalidate::diagnostic::Code;

use super::page::{Part, ROOT, parts};
use crate::cli::output;

/// Columns of a paragraph at most: longer lines are hard to read.
const MAX_WIDTH: usize = 100;
/// Below this many columns a terminal wraps by itself.
const MIN_WIDTH: usize = 40;

/// The page under the title that findings have; paragraphs are filled to the terminal's width.
pub fn text(code: Code, width: Option<usize>) -> String {
    let width = width.unwrap_or(MAX_WIDTH).clamp(MIN_WIDTH, MAX_WIDTH);
    let title = format!("{}[{}/{}]", code.severity().word(), code.number(), code.slug());
    let mut out = output::bold(&title) + "\n";
    // Whether the block before this one is a file that this one imports.
    let mut in_files = false;
    for part in parts(code.page()) {
        out.push('\n');
        match part {
            Part::Heading(heading) => out.push_str(&format!("{}\n", output::bold(heading))),
            Part::Paragraph(words) => fill(&words, width, &mut out),
            Part::Block(block) => {
                if in_files || block.file.is_some() {
                    out.push_str(&format!("    // {}\n", block.file.unwrap_or(ROOT)));
                }
                in_files = block.file.is_some();
                for line in block.lines {
                    out.push_str(format!("    {line}").trim_end());
                    out.push('\n');
                }
            }
        }
    }
    out
}

/// Adds a paragraph. A word longer than a line gets a line of its own.
fn fill(words: &[&str], width: usize, out: &mut String) {
    let text = unlinked(&words.join(" "));
    let mut column = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            out.push('\n');
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out.push('\n');
}

/// The text without the targets of its links: `[W201](never-true.md)` is `W201`.
fn unlinked(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, words, after)) = link(rest) {
        out.push_str(before);
        out.push_str(words);
        rest = after;
    }
    out + rest
}

/// The first link: what stands before it, its words, and what stands behind it.
fn link(text: &str) -> Option<(&str, &str, &str)> {
    let (before, target) = text.split_once("](")?;
    let (before, words) = before.rsplit_once('[')?;
    let (_, after) = target.split_once(')')?;
    Some((before, words, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_read_as_their_words() {
        assert_eq!(
            unlinked("As with [W201](never-true.md), [a] (b) and `x[1]`"),
            "As with W201, [a] (b) and `x[1]`"
        );
        assert_eq!(unlinked("[a](b) [c](d)"), "a c");
        assert_eq!(unlinked("an open ](end"), "an open ](end");
    }

    #[test]
    fn paragraphs_keep_to_the_width() {
        let mut out = String::new();
        fill(&["one", "two", "three", "incomprehensible", "a"], 9, &mut out);
        assert_eq!(out, "one two\nthree\nincomprehensible\na\n");
    }
}
