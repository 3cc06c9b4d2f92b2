//! What follows from walking the relations: the scoped tags that entries carry, and the cascades
//! of the rules.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::ruleset::{Entity, EntityId, Follow, Hop, Link, Relation, Rule, TagOrigin, TagTemplate, Trigger};
use super::template::{Hole, Part, RowPath, Template};
use super::walk::{Binding, MAX_TOUCHES, Steps, TooWide, Touch, walk};
use crate::diagnostic::{Code, Diagnostic};

/// Adds to every entity the scoped tags that cascades reach it by, unless a written tag names the
/// same instance.
pub fn imply(
    table: &mut [Entity],
    relations: &[Relation],
    links_from: &[Vec<Link>],
    prefix: String,
    steps: &mut Steps,
    findings: &mut Vec<Diagnostic>,
) {
    // The paths that a tag of the entity names alone: there a scoped tag would say the same again.
    let mut named: FxHashSet<(EntityId, RowPath)> = FxHashSet::default();
    for (index, entity) in table.iter().enumerate() {
        let alone = entity.tags.iter().filter_map(|tag| only_path(&tag.template));
        named.extend(alone.map(|path| (EntityId::at(index), path.clone())));
    }
    for index in 0..table.len() {
        let source = EntityId::at(index);
        let child_side = |link: &Link| !matches!(link.hop, Hop::Parent(_));
        let Ok(touches) = walk(source, relations, links_from, steps, child_side) else {
            // One is enough to say it; walking on would take as long again for each entity.
            findings.push(too_wide(&table[index], steps));
            break;
        };
        for touch in touches {
            let Some(path) = path_to_start(&touch) else { continue };
            let source_name = table[index].name.clone();
            let target = &mut table[touch.entity.index()];
            // A written tag stands in for the scoped one only where it names nothing else of the row:
            // what else it names could be unknown to the cascade, or null.
            if !named.insert((touch.entity, path.clone())) {
                continue;
            }
            let template = Template {
                parts: vec![
                    Part::Text(Arc::from(format!("{prefix}{source_name}:"))),
                    Part::Hole(Hole::Row(path.clone())),
                    Part::Text(Arc::from(format!(":{}", target.name))),
                ],
                text: Arc::from(format!("{source_name}:{{{path}}}:{}", target.name)),
                span: target.span,
            };
            target.tags.push(TagTemplate { template, origin: TagOrigin::Scoped(source) });
        }
    }
    for entity in table {
        // Nearest first; written and instance tags keep their order among equals.
        entity.tags.sort_by_key(|t| t.template.distance().unwrap_or(usize::MAX));
    }
}

/// The row's path that a template names, where it names one and no other.
fn only_path(template: &Template) -> Option<&RowPath> {
    let mut paths = template.row_paths();
    let first = paths.next()?;
    paths.all(|path| path == first).then_some(first)
}

/// How the reached entity names the start: the refs back to it.
fn path_to_start(touch: &Touch) -> Option<RowPath> {
    match &touch.binding {
        Binding::Known { strip, prefix } if prefix.is_empty() && !strip.is_empty() => {
            Some(RowPath::new(strip.iter().cloned().chain([Arc::from("id")]).collect()))
        }
        _ => None,
    }
}

fn too_wide(entity: &Entity, steps: &Steps) -> Diagnostic {
    let message = if steps.are_used_up() {
        format!("with those from `{}`, the cascades take too many paths together", entity.name)
    } else {
        format!("a cascade from `{}` takes more than {MAX_TOUCHES} paths", entity.name)
    };
    Diagnostic::at(Code::TooLarge, entity.span, message, "")
        .help("lower the `depth` of the relations, or follow fewer of them")
}

/// Walks the cascade of every rule once for each entity and set of relations.
pub fn cascades(
    rules: &[Rule],
    table: &[Entity],
    relations: &[Relation],
    links_from: &[Vec<Link>],
    steps: &mut Steps,
    findings: &mut Vec<Diagnostic>,
) -> FxHashMap<(EntityId, Follow), Arc<[Touch]>> {
    let mut out: FxHashMap<(EntityId, Follow), Arc<[Touch]>> = FxHashMap::default();
    if steps.are_used_up() {
        return out;
    }
    for rule in rules.iter().filter(|r| r.follow != Follow::Nothing) {
        let Trigger::Writes(triggers) = &rule.trigger else { continue };
        for trigger in triggers {
            let key = (trigger.entity, rule.follow.clone());
            if out.contains_key(&key) {
                continue;
            }
            let allowed = |link: &Link| rule.follow.allows(link.relation);
            let walked = walk(trigger.entity, relations, links_from, steps, allowed).and_then(|touches| {
                report_dead_ends(rule, trigger.entity, &touches, table, relations, steps, findings)?;
                Ok(touches)
            });
            let touches = walked.unwrap_or_else(|_| {
                findings.push(too_wide(&table[trigger.entity.index()], steps));
                Vec::new()
            });
            if steps.are_used_up() {
                return out;
            }
            out.insert(key, touches.into());
        }
    }
    out
}

/// Entities that a cascade reaches without any write being able to name what to drop there.
fn report_dead_ends(
    rule: &Rule,
    from: EntityId,
    touches: &[Touch],
    table: &[Entity],
    relations: &[Relation],
    steps: &mut Steps,
    findings: &mut Vec<Diagnostic>,
) -> Result<(), TooWide> {
    let mut reported: FxHashSet<EntityId> = FxHashSet::default();
    for touch in touches {
        let entity = &table[touch.entity.index()];
        // Most find one among the first; of those that find none, few have many.
        let mut looked_at = 0;
        // A template that names no row reaches everything or nothing: it says nothing of which.
        let mut bindable = |t: &Template| {
            looked_at += 1;
            let mut paths = t.row_paths().peekable();
            paths.peek().is_some() && paths.all(|p| touch.binding.translate(p).is_some())
        };
        let nameable = entity.tags.iter().any(|t| bindable(&t.template))
            || (!entity.keys.is_empty() && entity.keys.iter().all(|k| bindable(&k.template)));
        steps.take(looked_at)?;
        if nameable || !reported.insert(touch.entity) {
            continue;
        }
        let way: Vec<String> = touch.via.iter().map(|r| format!("`{}`", relations[r.index()].name)).collect();
        findings.push(
            Diagnostic::at(
                Code::DeadEnd,
                rule.name_span,
                format!(
                    "the cascade from `{}` reaches `{}`, but no write of `{}` can say which",
                    table[from.index()].name,
                    entity.name,
                    table[from.index()].name
                ),
                format!("along {}", way.join(", ")),
            )
            .also(entity.span, "nothing that is known there names its keys or tags")
            .help(format!(
                "lower the depth, or give `{}` a tag or list that the cascade can name",
                entity.name
            )),
        );
    }
    Ok(())
}
