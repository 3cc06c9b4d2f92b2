//! A page taken apart. Pages have headings, paragraphs and fenced blocks, and nothing else.

use serde::Serialize;

/// A part of a page.
pub enum Part<'a> {
    /// The text of a heading below the title.
    Heading(&'a str),
    /// The words of a paragraph.
    Paragraph(Vec<&'a str>),
    /// What a fence encloses.
    Block(Block<'a>),
}

pub struct Block<'a> {
    language: &'a str,
    /// The name of a rule file that the next block imports.
    pub file: Option<&'a str>,
    pub lines: Vec<&'a str>,
}

/// A file of an example.
#[derive(Serialize)]
pub struct RuleFile<'a> {
    file: &'a str,
    text: String,
}

/// What the root file of an example is called.
pub const ROOT: &str = "rules.inv";

/// Everything below the title, in order.
pub fn parts(page: &str) -> Vec<Part<'_>> {
    let mut out: Vec<Part<'_>> = Vec::new();
    let mut lines = page.lines().skip(1);
    // Whether the line before this one belongs to a paragraph.
    let mut goes_on = false;
    while let Some(line) = lines.next() {
        let went_on = std::mem::take(&mut goes_on);
        if let Some(info) = line.strip_prefix("```") {
            let mut words = info.split_whitespace();
            let language = words.next().unwrap_or_default();
            let file = words.next().and_then(|word| word.strip_prefix("file="));
            let lines = lines.by_ref().take_while(|line| !line.starts_with("```")).collect();
            out.push(Part::Block(Block { language, file, lines }));
        } else if let Some(heading) = line.strip_prefix("## ") {
            out.push(Part::Heading(heading));
        } else if !line.is_empty() {
            goes_on = true;
            match out.last_mut() {
                Some(Part::Paragraph(words)) if went_on => words.extend(line.split_whitespace()),
                _ => out.push(Part::Paragraph(line.split_whitespace().collect())),
            }
        }
    }
    out
}

/// The files of the first example and those of the last, which is the mended one.
pub fn examples(page: &str) -> (Vec<RuleFile<'_>>, Vec<RuleFile<'_>>) {
    let (mut first, mut last) = (None, Vec::new());
    let mut files = Vec::new();
    for part in parts(page) {
        let Part::Block(Block { language: "inv", file, lines }) = part else { continue };
        let text = lines.join("\n") + "\n";
        files.push(RuleFile { file: file.unwrap_or(ROOT), text });
        if file.is_none() {
            let whole = std::mem::take(&mut files);
            match first {
                None => first = Some(whole),
                Some(_) => last = whole,
            }
        }
    }
    (first.unwrap_or_default(), last)
}
