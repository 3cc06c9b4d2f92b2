//! The rules on the written entity: what each of them drops of the row and along relations.

use super::facts::Facts;
use super::fill::{Filled, Filling};
use super::truth::evaluate;
use super::{Attempt, Ended, Firing, Outcome, Reached};
use crate::check::condition::Image;
use crate::check::ruleset::{Drop, RelationId, Rule, RuleId, Trigger, WriteTrigger};
use crate::check::template::Template;
use crate::check::walk::{Binding, Touch};
use crate::check::{RuleSet, Write};
use crate::model::{Pattern, Tag, Value};
use crate::plan::StepKind;

/// Every rule on the written entity, in the order in which they were written.
pub fn fire(rules: &RuleSet, write: &Write) -> Vec<Firing> {
    let facts = Facts { rules, write, trigger: &[] };
    let mut out = Vec::new();
    for (index, rule) in rules.rules().iter().enumerate() {
        let Trigger::Writes(triggers) = &rule.trigger else { continue };
        let Some(on) = triggers.iter().find(|t| t.entity == write.entity()) else { continue };
        out.push(fire_one(&facts, RuleId::at(index), rule, on));
    }
    out
}

fn fire_one(facts: &Facts<'_>, id: RuleId, rule: &Rule, on: &WriteTrigger) -> Firing {
    let listens = on.operations.contains(facts.write.operation());
    let condition = on.condition.as_ref().filter(|_| listens);
    let mut firing = Firing {
        rule: id,
        trigger: None,
        listens,
        condition: condition.map(|c| evaluate(c, facts, &[])),
        groups: Vec::new(),
        attempts: Vec::new(),
    };
    if !firing.fires() {
        return firing;
    }
    if rule.drops.iter().any(|drop| matches!(drop, Drop::Itself)) {
        let own = Touch {
            entity: on.entity,
            binding: Binding::start(),
            hop: 0,
            via: Vec::new(),
            passes: Vec::new(),
        };
        group(facts, &own, &mut firing);
    }
    for touch in facts.rules.cascade(on.entity, &rule.follow) {
        group(facts, touch, &mut firing);
    }
    for drop in &rule.drops {
        named(facts, drop, facts.images(), 0, &[], &mut firing.attempts);
    }
    firing
}

/// The names of one instance, or of those at the end of one path.
fn group(facts: &Facts<'_>, touch: &Touch, firing: &mut Firing) {
    let entity = facts.rules.entity(touch.entity);
    let filling = |t: &Template| Filling::new(facts.rules, t, &touch.binding, false);
    let reachable = |t: &Filling| !t.is_open();
    let tags: Vec<Filling> = entity.tags.iter().map(|t| filling(&t.template)).filter(reachable).collect();
    let lists: Vec<Filling> = entity.lists.iter().map(filling).filter(reachable).collect();
    let keys: Vec<Filling> = entity.keys.iter().map(|k| filling(&k.template)).collect();
    let mut reached =
        Reached { entity: touch.entity, hop: touch.hop, via: touch.via.clone(), ended: Vec::new() };
    for image in facts.images() {
        let end = ends(facts, touch, *image);
        let is_reached = end.is_none();
        reached.ended.push((*image, end));
        if is_reached {
            let mut of = OfGroup { facts, touch, image: *image, out: &mut firing.attempts };
            let row_tag = of.tags(&tags);
            for list in &lists {
                of.plain(StepKind::Tag, list);
            }
            for key in &keys {
                of.key(key, &row_tag, !tags.is_empty());
            }
        }
    }
    firing.groups.push(reached);
}

/// Where the way to the group ends in this image: at nothing, or at the written instance.
fn ends(facts: &Facts<'_>, touch: &Touch, image: Image) -> Option<Ended> {
    let written = facts.write.id().map(|id| Value::Text(id.clone()));
    touch.passes.iter().find_map(|pass| {
        let held = facts.held(&pass.id, image);
        let is_end = |v: &Value| v.is_null() || (pass.of_start && Some(v) == written.as_ref());
        let ends = match held.value.as_ref()? {
            Value::List(items) => items.iter().all(is_end),
            single => is_end(single),
        };
        ends.then(|| Ended { at: pass.id.write_name(), unmoved: held.assumed.into_iter().collect() })
    })
}

/// One group in one image.
struct OfGroup<'a> {
    facts: &'a Facts<'a>,
    touch: &'a Touch,
    image: Image,
    out: &'a mut Vec<Attempt>,
}

/// What became of a group's tags in one image.
enum RowTag {
    /// The first of those that are dropped.
    Dropped(String),
    /// None could be filled; whether only the id of the row would do.
    Unfilled { need_id: bool },
    /// It carries none that a write could name, or a null stands in all of them.
    None,
}

impl OfGroup<'_> {
    fn fill(&self, filling: &Filling) -> Filled {
        filling.fill(self.facts, self.image, &self.touch.passes)
    }

    fn add(&mut self, kind: StepKind, filling: &Filling, outcome: Outcome) {
        self.out.push(Attempt {
            kind,
            template: filling.text.clone(),
            pieces: filling.pieces.clone(),
            image: self.image,
            entity: Some(self.touch.entity),
            hop: self.touch.hop,
            via: self.touch.via.clone(),
            outcome,
        });
    }

    fn plain(&mut self, kind: StepKind, filling: &Filling) {
        let outcome = outcome(kind, self.fill(filling));
        self.add(kind, filling, outcome);
    }

    /// Drops the narrowest tags, or reports them where none can be filled.
    fn tags(&mut self, tags: &[Filling]) -> RowTag {
        let mut first: Option<(usize, String)> = None;
        let mut unbound: Vec<(&Filling, Filled, bool)> = Vec::new();
        for tag in tags {
            if first.as_ref().is_some_and(|(distance, _)| *distance < tag.distance) {
                self.add(StepKind::Tag, tag, Outcome::NotNeeded);
                continue;
            }
            match self.fill(tag) {
                Filled::Names { names, unmoved } => {
                    if let (None, Some(name)) = (&first, names.first()) {
                        first = Some((tag.distance, Tag::text_of(name.clone())));
                    }
                    self.add(StepKind::Tag, tag, outcome(StepKind::Tag, Filled::Names { names, unmoved }));
                }
                unfilled => {
                    let needs_id = matches!(&unfilled, Filled::Unbound { missing, .. } if missing.iter().any(|m| m == "id"));
                    unbound.push((tag, unfilled, needs_id));
                }
            }
        }
        // An id that was said to be many is not missing where another name would do.
        let need_id = unbound.iter().all(|(_, _, needs_id)| *needs_id);
        let counts = |needs_id: bool| first.is_none() && (need_id || !needs_id);
        let nearest = unbound.iter().filter(|(_, _, n)| counts(*n)).map(|(tag, ..)| tag.distance).min();
        for (tag, unfilled, needs_id) in unbound {
            let reported = counts(needs_id) && Some(tag.distance) == nearest;
            let outcome = if reported { outcome(StepKind::Tag, unfilled) } else { Outcome::NotNeeded };
            self.add(StepKind::Tag, tag, outcome);
        }
        match (first, nearest) {
            (Some((_, name)), _) => RowTag::Dropped(name),
            (None, Some(_)) => RowTag::Unfilled { need_id },
            (None, None) => RowTag::None,
        }
    }

    fn key(&mut self, key: &Filling, row_tag: &RowTag, has_tags: bool) {
        let filled = self.fill(key);
        let outcome = match (&filled, row_tag) {
            (Filled::Unbound { .. }, RowTag::Dropped(tag)) => Outcome::Covered { by: tag.clone() },
            (Filled::Unbound { missing, .. }, RowTag::Unfilled { need_id: false })
                if missing.iter().any(|m| m == "id") =>
            {
                Outcome::NotNeeded
            }
            (Filled::Unbound { missing, open: true }, RowTag::None) if missing.is_empty() && has_tags => {
                let reason = "nothing lists what fills it, and its tags hold a null".to_owned();
                Outcome::Unresolved { missing: Vec::new(), reason: Some(reason) }
            }
            (Filled::Unbound { missing, open: true }, _) if missing.is_empty() => Outcome::Unnameable,
            _ => outcome(StepKind::Key, filled),
        };
        self.add(StepKind::Key, key, outcome);
    }
}

/// A drop that names its target.
pub fn named(
    facts: &Facts<'_>,
    drop: &Drop,
    images: &[Image],
    hop: u32,
    via: &[RelationId],
    out: &mut Vec<Attempt>,
) {
    let (kind, template, glob) = match drop {
        Drop::Itself => return,
        Drop::Tag(template) => (StepKind::Tag, template, false),
        Drop::Key(template) => (StepKind::Key, template, false),
        Drop::Match(template) => (StepKind::Match, template, true),
        Drop::Regex(pattern) => {
            let text = pattern.as_str().to_owned();
            let outcome = Outcome::Drops { targets: vec![text.clone()], unmoved: Vec::new() };
            return out.push(Attempt {
                kind: StepKind::Match,
                template: text,
                pieces: Vec::new(),
                image: images[0],
                entity: None,
                hop,
                via: via.into(),
                outcome,
            });
        }
    };
    let filling = Filling::new(facts.rules, template, &Binding::start(), glob);
    for image in images {
        let outcome = outcome(kind, filling.fill(facts, *image, &[]));
        let (template, pieces) = (filling.text.clone(), filling.pieces.clone());
        out.push(Attempt {
            kind,
            template,
            pieces,
            image: *image,
            entity: None,
            hop,
            via: via.into(),
            outcome,
        });
    }
}

/// A filled template as what becomes of it by itself.
fn outcome(kind: StepKind, filled: Filled) -> Outcome {
    let target = |name: String| match kind {
        StepKind::Tag => Tag::text_of(name),
        StepKind::Match => Pattern::glob_text(name),
        StepKind::Key | StepKind::TagMatch => name,
    };
    match filled {
        Filled::Names { names, unmoved } => {
            Outcome::Drops { targets: names.into_iter().map(target).collect(), unmoved }
        }
        Filled::Unbound { missing, .. } => Outcome::Unresolved { missing, reason: None },
        Filled::TooMuch(reason) => Outcome::Unresolved { missing: Vec::new(), reason: Some(reason) },
    }
}
