//! Concrete syntax to syntax tree. The grammar has already decided what stands where; what is
//! found here is what a grammar cannot say: clauses given twice, numbers that do not fit, mixed
//! connectives.

mod cursor;
mod entity;
mod expr;
mod rule;
mod template;

use cursor::Cursor;

use super::ast::*;
use super::parser::{Node, Rule as R};
use crate::diagnostic::{Code, Diagnostic, Fix, quoted_list};
use crate::span::{FileId, Span, Spanned};

/// What is found while a file is built, besides its items.
#[derive(Default)]
struct Findings {
    diagnostics: Vec<Diagnostic>,
    allows: Vec<Allow>,
    dangling: usize,
}

impl Findings {
    fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }
}

/// Builds the tree of one file from the nodes of its items, as they come.
pub fn file<'i>(
    id: FileId,
    nodes: impl Iterator<Item = Node<'i>>,
    diagnostics: &mut Vec<Diagnostic>,
) -> File {
    let mut findings = Findings::default();
    let mut items = Vec::new();
    for node in nodes {
        match node.rule() {
            R::language => language(&node, &mut findings),
            R::dangling => report_dangling(&node, &mut findings),
            _ => items.push(item(&node, &mut findings)),
        }
    }
    items.shrink_to_fit();
    diagnostics.append(&mut findings.diagnostics);
    File { id, items, allows: findings.allows, lost: Vec::new() }
}

fn language(node: &Node<'_>, findings: &mut Findings) {
    let version = Cursor::of(node).skip(R::kw_language).need(R::int);
    let number = int(&version, findings);
    if number.node != super::LANGUAGE {
        let message = format!("language {} is not known to this build", number.node);
        let label = format!("this build knows language {}", super::LANGUAGE);
        findings.push(
            Diagnostic::at(Code::NewerLanguage, number.span, message, label)
                .help("install a newer `invalidate`, or write `language 1`"),
        );
    }
}

fn item(node: &Node<'_>, findings: &mut Findings) -> Item {
    let mut cursor = Cursor::of(node);
    let attrs = attrs(&mut cursor, findings);
    let inner = cursor.next_node();
    let kind = match inner.rule() {
        R::namespace => ItemKind::Namespace(ident(&Cursor::of(&inner).skip(R::kw_namespace).need(R::name))),
        R::import => ItemKind::Import(string(&Cursor::of(&inner).skip(R::kw_import).need(R::string))),
        R::context => ItemKind::Context(decls(&inner, R::kw_context, findings)),
        R::defaults => ItemKind::Defaults(defaults(&inner, findings)),
        R::vary => ItemKind::Vary(vary(&inner)),
        R::entity => ItemKind::Entity(entity::entity(&inner, findings)),
        R::relation => ItemKind::Relation(entity::relation(&inner, findings)),
        _ => ItemKind::Rule(rule::rule(&inner, findings)),
    };
    Item { attrs, kind, span: inner.span() }
}

/// The doc comments that come next; allowances among them go to the findings.
fn attrs(cursor: &mut Cursor<'_>, findings: &mut Findings) -> Attrs {
    let mut attrs = Attrs::default();
    let first = findings.allows.len();
    while let Some(node) = cursor.take_any(&[R::doc, R::allow]) {
        if node.rule() == R::doc {
            let line = node.text().strip_prefix("///").unwrap_or_default();
            if !attrs.doc.is_empty() {
                attrs.doc.push('\n');
            }
            attrs.doc.push_str(line.strip_prefix(' ').unwrap_or(line).trim_end());
        } else {
            let mut inner = Cursor::of(&node);
            inner.skip(R::at).skip(R::kw_allow).skip(R::lpar);
            let slug = ident(&inner.need(R::slug));
            inner.take(R::comma);
            let reason = inner.take(R::string).map(|s| string(&s).node);
            let span = node.span();
            findings.allows.push(Allow { slug, reason, span, scope: span });
        }
    }
    if let Some(next) = cursor.peek() {
        let scope = next.span();
        findings.allows[first..].iter_mut().for_each(|allow| allow.scope = scope);
    }
    attrs
}

/// Doc comments that document nothing, reported of one file at most.
const MAX_DANGLING: usize = 1_000;

fn report_dangling(node: &Node<'_>, findings: &mut Findings) {
    findings.dangling += 1;
    if findings.dangling > MAX_DANGLING {
        return;
    }
    let span = node.span();
    let slashes = Span { end: span.start + 3, ..span };
    findings.push(
        Diagnostic::at(
            Code::DanglingDoc,
            node.span(),
            "this doc comment documents nothing",
            "nothing follows it",
        )
        .help("put it in front of what it documents, or write it as a comment with `//`")
        .fix(Fix::safe("write it as a comment", slashes, "//")),
    );
}

/// The declarations between braces, after one keyword.
fn decls(node: &Node<'_>, keyword: R, findings: &mut Findings) -> Vec<Decl> {
    let mut cursor = Cursor::of(node);
    cursor.skip(keyword).skip(R::lbrace);
    let mut out = Vec::new();
    while let Some(node) = cursor.take_any(&[R::decl, R::comma, R::dangling]) {
        match node.rule() {
            R::decl => out.push(decl(&node, findings)),
            R::comma => {}
            _ => report_dangling(&node, findings),
        }
    }
    out
}

fn decl(node: &Node<'_>, findings: &mut Findings) -> Decl {
    let mut cursor = Cursor::of(node);
    let attrs = attrs(&mut cursor, findings);
    let name = ident(&cursor.need(R::name));
    cursor.skip(R::colon);
    let list = cursor.take(R::lbrack).is_some();
    let scalar = match cursor.next_node().rule() {
        R::kw_int => Scalar::Int,
        R::kw_float => Scalar::Float,
        R::kw_bool => Scalar::Bool,
        R::kw_time => Scalar::Time,
        _ => Scalar::String,
    };
    cursor.take(R::rbrack);
    let default = cursor.take(R::eq1).map(|_| literal(&cursor.next_node(), findings));
    Decl { attrs, name, ty: Type { scalar, list }, default }
}

fn defaults(node: &Node<'_>, findings: &mut Findings) -> Vec<Setting> {
    let mut cursor = Cursor::of(node);
    cursor.skip(R::kw_defaults).skip(R::lbrace);
    let mut once = Once::default();
    let mut out = Vec::new();
    while let Some(node) =
        cursor.take_any(&[R::c_priority, R::c_strategy, R::c_depth, R::c_delay, R::dangling])
    {
        if node.rule() == R::dangling {
            report_dangling(&node, findings);
            continue;
        }
        let (word, setting) = setting(&node, findings);
        if once.first(word, &node, findings) {
            out.push(setting);
        }
    }
    out
}

fn setting(node: &Node<'_>, findings: &mut Findings) -> (&'static str, Setting) {
    let mut cursor = Cursor::of(node);
    cursor.next_node();
    match node.rule() {
        R::c_priority => ("priority", Setting::Priority(int(&cursor.need(R::int), findings))),
        R::c_depth => ("depth", Setting::Depth(int(&cursor.need(R::int), findings))),
        R::c_delay => ("delay", Setting::Delay(duration(&cursor.need(R::duration), findings))),
        _ => ("strategy", Setting::Strategy(rule::strategy(node))),
    }
}

fn vary(node: &Node<'_>) -> Vary {
    let mut cursor = Cursor::of(node);
    let name = ident(&cursor.skip(R::kw_vary).need(R::name));
    let values = cursor.take(R::colon).map(|_| {
        let mut values = vec![string(&cursor.need(R::string))];
        while cursor.take(R::comma).is_some() {
            values.push(string(&cursor.need(R::string)));
        }
        values
    });
    Vary { name, values }
}

/// Names after one another, with commas between.
fn names(cursor: &mut Cursor<'_>) -> Vec<Ident> {
    let mut out = vec![ident(&cursor.need(R::name))];
    while cursor.take(R::comma).is_some() {
        out.push(ident(&cursor.need(R::name)));
    }
    out.shrink_to_fit();
    out
}

fn ident(node: &Node<'_>) -> Ident {
    Ident { text: node.text().into(), span: node.span() }
}

/// The content of a string, without quotes and escapes.
fn string(node: &Node<'_>) -> Spanned<String> {
    let text = node.text();
    let inner = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(text);
    Spanned::new(template::unescape(inner), node.span())
}

fn int(node: &Node<'_>, findings: &mut Findings) -> Spanned<i64> {
    let value = node.text().parse().unwrap_or_else(|_| {
        findings.push(too_large(node.span(), "a whole number", "9223372036854775807"));
        0
    });
    Spanned::new(value, node.span())
}

/// In milliseconds.
fn duration(node: &Node<'_>, findings: &mut Findings) -> Spanned<u64> {
    let text = node.text();
    let (digits, factor) = match text.strip_suffix("ms") {
        Some(digits) => (digits, 1),
        None => (text.strip_suffix('s').unwrap_or(text), 1000),
    };
    let value = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(factor)).unwrap_or_else(|| {
        findings.push(too_large(node.span(), "a duration", "5s"));
        100
    });
    Spanned::new(value, node.span())
}

fn too_large(span: Span, what: &str, most: &str) -> Diagnostic {
    Diagnostic::at(Code::BadLiteral, span, format!("this is too large for {what}"), format!("at most {most}"))
}

fn literal(node: &Node<'_>, findings: &mut Findings) -> Spanned<Literal> {
    let value = match node.rule() {
        R::string => Literal::String(string(node).node),
        R::int => Literal::Int(int(node, findings).node),
        // The grammar's floats are digits, a dot and digits: all of them parse, to infinity at worst.
        R::float => match node.text().parse::<f64>() {
            Ok(value) if value.is_finite() => Literal::Float(value),
            _ => {
                findings.push(too_large(node.span(), "a float", "1.8e308, written out"));
                Literal::Float(0.0)
            }
        },
        R::kw_true => Literal::Bool(true),
        R::kw_false => Literal::Bool(false),
        _ => Literal::Null,
    };
    Spanned::new(value, node.span())
}

/// Clauses that may stand only once in a block.
#[derive(Default)]
struct Once<'i> {
    seen: Vec<(&'static str, Node<'i>)>,
}

impl<'i> Once<'i> {
    /// Whether this is the first `word`; reports it when it is not.
    fn first(&mut self, word: &'static str, node: &Node<'i>, findings: &mut Findings) -> bool {
        let span = node.span();
        let Some((_, earlier)) = self.seen.iter().find(|(w, _)| *w == word) else {
            self.seen.push((word, node.clone()));
            return true;
        };
        let mut finding = Diagnostic::at(
            Code::DuplicateName,
            span,
            format!("{} is given twice", quoted_list(&[word])),
            "the second one",
        )
        .also(earlier.span(), "the first one");
        // A node may end in blanks and comments. An allowance would be left to what follows.
        let text = node.text().trim_end();
        let alone = !findings.allows.iter().any(|allow| allow.scope == span);
        if text == earlier.text().trim_end() && !text.contains("//") && alone {
            let start = span.start as usize;
            let clause = Span::new(span.file, start..start + text.len());
            finding = finding.fix(Fix::safe("remove the second one, which says the same", clause, ""));
        }
        findings.push(finding);
        false
    }
}
