//! Findings as text with the source beneath, in rustc's style.

use std::borrow::Cow;
use std::ops::Range;

use annotate_snippets::renderer::DEFAULT_TERM_WIDTH;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Patch, Renderer, Snippet};

use super::visible::{same_length, visible};
use super::{Diagnostic, Fix, Label, Severity};
use crate::span::{FileId, Source, Sources};

/// Bytes of context kept on either side of a label; beyond them a line is cut, so that a file
/// without line ends is not rendered whole.
const MAX_CONTEXT: usize = 4096;

/// Bytes between two labels of a file that are shown in one piece: what lies between is read and folded.
const MAX_APART: u32 = 64 * 1024;

/// Renders one finding, several lines, without a line end after the last.
pub fn render(diagnostic: &Diagnostic, sources: &Sources, styled: bool, width: Option<usize>) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let id = format!("{}/{}", diagnostic.code.number(), diagnostic.code.slug());
    let mut group = Group::with_title(level.primary_title(visible(&diagnostic.message)).id(id));
    if let Some(primary) = &diagnostic.primary {
        for labels in parts(primary, &diagnostic.secondary) {
            group = group.element(snippet(&labels, sources));
        }
    }
    for help in &diagnostic.help {
        group = group.element(Level::HELP.message(visible(help)));
    }
    let mut groups = vec![group];
    groups.extend(
        diagnostic.fixes.iter().filter(|fix| !diagnostic.asks_for(fix)).map(|fix| patch(fix, sources)),
    );
    let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
    renderer.term_width(width.unwrap_or(DEFAULT_TERM_WIDTH)).render(&groups)
}

/// What a fix would change, as lines taken away and added.
fn patch<'a>(fix: &'a Fix, sources: &'a Sources) -> Group<'a> {
    let title = if fix.is_safe() { fix.title.clone() } else { format!("{} (unsafe)", fix.title) };
    let mut group = Group::with_title(Level::HELP.secondary_title(visible(&title).into_owned()));
    let mut files: Vec<FileId> = Vec::new();
    for file in fix.edits.iter().map(|edit| edit.span.file) {
        if files.contains(&file) {
            continue;
        }
        files.push(file);
        let edits = || fix.edits.iter().filter(|edit| edit.span.file == file);
        let window = Window::over(sources.get(file), edits().map(|edit| edit.span.range()));
        let mut snippet =
            Snippet::source(window.shown).path(visible(&sources.get(file).name)).line_start(window.line);
        for edit in edits() {
            let range = edit.span.range();
            let range = range.start.clamp(window.from, window.to)..range.end.clamp(window.from, window.to);
            let range = range.start - window.from..range.end - window.from;
            snippet = snippet.patch(Patch::new(range, same_length(&edit.text)));
        }
        group = group.element(snippet);
    }
    group
}

/// The part of a file that is shown: whole lines where they are not absurdly long.
struct Window<'a> {
    from: usize,
    to: usize,
    /// Its first line, counted from 1.
    line: usize,
    /// Its text, byte for byte as long as in the file.
    shown: Cow<'a, str>,
}

impl<'a> Window<'a> {
    fn over(source: &'a Source, ranges: impl Iterator<Item = Range<usize>>) -> Self {
        let text: &str = &source.text;
        let (mut first, mut last) = (text.len(), 0);
        for range in ranges {
            first = first.min(range.start);
            last = last.max(range.end);
        }
        let (first, last) = (first.min(last).min(text.len()), last.min(text.len()));
        let line_start = text[..text.floor_char_boundary(first)].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[text.floor_char_boundary(last)..].find('\n').map_or(text.len(), |at| last + at);
        let from = text.ceil_char_boundary(line_start.max(first.saturating_sub(MAX_CONTEXT)));
        let mut to = text.floor_char_boundary(line_end.min(last + MAX_CONTEXT)).max(from);
        if to > last && text[..to].ends_with('\r') {
            to -= 1;
        }
        let line = source.position(u32::try_from(from).unwrap_or(u32::MAX)).line;
        Self { from, to, line, shown: same_length(&text[from..to]) }
    }
}

/// The labels that are shown together, the primary one's first: those of one file, where not too much
/// of it lies between them.
fn parts<'a>(primary: &'a Label, secondary: &'a [Label]) -> Vec<Vec<(&'a Label, AnnotationKind)>> {
    let mut parts = vec![vec![(primary, AnnotationKind::Primary)]];
    for label in secondary {
        let is_near = |(other, _): &(&Label, AnnotationKind)| {
            other.span.file == label.span.file && other.span.start.abs_diff(label.span.start) < MAX_APART
        };
        let labelled = (label, AnnotationKind::Context);
        match parts.iter_mut().find(|part| part.iter().any(is_near)) {
            Some(part) => part.push(labelled),
            None => parts.push(vec![labelled]),
        }
    }
    parts
}

/// The part of a file that some labels span, whole lines where they are not absurdly long.
fn snippet<'a>(labels: &[(&'a Label, AnnotationKind)], sources: &'a Sources) -> Snippet<'a, Annotation<'a>> {
    let source = sources.get(labels[0].0.span.file);
    let Window { from, to, line, shown } =
        Window::over(source, labels.iter().map(|(label, _)| label.span.range()));
    let mut snippet = Snippet::source(shown).path(visible(&source.name)).line_start(line);
    for (label, kind) in labels {
        let start = (label.span.start as usize).clamp(from, to) - from;
        let end = (label.span.end as usize).clamp(from, to) - from;
        let annotation = kind.span(start..end.max(start));
        snippet = snippet.annotation(if label.text.is_empty() {
            annotation
        } else {
            annotation.label(visible(&label.text))
        });
    }
    snippet
}
