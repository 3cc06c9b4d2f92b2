//! Templates and the escapes in strings.

use super::cursor::Cursor;
use super::{Findings, ident};
use crate::diagnostic::{Code, Diagnostic};
use crate::span::Spanned;
use crate::syntax::ast::{Path, Template, TemplatePart};
use crate::syntax::parser::{Node, Rule as R};

pub fn template(node: &Node<'_>, findings: &mut Findings) -> Template {
    let mut cursor = Cursor::of(node);
    cursor.skip(R::quote);
    let mut parts = Vec::new();
    while let Some(part) = cursor.take_any(&[R::t_text, R::hole]) {
        parts.push(if part.rule() == R::hole {
            let mut inner = Cursor::of(&part);
            inner.skip(R::hole_open);
            TemplatePart::Hole(path(&mut inner))
        } else {
            let text = unescape(part.text()).replace("{{", "{").replace("}}", "}");
            TemplatePart::Text(Spanned::new(text, part.span()))
        });
    }
    if parts.is_empty() {
        findings.push(Diagnostic::at(
            Code::BadTemplate,
            node.span(),
            "the template is empty",
            "it names nothing",
        ));
    }
    parts.shrink_to_fit();
    Template { parts, span: node.span() }
}

/// Names with dots between.
pub fn path(cursor: &mut Cursor<'_>) -> Path {
    let first = ident(&cursor.need(R::name));
    let mut span = first.span;
    let mut names = vec![first];
    while cursor.take(R::dot).is_some() {
        let name = ident(&cursor.need(R::name));
        span = span.to(name.span);
        names.push(name);
    }
    Path { names: names.into(), span }
}

/// `\"` and `\\` for the characters themselves.
pub fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            c => out.push(c),
        }
    }
    out
}
