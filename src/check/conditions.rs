//! Conditions: names resolved, types held together, literals read, regexes compiled.

use crate::model::Regex;

use super::condition::{Atom, Condition, Image, Operand, Test};
use super::names::article;
use super::rules::bad_regex;
use super::ruleset::{Entity, EntityId, Operation};
use super::templates::{Holes, PathType, Scope, context, row_path};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Comparison, Instant, Scalar, Value};
use crate::span::{Sources, Span};
use crate::syntax::ast::{Expr, ExprKind, Ident, Literal, Path, Value as Written};

/// What bare names mean in a condition.
pub enum Names<'a> {
    /// Columns of the written entity; `all` are the entities of the rule, whose operations count.
    Rows { entity: EntityId, all: &'a [EntityId] },
    /// Holes of a chained rule's trigger.
    Holes(&'a Holes),
}

/// The type of an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Scalar(Scalar),
    Id,
    Operation,
    List,
    Null,
}

impl Sort {
    fn describe(self) -> String {
        match self {
            Self::Scalar(Scalar::Time) => "a time".to_owned(),
            Self::Scalar(scalar) => article(crate::model::Type { scalar, list: false }),
            Self::Id => "an id".to_owned(),
            Self::Operation => "an operation".to_owned(),
            Self::List => "a list".to_owned(),
            Self::Null => "null".to_owned(),
        }
    }
}

struct Checker<'a> {
    names: &'a Names<'a>,
    scope: &'a Scope<'a>,
    table: &'a [Entity],
    sources: &'a Sources,
    findings: &'a mut Vec<Diagnostic>,
}

/// Checks a condition. `None` where something was reported.
pub fn check(
    expr: &Expr,
    names: &Names<'_>,
    scope: &Scope<'_>,
    table: &[Entity],
    sources: &Sources,
    findings: &mut Vec<Diagnostic>,
) -> Option<Condition> {
    Checker { names, scope, table, sources, findings }.expr(expr)
}

impl Checker<'_> {
    fn expr(&mut self, expr: &Expr) -> Option<Condition> {
        let test = match &expr.kind {
            ExprKind::And(all) => return self.all(all).map(Condition::And),
            ExprKind::Or(all) => return self.all(all).map(Condition::Or),
            ExprKind::Not(inner) => return Some(Condition::Not(Box::new(self.expr(inner)?))),
            ExprKind::Changed(names) => self.changed(names)?,
            ExprKind::Compare { left, op, right } => self.compare(left, *op, right)?,
            ExprKind::In { value, list, negated } => self.membership(value, list, *negated)?,
            ExprKind::Matches { value, regex, negated } => {
                let (operand, sort) = self.operand(value)?;
                if !matches!(sort, Sort::Scalar(Scalar::String) | Sort::Id) {
                    return self.type_error(value.span(), "only a string or an id can match a regex", sort);
                }
                match Regex::new(&regex.node) {
                    Ok(regex) => Test::Matches { value: operand, regex, negated: *negated },
                    Err(error) => {
                        let text = error.to_string();
                        let why = text.lines().last().unwrap_or_default();
                        self.findings.push(bad_regex(regex.span, why.trim_start_matches("error: ")));
                        return None;
                    }
                }
            }
            ExprKind::Truth(value) => {
                let (operand, sort) = self.operand(value)?;
                if sort != Sort::Scalar(Scalar::Bool) {
                    return self.type_error(value.span(), "a condition needs a comparison or a bool", sort);
                }
                Test::Truth(operand)
            }
        };
        let text = one_line(self.sources.text(expr.span));
        Some(Condition::Atom(Atom { test, text: text.into() }))
    }

    /// Every part is checked, so that all mistakes are found at once.
    fn all(&mut self, list: &[Expr]) -> Option<Vec<Condition>> {
        let checked: Vec<Option<Condition>> = list.iter().map(|e| self.expr(e)).collect();
        checked.into_iter().collect()
    }

    fn changed(&mut self, names: &[Ident]) -> Option<Test> {
        let Names::Rows { entity, .. } = self.names else {
            let span = names.first().map(|n| n.span)?;
            self.findings.push(
                Diagnostic::at(Code::BadRule, span, "a rule on a tag knows nothing of what changed", "")
                    .help("its conditions name the holes of the trigger, `op` and `context`"),
            );
            return None;
        };
        let mut out = Vec::new();
        for name in names {
            let path = Path { names: [name.clone()].into(), span: name.span };
            if name.text == "id" {
                self.findings.push(Diagnostic::at(Code::TypeError, name.span, "an id does not change", ""));
                continue;
            }
            match row_path(&path, self.scope, self.table, *entity) {
                Ok((path, _)) => out.push(path),
                Err(problem) => self.findings.extend(problem.map(|p| *p)),
            }
        }
        out.shrink_to_fit();
        (out.len() == names.len()).then_some(Test::Changed(out))
    }

    fn compare(&mut self, left: &Written, op: Comparison, right: &Written) -> Option<Test> {
        let ordered = !matches!(op, Comparison::Eq | Comparison::Ne);
        let (left_side, right_side) = self.pair(left, right)?;
        for (side, written) in [(&left_side, left), (&right_side, right)] {
            if ordered
                && matches!(
                    side.1,
                    Sort::Null | Sort::Operation | Sort::Id | Sort::Scalar(Scalar::Bool) | Sort::List
                )
            {
                return self.type_error(
                    written.span(),
                    &format!("`{op}` needs values that have an order"),
                    side.1,
                );
            }
        }
        let sides = [(left_side.1, left, right_side.1), (right_side.1, right, left_side.1)];
        for (sort, written, other) in sides {
            if sort == Sort::List && other != Sort::Null {
                return self.type_error(written.span(), "a list can only be compared with null", sort);
            }
        }
        Some(Test::Compare { left: left_side.0, op, right: right_side.0 })
    }

    fn membership(&mut self, value: &Written, list: &[Written], negated: bool) -> Option<Test> {
        let mut out = Vec::new();
        let mut first = None;
        for item in list {
            let ((left, sort), (right, _)) = self.pair(value, item)?;
            if sort == Sort::List {
                return self.type_error(value.span(), "a list cannot stand before `in`", sort);
            }
            first.get_or_insert(left);
            out.push(right);
        }
        Some(Test::In { value: first?, list: out, negated })
    }

    /// Two operands that must be comparable; a literal takes the type of the other side.
    fn pair(&mut self, left: &Written, right: &Written) -> Option<((Operand, Sort), (Operand, Sort))> {
        // A bare name beside `op` is an operation.
        let is_op =
            |w: &Written| matches!(w, Written::Path(p) if p.names.len() == 1 && p.names[0].text == "op");
        if is_op(left) {
            let name = self.operation(right)?;
            return Some(((Operand::Operation, Sort::Operation), (name, Sort::Operation)));
        }
        if is_op(right) {
            let name = self.operation(left)?;
            return Some(((name, Sort::Operation), (Operand::Operation, Sort::Operation)));
        }
        let (a, b) = (self.operand(left), self.operand(right));
        let (mut a, mut b) = (a?, b?);
        a = self.coerce(a, left, b.1)?;
        b = self.coerce(b, right, a.1)?;
        let number = |s| matches!(s, Sort::Scalar(Scalar::Int | Scalar::Float));
        let fits = a.1 == b.1
            || a.1 == Sort::Null
            || b.1 == Sort::Null
            || a.1 == Sort::List
            || b.1 == Sort::List
            || (number(a.1) && number(b.1));
        if !fits {
            let text = |w: &Written| self.sources.text(w.span()).to_owned();
            let message = format!(
                "`{}` is {} and cannot be compared with {}",
                text(left),
                a.1.describe(),
                b.1.describe()
            );
            let diagnostic =
                Diagnostic::at(Code::TypeError, right.span(), message, format!("this is {}", b.1.describe()))
                    .also(left.span(), format!("this is {}", a.1.describe()));
            self.findings.push(diagnostic);
            return None;
        }
        Some((a, b))
    }

    /// A literal as a value of the other side's type.
    fn coerce(&mut self, side: (Operand, Sort), written: &Written, other: Sort) -> Option<(Operand, Sort)> {
        let Written::Literal(literal) = written else { return Some(side) };
        let value = match (&literal.node, other) {
            (Literal::String(text), Sort::Scalar(Scalar::Time)) => match Instant::parse(text) {
                Some(instant) => Value::Time(instant),
                None => {
                    self.findings.push(
                        Diagnostic::at(Code::BadLiteral, literal.span, format!("\"{text}\" is no time"), "")
                            .help("write RFC 3339, such as \"2026-01-31T12:00:00Z\""),
                    );
                    return None;
                }
            },
            // Ids are compared as text, however they are written.
            (Literal::String(text), Sort::Id) => Value::text(text.as_str()),
            (Literal::Int(n), Sort::Id) => Value::text(n.to_string()),
            _ => return Some(side),
        };
        Some((Operand::Literal(value), other))
    }

    /// The name of an operation, bare or quoted.
    fn operation(&mut self, written: &Written) -> Option<Operand> {
        let name = match written {
            Written::Path(path) if path.names.len() == 1 => path.names[0].text.to_string(),
            Written::Literal(literal) => match &literal.node {
                Literal::String(text) => text.clone(),
                _ => return self.type_error(literal.span, "`op` is compared with an operation", Sort::Null),
            },
            Written::Path(path) => {
                return self.type_error(path.span, "`op` is compared with an operation", Sort::Null);
            }
        };
        let is_known = Operation::BUILT_IN.contains(&name.as_str())
            || match self.names {
                Names::Rows { all, .. } => all.iter().any(|e| self.table[e.index()].has_operation(&name)),
                Names::Holes(_) => self.scope.operations.contains(name.as_str()),
            };
        if !is_known {
            let mut known: Vec<&str> = Operation::BUILT_IN.to_vec();
            let most = self.scope.suggestions(self.scope.operations.len());
            match self.names {
                Names::Rows { all, .. } => {
                    let declared = all.iter().flat_map(|e| &self.table[e.index()].operations);
                    known.extend(declared.take(most).map(String::as_str));
                }
                Names::Holes(_) => {
                    let declared = self.table.iter().flat_map(|e| &e.operations);
                    known.extend(declared.take(most).map(String::as_str));
                }
            }
            self.findings.push(
                Diagnostic::at(
                    Code::UnknownName,
                    written.span(),
                    format!("unknown operation `{name}`"),
                    "not declared",
                )
                .did_you_mean(&name, bare(written), known.iter().copied(), "operations"),
            );
            return None;
        }
        Some(Operand::Literal(Value::text(name)))
    }

    fn operand(&mut self, written: &Written) -> Option<(Operand, Sort)> {
        match written {
            Written::Literal(literal) => {
                let (value, sort) = match &literal.node {
                    Literal::String(text) => (Value::text(text.as_str()), Sort::Scalar(Scalar::String)),
                    Literal::Int(n) => (Value::Int(*n), Sort::Scalar(Scalar::Int)),
                    Literal::Float(x) => (Value::Float(*x), Sort::Scalar(Scalar::Float)),
                    Literal::Bool(b) => (Value::Bool(*b), Sort::Scalar(Scalar::Bool)),
                    Literal::Null => (Value::Null, Sort::Null),
                };
                Some((Operand::Literal(value), sort))
            }
            Written::Path(path) => self.path(path),
        }
    }

    fn path(&mut self, path: &Path) -> Option<(Operand, Sort)> {
        let first = path.names[0].text.as_str();
        if first == "context" {
            return match context(path, self.scope) {
                Ok(id) => {
                    let ty = self.scope.context[id.index()].ty;
                    let sort = if ty.list { Sort::List } else { Sort::Scalar(ty.scalar) };
                    Some((Operand::Context(id), sort))
                }
                Err(problem) => {
                    self.findings.push(*problem);
                    None
                }
            };
        }
        if path.names.len() == 1 && first == "op" {
            return Some((Operand::Operation, Sort::Operation));
        }
        let (entity, image, path) = match (self.names, first) {
            (Names::Holes(holes), _) => {
                if let (Some(index), 1) = (holes.place(first), path.names.len()) {
                    return Some((Operand::Trigger(index), Sort::Scalar(Scalar::String)));
                }
                self.findings.push(
                    Diagnostic::at(
                        Code::UnknownName,
                        path.span,
                        format!("`{}` is no hole of the trigger", self.sources.text(path.span)),
                        "",
                    )
                    .did_you_mean(
                        first,
                        path.span,
                        holes
                            .names()
                            .iter()
                            .take(self.scope.suggestions(holes.names().len()))
                            .map(String::as_str),
                        "holes of the trigger",
                    )
                    .help("the conditions of a chained rule name its holes, `op` and `context`"),
                );
                return None;
            }
            (Names::Rows { entity, .. }, "new" | "old") if path.names.len() > 1 => {
                let image = if first == "old" { Image::Old } else { Image::New };
                let rest = Path { names: path.names[1..].into(), span: path.span };
                (*entity, image, rest)
            }
            (Names::Rows { entity, .. }, _) => (*entity, Image::New, path.clone()),
        };
        match row_path(&path, self.scope, self.table, entity) {
            Ok((path, ty)) => Some((Operand::Row { image, path }, sort_of(ty))),
            Err(problem) => {
                self.findings.extend(problem.map(|p| *p));
                None
            }
        }
    }

    fn type_error<T>(&mut self, span: Span, message: &str, found: Sort) -> Option<T> {
        let label = match found {
            Sort::Null => String::new(),
            _ => format!("`{}` is {}", self.sources.text(span), found.describe()),
        };
        self.findings.push(Diagnostic::at(Code::TypeError, span, message, label));
        None
    }
}

/// Where a name stands, within its quotes if it has some.
fn bare(written: &Written) -> Span {
    let span = written.span();
    match written {
        Written::Path(_) => span,
        Written::Literal(_) => Span { start: span.start + 1, end: span.end.max(span.start + 2) - 1, ..span },
    }
}

fn sort_of(ty: PathType) -> Sort {
    match (ty.list, ty.scalar) {
        (true, _) => Sort::List,
        (false, None) => Sort::Id,
        (false, Some(scalar)) => Sort::Scalar(scalar),
    }
}

/// The source of a condition on one line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
