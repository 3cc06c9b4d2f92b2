//! Which rules every write can fire: entity by entity, operation by operation, column by column.

use serde::Serialize;

use super::Subject;
use super::firing::{Fires, Moves, fires, operations};
use super::flow::{FiringId, View};
use crate::check::ruleset::{EntityId, Operation};
use crate::check::{Checked, RuleSet};

/// What is covered, in the order of the rule set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Coverage {
    pub entities: Vec<EntityCoverage>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EntityCoverage {
    pub entity: String,
    pub operations: Vec<OperationCoverage>,
    /// Rules on other rows whose cascade comes to these.
    pub reached_by: Vec<Reach>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OperationCoverage {
    pub operation: String,
    /// Rules that some write with this operation fires.
    pub rules: Vec<Covering>,
    /// Fields and refs, each with the rules that fire where nothing else changes. Empty for a create
    /// or a delete, where everything does.
    pub columns: Vec<ColumnCoverage>,
    /// Rules that fire where only columns change that the rules do not declare. Empty where `columns` is.
    #[serde(skip)]
    pub others: Vec<Covering>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ColumnCoverage {
    pub column: String,
    pub rules: Vec<Covering>,
}

/// A rule that can fire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Covering {
    pub rule: String,
    /// Whether its condition keeps it silent on some of these writes, or may: not every condition can be
    /// decided.
    pub conditional: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reach {
    pub rule: String,
    /// The entity whose write it is.
    pub from: String,
}

/// What the rules of a file cover. `None` where they have errors.
pub fn coverage(checked: &Checked) -> Option<Coverage> {
    let rules = checked.rules.as_ref()?;
    let subject = Subject::new(rules, &checked.files);
    let mut reached = reached(&subject);
    let entities = (0..rules.entities().len())
        .map(|index| {
            let id = EntityId::at(index);
            let operations = operations(rules, id).iter().map(|op| operation(&subject, id, op)).collect();
            let reached_by = std::mem::take(&mut reached[index]);
            EntityCoverage { entity: rules.entity(id).name.clone(), operations, reached_by }
        })
        .collect();
    Some(Coverage { entities })
}

fn operation(subject: &Subject<'_>, id: EntityId, operation: &Operation) -> OperationCoverage {
    let rules = subject.rules;
    let one_image = matches!(operation, Operation::Create | Operation::Delete);
    let columns = if one_image { Vec::new() } else { columns(rules, id) };
    let others = if one_image { Vec::new() } else { covering(subject, id, operation, Moves::Others) };
    OperationCoverage {
        operation: operation.name().to_owned(),
        rules: covering(subject, id, operation, Moves::Anything),
        others,
        columns: columns
            .into_iter()
            .map(|column| {
                let rules = covering(subject, id, operation, Moves::Only(&column));
                ColumnCoverage { column, rules }
            })
            .collect(),
    }
}

fn covering(subject: &Subject<'_>, id: EntityId, operation: &Operation, moves: Moves<'_>) -> Vec<Covering> {
    let flow = subject.flow();
    let covering = |firing: &FiringId| {
        let firing = flow.firing(*firing);
        let conditional = match fires(subject.rules, id, firing, operation, moves) {
            Fires::Never => return None,
            Fires::Sometimes => true,
            Fires::Always => false,
        };
        Some(Covering { rule: subject.rules.rule(firing.rule).name.clone(), conditional })
    };
    flow.on(id).iter().filter_map(covering).collect()
}

/// The fields and refs of an entity, in the order in which they are declared.
fn columns(rules: &RuleSet, id: EntityId) -> Vec<String> {
    let entity = rules.entity(id);
    let refs = entity.refs.iter().filter(|r| !r.implied).map(|r| r.name.clone());
    entity.fields.iter().map(|f| f.name.clone()).chain(refs).collect()
}

/// For each entity the rules whose cascades come to it.
fn reached(subject: &Subject<'_>) -> Vec<Vec<Reach>> {
    let (rules, flow) = (subject.rules, subject.flow());
    let mut out = vec![Vec::new(); rules.entities().len()];
    for index in 0..rules.entities().len() {
        for firing in flow.on(EntityId::at(index)).iter().map(|id| flow.firing(*id)) {
            let View::Row(from) = firing.view else { continue };
            let reach =
                Reach { rule: rules.rule(firing.rule).name.clone(), from: rules.entity(from).name.clone() };
            for group in firing.groups.iter().map(|id| flow.group(*id)).filter(|g| g.touch.is_some()) {
                let known = &mut out[group.entity.index()];
                if !known.contains(&reach) {
                    known.push(reach.clone());
                }
            }
        }
    }
    out
}
