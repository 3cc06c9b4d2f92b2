//! Sample caches made from the rules' own templates: what an application that follows the rules
//! would have written.

use serde_json::{Value as Json, json};

use crate::check::ruleset::EntityId;
use crate::check::{RuleSet, Undeclared, Write};
use crate::model::{Key, RawId, RawWrite, Tag};
use crate::plan::{Carried, Plan, Program, StepKind, Unfilled};

/// An entry as an application would write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleEntry {
    pub key: Key,
    /// Sorted.
    pub tags: Vec<Tag>,
    /// What it shows, for people.
    pub about: String,
}

/// Entries of one instance of every entity for each world. All refs stay inside a world, so that a
/// write of one world must leave the others alone. Sorted by key.
pub fn sample(program: &Program, worlds: &[&str]) -> Vec<SampleEntry> {
    let rules = program.rules();
    let mut out: Vec<SampleEntry> = Vec::new();
    for world in worlds {
        for index in 0..rules.entities().len() {
            let entity = EntityId::at(index);
            let Some(write) = instance(program, entity, world) else { continue };
            let name = &rules.entity(entity).name;
            let names = program.names(&write);
            let tags = sorted_tags(&names.tags);
            for carried in &names.keys {
                for key in carried.names.iter().filter_map(|n| Key::new(n.as_str()).ok()) {
                    out.push(SampleEntry { key, tags: tags.clone(), about: format!("{name} {world}") });
                }
            }
            for list in &names.lists {
                let list_tags = sorted_tags(std::slice::from_ref(list));
                let Some(first) = list_tags.first() else { continue };
                if let Ok(key) = Key::new(format!("page:{first}")) {
                    out.push(SampleEntry {
                        key,
                        tags: list_tags,
                        about: format!("a list that shows {name} {world}"),
                    });
                }
            }
        }
    }
    out.sort_by(|a, b| a.key.cmp(&b.key));
    // Several rows on one page give one entry that carries the tags of all of them.
    out.dedup_by(|later, first| {
        let same = later.key == first.key;
        if same {
            first.tags.append(&mut later.tags);
            first.tags.sort();
            first.tags.dedup();
        }
        same
    });
    out
}

/// The update of one of the sample's instances that drops most along relations.
pub fn telling_write(program: &Program, world: &str) -> Option<(RawWrite, Plan)> {
    let rules = program.rules();
    let plans = rules.entities().iter().filter_map(|entity| {
        let raw = RawWrite {
            entity: entity.name.clone(),
            id: RawId::Text(world.to_owned()),
            op: "update".to_owned(),
            ..RawWrite::default()
        };
        let write = complete(program, raw)?;
        let plan = program.plan(&write, Unfilled::Report);
        Some((RawWrite::clone(write.raw()), plan))
    });
    let plans: Vec<(RawWrite, Plan)> = plans.filter(|(_, plan)| !plan.steps.is_empty()).collect();
    let reach = |plan: &Plan| plan.steps.iter().filter(|s| s.cascade).count();
    let most = plans.iter().map(|(_, plan)| reach(plan)).max()?;
    plans.into_iter().find(|(_, plan)| reach(plan) == most)
}

/// Whether a plan drops an entry, dependencies aside.
pub fn drops(plan: &Plan, entry: &SampleEntry) -> bool {
    plan.steps.iter().any(|step| match step.kind {
        StepKind::Key => entry.key.as_str() == step.target,
        StepKind::Tag => entry.tags.iter().any(|t| t.as_str() == step.target),
        StepKind::Match => {
            crate::model::Pattern::parse(&step.target).is_ok_and(|p| p.matches(entry.key.as_str()))
        }
        StepKind::TagMatch => crate::model::Pattern::segments(&step.target)
            .is_ok_and(|p| entry.tags.iter().any(|t| p.matches(t.as_str()))),
    })
}

/// An instance with every value that its names need.
fn instance(program: &Program, entity: EntityId, world: &str) -> Option<Write> {
    let raw = RawWrite {
        entity: program.rules().entity(entity).name.clone(),
        id: RawId::Text(world.to_owned()),
        op: "create".to_owned(),
        ..RawWrite::default()
    };
    complete(program, raw)
}

/// Gives a write the values that the names of its instance miss, until none is missing.
fn complete(program: &Program, mut raw: RawWrite) -> Option<Write> {
    let rules = program.rules();
    loop {
        let write = rules.write(raw.clone(), Undeclared::Refuse).ok()?;
        let names = program.names(&write);
        let all = names.keys.iter().chain(&names.tags).chain(&names.lists);
        let missing: Option<String> = all.flat_map(|c| &c.missing).next().cloned();
        let Some(missing) = missing else { return Some(write) };
        raw = candidates(rules, &raw, &missing).into_iter().find_map(|value| {
            let mut tried = raw.clone();
            match missing.strip_prefix("context.") {
                Some(name) => tried.context.insert(name.to_owned(), value),
                None => tried.new.insert(missing.clone(), value),
            };
            rules.write(tried.clone(), Undeclared::Refuse).ok().map(|_| tried)
        })?;
    }
}

/// Values to try for a name, the likeliest first: the world's id behind a ref, words for a string,
/// then what the other types take.
fn candidates(rules: &RuleSet, raw: &RawWrite, name: &str) -> Vec<Json> {
    let world = raw.id.to_string();
    let mut at = rules.entity_named(&raw.entity).map(|id| rules.entity(id));
    let mut recursive = false;
    let mut is_ref = false;
    for part in name.split('.') {
        let reference = at.and_then(|entity| entity.reference(part));
        is_ref = reference.is_some();
        recursive |= reference.is_some_and(|r| rules.entity(r.target).name == raw.entity);
        at = reference.map(|r| rules.entity(r.target));
    }
    if recursive {
        // A row that refers to its own kind is at the top of its tree.
        return vec![Json::Null];
    }
    if is_ref {
        return vec![json!(world)];
    }
    let word = name.rsplit('.').next().unwrap_or(name);
    vec![json!(format!("{word}-{world}")), json!(world), json!(true), json!("2026-01-31T12:00:00Z")]
}

fn sorted_tags(carried: &[Carried]) -> Vec<Tag> {
    let mut tags: Vec<Tag> =
        carried.iter().flat_map(|c| &c.names).filter_map(|n| Tag::new(n.as_str()).ok()).collect();
    tags.sort();
    tags.dedup();
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "
        entity user { fields { plan: string } key profile key badge \"badge:{id}:{plan}\" }
        entity order { ref user key page list \"user:{user.id}:orders\" }
        entity item { ref order key line }
        entity node { ref up: node key page }
        relation user_orders: user -> order { depth 2 }
        relation order_items: order -> item
        rule all { on user, order, item, node strategy cascade }";

    #[test]
    fn a_write_of_one_world_leaves_the_other_alone() {
        let program = Program::new(RuleSet::parse(RULES).rules.unwrap());
        let entries = sample(&program, &["123", "7"]);
        let keys: Vec<&str> = entries.iter().map(|e| e.key.as_str()).collect();
        assert!(keys.contains(&"badge:123:plan-123") && keys.contains(&"page:user:7:orders"), "{keys:?}");
        let (raw, plan) = telling_write(&program, "123").unwrap();
        assert_eq!(raw.entity, "user");
        let (gone, kept): (Vec<_>, Vec<_>) = entries.iter().partition(|e| drops(&plan, e));
        assert!(gone.iter().all(|e| e.key.as_str().contains("123")));
        assert!(gone.iter().any(|e| e.key.as_str() == "item:123:line"));
        assert!(kept.iter().any(|e| e.key.as_str() == "item:7:line"));
    }
}
