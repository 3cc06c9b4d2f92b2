//! What the rules of one side drop for the writes of an entity, as names with holes and the condition
//! of each: the plans of all complete writes at once.
//!
//! A write is complete where it gives everything that the rules look at, in every image. Then no
//! condition is unknown and no template is unresolved.

use std::collections::BTreeSet;

use super::conditions::{compare, flatten, of_many_rows, of_one_image, present, substitute};
use super::maker::Maker;
use super::name::{Name, Segment};
use super::names::Renames;
use super::same::Element;
use super::{Rows, chain};
use crate::check::RuleSet;
use crate::check::condition::{Condition, Image, Operand};
use crate::check::ruleset::{ContextId, Drop, EntityId, Operation, Rule, Trigger};
use crate::check::template::{RowPath, Template};
use crate::check::walk::{Binding, Pass};
use crate::decide::{Kind, Subject};
use crate::model::{Comparison, Timing};
use crate::plan::StepKind;

/// Ways to targets that are looked at for one entity and operation.
const MAX_EFFECTS: usize = 5_000;

/// One way in which one rule drops one name.
#[derive(Clone, Debug)]
pub struct Effect {
    pub kind: StepKind,
    /// As the side's own plans have it.
    pub own: Name,
    /// As the other side has it, where the rules say that it is only called otherwise there.
    pub name: Name,
    /// As it was written.
    pub template: String,
    pub timing: Timing,
    pub priority: u16,
    /// What the rules ask for.
    pub guards: Vec<Condition>,
    /// What has to hold so that there is something to name.
    pub holds: Vec<Condition>,
    /// Keys of all these conditions.
    pub keys: BTreeSet<String>,
    /// What lists are to hold so that it is dropped, which no condition says.
    pub elements: Vec<Element>,
    /// Why the conditions may not say exactly when it is dropped.
    pub doubt: Option<String>,
}

impl Effect {
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        self.guards.iter().chain(&self.holds)
    }
}

/// One side of a comparison, for one entity and operation.
pub struct Side<'a> {
    pub rules: &'a RuleSet,
    pub subject: &'a Subject<'a>,
    /// A context attribute in the words of the subject.
    pub context: &'a dyn Fn(ContextId) -> Option<ContextId>,
    pub operation: &'a Operation,
    pub rows: Rows,
    /// How the other side calls what this one's entities carry.
    pub renames: &'a Renames<'a>,
}

/// What a template comes to.
struct Filled {
    names: Vec<(Name, Name)>,
    /// That its holes hold something.
    present: Vec<Condition>,
    doubt: Option<String>,
}

impl<'a> Side<'a> {
    /// Everything that writes of the entity can drop. The error says what was too much.
    pub fn effects(&self, entity: EntityId) -> Result<Vec<Effect>, String> {
        let mut out = Vec::new();
        for rule in self.rules.rules() {
            let Trigger::Writes(triggers) = &rule.trigger else { continue };
            let Some(trigger) = triggers.iter().find(|t| t.entity == entity) else { continue };
            if !trigger.operations.contains(self.operation) {
                continue;
            }
            let (guards, doubt) = self.guard(trigger.condition.as_ref());
            let start = Start { rule, guards, doubt };
            if rule.drops.iter().any(|drop| matches!(drop, Drop::Itself)) {
                self.group(&start, entity, &Binding::start(), &[], &mut out);
            }
            for touch in self.rules.cascade(entity, &rule.follow) {
                self.group(&start, touch.entity, &touch.binding, &touch.passes, &mut out);
            }
            for drop in &rule.drops {
                self.explicit(&start, drop, &mut out);
            }
            if out.len() > MAX_EFFECTS {
                return Err(format!("there are more than {MAX_EFFECTS} ways to what its writes drop"));
            }
        }
        chain::fire(self, &mut out, MAX_EFFECTS)?;
        Ok(out)
    }

    pub fn has_one_image(&self) -> bool {
        matches!(self.operation, Operation::Create | Operation::Delete)
    }

    fn images(&self) -> &'static [Image] {
        if self.has_one_image() { &[Image::New] } else { &[Image::New, Image::Old] }
    }

    /// A rule's condition in the words of the subject, or why it has none there.
    fn guard(&self, condition: Option<&Condition>) -> (Vec<Condition>, Option<String>) {
        let Some(condition) = condition else { return (Vec::new(), None) };
        if let Some(path) = paths(condition).into_iter().find(|path| self.subject.kind(path).is_none()) {
            return (Vec::new(), Some(unlike(&path.write_name())));
        }
        let carried = substitute(condition, &|operand| match operand {
            Operand::Context(id) => (self.context)(*id).map(Operand::Context),
            other => Some(other.clone()),
        });
        let Some(mut carried) = carried else {
            return (Vec::new(), Some(unlike("context")));
        };
        if self.has_one_image() {
            carried = of_one_image(&carried);
        }
        if self.rows == Rows::Many {
            carried = of_many_rows(&carried);
        }
        let mut out = Vec::new();
        flatten(carried, &mut out);
        (out, None)
    }

    /// An instance's keys, narrowest tags and lists.
    fn group(
        &self,
        start: &Start<'_>,
        entity: EntityId,
        binding: &Binding,
        passes: &[Pass],
        out: &mut Vec<Effect>,
    ) {
        let here = self.rules.entity(entity);
        for image in self.images() {
            let mut ways = Vec::new();
            let mut doubt = None;
            let mut lists = Vec::new();
            for pass in passes {
                let operand = self.row(*image, &pass.id);
                ways.push(present(operand.clone(), self.subject));
                match (pass.of_start && self.rows == Rows::One, self.subject.kind(&pass.id)) {
                    (true, Some(Kind::List(_))) => {
                        lists.push(&pass.id);
                        doubt = Some(format!("`{}` may hold the written row itself", pass.id.write_name()));
                    }
                    (true, _) => ways.push(compare(
                        operand,
                        Comparison::Ne,
                        self.row(Image::New, &RowPath::id()),
                        self.subject,
                    )),
                    (false, _) => {}
                }
            }
            let mut add =
                |kind: StepKind, template: &Template, more: Vec<Condition>, doubt: Option<String>| {
                    let renamed = self.renames.of(entity, kind, template);
                    let Some(filled) = self.fill(template, renamed, binding, *image, &lists, false) else {
                        return;
                    };
                    let holds =
                        ways.iter().cloned().chain(more).chain(filled.present.clone()).collect::<Vec<_>>();
                    let doubt = start.doubt.clone().or(doubt).or(filled.doubt.clone());
                    self.push(start, kind, template.text(), filled.names, &holds, doubt, out);
                };
            // Narrowest first: a wider one goes only where a null stands in all that are narrower.
            let mut nearer: Vec<(usize, Vec<Condition>, bool)> = Vec::new();
            for tag in &here.tags {
                let Some(filled) = self.fill(&tag.template, None, binding, *image, &lists, false) else {
                    continue;
                };
                let distance = tag.template.distance().unwrap_or(usize::MAX);
                let before: Vec<_> = nearer.iter().filter(|(d, ..)| *d < distance).collect();
                if before.iter().any(|(_, present, _)| present.is_empty()) {
                    break;
                }
                let more: Vec<Condition> = before
                    .iter()
                    .map(|(_, present, _)| super::conditions::not(Condition::And(present.clone())))
                    .collect();
                let of_list = before.iter().any(|(.., list)| *list);
                let doubt = doubt.clone().or_else(|| of_list.then(|| "a list may be empty".to_owned()));
                let list = filled.names.iter().any(|(name, _)| name.holes().any(|h| h.list));
                add(StepKind::Tag, &tag.template, more, doubt);
                nearer.push((distance, filled.present, list));
            }
            for list in &here.lists {
                add(StepKind::Tag, list, Vec::new(), doubt.clone());
            }
            for key in &here.keys {
                if !self.renames.is_unnamed(entity, &key.name) {
                    add(StepKind::Key, &key.template, Vec::new(), doubt.clone());
                }
            }
        }
    }

    fn explicit(&self, start: &Start<'_>, drop: &Drop, out: &mut Vec<Effect>) {
        let (kind, template) = match drop {
            Drop::Itself => return,
            Drop::Tag(template) => (StepKind::Tag, template),
            Drop::Key(template) => (StepKind::Key, template),
            Drop::Match(template) => (StepKind::Match, template),
            Drop::Regex(pattern) => {
                let name = regex(self.rules, pattern.as_str());
                let names = vec![(name.clone(), name)];
                self.push(start, StepKind::Match, pattern.as_str(), names, &[], start.doubt.clone(), out);
                return;
            }
        };
        let glob = kind == StepKind::Match;
        for image in self.images() {
            if let Some(filled) = self.fill(template, None, &Binding::start(), *image, &[], glob) {
                let doubt = start.doubt.clone().or(filled.doubt);
                self.push(start, kind, template.text(), filled.names, &filled.present, doubt, out);
            }
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn push(
        &self,
        start: &Start<'_>,
        kind: StepKind,
        template: &str,
        names: Vec<(Name, Name)>,
        holds: &[Condition],
        doubt: Option<String>,
        out: &mut Vec<Effect>,
    ) {
        for (own, name) in names {
            let mut effect = Effect {
                kind,
                own,
                name,
                template: template.to_owned(),
                timing: start.rule.timing,
                priority: start.rule.priority,
                guards: start.guards.clone(),
                holds: Vec::new(),
                keys: BTreeSet::new(),
                elements: Vec::new(),
                doubt: doubt.clone(),
            };
            effect.hold(holds.iter().cloned());
            out.push(effect);
        }
    }

    /// A template's names here and there. `None` where no write can name it.
    fn fill(
        &self,
        template: &Template,
        renamed: Option<&Template>,
        binding: &Binding,
        image: Image,
        lists: &[&RowPath],
        glob: bool,
    ) -> Option<Filled> {
        let maker = Maker { side: self, binding, image, lists, trigger: &[], glob };
        let own = maker.names(template, self.rules, self.context)?;
        let other = match renamed {
            Some(renamed) => {
                let there = self.renames.there;
                Some(maker.names(renamed, there, self.renames.context)?)
            }
            None => None,
        };
        let names = match other {
            Some(other) if other.names.len() == own.names.len() => {
                own.names.into_iter().zip(other.names).collect()
            }
            _ => own.names.into_iter().map(|name| (name.clone(), name)).collect(),
        };
        Some(Filled { names, present: own.present, doubt: own.doubt })
    }

    /// A value of the row; of the only image where there is one.
    pub fn row(&self, image: Image, path: &RowPath) -> Operand {
        let image = if self.has_one_image() || *path == RowPath::id() { Image::New } else { image };
        Operand::Row { image, path: path.clone() }
    }
}

impl Effect {
    /// Adds what has to hold besides.
    pub fn hold(&mut self, more: impl IntoIterator<Item = Condition>) {
        self.holds.extend(more);
        self.keys = self.conditions().map(super::conditions::key).collect();
        self.keys.extend(self.elements.iter().map(|element| format!("{element:?}")));
        // An empty conjunct says nothing.
        self.keys.remove("and()");
    }
}

/// What every drop of a rule begins with.
pub struct Start<'r> {
    pub rule: &'r Rule,
    pub guards: Vec<Condition>,
    pub doubt: Option<String>,
}

/// A regex is one text, whatever stands in it.
fn regex(rules: &RuleSet, text: &str) -> Name {
    let text = text.strip_prefix(&rules.prefix()).unwrap_or(text);
    Name(vec![Segment { before: text.to_owned(), ..Segment::default() }])
}

/// The paths that a condition looks at.
fn paths(condition: &Condition) -> Vec<RowPath> {
    let mut out = Vec::new();
    condition.map(&mut |path: &RowPath| out.push(path.clone()));
    out
}

pub fn unlike(name: &str) -> String {
    format!("`{name}` is declared in different ways")
}
