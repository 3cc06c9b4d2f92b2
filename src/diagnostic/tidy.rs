//! Removals that leave no blanks, commas or empty lines behind.

use super::{Code, Diagnostic, Edit};
use crate::span::{Source, Sources, Span};

/// Widens the edits that only remove: one that leaves nothing on its line takes the line, another
/// the blanks behind it. What stands twice in a list goes with its comma.
pub fn tidy(findings: &mut [Diagnostic], sources: &Sources) {
    for finding in findings {
        let in_list = finding.code == Code::DuplicateName;
        for edit in finding.fixes.iter_mut().flat_map(|fix| &mut fix.edits) {
            if edit.text.is_empty() && edit.span.start < edit.span.end {
                let source = sources.get(edit.span.file);
                if in_list {
                    with_comma(edit, source);
                }
                with_blanks(edit, source);
            }
        }
    }
}

/// The comma behind, else the one in front.
fn with_comma(edit: &mut Edit, source: &Source) {
    let (before, after) = around(edit.span, source);
    let blanks = |text: &str, kept: &str| text.len() - kept.len();
    let (behind, in_front) = (after.trim_start(), before.trim_end());
    if behind.starts_with(',') {
        edit.span =
            Span::new(edit.span.file, before.len()..edit.span.range().end + blanks(after, behind) + 1);
    } else if in_front.ends_with(',') {
        edit.span = Span::new(edit.span.file, in_front.len() - 1..edit.span.range().end);
    }
}

fn with_blanks(edit: &mut Edit, source: &Source) {
    let (before, after) = around(edit.span, source);
    let is_blank = |c: char| c == ' ' || c == '\t';
    let line_start = before.trim_end_matches(is_blank);
    let rest = after.trim_start_matches(is_blank);
    let ends = rest.is_empty() || rest.starts_with('\n') || rest.starts_with("\r\n");
    let begins = line_start.is_empty() || line_start.ends_with('\n');
    let end = source.text.len() - rest.len();
    let (start, end) = match (begins, ends) {
        (true, true) => (line_start.len(), end + rest.find('\n').map_or(rest.len(), |at| at + 1)),
        (false, true) => (line_start.len(), end),
        (true, false) => (before.len(), end),
        // One of the blanks on either side.
        (false, false) if line_start.len() < before.len() => (before.len(), end),
        (false, false) => (before.len(), edit.span.range().end),
    };
    edit.span = Span::new(edit.span.file, start..end);
}

/// What stands before a span, and behind it; nothing where the span is none of this text.
fn around(span: Span, source: &Source) -> (&str, &str) {
    let text: &str = &source.text;
    (text.get(..span.range().start).unwrap_or_default(), text.get(span.range().end..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Fix;

    /// The text without `needle`, where `needle` stands for the last time.
    fn without(text: &str, needle: &str, code: Code) -> String {
        let mut sources = Sources::default();
        let file = sources.add("a.inv", text);
        let at = text.rfind(needle).unwrap();
        let span = Span::new(file, at..at + needle.len());
        let mut findings = [Diagnostic::at(code, span, "", "").fix(Fix::safe("remove it", span, ""))];
        tidy(&mut findings, &sources);
        let mut out = text.to_owned();
        out.replace_range(findings[0].fixes[0].edits[0].span.range(), "");
        out
    }

    #[test]
    fn removals_leave_no_gap() {
        let allow = |text| without(text, "@allow", Code::UnusedAllow);
        assert_eq!(allow("a\n  @allow\nb\n"), "a\nb\n");
        assert_eq!(allow("a\r\n@allow\t\r\nb"), "a\r\nb");
        assert_eq!(allow("@allow rule"), "rule");
        assert_eq!(allow("a @allow b"), "a b");
        assert_eq!(allow("a  @allow\nb"), "a\nb");
        assert_eq!(allow("a\n@allow"), "a\n");
        let twice = |text| without(text, "x", Code::DuplicateName);
        assert_eq!(twice("on x, x"), "on x");
        assert_eq!(twice("{ on x, x }"), "{ on x }");
        assert_eq!(twice("{ x, y, x }"), "{ x, y }");
        assert_eq!(twice("{ x , y }"), "{ y }");
        assert_eq!(twice("{ y x }"), "{ y }");
    }
}
