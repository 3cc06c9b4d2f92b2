//! The fenced blocks of a Markdown page.
#![allow(dead_code)]

/// A fenced block.
pub struct Block<'a> {
    /// The line of the fence, from 1.
    pub line: usize,
    /// The words behind the fence.
    pub info: Vec<&'a str>,
    pub lines: Vec<&'a str>,
}

/// The fenced blocks, in order. A fence that is not closed is a mistake of the page.
pub fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut out: Vec<Block<'_>> = Vec::new();
    let mut open: Option<Block<'_>> = None;
    for (index, line) in text.lines().enumerate() {
        match (line.strip_prefix("```"), open.as_mut()) {
            (Some(info), None) => {
                let info = info.split_whitespace().collect();
                open = Some(Block { line: index + 1, info, lines: Vec::new() });
            }
            (Some(_), Some(_)) => out.extend(open.take()),
            (None, Some(block)) => block.lines.push(line),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fence is not closed");
    out
}
