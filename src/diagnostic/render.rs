//! Findings as text with the source beneath, in rustc's style.

use annotate_snippets::renderer::DEFAULT_TERM_WIDTH;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use super::visible::{same_length, visible};
use super::{Diagnostic, Label, Severity};
use crate::span::{FileId, Sources};

/// Bytes of context kept on either side of a label; beyond them a line is cut, so that a file
/// without line ends is not rendered whole.
const MAX_CONTEXT: usize = 4096;

/// Renders one finding, several lines, without a line end after the last.
pub fn render(diagnostic: &Diagnostic, sources: &Sources, styled: bool, width: Option<usize>) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let id = format!("{}/{}", diagnostic.code.number(), diagnostic.code.slug());
    let mut group = Group::with_title(level.primary_title(visible(&diagnostic.message)).id(id));
    if let Some(primary) = &diagnostic.primary {
        let mut files = vec![primary.span.file];
        files.extend(diagnostic.secondary.iter().map(|l| l.span.file));
        let mut seen: Vec<FileId> = Vec::new();
        for file in files {
            if !seen.contains(&file) {
                seen.push(file);
                group = group.element(snippet(file, primary, &diagnostic.secondary, sources));
            }
        }
    }
    for help in &diagnostic.help {
        group = group.element(Level::HELP.message(visible(help)));
    }
    let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
    renderer.term_width(width.unwrap_or(DEFAULT_TERM_WIDTH)).render(&[group])
}

/// The part of one file that its labels span, whole lines where they are not absurdly long.
fn snippet<'a>(
    file: FileId,
    primary: &'a Label,
    secondary: &'a [Label],
    sources: &'a Sources,
) -> Snippet<'a, Annotation<'a>> {
    let source = sources.get(file);
    let text: &str = &source.text;
    let labels = || {
        std::iter::once((primary, AnnotationKind::Primary))
            .chain(secondary.iter().map(|l| (l, AnnotationKind::Context)))
            .filter(|(l, _)| l.span.file == file)
    };
    let first = labels().map(|(l, _)| l.span.start as usize).min().unwrap_or(0).min(text.len());
    let last = labels().map(|(l, _)| l.span.end as usize).max().unwrap_or(0).min(text.len());
    let line_start = text[..text.floor_char_boundary(first)].rfind('\n').map_or(0, |at| at + 1);
    let line_end = text[text.floor_char_boundary(last)..].find('\n').map_or(text.len(), |at| last + at);
    let from = text.ceil_char_boundary(line_start.max(first.saturating_sub(MAX_CONTEXT)));
    let to = text.floor_char_boundary(line_end.min(last + MAX_CONTEXT));
    let to = to.max(from);
    let line = source.position(u32::try_from(from).unwrap_or(u32::MAX)).line;
    let mut snippet =
        Snippet::source(same_length(&text[from..to])).path(visible(&source.name)).line_start(line);
    for (label, kind) in labels() {
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
