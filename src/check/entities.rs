//! Entities: their fields, operations and refs first, their templates once every ref is known.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::errors::ErrorCount;
use super::names::{Names, duplicate, not_reserved};
use super::ruleset::{
    Entity, EntityId, Field, KeyTemplate, NameIndex, Operation, Ref, TagOrigin, TagTemplate,
};
use super::template::{Hole, Part, RowPath, Template};
use super::templates::{Holes, Scope, Target, check_template};
use crate::diagnostic::{Code, Diagnostic, Fix};
use crate::span::Span;
use crate::syntax::ast::{self, Ident};

/// The declared entities, and which of their names could not be made sense of.
pub struct Entities {
    pub table: Vec<Entity>,
    pub by_name: FxHashMap<String, EntityId>,
    /// Refs to unknown entities: reported once, then passed over in silence.
    pub broken: FxHashSet<(EntityId, String)>,
}

/// Entities with fields, operations and refs; templates come later.
pub fn declare(names: &Names<'_>, findings: &mut Vec<Diagnostic>) -> Entities {
    let by_name: FxHashMap<String, EntityId> = names
        .entities
        .iter()
        .enumerate()
        .map(|(index, (_, entity))| (entity.name.text.to_string(), EntityId::at(index)))
        .collect();
    let mut entities = Entities { table: Vec::new(), by_name, broken: FxHashSet::default() };
    let varies: FxHashMap<&str, Span> = names.varies.iter().map(|v| (v.name.as_str(), v.span)).collect();
    for (index, (item, entity)) in names.entities.iter().enumerate() {
        let mut columns: FxHashMap<&str, Span> = FxHashMap::default();
        let column_is_free = |what: &str, name: &'_ Ident, findings: &mut Vec<Diagnostic>| {
            if !not_reserved(what, name, findings) {
                return false;
            }
            if let Some(vary) = varies.get(name.text.as_str()) {
                findings.push(
                    Diagnostic::at(
                        Code::ReservedName,
                        name.span,
                        format!("`{}` is a vary dimension already", name.text),
                        format!("a {what} of the same name would make `{{{}}}` ambiguous", name.text),
                    )
                    .also(*vary, "the dimension"),
                );
                return false;
            }
            true
        };
        let mut fields = Vec::new();
        for decl in &entity.fields {
            if !column_is_free("field", &decl.name, findings) {
                continue;
            }
            if let Some(earlier) = columns.get(decl.name.text.as_str()) {
                findings.push(duplicate("field", &decl.name, *earlier));
                continue;
            }
            if let Some(default) = &decl.default {
                findings.push(
                    Diagnostic::at(Code::TypeError, default.span, "a field has no default", "").help(
                        "what a write is silent about is unknown; only `context` attributes have defaults",
                    ),
                );
            }
            columns.insert(&decl.name.text, decl.name.span);
            fields.push(Field {
                name: decl.name.text.to_string(),
                doc: decl.attrs.doc.clone(),
                ty: decl.ty,
                span: decl.name.span,
            });
        }
        let mut refs = Vec::new();
        for reference in &entity.refs {
            if !column_is_free("ref", &reference.name, findings) {
                continue;
            }
            if let Some(earlier) = columns.get(reference.name.text.as_str()) {
                findings.push(duplicate("field or ref", &reference.name, *earlier));
                continue;
            }
            columns.insert(&reference.name.text, reference.name.span);
            let target = reference.target.as_ref().unwrap_or(&reference.name);
            match entities.by_name.get(target.text.as_str()) {
                Some(id) => refs.push(Ref {
                    name: reference.name.text.to_string(),
                    doc: reference.attrs.doc.clone(),
                    target: *id,
                    list: reference.list,
                    implied: false,
                    span: reference.name.span,
                }),
                None => {
                    entities.broken.insert((EntityId::at(index), reference.name.text.to_string()));
                    findings.extend(unknown_entity(target, names));
                }
            }
        }
        let operations = operations(entity, findings);
        entities.table.push(Entity {
            name: entity.name.text.to_string(),
            doc: item.attrs.doc.clone(),
            index: NameIndex::of(&fields, &refs, &operations),
            fields,
            operations,
            refs,
            keys: Vec::new(),
            tags: Vec::new(),
            lists: Vec::new(),
            span: entity.name.span,
        });
    }
    entities
}

fn operations(entity: &ast::Entity, findings: &mut Vec<Diagnostic>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut seen: FxHashMap<&str, Span> = FxHashMap::default();
    for name in &entity.operations {
        if Operation::BUILT_IN.contains(&name.text.as_str()) {
            findings.push(
                Diagnostic::at(
                    Code::DuplicateName,
                    name.span,
                    format!("every entity has `{}` already", name.text),
                    "",
                )
                .help("list only operations besides create, update and delete")
                .fix(Fix::safe("remove it", name.span, "")),
            );
        } else if let Some(earlier) = seen.get(name.text.as_str()) {
            findings.push(duplicate("operation", name, *earlier).fix(Fix::safe(
                "remove the second one",
                name.span,
                "",
            )));
        } else {
            seen.insert(&name.text, name.span);
            out.push(name.text.to_string());
        }
    }
    out
}

/// A name that no entity has; `None` for one that was lost to a syntax error.
pub fn unknown_entity(name: &Ident, names: &Names<'_>) -> Option<Diagnostic> {
    if names.lost.contains(&name.text.as_str()) {
        return None;
    }
    let known = names
        .entities
        .iter()
        .take(names.suggestions(names.entities.len()))
        .map(|(_, e)| e.name.text.as_str());
    let diagnostic = Diagnostic::at(
        Code::UnknownName,
        name.span,
        format!("unknown entity `{}`", name.text),
        "not declared",
    );
    Some(diagnostic.did_you_mean(&name.text, name.span, known, "entities"))
}

/// Checks keys, tags and lists, and adds each entity's instance tag.
pub fn templates(
    names: &Names<'_>,
    table: &mut [Entity],
    scope: &Scope<'_>,
    errors: &mut ErrorCount,
    findings: &mut Vec<Diagnostic>,
) {
    let no_holes = Holes::default();
    for (index, (_, written)) in names.entities.iter().enumerate() {
        let id = EntityId::at(index);
        let mut keys: Vec<KeyTemplate> = Vec::new();
        let mut seen: FxHashMap<&str, Span> = FxHashMap::default();
        for clause in &written.keys {
            if let Some(earlier) = seen.get(clause.name.text.as_str()) {
                findings.push(duplicate("key", &clause.name, *earlier));
                continue;
            }
            let template = match &clause.template {
                Some(template) => {
                    check_template(template, Target::Key, scope, table, Some(id), &no_holes, findings)
                }
                None => Some(default_key(scope, &table[index].name, &clause.name)),
            };
            if let Some(template) = template {
                seen.insert(&clause.name.text, clause.name.span);
                keys.push(KeyTemplate {
                    name: clause.name.text.to_string(),
                    doc: clause.attrs.doc.clone(),
                    template,
                    span: clause.name.span,
                });
            }
        }
        let mut check = |template: &ast::Template| {
            check_template(template, Target::Tag, scope, table, Some(id), &no_holes, findings)
        };
        let lists: Vec<Template> = written.lists.iter().filter_map(&mut check).collect();
        let mut tags: Vec<TagTemplate> = written
            .tags
            .iter()
            .filter_map(&mut check)
            .map(|template| TagTemplate { template, origin: TagOrigin::Written })
            .collect();
        if !tags.iter().any(|t| t.template.row_paths().any(|p| *p == RowPath::id())) {
            let template = instance_tag(scope.prefix(), &table[index]);
            tags.insert(0, TagTemplate { template, origin: TagOrigin::Instance });
        }
        if errors.is_exceeded(findings) {
            return;
        }
        let entity = &mut table[index];
        (entity.keys, entity.tags, entity.lists) = (keys, tags, lists);
    }
}

/// `ENTITY:{id}:KEY`.
fn default_key(scope: &Scope<'_>, entity: &str, name: &Ident) -> Template {
    Template {
        parts: vec![
            Part::Text(Arc::from(format!("{}{entity}:", scope.prefix()))),
            Part::Hole(Hole::Row(RowPath::id())),
            Part::Text(Arc::from(format!(":{}", name.text))),
        ],
        text: Arc::from(format!("{entity}:{{id}}:{}", name.text)),
        span: name.span,
    }
}

/// `ENTITY:{id}`.
fn instance_tag(prefix: &str, entity: &Entity) -> Template {
    Template {
        parts: vec![
            Part::Text(Arc::from(format!("{prefix}{}:", entity.name))),
            Part::Hole(Hole::Row(RowPath::id())),
        ],
        text: Arc::from(format!("{}:{{id}}", entity.name)),
        span: entity.span,
    }
}
