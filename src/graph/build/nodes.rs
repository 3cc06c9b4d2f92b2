//! Entities and rules as plain nodes.

use super::condition;
use crate::check::RuleSet;
use crate::check::ruleset::{Drop, EntityId, Field, Follow, Ref, Rule, RuleId, Trigger};
use crate::graph::{Cascade, EntityNode, FieldRow, Node, Place, RefRow, RuleNode};
use crate::span::Span;

/// An entity's node, without what it carries.
pub fn entity(rules: &RuleSet, id: EntityId) -> Node {
    let entity = rules.entity(id);
    let field = |f: &Field| FieldRow { name: f.name.clone(), ty: f.ty.to_string(), doc: f.doc.clone() };
    let reference = |r: &Ref| RefRow {
        name: r.name.clone(),
        target: rules.entity(r.target).name.clone(),
        list: r.list,
        doc: r.doc.clone(),
    };
    Node::Entity(EntityNode {
        id,
        name: entity.name.clone(),
        doc: entity.doc.clone(),
        fields: entity.fields.iter().map(field).collect(),
        refs: entity.refs.iter().filter(|r| !r.implied).map(reference).collect(),
        operations: entity.operations.clone(),
        place: place(rules, entity.span),
    })
}

/// A rule's node.
pub fn rule(rules: &RuleSet, id: RuleId, rule: &Rule) -> Node {
    let condition = match &rule.trigger {
        Trigger::Writes(triggers) => triggers.iter().find_map(|t| t.condition.as_ref()),
        Trigger::Tags(trigger) => trigger.condition.as_deref(),
    };
    let cascade = match &rule.follow {
        Follow::Nothing => Cascade::Nothing,
        Follow::All => Cascade::All,
        Follow::Some(list) => Cascade::Along(list.iter().map(|r| rules.relation(*r).name.clone()).collect()),
    };
    Node::Rule(RuleNode {
        id,
        name: rule.name.clone(),
        doc: rule.doc.clone(),
        priority: rule.priority,
        timing: rule.timing,
        cascade,
        drops_self: rule.drops.iter().any(|d| matches!(d, Drop::Itself)),
        condition: condition.map(condition::text),
        chained: matches!(rule.trigger, Trigger::Tags(_)),
        place: place(rules, rule.span),
    })
}

fn place(rules: &RuleSet, span: Span) -> Place {
    let source = rules.sources().get(span.file);
    Place { file: source.name.clone(), line: source.position(span.start).line }
}
