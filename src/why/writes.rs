//! Every kind of write that can drop a name.

use serde::Serialize;

use super::name::{Origin, Part, Wanted, origins, templates};
use super::not::nobody;
use super::verdict::made;
use super::ways::{On, Way, triggers, ways};
use super::{Made, condition_text, example, place};
use crate::check::ruleset::{Operation, Operations};
use crate::check::walk::Binding;
use crate::check::{RuleSet, Undeclared};
use crate::decide::{Subject, Verdict};
use crate::plan::StepKind;
use crate::trace::Trace;

/// Everything that can drop a name.
#[derive(Clone, Debug, Serialize)]
pub struct Writes {
    pub made: Vec<Made>,
    /// In the order in which the rules were written; those that drop a tag of the key's entry last.
    pub writes: Vec<PossibleWrite>,
    /// Why there is none.
    pub nobody: Option<String>,
}

/// One way in which a rule drops it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PossibleWrite {
    pub rule: String,
    /// Where the rule stands: `FILE:LINE`.
    pub at: String,
    /// Whose rows are written; `None` for a chained rule.
    pub entity: Option<String>,
    /// With which operations the rule can fire; empty for a chained rule.
    pub operations: Vec<String>,
    /// For a chained rule, the tags that it waits for, with `*` for what may be anything.
    pub triggers: Vec<String>,
    pub condition: Option<String>,
    /// The relations along which it is reached.
    pub via: Vec<String>,
    pub kind: StepKind,
    pub template: String,
    /// Whether it is a tag that an entry under this key carries, and not the key itself.
    pub through_tag: bool,
    pub strategy: &'static str,
    pub delay_ms: u64,
    pub priority: u16,
    /// A write that was planned and drops it, as a command line; `None` where none was found.
    pub example: Option<String>,
}

/// Every kind of write that can drop `name`: as a key, as a tag, or with a tag that its entry carries.
pub fn writes(rules: &RuleSet, name: &str) -> Writes {
    let wanted = Wanted::exactly(name);
    let origins = origins(rules, &wanted);
    let mut out: Vec<PossibleWrite> = Vec::new();
    for kind in [StepKind::Key, StepKind::Tag] {
        for way in ways(rules, &wanted, &origins, kind) {
            out.extend(possible(rules, &way, &wanted));
        }
    }
    for origin in origins.iter().filter(|o| o.part == Part::Key) {
        for (tag, way) in tag_ways(rules, origin) {
            let write = possible(rules, &way, &tag);
            out.extend(write.map(|write| PossibleWrite { through_tag: true, ..write }));
        }
    }
    let mut seen: Vec<PossibleWrite> = Vec::new();
    out.retain(|one| {
        let is_new = !seen.contains(one);
        seen.extend(is_new.then(|| one.clone()));
        is_new
    });
    let nobody = out.is_empty().then(|| nobody(rules, &wanted, &origins).1);
    Writes { made: made(rules, &origins), writes: out, nobody }
}

/// The ways to drop a tag that an entry under a key carries, with the tags that they are about.
pub fn tag_ways<'a>(rules: &'a RuleSet, key: &Origin) -> Vec<(Wanted, Way<'a>)> {
    let tags = templates(rules, key.entity, Part::Tag, &Binding::start());
    let mut out = Vec::new();
    for (place, tag) in tags.iter().enumerate() {
        let wanted = Wanted::partly(tag, &key.bound);
        let bound = key.bound.clone();
        let origin = Origin { entity: key.entity, part: Part::Tag, place, template: tag.text.clone(), bound };
        for way in ways(rules, &wanted, std::slice::from_ref(&origin), StepKind::Tag) {
            out.push((wanted.clone(), way));
        }
    }
    out
}

/// The operations of a rule's write with which it can fire: its condition can hold, or a write can
/// leave it open.
pub fn operations(rules: &RuleSet, way: &Way<'_>) -> Vec<Operation> {
    let On::Write(on) = way.on else { return Vec::new() };
    let can_hold = |operation: &Operation| {
        let Some(condition) = &on.condition else { return true };
        let subject = Subject::writes(rules, on.entity, &Operations::Some([operation.clone()].into()));
        subject.satisfiable(condition, true) != Verdict::No || is_left_open(rules, way, operation)
    };
    let mut all: Vec<Operation> = rules.entity(on.entity).operation_names().map(Operation::named).collect();
    all.retain(|operation| on.operations.contains(operation) && can_hold(operation));
    // The most usual write is the easiest to read.
    all.sort_by_key(|operation| *operation != Operation::Update);
    all
}

/// Whether a write that says nothing of its row fires the rule.
fn is_left_open(rules: &RuleSet, way: &Way<'_>, operation: &Operation) -> bool {
    let On::Write(on) = way.on else { return false };
    let raw = example::bare(rules, on.entity, operation);
    let Ok(write) = rules.write(raw, Undeclared::Refuse) else { return false };
    Trace::of(rules, &write).firings.iter().any(|firing| firing.rule == way.rule && firing.fires())
}

fn possible(rules: &RuleSet, way: &Way<'_>, wanted: &Wanted) -> Option<PossibleWrite> {
    let rule = rules.rule(way.rule);
    let operations = operations(rules, way);
    if way.on.entity().is_some() && operations.is_empty() {
        return None;
    }
    let wildcard =
        |w: Wanted| w.0.into_iter().map(|s| s.unwrap_or_else(|| "*".to_owned())).collect::<Vec<_>>();
    Some(PossibleWrite {
        rule: rule.name.clone(),
        at: place(rules, way.rule),
        entity: way.on.entity().map(|entity| rules.entity(entity).name.clone()),
        example: example::find(rules, way, wanted, &operations).map(|raw| example::command(&raw)),
        operations: operations.iter().map(|op| op.name().to_owned()).collect(),
        triggers: triggers(way).into_iter().map(|w| wildcard(w).join(":")).collect(),
        condition: way.on.condition().map(condition_text),
        via: way.touch.iter().flat_map(|t| &t.via).map(|r| rules.relation(*r).name.clone()).collect(),
        kind: way.kind,
        template: way.template.clone(),
        through_tag: false,
        strategy: rule.timing.word(),
        delay_ms: rule.timing.delay(),
        priority: rule.priority,
    })
}
