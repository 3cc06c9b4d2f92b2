//! What entries are called and carry under either rule set, and which names are only called otherwise.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::check::ruleset::{ContextId, Entity, EntityId};
use crate::check::template::{Hole, Part, RowPath, Template};
use crate::check::{RuleSet, Undeclared};
use crate::model::{RawId, RawWrite, Scalar};
use crate::plan::{Carried, Program, StepKind};

/// A name that entries of an entity have, or carry, under one rule set only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NameDifference {
    pub entity: String,
    /// `key`, `tag` or `list`.
    pub kind: &'static str,
    /// The templates; both where one takes the place of the other.
    pub old: Option<String>,
    pub new: Option<String>,
    /// An instance that shows it, as `invalidate names` takes it.
    pub instance: String,
    /// Its names of that kind that are gone, and those that are new.
    pub gone: Vec<String>,
    pub added: Vec<String>,
}

/// How the other side calls what an entity of this side has or carries.
pub struct Renames<'a> {
    pub there: &'a RuleSet,
    /// The other side's context attributes in the words of the subject.
    pub context: &'a dyn Fn(ContextId) -> Option<ContextId>,
    pub map: &'a RenameMap<'a>,
}

/// By entity, kind and template; and the keys that one side cannot name because a dimension is open.
#[derive(Default)]
pub struct RenameMap<'a> {
    renamed: BTreeMap<(EntityId, StepKind, String), &'a Template>,
    unnamed: Vec<(EntityId, String)>,
}

impl<'a> Renames<'a> {
    pub fn of(&self, entity: EntityId, kind: StepKind, template: &Template) -> Option<&'a Template> {
        if self.map.renamed.is_empty() {
            return None;
        }
        self.map.renamed.get(&(entity, kind, template.text().to_owned())).copied()
    }

    pub fn is_unnamed(&self, entity: EntityId, key: &str) -> bool {
        self.map.unnamed.iter().any(|(e, name)| *e == entity && name == key)
    }
}

/// A kind's templates of one entity, with what each is for.
struct Listed<'a> {
    role: String,
    template: &'a Template,
    rules: &'a RuleSet,
}

fn listed<'a>(rules: &'a RuleSet, entity: &'a Entity, kind: &str) -> Vec<Listed<'a>> {
    match kind {
        "key" => {
            let key = |k: &'a crate::check::ruleset::KeyTemplate| Listed {
                role: k.name.clone(),
                template: &k.template,
                rules,
            };
            entity.keys.iter().map(key).collect()
        }
        "tag" => entity.tags.iter().map(|t| by_paths(rules, &t.template)).collect(),
        _ => entity.lists.iter().map(|t| by_paths(rules, t)).collect(),
    }
}

/// A tag is for whoever knows what it names.
fn by_paths<'a>(rules: &'a RuleSet, template: &'a Template) -> Listed<'a> {
    let mut paths: Vec<String> = template.row_paths().map(ToString::to_string).collect();
    paths.sort();
    paths.dedup();
    Listed { role: paths.join(" "), template, rules }
}

/// A template as a text that is the same under both rule sets, whatever the namespace.
fn canonical(rules: &RuleSet, template: &Template) -> String {
    let mut out = String::new();
    for part in template.parts() {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Hole(Hole::Row(path)) => out.push_str(&format!("{{{path}}}")),
            Part::Hole(Hole::Context(id)) => {
                out.push_str(&format!("{{context.{}}}", rules.context()[id.index()].name));
            }
            Part::Hole(Hole::Vary(id)) => out.push_str(&format!("{{{}}}", dimension(rules, id.index()))),
            Part::Hole(Hole::Trigger(at)) => out.push_str(&format!("{{trigger {at}}}")),
        }
    }
    out.strip_prefix(&rules.prefix()).map(str::to_owned).unwrap_or(out)
}

fn dimension(rules: &RuleSet, at: usize) -> String {
    let vary = &rules.varies()[at];
    format!("{}: {:?}", vary.name, vary.values)
}

/// The dimensions of a template.
fn dimensions(rules: &RuleSet, template: &Template) -> Vec<String> {
    let mut out: Vec<String> = template
        .holes()
        .filter_map(|hole| match hole {
            Hole::Vary(id) => Some(dimension(rules, id.index())),
            _ => None,
        })
        .collect();
    out.sort();
    out.dedup();
    out
}

fn is_open(rules: &RuleSet, template: &Template) -> bool {
    let open = |hole: &Hole| matches!(hole, Hole::Vary(id) if rules.varies()[id.index()].values.is_none());
    template.holes().any(open)
}

/// A difference, before it is shown by an instance.
struct Pair<'a> {
    kind: &'static str,
    old: Option<Listed<'a>>,
    new: Option<Listed<'a>>,
}

fn pairs<'a>(old: &'a RuleSet, here: &'a Entity, new: &'a RuleSet, there: &'a Entity) -> Vec<Pair<'a>> {
    let mut out = Vec::new();
    for kind in ["key", "tag", "list"] {
        let (before, after) = (listed(old, here, kind), listed(new, there, kind));
        let text = |l: &Listed<'_>| {
            (if kind == "key" { l.role.clone() } else { String::new() }, canonical(l.rules, l.template))
        };
        let (texts_before, texts_after): (Vec<_>, Vec<_>) =
            (before.iter().map(text).collect(), after.iter().map(text).collect());
        let gone: Vec<Listed<'_>> = before.into_iter().filter(|l| !texts_after.contains(&text(l))).collect();
        let mut added: Vec<Listed<'_>> =
            after.into_iter().filter(|l| !texts_before.contains(&text(l))).collect();
        let count = |list: &[Listed<'_>], role: &str| list.iter().filter(|l| l.role == role).count();
        let mut shown = Vec::new();
        let alone: Vec<bool> =
            gone.iter().map(|l| count(&gone, &l.role) == 1 && count(&added, &l.role) == 1).collect();
        for (before, alone) in gone.into_iter().zip(alone) {
            let partner = added.iter().position(|l| alone && l.role == before.role);
            let after = partner.map(|at| added.remove(at));
            shown.push(Pair { kind, old: Some(before), new: after });
        }
        shown.extend(added.into_iter().map(|after| Pair { kind, old: None, new: Some(after) }));
        out.extend(shown);
    }
    out
}

/// What is only called otherwise. `here` are the old rules.
pub fn renames<'a>(old: &'a RuleSet, new: &'a RuleSet) -> (RenameMap<'a>, RenameMap<'a>) {
    let (mut of_old, mut of_new) = (RenameMap::default(), RenameMap::default());
    for (index, here) in old.entities().iter().enumerate() {
        let Some(other) = new.entity_named(&here.name) else { continue };
        let id = EntityId::at(index);
        for pair in pairs(old, here, new, new.entity(other)) {
            let (Some(before), Some(after)) = (pair.old, pair.new) else { continue };
            let open = (is_open(old, before.template), is_open(new, after.template));
            if pair.kind == "key" && open.0 != open.1 {
                of_old.unnamed.push((id, before.role.clone()));
                of_new.unnamed.push((other, after.role));
            } else if dimensions(old, before.template) == dimensions(new, after.template) {
                let kind = if pair.kind == "key" { StepKind::Key } else { StepKind::Tag };
                of_old.renamed.insert((id, kind, before.template.text().to_owned()), after.template);
            }
        }
    }
    (of_old, of_new)
}

/// Every difference of names, each shown by an instance. What none shows is left over, with why.
pub fn differences(old: &Program, new: &Program) -> (Vec<NameDifference>, Vec<String>) {
    let (mut out, mut left) = (Vec::new(), Vec::new());
    let (before, after) = (old.rules(), new.rules());
    let renamed_space = before.namespace() != after.namespace();
    for here in before.entities() {
        let Some(there) = after.entity_named(&here.name) else { continue };
        let there = after.entity(there);
        let mut pairs = pairs(before, here, after, there);
        if renamed_space && pairs.is_empty() {
            // The namespace alone: one name stands for all.
            let one = |rules, entity| listed(rules, entity, "tag").into_iter().next();
            pairs.push(Pair { kind: "tag", old: one(before, here), new: one(after, there) });
        }
        for pair in pairs {
            match shown(old, new, here, &pair) {
                Some(difference) => out.push(difference),
                None => left.push(format!("no instance of `{}` shows how its names differ", here.name)),
            }
        }
    }
    (out, left)
}

fn shown(old: &Program, new: &Program, entity: &Entity, pair: &Pair<'_>) -> Option<NameDifference> {
    let mut raw = RawWrite {
        entity: entity.name.clone(),
        id: RawId::Text("1".to_owned()),
        op: "create".to_owned(),
        ..RawWrite::default()
    };
    for side in [&pair.old, &pair.new].into_iter().flatten() {
        give(side.rules, entity.name.as_str(), side.template, &mut raw);
    }
    let names = |program: &Program| -> Option<Vec<String>> {
        let write = program.rules().write(raw.clone(), Undeclared::Ignore).ok()?;
        let names = program.names(&write);
        let of = match pair.kind {
            "key" => names.keys,
            "tag" => names.tags,
            _ => names.lists,
        };
        let all = |c: Carried| if c.open { vec![c.template] } else { c.names };
        Some(of.into_iter().flat_map(all).collect())
    };
    let (before, after) = (names(old)?, names(new)?);
    let without =
        |a: &[String], b: &[String]| a.iter().filter(|n| !b.contains(n)).cloned().collect::<Vec<_>>();
    let (gone, added) = (without(&before, &after), without(&after, &before));
    if gone.is_empty() && added.is_empty() {
        return None;
    }
    let text = |side: &Option<Listed<'_>>| {
        side.as_ref().map(|l| format!("{}{}", l.rules.prefix(), l.template.text()))
    };
    let mut instance = format!("{} 1", entity.name);
    for (name, value) in &raw.new {
        let value = match value {
            Json::String(text) => format!("={text}"),
            other => format!(":={other}"),
        };
        instance.push_str(&format!(" {name}{value}"));
    }
    for (name, value) in &raw.context {
        instance.push_str(&format!(" context.{name}:={value}"));
    }
    let (old, new) = (text(&pair.old), text(&pair.new));
    Some(NameDifference { entity: entity.name.clone(), kind: pair.kind, old, new, instance, gone, added })
}

/// Gives a value for everything that a template names.
fn give(rules: &RuleSet, entity: &str, template: &Template, raw: &mut RawWrite) {
    for hole in template.holes() {
        match hole {
            Hole::Row(path) if *path != RowPath::id() => {
                let value = value(rules, entity, path).unwrap_or_else(|| Json::String("2".to_owned()));
                raw.new.entry(path.write_name()).or_insert(value);
            }
            Hole::Context(id) => {
                let attribute = &rules.context()[id.index()];
                put(&mut raw.context, &attribute.name, example(attribute.ty.scalar));
            }
            _ => {}
        }
    }
}

fn put(map: &mut Map<String, Json>, name: &str, value: Json) {
    map.entry(name.to_owned()).or_insert(value);
}

/// A value for a field; `None` for an id.
fn value(rules: &RuleSet, entity: &str, path: &RowPath) -> Option<Json> {
    let mut here = rules.entity(rules.entity_named(entity)?);
    for reference in path.refs() {
        here = rules.entity(here.reference(reference)?.target);
    }
    let field = here.field(path.names().last()?)?;
    Some(example(field.ty.scalar))
}

fn example(scalar: Scalar) -> Json {
    match scalar {
        Scalar::String => Json::String("a".to_owned()),
        Scalar::Int => Json::from(2),
        Scalar::Float => Json::from(2.5),
        Scalar::Bool => Json::Bool(true),
        Scalar::Time => Json::String("2026-01-01T00:00:00Z".to_owned()),
    }
}
