//! The drops of every rule that fires, before equal targets are merged.

use std::hash::Hasher as _;
use std::sync::Arc;

use compact_str::CompactString;
use rustc_hash::FxHasher;
use smallvec::SmallVec;

use super::fill::{Filled, Source};
use super::guard::{Facts, Truth, evaluate, unknown_text};
use super::program::{EntityProgram, Explicit, Filling, Group, Label, OperationProgram, Program, Slots};
use super::row::Row;
use super::{Assumed, Firings, Step, StepKind, Terms, Unfilled, Unresolved};
use crate::check::Write;
use crate::check::condition::{Atom, Condition, Image};
use crate::model::{Pattern, Tag, Value};

/// A step, by its place in [`Collected::steps`].
pub type StepId = usize;

/// Everything that the rules say about a write. What is said twice is sorted out at the end.
#[derive(Debug)]
pub struct Collected<'p> {
    pub steps: Vec<Step>,
    /// For each step a hash of its target and of what that is.
    pub hashes: SmallVec<[u64; 16]>,
    /// Templates, and the dropped tag that covers each.
    pub covered: Vec<(&'p Arc<str>, StepId)>,
    pub unresolved: Vec<Unresolved>,
    /// Conditions that were taken as true.
    pub assumed: Vec<Assumed>,
    /// Slots whose values were taken as unmoved, and the rules that did.
    pub unmoved: SmallVec<[(&'p Label, usize); 4]>,
    pub firings: Firings,
    /// Of the condition that is being looked at.
    open: Vec<&'p Atom<usize>>,
}

/// Fires the rules of the written entity.
pub fn collect<'p>(
    program: &'p Program,
    entity: &'p EntityProgram,
    operation: &'p OperationProgram,
    write: &Write,
    unfilled: Unfilled,
    out: &mut Collected<'p>,
) {
    let row = Row::new(write, &entity.slots);
    let context = write.context_values();
    let facts = Facts { row: &row, operation: &operation.name, context, trigger: &[] };
    let source = Source { rules: program.rules(), row: &row, slots: &entity.slots, context, trigger: &[] };
    for rule in operation.candidates(entity, &facts) {
        let rule = &entity.rules[rule as usize];
        if out.fires(&rule.label, rule.guard.as_ref(), &facts, &entity.slots) {
            // Those that do not fire are most of them: how many is known without looking at each.
            out.firings.add(rule.label.id, true);
            out.steps.reserve(rule.names);
            let mut firing = Firing { source: &source, rule: &rule.label, unfilled, trigger: None, out };
            for (group, terms) in &rule.groups {
                firing.group(At { group, terms });
            }
            for explicit in &rule.explicit {
                firing.explicit(explicit, At { group: &program.row, terms: &rule.label.terms });
            }
        }
    }
}

impl<'p> Collected<'p> {
    /// Nothing yet, with room for a usual plan.
    #[inline]
    pub fn new() -> Self {
        Self {
            steps: Vec::new(),
            hashes: SmallVec::new(),
            covered: Vec::new(),
            unresolved: Vec::new(),
            assumed: Vec::new(),
            unmoved: SmallVec::new(),
            firings: Firings::default(),
            open: Vec::new(),
        }
    }

    /// Whether a rule's condition lets it fire; what leaves that open is added to what is assumed.
    pub fn fires(
        &mut self,
        rule: &Label,
        guard: Option<&'p Condition<usize>>,
        facts: &Facts<'_>,
        slots: &Slots,
    ) -> bool {
        let Some(guard) = guard else { return true };
        let truth = evaluate(guard, facts, &mut self.open);
        for atom in self.open.drain(..) {
            let condition = unknown_text(atom, facts, slots);
            self.assumed.push(Assumed { rule: rule.name.clone(), condition, unmoved: false });
        }
        truth != Truth::False
    }

    fn add(&mut self, step: Step) -> StepId {
        let mut hasher = FxHasher::default();
        hasher.write(step.target.as_bytes());
        hasher.write_u8(step.kind as u8);
        self.hashes.push(hasher.finish());
        self.steps.push(step);
        self.steps.len() - 1
    }
}

/// Where a drop comes from: the instances whose name it is, and the terms on which they are dropped.
#[derive(Clone, Copy)]
pub struct At<'p, 't> {
    pub group: &'p Group,
    pub terms: &'t Arc<Terms>,
}

/// One rule, firing.
pub struct Firing<'a, 'p> {
    pub source: &'a Source<'a>,
    pub rule: &'p Label,
    pub unfilled: Unfilled,
    /// The tag that fired a chained rule.
    pub trigger: Option<&'a CompactString>,
    pub out: &'a mut Collected<'p>,
}

impl<'p> Firing<'_, 'p> {
    /// An instance's keys, narrowest tags and lists, from each image.
    fn group(&mut self, at: At<'p, '_>) {
        for image in self.source.row.images(at.group.slots.iter().copied()) {
            if !self.is_cut_off(at.group, *image) {
                self.group_in(at, *image);
            }
        }
    }

    /// Whether the way to the group ends in this image: at nothing, or at the written instance.
    fn is_cut_off(&mut self, group: &Group, image: Image) -> bool {
        let written = self.source.row.held(Slots::ID, image).value;
        for (slot, of_start) in &group.passes {
            let held = self.source.row.held(*slot, image);
            let is_end = |v: &Value| v.is_null() || (*of_start && Some(v) == written);
            let ends = match held.value {
                Some(Value::List(items)) => items.iter().all(is_end),
                Some(single) => is_end(single),
                None => false,
            };
            if ends {
                self.assume_unmoved(held.assumed);
                return true;
            }
        }
        false
    }

    fn group_in(&mut self, at: At<'p, '_>, image: Image) {
        let group = at.group;
        // Keys first, as steps stand.
        let mut unfilled: SmallVec<[(&Filling, Filled); 2]> = SmallVec::new();
        for key in &group.keys {
            if let Err(other) = self.drop_filled(StepKind::Key, key, image, at) {
                unfilled.push((key, other));
            }
        }
        let tags = self.tags(at, image);
        for list in &group.lists {
            if let Err(other) = self.drop_filled(StepKind::Tag, list, image, at) {
                self.unfilled(StepKind::Tag, list, image, other, at);
            }
        }
        for (key, filled) in unfilled {
            match filled {
                Filled::Unbound { missing, open } => match tags {
                    Tags::Dropped(tag) => self.out.covered.push((&key.text, tag)),
                    // The widened tag takes the key's entries with it.
                    Tags::Unfilled { .. } if self.unfilled == Unfilled::Widen => {}
                    // What would fill the tag covers the key; no write of many rows has one id.
                    Tags::Unfilled { need_id: false } if self.source.misses_id(key) => {}
                    // Its entries carry tags, and a null stands in all of them: nothing leads to it.
                    Tags::None if open && !missing && !group.tags.is_empty() => {
                        let reason = "nothing lists what fills it, and its tags hold a null".to_owned();
                        self.unfilled(StepKind::Key, key, image, Filled::TooMuch(reason), at);
                    }
                    // Nothing that the write could give would name it.
                    _ if open && !missing => {}
                    _ => self.unfilled(StepKind::Key, key, image, filled, at),
                },
                other => self.unfilled(StepKind::Key, key, image, other, at),
            }
        }
    }

    /// Drops the narrowest tags, or reports them where none can be filled.
    fn tags(&mut self, at: At<'p, '_>, image: Image) -> Tags {
        let mut first: Option<(usize, StepId)> = None;
        let mut unbound: Vec<(&Filling, Filled)> = Vec::new();
        for tag in &at.group.tags {
            if first.is_some_and(|(distance, _)| distance < tag.distance) {
                break;
            }
            match self.drop_filled(StepKind::Tag, tag, image, at) {
                Ok(name) => first = first.or(name.map(|name| (tag.distance, name))),
                Err(other) => unbound.push((tag, other)),
            }
        }
        if let Some((_, name)) = first {
            return Tags::Dropped(name);
        }
        // An id that was said to be many is not missing where another name would do.
        let needs_id = |tag: &Filling, filled: &Filled| {
            matches!(filled, Filled::Unbound { .. }) && self.source.misses_id(tag)
        };
        let need_id = unbound.iter().all(|(tag, filled)| needs_id(tag, filled));
        unbound.retain(|(tag, filled)| need_id || !needs_id(tag, filled));
        let Some(nearest) = unbound.iter().map(|(tag, _)| tag.distance).min() else { return Tags::None };
        for (tag, filled) in unbound {
            if tag.distance == nearest {
                self.unfilled(StepKind::Tag, tag, image, filled, at);
            }
        }
        Tags::Unfilled { need_id }
    }

    /// A drop that names its target, for the written row: `own` is that row, or what a chained rule has
    /// of it.
    pub fn explicit(&mut self, explicit: &'p Explicit, own: At<'p, '_>) {
        let (kind, template) = match explicit {
            Explicit::Tag(t) => (StepKind::Tag, t),
            Explicit::Key(t) => (StepKind::Key, t),
            Explicit::Match(t) => (StepKind::Match, t),
            Explicit::Regex(pattern) => {
                self.drop(StepKind::Match, pattern.into(), own.terms);
                return;
            }
        };
        for image in self.source.row.images(template.slots()) {
            if let Err(other) = self.drop_filled(kind, template, *image, own) {
                self.unfilled(kind, template, *image, other, own);
            }
        }
    }

    /// Drops what a template fills to: the step of the first name, where there is one; or why it has no
    /// names.
    fn drop_filled(
        &mut self,
        kind: StepKind,
        template: &Filling,
        image: Image,
        At { group, terms }: At<'p, '_>,
    ) -> Result<Option<StepId>, Filled> {
        let source = self.source;
        if let Some(target) = source.fill_plainly(template, image, group) {
            self.assume_unmoved(source.assumed(template, image));
            return Ok(Some(self.drop(kind, target, terms)));
        }
        match source.fill(template, image, group) {
            Filled::Names { names, assumed } => {
                self.assume_unmoved(assumed);
                let first = self.out.steps.len();
                let is_any = !names.is_empty();
                for name in names {
                    self.drop(kind, finished(kind, name), terms);
                }
                Ok(is_any.then_some(first))
            }
            other => Err(other),
        }
    }

    fn drop(&mut self, kind: StepKind, target: CompactString, terms: &Arc<Terms>) -> StepId {
        self.out.add(Step { kind, target, terms: terms.clone(), trigger: self.trigger.cloned() })
    }

    fn assume_unmoved(&mut self, slots: impl IntoIterator<Item = usize>) {
        for slot in slots {
            // Several templates of a rule take the same value.
            let mut of_rule =
                self.out.unmoved.iter().rev().take_while(|(rule, _)| std::ptr::eq(*rule, self.rule));
            if !of_rule.any(|(_, taken)| *taken == slot) {
                self.out.unmoved.push((self.rule, slot));
            }
        }
    }

    /// A template that could not be filled: reported, or widened to a glob.
    fn unfilled(
        &mut self,
        kind: StepKind,
        template: &Filling,
        image: Image,
        filled: Filled,
        At { group, terms }: At<'p, '_>,
    ) {
        let (missing, reason) = match filled {
            Filled::Unbound { .. } => (self.source.missing(template, image), None),
            Filled::TooMuch(reason) => (Vec::new(), Some(reason)),
            Filled::Names { .. } => return,
        };
        if self.unfilled == Unfilled::Widen
            && reason.is_none()
            && let Filled::Names { names, assumed } = self.source.fill_wide(template, image, group)
        {
            self.assume_unmoved(assumed);
            for name in names {
                let (kind, target) = match kind {
                    StepKind::Key => (StepKind::Match, Pattern::segments_as_regex(&name).into()),
                    StepKind::Match => (StepKind::Match, finished(StepKind::Match, name)),
                    StepKind::Tag | StepKind::TagMatch => (StepKind::TagMatch, name),
                };
                self.drop(kind, target, terms);
            }
            return;
        }
        let rule = self.rule.name.to_string();
        self.out.unresolved.push(Unresolved { rule, template: template.text.to_string(), missing, reason });
    }
}

/// A filled name in the form in which steps name it.
pub fn finished(kind: StepKind, name: CompactString) -> CompactString {
    match kind {
        StepKind::Tag if name.starts_with('=') => Tag::text_of(name.into()).into(),
        StepKind::Match if name.contains('/') => Pattern::glob_text(name.into()).into(),
        StepKind::Key | StepKind::Tag | StepKind::Match | StepKind::TagMatch => name,
    }
}

/// What became of a group's tags in one image.
#[derive(Clone, Copy)]
enum Tags {
    /// The first of those that are dropped.
    Dropped(StepId),
    /// None could be filled; whether only the id of the row would do.
    Unfilled { need_id: bool },
    /// It carries none that a write could name, or a null stands in all of them.
    None,
}
