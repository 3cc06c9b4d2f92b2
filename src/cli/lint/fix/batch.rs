//! Fixes that are applied together: none overlaps another.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use invalidate::check::normalize;
use invalidate::diagnostic::{Code, Diagnostic, Fix};
use invalidate::span::Sources;

use super::Texts;

/// A fix on its way, in terms that outlive the check it came from.
pub struct Planned {
    pub edits: Vec<Planted>,
    pub is_safe: bool,
    /// The error that it mends; `None` for a lint.
    pub error: Option<(Code, String, String)>,
    pub blame: Blame,
}

/// A piece of a file, in bytes, and what stands there instead.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Planted {
    pub file: PathBuf,
    pub start: usize,
    pub end: usize,
    pub text: String,
}

/// What a fix that was given up is known by, after lines have moved.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Blame {
    code: Code,
    file: String,
    message: String,
    title: String,
}

impl Planned {
    pub fn of(finding: &Diagnostic, fix: &Fix, sources: &Sources) -> Self {
        let planted = |edit: &invalidate::diagnostic::Edit| {
            let source = sources.get(edit.span.file);
            let range = edit.span.range();
            // Lines end as they do in the file.
            let text = match source.text.contains("\r\n") && !edit.text.contains('\r') {
                true => edit.text.replace('\n', "\r\n"),
                false => edit.text.clone(),
            };
            Planted { file: normalize(Path::new(&source.name)), start: range.start, end: range.end, text }
        };
        let (code, file, message) = error_key(finding, sources);
        Self {
            edits: fix.edits.iter().map(planted).collect(),
            is_safe: fix.is_safe(),
            error: finding.is_error().then(|| (code, file.clone(), message.clone())),
            blame: Blame { code, file, message, title: fix.title.clone() },
        }
    }
}

/// A finding without its place in the file.
pub fn error_key(finding: &Diagnostic, sources: &Sources) -> (Code, String, String) {
    let file = finding.primary.as_ref().map(|label| sources.get(label.span.file).name.clone());
    (finding.code, file.unwrap_or_default(), finding.message.clone())
}

/// The fixes by their places; of those that overlap, the first. The same fix, found under two
/// roots, is one.
pub fn without_overlap(mut fixes: Vec<Planned>) -> Vec<Planned> {
    fixes.retain(|fix| !fix.edits.is_empty());
    fixes.sort_by(|a, b| a.edits.cmp(&b.edits));
    fixes.dedup_by(|a, b| a.edits == b.edits);
    // Where the taken edits of each file start, and end.
    let mut taken: BTreeMap<PathBuf, BTreeMap<usize, usize>> = BTreeMap::new();
    fixes.retain(|fix| {
        let is_free = |edit: &Planted| {
            let Some(taken) = taken.get(&edit.file) else { return true };
            let before = taken.range(..=edit.start).next_back();
            let after = taken.range(edit.start..).next();
            before.is_none_or(|(start, end)| *end <= edit.start && *start != edit.start)
                && after.is_none_or(|(start, _)| edit.end <= *start)
        };
        let fits = fix.edits.iter().all(is_free);
        if fits {
            for edit in &fix.edits {
                taken.entry(edit.file.clone()).or_default().insert(edit.start, edit.end);
            }
        }
        fits
    });
    fixes
}

/// The texts that change, changed.
pub fn apply(texts: &Texts, fixes: &[&Planned]) -> Texts {
    let mut edits: BTreeMap<&Path, Vec<&Planted>> = BTreeMap::new();
    for edit in fixes.iter().flat_map(|fix| &fix.edits) {
        edits.entry(&edit.file).or_default().push(edit);
    }
    let mut out = Texts::new();
    for (path, mut edits) in edits {
        let Some(text) = texts.get(path) else { continue };
        edits.sort_by_key(|edit| (edit.start, edit.end));
        let mut changed = String::with_capacity(text.len());
        let mut at = 0;
        for edit in edits {
            // A fix names places of this very text, so both pieces are there.
            changed.push_str(text.get(at..edit.start).unwrap_or_default());
            changed.push_str(&edit.text);
            at = edit.end;
        }
        changed.push_str(text.get(at..).unwrap_or_default());
        out.insert(path.to_path_buf(), changed);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fix(edits: &[(usize, usize, &str)]) -> Planned {
        let planted = |(start, end, text): &(usize, usize, &str)| Planted {
            file: "a".into(),
            start: *start,
            end: *end,
            text: (*text).to_owned(),
        };
        let blame =
            Blame { code: Code::Syntax, file: "a".into(), message: String::new(), title: String::new() };
        Planned { edits: edits.iter().map(planted).collect(), is_safe: true, error: None, blame }
    }

    fn applied(text: &str, fixes: Vec<Planned>) -> String {
        let fixes = without_overlap(fixes);
        let texts = Texts::from([("a".into(), text.to_owned())]);
        apply(&texts, &fixes.iter().collect::<Vec<_>>()).remove(Path::new("a")).unwrap_or(text.to_owned())
    }

    #[test]
    fn of_fixes_that_overlap_one_is_taken() {
        let text = "0123456789";
        assert_eq!(applied(text, vec![fix(&[(2, 5, "x")]), fix(&[(4, 6, "y")])]), "01x56789");
        assert_eq!(applied(text, vec![fix(&[(2, 5, "")]), fix(&[(5, 6, "y")])]), "01y6789");
        assert_eq!(applied(text, vec![fix(&[(2, 2, "x")]), fix(&[(2, 2, "y")])]), "01x23456789");
        assert_eq!(applied(text, vec![fix(&[(2, 3, "x")]), fix(&[(2, 3, "x")])]), "01x3456789");
        // All edits of a fix or none.
        assert_eq!(
            applied(text, vec![fix(&[(0, 1, "x"), (8, 9, "x")]), fix(&[(3, 4, "y"), (8, 10, "y")])]),
            "x1234567x9"
        );
        assert_eq!(applied(text, vec![]), text);
    }
}
