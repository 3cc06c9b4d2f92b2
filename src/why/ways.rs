//! Every way in which a rule can come to drop a name.

use super::name::{Bound, Origin, Part, Wanted, bind, templates};
use crate::check::RuleSet;
use crate::check::ruleset::{Drop, EntityId, Rule, RuleId, TagSegment, TagTrigger, Trigger, WriteTrigger};
use crate::check::walk::{Binding, Touch};
use crate::model::Pattern;
use crate::plan::StepKind;
use crate::trace::fill::{Filling, Piece};

/// One template that a rule drops, and that makes one of the wanted names.
#[derive(Clone, Debug)]
pub struct Way<'a> {
    pub rule: RuleId,
    pub on: On<'a>,
    pub kind: StepKind,
    /// As it was written.
    pub template: String,
    /// The path of the cascade; `None` for the row itself and for what the rule names.
    pub touch: Option<&'a Touch>,
    /// What the holes must hold. Of a pattern, nothing is known.
    pub bound: Bound,
    /// All holes.
    pub holes: Vec<Piece>,
}

/// What fires a rule.
#[derive(Clone, Copy, Debug)]
pub enum On<'a> {
    Write(&'a WriteTrigger),
    Tag(&'a TagTrigger),
}

impl<'a> On<'a> {
    /// The entity whose writes fire it.
    pub fn entity(self) -> Option<EntityId> {
        match self {
            Self::Write(on) => Some(on.entity),
            Self::Tag(_) => None,
        }
    }

    pub fn condition(self) -> Option<&'a crate::check::condition::Condition> {
        match self {
            Self::Write(on) => on.condition.as_ref(),
            Self::Tag(on) => on.condition.as_deref(),
        }
    }
}

/// The ways to drop one of these names, as a key or as a tag. `origins` are the templates of entities
/// that make it.
pub fn ways<'a>(rules: &'a RuleSet, wanted: &Wanted, origins: &[Origin], kind: StepKind) -> Vec<Way<'a>> {
    let keys = kind == StepKind::Key;
    let mut out = Vec::new();
    for (index, rule) in rules.rules().iter().enumerate() {
        let mut finder = Finder { rules, wanted, keys, id: RuleId::at(index), rule, out: &mut out };
        match &rule.trigger {
            Trigger::Tags(on) => finder.named(On::Tag(on)),
            Trigger::Writes(triggers) => triggers.iter().for_each(|on| finder.row(on, origins)),
        }
    }
    out
}

struct Finder<'a, 'o> {
    rules: &'a RuleSet,
    wanted: &'o Wanted,
    keys: bool,
    id: RuleId,
    rule: &'a Rule,
    out: &'o mut Vec<Way<'a>>,
}

impl<'a> Finder<'a, '_> {
    fn row(&mut self, on: &'a WriteTrigger, origins: &[Origin]) {
        let of = |entity: EntityId| origins.iter().filter(move |o| o.entity == entity);
        if self.rule.drops.iter().any(|drop| matches!(drop, Drop::Itself)) {
            of(on.entity).for_each(|origin| self.origin(On::Write(on), origin, None));
        }
        for touch in self.rules.cascade(on.entity, &self.rule.follow) {
            of(touch.entity).for_each(|origin| self.origin(On::Write(on), origin, Some(touch)));
        }
        self.named(On::Write(on));
    }

    fn origin(&mut self, on: On<'a>, origin: &Origin, touch: Option<&'a Touch>) {
        if self.keys != (origin.part == Part::Key) {
            return;
        }
        let start = Binding::start();
        let binding = touch.map_or(&start, |touch| &touch.binding);
        let filling =
            templates(self.rules, origin.entity, origin.part, binding).into_iter().nth(origin.place);
        if let Some(filling) = filling.filter(|filling| !filling.is_open()) {
            let kind = if self.keys { StepKind::Key } else { StepKind::Tag };
            self.add(on, kind, &filling, touch);
        }
    }

    /// What the rule drops by name.
    fn named(&mut self, on: On<'a>) {
        for drop in &self.rule.drops {
            let (kind, template) = match drop {
                Drop::Tag(template) if !self.keys => (StepKind::Tag, template),
                Drop::Key(template) if self.keys => (StepKind::Key, template),
                Drop::Match(template) if self.keys => (StepKind::Match, template),
                Drop::Regex(pattern) if self.keys => {
                    if self.wanted.name().is_some_and(|name| pattern.matches(&name)) {
                        let template = pattern.as_str().to_owned();
                        self.push(on, StepKind::Match, template, None, Vec::new(), Vec::new());
                    }
                    continue;
                }
                _ => continue,
            };
            let is_match = kind == StepKind::Match;
            let filling = Filling::new(self.rules, template, &Binding::start(), is_match);
            if !is_match {
                self.add(on, kind, &filling, None);
            } else if self.is_matched(&filling) {
                let holes = holes(&filling);
                self.push(on, kind, filling.text, None, Vec::new(), holes);
            }
        }
    }

    /// Whether a glob takes the name, whatever its holes hold.
    fn is_matched(&self, filling: &Filling) -> bool {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => text.to_string(),
            _ => "*".to_owned(),
        };
        let glob: String = filling.pieces.iter().map(text).collect();
        let name = self.wanted.name();
        Pattern::glob(&glob).is_ok_and(|glob| name.is_some_and(|name| glob.matches(&name)))
    }

    fn add(&mut self, on: On<'a>, kind: StepKind, filling: &Filling, touch: Option<&'a Touch>) {
        if let Some(bound) = bind(self.rules, on.entity(), filling, self.wanted) {
            let template = filling.text.clone();
            self.push(on, kind, template, touch, bound, holes(filling));
        }
    }

    fn push(
        &mut self,
        on: On<'a>,
        kind: StepKind,
        template: String,
        touch: Option<&'a Touch>,
        bound: Bound,
        holes: Vec<Piece>,
    ) {
        self.out.push(Way { rule: self.id, on, kind, template, touch, bound, holes });
    }
}

fn holes(filling: &Filling) -> Vec<Piece> {
    filling.pieces.iter().filter(|piece| !matches!(piece, Piece::Text(_))).cloned().collect()
}

/// The tags that would fire a chained rule so that it drops what this way makes, by pattern.
pub fn triggers(way: &Way<'_>) -> Vec<Wanted> {
    let On::Tag(on) = way.on else { return Vec::new() };
    let held = |index: usize| {
        way.bound.iter().find(|(piece, _)| *piece == Piece::Trigger(index)).map(|(_, text)| text.clone())
    };
    let segment = |segment: &TagSegment| match segment {
        TagSegment::Literal(text) => Some(text.clone()),
        TagSegment::Hole(index) => held(*index),
    };
    on.patterns.iter().map(|pattern| Wanted(pattern.segments.iter().map(segment).collect())).collect()
}
