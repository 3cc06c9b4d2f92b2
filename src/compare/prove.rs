//! Differences are claimed of writes that were planned under both rule sets.

use crate::check::ruleset::ContextId;
use crate::check::{Undeclared, Write};
use crate::model::{Pattern, RawWrite, Tag, Timing};
use crate::plan::{Plan, Program, Step, StepKind, Strategy, Unfilled};

use super::effect::Effect;
use super::{Class, Dropped};

/// A write planned under both rule sets.
pub struct Planned<'a> {
    pub old: One<'a>,
    pub new: One<'a>,
}

/// A write under one rule set; nothing where the rules do not know its entity or operation.
pub struct One<'a> {
    program: &'a Program,
    write: Option<Write>,
    plan: Option<Plan>,
}

/// A target that shows a difference.
pub struct Shown {
    pub target: String,
    pub old: Option<Dropped>,
    pub new: Option<Dropped>,
}

impl<'a> Planned<'a> {
    pub fn new(old: &'a Program, new: &'a Program, raw: &RawWrite) -> Self {
        let one = |program: &'a Program| {
            let write = program.rules().write(raw.clone(), Undeclared::Ignore).ok();
            let plan = write.as_ref().map(|write| program.plan(write, Unfilled::Report));
            One { program, write, plan }
        };
        Self { old: one(old), new: one(new) }
    }

    /// Whether the write shows a difference of this class in what an effect drops, which is of the old
    /// rules or of the new ones.
    pub fn shows(
        &self,
        class: Class,
        effect: &Effect,
        of_old: bool,
        context: &impl Fn(ContextId) -> Option<ContextId>,
    ) -> Option<Shown> {
        let (own, other) = if of_old { (&self.old, &self.new) } else { (&self.new, &self.old) };
        let write = own.write.as_ref()?;
        let fill = |side: &One<'_>, name: &super::name::Name| {
            name.filled(effect.kind, &side.program.rules().prefix(), write, context)
        };
        let names = fill(own, &effect.own).into_iter().zip(fill(other, &effect.name));
        for (here, there) in names {
            let Some(step) = own.step(effect.kind, &here) else { continue };
            let beside = other.step(effect.kind, &there);
            let differs = match (class, beside) {
                (Class::Narrower | Class::Wider, None) => {
                    effect.kind != StepKind::Key || !other.matches(&there)
                }
                (Class::Timing, Some(beside)) => timing(step) != timing(beside),
                (Class::Order, Some(beside)) => {
                    timing(step) == timing(beside) && step.priority != beside.priority
                }
                _ => false,
            };
            if differs {
                let (step, beside) = (Dropped::of(step), beside.map(Dropped::of));
                let (old, new) = if of_old { (Some(step), beside) } else { (beside, Some(step)) };
                return Some(Shown { target: here, old, new });
            }
        }
        None
    }
}

impl One<'_> {
    fn step(&self, kind: StepKind, target: &str) -> Option<&Step> {
        let text = match kind {
            StepKind::Match => Pattern::glob_text(target.to_owned()),
            StepKind::Tag => Tag::text_of(target.to_owned()),
            _ => target.to_owned(),
        };
        let is_it = |s: &&Step| s.kind == kind && (s.target == text || s.target == target);
        self.plan.as_ref()?.steps.iter().find(is_it)
    }

    /// Whether a pattern of the plan takes a key with it.
    fn matches(&self, key: &str) -> bool {
        let steps = self.plan.iter().flat_map(|plan| &plan.steps);
        let mut patterns = steps.filter(|s| s.kind == StepKind::Match);
        patterns.any(|s| Pattern::parse(&s.target).is_ok_and(|pattern| pattern.matches(key)))
    }
}

fn timing(step: &Step) -> Timing {
    match step.strategy {
        Strategy::Immediate => Timing::Immediate,
        Strategy::Batched => Timing::Batched { delay: step.delay_ms },
        Strategy::Lazy => Timing::Lazy,
    }
}
