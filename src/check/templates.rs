//! Binding templates: every hole resolved, every segment with one hole at most.

use std::cell::RefCell;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::names::Names;
use super::ruleset::{Attribute, ContextId, Entity, EntityId, TagPattern, TagSegment, Vary, VaryId};
use super::template::{Hole, Part, RowPath, Template};
use crate::diagnostic::{Code, Diagnostic, did_you_mean, nearest};
use crate::model::{MAX_NAME_BYTES, Pattern, Type, escape_tag_text};
use crate::syntax::ast::{self, Path, TemplatePart};

/// What names can mean outside an entity.
pub struct Scope<'a> {
    prefix: String,
    names: &'a Names<'a>,
    pub context: &'a [Attribute],
    pub varies: &'a [Vary],
    broken: &'a FxHashSet<(EntityId, String)>,
    attributes: FxHashMap<&'a str, ContextId>,
    dimensions: FxHashMap<&'a str, VaryId>,
    entities: &'a FxHashMap<String, EntityId>,
    /// Operations that any entity declares.
    pub operations: FxHashSet<&'a str>,
    /// Paths so far: rules by the thousand name the same ones.
    paths: RefCell<FxHashSet<RowPath>>,
}

impl<'a> Scope<'a> {
    pub fn new(
        names: &'a Names<'a>,
        entities: &'a FxHashMap<String, EntityId>,
        broken: &'a FxHashSet<(EntityId, String)>,
    ) -> Self {
        let attributes = names.context.iter().enumerate();
        let dimensions = names.varies.iter().enumerate();
        let operations = names.entities.iter().flat_map(|(_, entity)| &entity.operations);
        Self {
            prefix: names.prefix(),
            names,
            context: &names.context,
            varies: &names.varies,
            broken,
            entities,
            attributes: attributes.map(|(at, a)| (a.name.as_str(), ContextId::at(at))).collect(),
            dimensions: dimensions.map(|(at, v)| (v.name.as_str(), VaryId::at(at))).collect(),
            operations: operations.map(|name| name.text.as_str()).collect(),
            paths: RefCell::default(),
        }
    }

    /// A path of these names, one for all that name it.
    fn path(&self, names: Vec<Arc<str>>) -> RowPath {
        let path = RowPath::new(names);
        let mut paths = self.paths.borrow_mut();
        let known = paths.get(&path).cloned();
        known.unwrap_or_else(|| {
            paths.insert(path.clone());
            path
        })
    }

    /// Empty, or the namespace and a colon.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// As [`Names::suggestions`].
    pub fn suggestions(&self, known: usize) -> usize {
        self.names.suggestions(known)
    }
}

/// The holes of a chained rule's triggers, in the order of their first use.
#[derive(Debug, Default)]
pub struct Holes {
    names: Vec<String>,
    places: FxHashMap<String, usize>,
}

impl Holes {
    pub fn names(&self) -> &[String] {
        &self.names
    }

    pub fn into_names(self) -> Vec<String> {
        self.names
    }

    pub fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    fn place_or_add(&mut self, name: &str) -> usize {
        self.place(name).unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.places.insert(name.to_owned(), self.names.len() - 1);
            self.names.len() - 1
        })
    }
}

/// What a template names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// An entity's key: what it leaves open is reached through tags.
    Key,
    /// An entity's tag or list.
    Tag,
    DropTag,
    DropKey,
    DropMatch,
}

impl Target {
    fn is_tag(self) -> bool {
        matches!(self, Self::Tag | Self::DropTag)
    }
}

/// The type at the end of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathType {
    /// `None` for an id.
    pub scalar: Option<crate::model::Scalar>,
    /// Whether a list stands on the way or at the end.
    pub list: bool,
}

/// Checks a template against an entity, or against the holes of a chained rule's trigger where
/// there is none. `None` where it was reported as wrong.
pub fn check_template(
    template: &ast::Template,
    target: Target,
    scope: &Scope<'_>,
    table: &[Entity],
    entity: Option<EntityId>,
    holes: &Holes,
    findings: &mut Vec<Diagnostic>,
) -> Option<Template> {
    if is_far_too_long(template) {
        findings.push(too_long(template));
        return None;
    }
    let mut parts: Vec<Part> = Vec::new();
    let mut text = scope.prefix().to_owned();
    let mut good = !template.parts.is_empty() && one_hole_a_segment(template, findings);
    let mut source = String::new();
    for part in &template.parts {
        match part {
            TemplatePart::Text(literal) => {
                source.push_str(&literal.node.replace('{', "{{").replace('}', "}}"));
                good &= target != Target::DropMatch || check_glob(literal, findings);
                if target.is_tag() {
                    text.push_str(&escape_tag_text(&literal.node));
                } else {
                    text.push_str(&literal.node);
                }
            }
            TemplatePart::Hole(path) => {
                let name = join(path);
                source.push_str(&format!("{{{name}}}"));
                match hole(path, scope, table, entity, holes) {
                    Ok(hole) => {
                        good &= check_hole(&hole, target, path, scope, findings);
                        if !text.is_empty() {
                            parts.push(Part::Text(std::mem::take(&mut text).into()));
                        }
                        parts.push(Part::Hole(hole));
                    }
                    Err(problem) => {
                        good = false;
                        findings.extend(problem.map(|p| *p));
                    }
                }
            }
        }
    }
    if source.len() > MAX_NAME_BYTES {
        findings.push(too_long(template));
        good = false;
    }
    if !text.is_empty() {
        parts.push(Part::Text(text.into()));
    }
    parts.shrink_to_fit();
    good.then(|| Template { parts, text: source.into(), span: template.span })
}

/// Whether a template is too long whatever its escapes are, so that its holes need no look.
fn is_far_too_long(template: &ast::Template) -> bool {
    template.span.range().len() > 2 * MAX_NAME_BYTES + 2
}

fn too_long(template: &ast::Template) -> Diagnostic {
    let message = format!("the template is longer than a key may be ({MAX_NAME_BYTES} bytes)");
    Diagnostic::at(Code::BadTemplate, template.span, message, "")
}

fn join(path: &Path) -> String {
    path.names.iter().map(|n| n.text.as_str()).collect::<Vec<_>>().join(".")
}

/// Two holes in one segment could fill to the same text in two ways.
fn one_hole_a_segment(template: &ast::Template, findings: &mut Vec<Diagnostic>) -> bool {
    let mut before: Option<&Path> = None;
    for part in &template.parts {
        match part {
            TemplatePart::Text(text) if text.node.contains(':') => before = None,
            TemplatePart::Text(_) => {}
            TemplatePart::Hole(path) => {
                if let Some(earlier) = before {
                    findings.push(
                        Diagnostic::at(
                            Code::BadTemplate,
                            path.span,
                            "two holes stand in one segment",
                            "the second one",
                        )
                        .also(earlier.span, "the first one")
                        .help("put a `:` between them, so that `1` and `23` cannot look like `12` and `3`"),
                    );
                    return false;
                }
                before = Some(path);
            }
        }
    }
    true
}

fn check_glob(literal: &crate::span::Spanned<String>, findings: &mut Vec<Diagnostic>) -> bool {
    match Pattern::glob(&literal.node) {
        Ok(_) => true,
        Err(error) => {
            findings.push(
                Diagnostic::at(Code::BadLiteral, literal.span, format!("this is no glob: {error}"), "")
                    .help("in a glob `*`, `?`, `[…]` and `\\` have a meaning; in a string a backslash is written `\\\\`"),
            );
            false
        }
    }
}

/// What the place of a hole asks of it.
fn check_hole(
    hole: &Hole,
    target: Target,
    path: &Path,
    scope: &Scope<'_>,
    findings: &mut Vec<Diagnostic>,
) -> bool {
    if let Hole::Vary(id) = hole {
        let vary = &scope.varies[id.index()];
        if vary.values.is_none() && target != Target::Key {
            findings.push(
                Diagnostic::at(
                    Code::UnboundHole,
                    path.span,
                    format!("nothing lists the values of `{}`", vary.name),
                    "no write can fill this hole",
                )
                .also(vary.span, "declared without values")
                .help(format!("list them (`vary {}: \"…\", \"…\"`), or use the dimension only in keys, which are reached through their tags", vary.name)),
            );
            return false;
        }
    }
    true
}

/// What is wrong with a path; `None` where it was reported elsewhere.
pub type Problem = Option<Box<Diagnostic>>;

fn problem(finding: Diagnostic) -> Problem {
    Some(Box::new(finding))
}

/// Resolves a hole. `Err(None)` where the reason was reported elsewhere.
fn hole(
    path: &Path,
    scope: &Scope<'_>,
    table: &[Entity],
    entity: Option<EntityId>,
    holes: &Holes,
) -> Result<Hole, Problem> {
    let first = path.names[0].text.as_str();
    if first == "context" {
        return context(path, scope).map(Hole::Context).map_err(Some);
    }
    if matches!(first, "old" | "new") && path.names.len() > 1 {
        let rest = join(path).split_off(first.len() + 1);
        return Err(problem(
            Diagnostic::at(
                Code::BadTemplate,
                path.span,
                format!("`{first}.` has no place in a template"),
                "",
            )
            .help(format!("write `{{{rest}}}`: every template is filled from both images of the row")),
        ));
    }
    if let [name] = &*path.names
        && let Some(id) = scope.dimensions.get(name.text.as_str())
    {
        return Ok(Hole::Vary(*id));
    }
    let Some(entity) = entity else {
        return match holes.place(first) {
            Some(index) if path.names.len() == 1 => Ok(Hole::Trigger(index)),
            _ => Err(problem(
                Diagnostic::at(
                    Code::UnboundHole,
                    path.span,
                    format!("`{{{}}}` is no hole of the rule's trigger", join(path)),
                    "nothing fills it",
                )
                .did_you_mean(
                    first,
                    path.span,
                    holes.names().iter().take(scope.suggestions(holes.names().len())).map(String::as_str),
                    "holes of the trigger",
                )
                .help("a chained rule knows only what its trigger's holes hold, and `context`"),
            )),
        };
    };
    let (row, kind) = row_path(path, scope, table, entity)?;
    if kind.scalar.is_none() && path.names.last().is_none_or(|n| n.text != "id") {
        return Err(problem(
            Diagnostic::at(
                Code::BadTemplate,
                path.span,
                format!("`{{{}}}` is a ref, not a value", join(path)),
                "",
            )
            .help(format!("write `{{{}.id}}` for the id it holds", join(path))),
        ));
    }
    Ok(Hole::Row(row))
}

/// Resolves `context.NAME`.
pub fn context(path: &Path, scope: &Scope<'_>) -> Result<ContextId, Box<Diagnostic>> {
    let known = || scope.context.iter().take(scope.suggestions(scope.context.len())).map(|a| a.name.as_str());
    let [_, name] = &*path.names else {
        let known = known();
        let finding = Diagnostic::at(
            Code::UnknownName,
            path.span,
            format!("`{}` is no context attribute", join(path)),
            "write `context.` and one name",
        );
        return Err(Box::new(finding.maybe_help(did_you_mean("", known, "declared attributes"))));
    };
    scope.attributes.get(name.text.as_str()).copied().ok_or_else(|| {
        let known = known();
        let finding = Diagnostic::at(
            Code::UnknownName,
            name.span,
            format!("unknown context attribute `{}`", name.text),
            "not declared",
        )
        .did_you_mean(&name.text, name.span, known.clone(), "declared attributes")
        .maybe_help(
            nearest(&name.text, known)
                .is_none()
                .then(|| format!("declare it: `context {{ {}: string }}`", name.text)),
        );
        Box::new(finding)
    })
}

/// Resolves refs and a field or `id` behind them; a ref at the end stands for its id.
/// `Err(None)` where the reason was reported elsewhere.
pub fn row_path(
    path: &Path,
    scope: &Scope<'_>,
    table: &[Entity],
    entity: EntityId,
) -> Result<(RowPath, PathType), Problem> {
    let mut at = entity;
    let mut list = false;
    let mut out: Vec<Arc<str>> = Vec::new();
    let mut names = path.names.iter().peekable();
    while let Some(name) = names.next() {
        let here = &table[at.index()];
        let last = names.peek().is_none();
        if last && name.text == "id" {
            out.push("id".into());
            return Ok((scope.path(out), PathType { scalar: None, list }));
        }
        if let Some(reference) = here.reference(&name.text).filter(|r| !r.implied) {
            out.push(reference.name.as_str().into());
            list |= reference.list;
            at = reference.target;
            if last {
                out.push("id".into());
                return Ok((scope.path(out), PathType { scalar: None, list }));
            }
            continue;
        }
        if let Some(field) = here.field(&name.text) {
            if !last {
                return Err(problem(Diagnostic::at(
                    Code::TypeError,
                    name.span,
                    format!("`{}` is a field of `{}`, not a ref", name.text, here.name),
                    "nothing stands behind a field",
                )));
            }
            out.push(field.name.as_str().into());
            let Type { scalar, list: is_list } = field.ty;
            return Ok((scope.path(out), PathType { scalar: Some(scalar), list: list || is_list }));
        }
        if scope.broken.contains(&(at, name.text.to_string())) {
            return Err(None);
        }
        let most = scope.suggestions(here.fields.len() + here.refs.len());
        let fields = here.fields.iter().map(|f| f.name.as_str());
        let refs = here.refs.iter().filter(|r| !r.implied).map(|r| r.name.as_str());
        let known: Vec<&str> = ["id"].into_iter().chain(fields).chain(refs).take(most).collect();
        let mut diagnostic = Diagnostic::at(
            Code::UnknownName,
            name.span,
            format!("`{}` has no field or ref `{}`", here.name, name.text),
            "not declared",
        )
        .also(here.span, "the entity");
        if let Some(target) = (!last).then(|| scope.entities.get(name.text.as_str())).flatten() {
            let target = &table[target.index()];
            diagnostic = diagnostic.help(format!("declare `ref {}` in `{}`", target.name, here.name));
        } else {
            diagnostic = diagnostic.did_you_mean(&name.text, name.span, known.iter().copied(), "it has");
        }
        return Err(problem(diagnostic));
    }
    Err(None)
}

/// The pattern of a chained rule's trigger; adds its holes to `holes`. `None` where it was reported.
pub fn tag_pattern(
    template: &ast::Template,
    scope: &Scope<'_>,
    holes: &mut Holes,
    findings: &mut Vec<Diagnostic>,
) -> Option<TagPattern> {
    if is_far_too_long(template) {
        findings.push(too_long(template));
        return None;
    }
    // Literal text and holes, cut at colons: a hole must be alone between two of them.
    let mut segments: Vec<Vec<TagSegment>> = vec![vec![]];
    let mut text = scope.prefix().to_owned();
    let mut good = !template.parts.is_empty();
    let literal = |segments: &mut Vec<Vec<TagSegment>>, text: &str| {
        for (index, piece) in text.split(':').enumerate() {
            if index > 0 {
                segments.push(vec![]);
            }
            if let (false, Some(last)) = (piece.is_empty(), segments.last_mut()) {
                last.push(TagSegment::Literal(piece.to_owned()));
            }
        }
    };
    literal(&mut segments, scope.prefix());
    for part in &template.parts {
        match part {
            TemplatePart::Text(piece) => {
                let escaped = escape_tag_text(&piece.node);
                literal(&mut segments, &escaped);
                text.push_str(&escaped);
            }
            TemplatePart::Hole(path) => {
                let [name] = &*path.names else {
                    findings.push(
                        Diagnostic::at(
                            Code::BadTemplate,
                            path.span,
                            format!("`{{{}}}` is no name for a hole", join(path)),
                            "",
                        )
                        .help(
                            "the holes of a trigger are names of your own: `{x}` holds whatever stands there",
                        ),
                    );
                    good = false;
                    continue;
                };
                let taken = scope.dimensions.contains_key(name.text.as_str());
                if taken || !super::names::not_reserved("hole", name, findings) {
                    good = false;
                    if taken {
                        findings.push(Diagnostic::at(
                            Code::ReservedName,
                            name.span,
                            format!("`{}` is a vary dimension", name.text),
                            "choose another name for the hole",
                        ));
                    }
                    continue;
                }
                let index = holes.place_or_add(&name.text);
                text.push_str(&format!("{{{}}}", name.text));
                if let Some(last) = segments.last_mut() {
                    last.push(TagSegment::Hole(index));
                }
            }
        }
    }
    if segments.iter().any(|s| s.len() > 1) {
        findings.push(
            Diagnostic::at(
                Code::BadTemplate,
                template.span,
                "a hole of a trigger must be a whole segment",
                "",
            )
            .help("a segment is what stands between two `:`"),
        );
        return None;
    }
    let segments = segments
        .into_iter()
        .map(|mut s| s.pop().unwrap_or_else(|| TagSegment::Literal(String::new())))
        .collect();
    good.then_some(TagPattern { segments, text })
}

/// Whether every hole of a template fills a whole segment.
pub fn holes_are_segments(template: &Template) -> bool {
    template.parts.iter().enumerate().all(|(index, part)| {
        let Part::Hole(_) = part else { return true };
        let before = index.checked_sub(1).map(|i| &template.parts[i]);
        let after = template.parts.get(index + 1);
        let ends = |p: Option<&Part>, edge: fn(&str) -> bool| match p {
            None => true,
            Some(Part::Text(text)) => edge(text),
            Some(Part::Hole(_)) => false,
        };
        ends(before, |t| t.ends_with(':')) && ends(after, |t| t.starts_with(':'))
    })
}
