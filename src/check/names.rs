//! Everything the files declare, by name, before any of it is looked into.

use std::cell::Cell;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::ruleset::{Attribute, RelationId, Vary};
use super::shape::Closed;
use super::{DELAYS, MAX_DEPTH, PRIORITIES};
use crate::diagnostic::{Code, Diagnostic, Fix};
use crate::model::{Instant, Scalar, Timing, Type, Value};
use crate::span::{Span, Spanned};
use crate::syntax::ast::{self, File, Ident, Item, ItemKind, Literal, Setting, TimingWord};

/// Known names that are held against unknown ones, over the whole rule set: a thousand unknown ones
/// among two thousand.
const MAX_COMPARISONS: usize = 2_000_000;

/// Names that conditions and templates keep for themselves.
const RESERVED: [&str; 5] = ["id", "old", "new", "op", "context"];

/// Whether no field or ref can have the name.
pub fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

/// What the files declare. Of things declared twice the first counts.
pub struct Names<'a> {
    pub namespace: Option<&'a Ident>,
    pub context: Vec<Attribute>,
    pub varies: Vec<Vary>,
    pub defaults: Defaults,
    pub entities: Vec<(&'a Item, &'a ast::Entity)>,
    pub relations: Vec<(&'a Item, &'a ast::Relation)>,
    pub relation_names: FxHashMap<&'a str, RelationId>,
    pub rules: Vec<(&'a Item, &'a ast::Rule)>,
    /// Entities with a syntax error: that was reported, and a use of them needs no second error.
    pub lost: FxHashSet<&'a str>,
    /// How many more names are held against unknown ones.
    comparisons: Cell<usize>,
}

/// What is meant where a rule or relation is silent.
#[derive(Clone, Copy, Debug)]
pub struct Defaults {
    pub priority: u16,
    pub timing: TimingWord,
    pub cascade: bool,
    pub depth: u32,
    /// In milliseconds.
    pub delay: u64,
}

impl Default for Defaults {
    fn default() -> Self {
        Self { priority: 50, timing: TimingWord::Immediate, cascade: false, depth: 1, delay: 100 }
    }
}

impl Names<'_> {
    /// What every key and tag starts with.
    pub fn prefix(&self) -> String {
        self.namespace.map_or_else(String::new, |n| format!("{}:", n.text))
    }

    /// How many of the known names one more unknown one may be held against: all, or none once
    /// that has been done too often.
    pub fn suggestions(&self, known: usize) -> usize {
        let left = self.comparisons.get();
        self.comparisons.set(left.saturating_sub(known + 1));
        if left > 0 { usize::MAX } else { 0 }
    }
}

/// Collects the declarations of all files, the root first.
pub fn collect<'a>(files: &'a [Arc<File>], findings: &mut Vec<Diagnostic>) -> Names<'a> {
    let mut names = Names {
        namespace: None,
        context: Vec::new(),
        varies: Vec::new(),
        defaults: Defaults::default(),
        entities: Vec::new(),
        relations: Vec::new(),
        relation_names: FxHashMap::default(),
        rules: Vec::new(),
        comparisons: Cell::new(MAX_COMPARISONS),
        lost: files.iter().flat_map(|f| f.lost.iter().map(String::as_str)).collect(),
    };
    let mut seen: FxHashMap<(&str, &str), Span> = FxHashMap::default();
    let mut settings: Vec<(&str, Span)> = Vec::new();
    for (index, file) in files.iter().enumerate() {
        for item in &file.items {
            match &item.kind {
                ItemKind::Import(_) => {}
                ItemKind::Namespace(name) => namespace(name, index == 0, &mut names, findings),
                ItemKind::Context(decls) => {
                    for decl in decls {
                        if first("context attribute", &decl.name, &mut seen, findings) {
                            names.context.push(attribute(decl, findings));
                        }
                    }
                }
                ItemKind::Defaults(list) => {
                    for setting in list {
                        default(setting, &mut names.defaults, &mut settings, findings);
                    }
                }
                ItemKind::Vary(vary) => {
                    if not_reserved("vary dimension", &vary.name, findings)
                        && first("vary dimension", &vary.name, &mut seen, findings)
                    {
                        names.varies.push(self::vary(item, vary, findings));
                    }
                }
                ItemKind::Entity(entity) => {
                    if first("entity", &entity.name, &mut seen, findings) {
                        names.entities.push((item, entity));
                    }
                }
                ItemKind::Relation(relation) => {
                    if relation.name.text == "all" {
                        findings.push(
                            Diagnostic::at(
                                Code::ReservedName,
                                relation.name.span,
                                "a relation cannot be called `all`",
                                "",
                            )
                            .help("`follow all` means every relation"),
                        );
                    }
                    if first("relation", &relation.name, &mut seen, findings) {
                        let id = RelationId::at(names.relations.len());
                        names.relation_names.insert(&relation.name.text, id);
                        names.relations.push((item, relation));
                    }
                }
                ItemKind::Rule(rule) => {
                    if first("rule", &rule.name, &mut seen, findings) {
                        names.rules.push((item, rule));
                    }
                }
            }
        }
    }
    names
}

fn namespace<'a>(name: &'a Ident, is_root: bool, names: &mut Names<'a>, findings: &mut Vec<Diagnostic>) {
    if !is_root {
        findings.push(
            Diagnostic::at(Code::Syntax, name.span, "`namespace` stands in an imported file", "")
                .help("write it in the root file, once for the whole rule set"),
        );
    } else if let Some(earlier) = names.namespace {
        findings.push(duplicate("namespace", name, earlier.span));
    } else {
        names.namespace = Some(name);
    }
}

/// Whether the name is the first of its sort; reports it when it is not.
fn first<'a>(
    what: &'static str,
    name: &'a Ident,
    seen: &mut FxHashMap<(&'static str, &'a str), Span>,
    findings: &mut Vec<Diagnostic>,
) -> bool {
    match seen.get(&(what, name.text.as_str())) {
        Some(earlier) => {
            findings.push(duplicate(what, name, *earlier));
            false
        }
        None => {
            seen.insert((what, &name.text), name.span);
            true
        }
    }
}

/// Two declarations of one name.
pub fn duplicate(what: &str, name: &Ident, earlier: Span) -> Diagnostic {
    Diagnostic::at(
        Code::DuplicateName,
        name.span,
        format!("{what} `{}` is declared twice", name.text),
        "declared again here",
    )
    .also(earlier, "first declared here")
}

/// Whether a field, ref, operation or dimension may have this name; reports it when it may not.
pub fn not_reserved(what: &str, name: &Ident, findings: &mut Vec<Diagnostic>) -> bool {
    let reserved = RESERVED.contains(&name.text.as_str());
    if reserved {
        findings.push(
            Diagnostic::at(
                Code::ReservedName,
                name.span,
                format!("a {what} cannot be called `{}`", name.text),
                "the language keeps this name for itself",
            )
            .help(match name.text.as_str() {
                "id" => "every entity has `id` already".to_owned(),
                other => format!("choose another name, such as `{other}_`"),
            }),
        );
    }
    !reserved
}

fn attribute(decl: &ast::Decl, findings: &mut Vec<Diagnostic>) -> Attribute {
    let default = decl.default.as_ref().and_then(|literal| {
        let value = literal_value(&literal.node, decl.ty);
        if value.is_none() {
            findings.push(Diagnostic::at(
                Code::TypeError,
                literal.span,
                format!("the default of `{}` is not of type {}", decl.name.text, decl.ty),
                format!("expected {}", article(decl.ty)),
            ));
        }
        value
    });
    Attribute {
        name: decl.name.text.to_string(),
        doc: decl.attrs.doc.clone(),
        ty: decl.ty,
        default,
        span: decl.name.span,
    }
}

/// "a string", "an int", "a list of string".
pub fn article(ty: Type) -> String {
    match (ty.list, ty.scalar) {
        (true, scalar) => format!("a list of {scalar}"),
        (false, Scalar::Int) => "an int".to_owned(),
        (false, Scalar::Time) => "a time such as \"2026-01-31T12:00:00Z\"".to_owned(),
        (false, scalar) => format!("a {scalar}"),
    }
}

/// A literal as a value of a type; `None` where it does not fit.
pub fn literal_value(literal: &Literal, ty: Type) -> Option<Value> {
    match (literal, ty.scalar) {
        (Literal::Null, _) => Some(Value::Null),
        _ if ty.list => None,
        (Literal::String(text), Scalar::String) => Some(Value::text(text.as_str())),
        (Literal::String(text), Scalar::Time) => Instant::parse(text).map(Value::Time),
        (Literal::Int(n), Scalar::Int) => Some(Value::Int(*n)),
        // Every literal that a person writes fits; compared exactly with ints in `Value::compare`.
        #[allow(clippy::cast_precision_loss)]
        (Literal::Int(n), Scalar::Float) => Some(Value::Float(*n as f64)),
        (Literal::Float(x), Scalar::Float) => Some(Value::Float(*x)),
        (Literal::Bool(b), Scalar::Bool) => Some(Value::Bool(*b)),
        _ => None,
    }
}

fn vary(item: &Item, vary: &ast::Vary, findings: &mut Vec<Diagnostic>) -> Vary {
    let mut values: Option<Vec<String>> = None;
    if let Some(list) = &vary.values {
        let mut out: Vec<String> = Vec::new();
        let mut seen: FxHashSet<&str> = FxHashSet::default();
        for value in list {
            if !seen.insert(&value.node) {
                findings.push(
                    Diagnostic::at(
                        Code::DuplicateName,
                        value.span,
                        format!("value \"{}\" stands twice", value.node),
                        "",
                    )
                    .fix(Fix::safe("remove the second one", value.span, "")),
                );
            } else {
                out.push(value.node.clone());
            }
        }
        values = Some(out);
    }
    Vary {
        name: vary.name.text.to_string(),
        doc: item.attrs.doc.clone(),
        closed: values.as_deref().map(Closed::new),
        values,
        span: vary.name.span,
    }
}

fn default(
    setting: &Setting,
    defaults: &mut Defaults,
    seen: &mut Vec<(&'static str, Span)>,
    findings: &mut Vec<Diagnostic>,
) {
    let (word, span) = match setting {
        Setting::Priority(p) => {
            defaults.priority = priority(p, findings);
            ("priority", p.span)
        }
        Setting::Strategy(s) => {
            defaults.timing = s.node.timing.unwrap_or(TimingWord::Immediate);
            defaults.cascade = s.node.cascade;
            ("strategy", s.span)
        }
        Setting::Depth(d) => {
            defaults.depth = depth(d, findings);
            ("depth", d.span)
        }
        Setting::Delay(d) => {
            defaults.delay = delay(d, findings);
            ("delay", d.span)
        }
    };
    match seen.iter().find(|(w, _)| *w == word) {
        Some((_, earlier)) => findings.push(
            Diagnostic::at(Code::DuplicateName, span, format!("the default {word} is given twice"), "")
                .also(*earlier, "first given here")
                .help("defaults hold for the whole rule set, whichever file they stand in"),
        ),
        None => seen.push((word, span)),
    }
}

/// A priority in range; reports one that is not.
pub fn priority(written: &Spanned<i64>, findings: &mut Vec<Diagnostic>) -> u16 {
    let (least, most) = PRIORITIES.into_inner();
    match u16::try_from(written.node) {
        Ok(priority) if PRIORITIES.contains(&written.node) => priority,
        _ => {
            let message = format!("priority {} is out of range", written.node);
            let label = format!("a priority is {least} to {most}, higher first");
            findings.push(Diagnostic::at(Code::BadLiteral, written.span, message, label));
            Defaults::default().priority
        }
    }
}

/// A depth in range; reports one that is not.
pub fn depth(written: &Spanned<i64>, findings: &mut Vec<Diagnostic>) -> u32 {
    match u32::try_from(written.node) {
        Ok(depth) if (1..=MAX_DEPTH).contains(&depth) => depth,
        _ => {
            let message = format!("depth {} is out of range", written.node);
            let label = format!("a depth is 1 to {MAX_DEPTH} hops");
            findings.push(Diagnostic::at(Code::BadLiteral, written.span, message, label));
            Defaults::default().depth
        }
    }
}

/// A delay in range, in milliseconds; reports one that is not.
pub fn delay(written: &Spanned<u64>, findings: &mut Vec<Diagnostic>) -> u64 {
    if DELAYS.contains(&written.node) {
        return written.node;
    }
    let message = format!("a delay of {} ms is out of range", written.node);
    findings.push(Diagnostic::at(Code::BadLiteral, written.span, message, "a delay is 10ms to 5s"));
    Defaults::default().delay
}

/// The timing a word and a delay mean together.
pub fn timing(word: TimingWord, delay: u64) -> Timing {
    match word {
        TimingWord::Immediate => Timing::Immediate,
        TimingWord::Batched => Timing::Batched { delay },
        TimingWord::Lazy => Timing::Lazy,
    }
}
