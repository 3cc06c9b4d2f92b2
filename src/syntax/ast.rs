//! The syntax tree: what was written, where, and nothing about what it means.

use compact_str::CompactString;

pub use crate::model::{Comparison, Kind, Scalar, Type};
use crate::span::{FileId, Span, Spanned};

/// One file's good items, in the order in which they were written.
#[derive(Clone, Debug)]
pub struct File {
    pub id: FileId,
    pub items: Vec<Item>,
    /// Every `@allow`, with what it stands in front of.
    pub allows: Vec<Allow>,
    /// Entities that are left out for a syntax error.
    pub lost: Vec<String>,
}

impl File {
    /// A file of which nothing is good.
    pub fn empty(id: FileId) -> Self {
        Self { id, items: Vec::new(), allows: Vec::new(), lost: Vec::new() }
    }
}

/// A name as it was written.
#[derive(Clone, Debug)]
pub struct Ident {
    /// Most are short enough to stand here, without memory of their own.
    pub text: CompactString,
    pub span: Span,
}

/// Doc comments in front of an item, clause or declaration.
#[derive(Clone, Debug, Default)]
pub struct Attrs {
    /// The text of the `///` lines, joined by line ends; empty for none.
    pub doc: String,
}

/// `@allow(slug, "reason")`.
#[derive(Clone, Debug)]
pub struct Allow {
    pub slug: Ident,
    pub reason: Option<String>,
    pub span: Span,
    /// What it is about: the item, clause or declaration behind it.
    pub scope: Span,
}

#[derive(Clone, Debug)]
pub struct Item {
    pub attrs: Attrs,
    pub kind: ItemKind,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum ItemKind {
    Namespace(Ident),
    Import(Spanned<String>),
    Context(Vec<Decl>),
    Defaults(Vec<Setting>),
    Vary(Vary),
    Entity(Entity),
    Relation(Relation),
    Rule(Rule),
}

/// `name: type = default`.
#[derive(Clone, Debug)]
pub struct Decl {
    pub attrs: Attrs,
    pub name: Ident,
    pub ty: Type,
    pub default: Option<Spanned<Literal>>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    String(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    Null,
}

/// A setting that rules and relations have, and `defaults` gives for all of them.
#[derive(Clone, Debug)]
pub enum Setting {
    Priority(Spanned<i64>),
    Strategy(Spanned<Strategy>),
    Depth(Spanned<i64>),
    /// In milliseconds.
    Delay(Spanned<u64>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strategy {
    /// `None` where only `cascade` was written.
    pub timing: Option<TimingWord>,
    pub cascade: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimingWord {
    Immediate,
    Batched,
    Lazy,
}

#[derive(Clone, Debug)]
pub struct Vary {
    pub name: Ident,
    /// `None` for an open one.
    pub values: Option<Vec<Spanned<String>>>,
}

#[derive(Clone, Debug)]
pub struct Entity {
    pub name: Ident,
    pub fields: Vec<Decl>,
    pub operations: Vec<Ident>,
    pub refs: Vec<Ref>,
    pub keys: Vec<KeyClause>,
    pub tags: Vec<Template>,
    pub lists: Vec<Template>,
}

#[derive(Clone, Debug)]
pub struct Ref {
    pub attrs: Attrs,
    pub name: Ident,
    /// `None` where the ref's own name is the entity's.
    pub target: Option<Ident>,
    pub list: bool,
}

#[derive(Clone, Debug)]
pub struct KeyClause {
    pub attrs: Attrs,
    pub name: Ident,
    pub template: Option<Template>,
    pub span: Span,
}

/// Text with holes. `parts` never holds two texts in a row.
#[derive(Clone, Debug)]
pub struct Template {
    pub parts: Vec<TemplatePart>,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum TemplatePart {
    Text(Spanned<String>),
    Hole(Path),
}

/// Names with dots between, at least one.
#[derive(Clone, Debug)]
pub struct Path {
    pub names: Box<[Ident]>,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct Relation {
    pub name: Ident,
    pub source: Ident,
    pub targets: Vec<Ident>,
    pub both_ways: bool,
    pub kind: Option<Spanned<Kind>>,
    pub depth: Option<Spanned<i64>>,
    pub via: Option<Ident>,
}

#[derive(Clone, Debug)]
pub struct Rule {
    pub name: Ident,
    pub events: Vec<Event>,
    pub when: Option<Expr>,
    pub priority: Option<Spanned<i64>>,
    /// These three behind pointers: few rules have them, and rules come by the hundred thousand.
    pub strategy: Option<Box<Spanned<Strategy>>>,
    pub delay: Option<Box<Spanned<u64>>>,
    pub follow: Option<Box<Spanned<Vec<Ident>>>>,
    pub drops: Vec<Drop>,
    /// The whole rule, from `rule` to its brace.
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum Event {
    Entity { entity: Ident, operation: Option<Ident> },
    Tag { template: Template, span: Span },
}

#[derive(Clone, Debug)]
pub enum Drop {
    Itself(Span),
    Tag(Template),
    Key(Template),
    Match(Template),
    Regex(Spanned<String>),
}

/// A condition. Chains of one connective are flat.
#[derive(Clone, Debug)]
pub struct Expr {
    pub kind: ExprKind,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum ExprKind {
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Changed(Vec<Ident>),
    Compare {
        left: Value,
        op: Comparison,
        right: Value,
    },
    In {
        value: Value,
        list: Vec<Value>,
        negated: bool,
    },
    Matches {
        value: Value,
        /// Behind a pointer, as few conditions have one.
        regex: Box<Spanned<String>>,
        negated: bool,
    },
    /// A value that is true or false by itself.
    Truth(Value),
}

#[derive(Clone, Debug)]
pub enum Value {
    Literal(Spanned<Literal>),
    Path(Path),
}

impl Value {
    pub fn span(&self) -> Span {
        match self {
            Self::Literal(literal) => literal.span,
            Self::Path(path) => path.span,
        }
    }
}
