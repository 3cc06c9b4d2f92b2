//! What the tests made the rules do: rules that fired, operations that were written, relations that
//! were followed, and conditions that were met both true and false.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::check::condition::Condition;
use crate::check::ruleset::{EntityId, Operation, RelationId, RuleId, Trigger};
use crate::check::{Checked, RuleSet, Write};
use crate::decide::{Subject, Verdict};
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, ItemKind};
use crate::trace::{Trace, Truth};

/// Every item that tests can cover, in the order of the rules.
#[derive(Clone, Debug)]
pub struct Coverage {
    pub items: Vec<Item>,
    by: BTreeMap<Place, usize>,
}

/// One thing that tests cover, and how often they did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    pub what: What,
    pub name: String,
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    pub hits: u64,
    /// For a condition, the rule that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A rule that fires.
    Rule,
    /// An operation of an entity that some rule is on.
    Operation,
    /// A relation that a cascade follows, and the entity that it comes to.
    Relation,
    /// A part of a condition without connectives, met true or met false.
    Condition,
}

impl What {
    pub const ALL: [Self; 4] = [Self::Rule, Self::Operation, Self::Relation, Self::Condition];

    pub fn plural(self) -> &'static str {
        match self {
            Self::Rule => "rules",
            Self::Operation => "operations",
            Self::Relation => "relations",
            Self::Condition => "conditions",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Rule(RuleId),
    Operation(EntityId, Operation),
    Relation(RelationId, EntityId),
    /// An atom of a rule, by its place, and the truth that it was met with.
    Atom(RuleId, usize, bool),
}

impl Coverage {
    /// Everything that tests of these rules can cover. An atom that no write can make true, or false,
    /// does not count: that is decided exactly.
    pub fn of(rules: &RuleSet, checked: &Checked) -> Self {
        let mut out = Self { items: Vec::new(), by: BTreeMap::new() };
        let written = written(checked);
        for (index, rule) in rules.rules().iter().enumerate() {
            let id = RuleId::at(index);
            out.add(rules, Place::Rule(id), What::Rule, rule.name.clone(), rule.name_span, None);
            let ast = written.get(rule.name.as_str());
            if let Trigger::Writes(triggers) = &rule.trigger {
                for on in triggers {
                    for name in rules.entity(on.entity).operation_names() {
                        let operation = Operation::named(name);
                        if on.operations.contains(&operation) {
                            let text = format!("{} {name}", rules.entity(on.entity).name);
                            let place = Place::Operation(on.entity, operation);
                            out.add(rules, place, What::Operation, text, rule.name_span, None);
                        }
                    }
                    for touch in rules.cascade(on.entity, &rule.follow) {
                        let Some(last) = touch.via.last() else { continue };
                        let relation = rules.relation(*last);
                        let text = format!("{} to {}", relation.name, rules.entity(touch.entity).name);
                        let place = Place::Relation(*last, touch.entity);
                        out.add(rules, place, What::Relation, text, relation.span, None);
                    }
                }
            }
            let spans = ast.map(|when| leaves(when)).unwrap_or_default();
            for (at, text, truths) in atoms(rules, id) {
                let span = spans.get(at).copied().unwrap_or(rule.name_span);
                for truth in truths {
                    let name = format!("{text} is {truth}");
                    let place = Place::Atom(id, at, truth);
                    out.add(rules, place, What::Condition, name, span, Some(rule.name.clone()));
                }
            }
        }
        out
    }

    fn add(
        &mut self,
        rules: &RuleSet,
        place: Place,
        what: What,
        name: String,
        span: Span,
        rule: Option<String>,
    ) {
        if self.by.contains_key(&place) {
            return;
        }
        self.by.insert(place, self.items.len());
        let file = rules.sources().get(span.file).name.clone();
        let line = rules.sources().position(span).0;
        self.items.push(Item { what, name, file, line, hits: 0, rule });
    }

    fn hit(&mut self, place: &Place) {
        if let Some(at) = self.by.get(place) {
            self.items[*at].hits += 1;
        }
    }

    /// Counts what one write made the rules do.
    pub fn count(&mut self, write: &Write, trace: &Trace) {
        self.hit(&Place::Operation(write.entity(), write.operation().clone()));
        for firing in trace.firings.iter().filter(|firing| firing.listens) {
            for (at, atom) in firing.condition.iter().flat_map(|c| c.atoms.iter().enumerate()) {
                if atom.truth != Truth::Unknown {
                    self.hit(&Place::Atom(firing.rule, at, atom.truth == Truth::True));
                }
            }
            if !firing.fires() {
                continue;
            }
            self.hit(&Place::Rule(firing.rule));
            for group in firing.groups.iter().filter(|g| g.ended.iter().any(|(_, end)| end.is_none())) {
                if let Some(last) = group.via.last() {
                    self.hit(&Place::Relation(*last, group.entity));
                }
            }
        }
    }

    /// How many items there are, and how many of them were covered.
    pub fn share(&self, of: impl Fn(&Item) -> bool) -> (usize, usize) {
        let items: Vec<&Item> = self.items.iter().filter(|item| of(item)).collect();
        (items.len(), items.iter().filter(|item| item.hits > 0).count())
    }

    /// In percent; 100 of nothing.
    pub fn percent(&self) -> f64 {
        percent(self.share(|_| true))
    }
}

/// The share of what is covered, in percent; 100 of nothing.
pub fn percent((all, covered): (usize, usize)) -> f64 {
    // Far fewer items than a float can count.
    #[allow(clippy::cast_precision_loss)]
    if all == 0 { 100.0 } else { covered as f64 * 100.0 / all as f64 }
}

/// The atoms of a rule, by their place, with the truths that some write gives them.
fn atoms(rules: &RuleSet, id: RuleId) -> Vec<(usize, String, Vec<bool>)> {
    let views: Vec<(Subject<'_>, &Condition)> = match &rules.rule(id).trigger {
        Trigger::Tags(on) => {
            on.condition.as_deref().into_iter().map(|c| (Subject::tags(rules, on), c)).collect()
        }
        Trigger::Writes(list) => list
            .iter()
            .filter_map(|on| {
                Some((Subject::writes(rules, on.entity, &on.operations), on.condition.as_ref()?))
            })
            .collect(),
    };
    let Some((_, first)) = views.first() else { return Vec::new() };
    let texts: Vec<String> = first.atoms().iter().map(|atom| atom.text.to_string()).collect();
    let can_be = |at: usize, truth: bool| {
        views.iter().any(|(subject, condition)| {
            condition.atoms().get(at).is_some_and(|atom| {
                let alone = Condition::Atom((*atom).clone());
                subject.satisfiable(&alone, truth) != Verdict::No
            })
        })
    };
    let truths = |at: usize| [true, false].into_iter().filter(|truth| can_be(at, *truth)).collect();
    texts.into_iter().enumerate().map(|(at, text)| (at, text, truths(at))).collect()
}

/// The conditions as they were written, by the names of their rules.
fn written(checked: &Checked) -> BTreeMap<&str, &Expr> {
    let items = checked.files.iter().flat_map(|file| &file.items);
    items
        .filter_map(|item| match &item.kind {
            ItemKind::Rule(rule) => Some((rule.name.text.as_str(), rule.when.as_ref()?)),
            _ => None,
        })
        .collect()
}

/// The places of a condition's atoms, in the order in which they were written.
fn leaves(expr: &Expr) -> Vec<Span> {
    match &expr.kind {
        ExprKind::And(all) | ExprKind::Or(all) => all.iter().flat_map(leaves).collect(),
        ExprKind::Not(inner) => leaves(inner),
        _ => vec![expr.span],
    }
}
