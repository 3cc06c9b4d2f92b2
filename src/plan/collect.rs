//! The drops of every rule that fires, before equal targets are merged.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::fill::{Filled, Source};
use super::guard::{Facts, Truth, evaluate};
use super::images::Images;
use super::program::{Explicit, Filling, Group, Program};
use super::{Assumed, Covered, Firings, StepKind, Unfilled, Unresolved};
use crate::check::Write;
use crate::check::condition::{Condition, Image};
use crate::check::ruleset::{RelationId, RuleId};
use crate::model::{Pattern, Tag, Value};

/// One rule's wish to drop one target.
#[derive(Clone, Debug)]
pub struct Wish {
    pub kind: StepKind,
    pub target: String,
    pub rule: RuleId,
    pub hop: u32,
    pub via: Arc<[RelationId]>,
    pub cascade: bool,
    pub trigger: Option<String>,
}

/// Everything that the rules say about a write.
#[derive(Debug, Default)]
pub struct Collected {
    pub wishes: Vec<Wish>,
    pub covered: BTreeSet<Covered>,
    pub unresolved: BTreeSet<Unresolved>,
    pub assumed: BTreeSet<Assumed>,
    pub firings: Firings,
}

/// Fires the rules of the written entity.
pub fn collect(program: &Program, write: &Write, unfilled: Unfilled) -> Collected {
    let entity = program.entity(write.entity());
    let images = Images::new(write, &entity.slots);
    let context_names = |index: usize| context_name(program, index);
    let source = Source {
        write,
        images: &images,
        slots: &entity.slots,
        varies: program.rules().varies(),
        context_names: &context_names,
        trigger: &[],
    };
    let mut out = Collected::default();
    let row = Group::of_the_row();
    for rule in entity.rules.iter().filter(|r| r.operations.contains(write.operation())) {
        let facts = Facts { write, images: &images, slots: &entity.slots, trigger: &[] };
        if fires(program, rule.rule, rule.guard.as_ref(), &facts, &mut out) {
            let mut firing = Firing {
                program,
                source: &source,
                rule: rule.rule,
                unfilled,
                own: &row,
                trigger: None,
                out: &mut out,
            };
            for group in &rule.groups {
                firing.group(group);
            }
            for explicit in &rule.explicit {
                firing.explicit(explicit);
            }
        }
    }
    out
}

/// `context.NAME`.
pub fn context_name(program: &Program, index: usize) -> String {
    format!("context.{}", program.rules().context()[index].name)
}

/// Whether a rule's condition lets it fire; what leaves that open is added to what is assumed.
pub fn fires(
    program: &Program,
    rule: RuleId,
    guard: Option<&Condition<usize>>,
    facts: &Facts<'_>,
    out: &mut Collected,
) -> bool {
    let Some(guard) = guard else {
        out.firings.add(rule, true);
        return true;
    };
    let mut open = Vec::new();
    let truth = evaluate(guard, facts, &mut open);
    let name = &program.rules().rule(rule).name;
    out.assumed.extend(open.into_iter().map(|condition| Assumed {
        rule: name.clone(),
        condition,
        unmoved: false,
    }));
    out.firings.add(rule, truth != Truth::False);
    truth != Truth::False
}

/// One rule, firing.
pub struct Firing<'a> {
    pub program: &'a Program,
    pub source: &'a Source<'a>,
    pub rule: RuleId,
    pub unfilled: Unfilled,
    /// What the drops that name their target belong to.
    pub own: &'a Group,
    /// The tag that fired a chained rule.
    pub trigger: Option<&'a str>,
    pub out: &'a mut Collected,
}

impl Firing<'_> {
    fn rule_name(&self) -> String {
        self.program.rules().rule(self.rule).name.clone()
    }

    /// An instance's keys, narrowest tags and lists, from each image.
    fn group(&mut self, group: &Group) {
        for image in self.source.images.present {
            if !self.is_cut_off(group, *image) {
                self.group_in(group, *image);
            }
        }
    }

    /// Whether the way to the group ends in this image: at nothing, or at the written instance.
    fn is_cut_off(&mut self, group: &Group, image: Image) -> bool {
        let written = self.source.write.id().map(|id| Value::Text(id.clone()));
        for (slot, of_start) in &group.passes {
            let held = self.source.images.get(*slot, image);
            let is_end = |v: &Value| v.is_null() || (*of_start && Some(v) == written.as_ref());
            let ends = match &held.value {
                Some(Value::List(items)) => items.iter().all(is_end),
                Some(single) => is_end(single),
                None => false,
            };
            if ends {
                self.assume_unmoved(held.assumed.as_slice());
                return true;
            }
        }
        false
    }

    fn group_in(&mut self, group: &Group, image: Image) {
        let tags = self.tags(group, image);
        for list in &group.lists {
            match self.source.fill(list, image, group) {
                Filled::Names { names, assumed } => self.drop(StepKind::Tag, names, &assumed, group),
                other => self.unfilled(StepKind::Tag, list, image, other, group),
            }
        }
        for key in &group.keys {
            match self.source.fill(key, image, group) {
                Filled::Names { names, assumed } => self.drop(StepKind::Key, names, &assumed, group),
                Filled::Unbound { missing, open } => match &tags {
                    Tags::Dropped(tag) => {
                        self.out.covered.insert(Covered { template: key.text.to_string(), by: tag.clone() });
                    }
                    // The widened tag takes the key's entries with it.
                    Tags::Unfilled { .. } if self.unfilled == Unfilled::Widen => {}
                    // What would fill the tag covers the key; no write of many rows has one id.
                    Tags::Unfilled { need_id: false } if missing.iter().any(|m| m == "id") => {}
                    // Its entries carry tags, and a null stands in all of them: nothing leads to it.
                    Tags::None if open && missing.is_empty() && !group.tags.is_empty() => {
                        let reason = "nothing lists what fills it, and its tags hold a null".to_owned();
                        self.unfilled(StepKind::Key, key, image, Filled::TooMuch(reason), group);
                    }
                    // Nothing that the write could give would name it.
                    _ if open && missing.is_empty() => {}
                    _ => self.unfilled(StepKind::Key, key, image, Filled::Unbound { missing, open }, group),
                },
                other => self.unfilled(StepKind::Key, key, image, other, group),
            }
        }
    }

    /// Drops the narrowest tags, or reports them where none can be filled.
    fn tags(&mut self, group: &Group, image: Image) -> Tags {
        let mut first: Option<(usize, String)> = None;
        let mut unbound: Vec<(&Filling, Filled, Vec<String>)> = Vec::new();
        for tag in &group.tags {
            if first.as_ref().is_some_and(|(distance, _)| *distance < tag.distance) {
                break;
            }
            match self.source.fill(tag, image, group) {
                Filled::Names { names, assumed } => {
                    if let (None, Some(name)) = (&first, names.first()) {
                        first = Some((tag.distance, Tag::text_of(name.clone())));
                    }
                    self.drop(StepKind::Tag, names, &assumed, group);
                }
                Filled::Unbound { missing, open } => {
                    unbound.push((tag, Filled::Unbound { missing: missing.clone(), open }, missing));
                }
                other => unbound.push((tag, other, Vec::new())),
            }
        }
        if let Some((_, name)) = first {
            return Tags::Dropped(name);
        }
        // An id that was said to be many is not missing where another name would do.
        let needs_id = |missing: &[String]| missing.iter().any(|m| m == "id");
        let need_id = unbound.iter().all(|(_, _, missing)| needs_id(missing));
        unbound.retain(|(_, _, missing)| need_id || !needs_id(missing));
        let Some(nearest) = unbound.iter().map(|(tag, ..)| tag.distance).min() else { return Tags::None };
        for (tag, filled, _) in unbound {
            if tag.distance == nearest {
                self.unfilled(StepKind::Tag, tag, image, filled, group);
            }
        }
        Tags::Unfilled { need_id }
    }

    pub fn explicit(&mut self, explicit: &Explicit) {
        let own = self.own;
        let (kind, template) = match explicit {
            Explicit::Tag(t) => (StepKind::Tag, t),
            Explicit::Key(t) => (StepKind::Key, t),
            Explicit::Match(t) => (StepKind::Match, t),
            Explicit::Regex(pattern) => {
                let wish = self.wish(StepKind::Match, pattern.clone(), own);
                return self.out.wishes.push(wish);
            }
        };
        // A chained rule knows no row: its templates fill alike from every image.
        let images = self.source.images.present;
        let images = if self.trigger.is_some() { &images[..1] } else { images };
        for image in images {
            match self.source.fill(template, *image, own) {
                Filled::Names { names, assumed } => self.drop(kind, names, &assumed, own),
                other => self.unfilled(kind, template, *image, other, own),
            }
        }
    }

    fn drop(&mut self, kind: StepKind, names: Vec<String>, assumed: &[String], group: &Group) {
        self.assume_unmoved(assumed);
        for name in names {
            let target = target_text(kind, name);
            let wish = self.wish(kind, target, group);
            self.out.wishes.push(wish);
        }
    }

    fn assume_unmoved(&mut self, names: &[String]) {
        for name in names {
            let condition = format!("old.{name} == {name}");
            self.out.assumed.insert(Assumed { rule: self.rule_name(), condition, unmoved: true });
        }
    }

    fn wish(&self, kind: StepKind, target: String, group: &Group) -> Wish {
        let via = group.via.clone();
        Wish {
            kind,
            target,
            rule: self.rule,
            hop: group.hop,
            via,
            cascade: group.hop > 0 && self.trigger.is_none(),
            trigger: self.trigger.map(str::to_owned),
        }
    }

    /// A template that could not be filled: reported, or widened to a glob.
    fn unfilled(&mut self, kind: StepKind, template: &Filling, image: Image, filled: Filled, group: &Group) {
        let (missing, reason) = match filled {
            Filled::Unbound { missing, .. } => (missing, None),
            Filled::TooMuch(reason) => (Vec::new(), Some(reason)),
            Filled::Names { .. } => return,
        };
        if self.unfilled == Unfilled::Widen
            && reason.is_none()
            && let Filled::Names { names, assumed } = self.source.fill_wide(template, image, group)
        {
            if kind == StepKind::Key {
                self.assume_unmoved(&assumed);
                for name in names {
                    let wish = self.wish(StepKind::Match, Pattern::segments_as_regex(&name), group);
                    self.out.wishes.push(wish);
                }
                return;
            }
            let wide = if kind == StepKind::Match { StepKind::Match } else { StepKind::TagMatch };
            return self.drop(wide, names, &assumed, group);
        }
        let rule = self.rule_name();
        self.out.unresolved.insert(Unresolved { rule, template: template.text.to_string(), missing, reason });
    }
}

/// A filled template as a step names it.
pub fn target_text(kind: StepKind, name: String) -> String {
    match kind {
        StepKind::Tag => Tag::text_of(name),
        StepKind::Match => Pattern::glob_text(name),
        StepKind::Key | StepKind::TagMatch => name,
    }
}

/// What became of a group's tags in one image.
enum Tags {
    /// The first of those that are dropped.
    Dropped(String),
    /// None could be filled; whether only the id of the row would do.
    Unfilled { need_id: bool },
    /// It carries none that a write could name, or a null stands in all of them.
    None,
}
