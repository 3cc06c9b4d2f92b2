//! The rule texts of the project, and their comments.

use std::path::{Path, PathBuf};

use super::formatted;

/// The rule files below a folder, in the order of their names.
pub fn files(folder: &str) -> Vec<(PathBuf, String)> {
    fn collect(folder: &Path, out: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, out);
            } else if path.extension().is_some_and(|e| e == "inv") {
                // One of the examples of findings is about a file that is no UTF-8.
                if let Ok(text) = std::fs::read_to_string(&path) {
                    out.push((path, text));
                }
            }
        }
    }
    let mut out = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut out);
    out.sort();
    out
}

/// Every text that follows the grammar: the rules we ship, those of the documents and the tests.
pub fn all() -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = ["rules", "tests", "examples"]
        .iter()
        .flat_map(|folder| files(folder))
        .map(|(path, text)| (path.display().to_string(), text))
        .collect();
    for page in ["docs/language.md", "README.md"] {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
        for (at, block) in text.split("\n```inv").skip(1).enumerate() {
            let block = block.split("\n```").next().unwrap_or_default();
            let rules = block.split_once('\n').map_or("", |(_, rules)| rules);
            out.push((format!("{page}, block {}", at + 1), rules.to_owned()));
        }
    }
    out.retain(|(_, text)| formatted(text).is_ok());
    out
}

/// The comments of a text that follows the grammar, without blanks behind them. Doc comments count.
pub fn comments(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    for line in text.split(['\n', '\r']) {
        let bytes = line.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            match bytes[at] {
                mark @ b'"' => at = closing(bytes, at, mark),
                b'/' if bytes.get(at + 1) == Some(&b'/') => {
                    // The blank behind `///` is set one way.
                    let comment = line[at..].trim_end();
                    let is_doc = comment.starts_with("///") && !comment.starts_with("////");
                    out.push(if is_doc { comment[3..].trim_start() } else { comment });
                    break;
                }
                mark @ b'/' => at = closing(bytes, at, mark),
                _ => {}
            }
            at += 1;
        }
    }
    out
}

/// The index of the mark that closes a string or a regex on its line.
pub fn closing(bytes: &[u8], open: usize, mark: u8) -> usize {
    let mut at = open + 1;
    while at < bytes.len() && bytes[at] != mark {
        at = match bytes[at] {
            b'\\' => at + 2,
            b'[' if mark == b'/' => class_end(bytes, at).unwrap_or(at) + 1,
            _ => at + 1,
        };
    }
    at
}

/// The index of the bracket that closes a class; slashes in a class close nothing.
fn class_end(bytes: &[u8], open: usize) -> Option<usize> {
    let mut at = open + 1;
    at += usize::from(bytes.get(at) == Some(&b'^'));
    at += usize::from(bytes.get(at) == Some(&b']'));
    while let Some(byte) = bytes.get(at).filter(|byte| **byte != b'\n') {
        match byte {
            b']' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    None
}
