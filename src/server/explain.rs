//! A write with its plan and why: what every rule that it concerns made of it.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;

use crate::check::{Undeclared, WriteError};
use crate::model::RawWrite;
use crate::plan::{Plan, Program, StepKind, Unfilled};
use crate::why::{Fired, Value, fired};

/// Rules that are told at most; those that fire come first.
const MOST_RULES: usize = 300;

/// What stands for a value that is hidden.
const HIDDEN: &str = "…";

/// A plan, and what the rules made of the write.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Explanation {
    schema: u32,
    pub plan: Plan,
    /// The rules on the written entity, and those that its drops fire; first those that fire.
    pub rules: Vec<Fired>,
    /// How many rules more there are that do not stand here.
    rules_left_out: usize,
}

impl Explanation {
    /// Plans a write, and says why.
    ///
    /// # Errors
    /// What of the write the rules do not understand.
    pub fn of(program: &Program, raw: RawWrite) -> Result<Self, WriteError> {
        let write = program.rules().write(raw, Undeclared::Ignore)?;
        let plan = program.plan(&write, Unfilled::Report);
        let mut rules = fired(program.rules(), &write);
        let rules_left_out = rules.len().saturating_sub(MOST_RULES);
        rules.truncate(MOST_RULES);
        Ok(Self { schema: 1, plan, rules, rules_left_out })
    }

    /// The same without any value of the row but its id: names are those of templates.
    #[must_use]
    pub fn hidden(mut self) -> Self {
        let templates: HashMap<(StepKind, String), String> = self
            .rules
            .iter()
            .flat_map(|rule| &rule.drops)
            .map(|drop| ((drop.kind, drop.target.clone()), drop.template.clone()))
            .collect();
        let template = |kind: StepKind, target: &str| {
            templates.get(&(kind, target.to_owned())).map_or(HIDDEN, String::as_str).to_owned()
        };
        let tag = |name: &str| template(StepKind::Tag, name);
        let mut write = RawWrite::clone(&self.plan.write);
        for values in [&mut write.new, &mut write.old, &mut write.context] {
            hide(values);
        }
        self.plan.write = Arc::new(write);
        for step in &mut self.plan.steps {
            step.target = template(step.kind, &step.target).into();
            step.trigger = step.trigger.as_deref().map(|name| tag(name).into());
        }
        for covered in &mut self.plan.covered {
            covered.by = tag(&covered.by);
        }
        for rule in &mut self.rules {
            rule.trigger = rule.trigger.as_deref().map(tag);
            for drop in &mut rule.drops {
                drop.target.clone_from(&drop.template);
            }
            let reads = rule.condition.iter_mut().flat_map(|held| &mut held.atoms).flat_map(|a| &mut a.reads);
            for Value { value, .. } in reads {
                *value = value.as_ref().map(|_| HIDDEN.to_owned());
            }
        }
        self
    }
}

fn hide(values: &mut Map<String, Json>) {
    for (_, value) in values.iter_mut() {
        *value = Json::String(HIDDEN.to_owned());
    }
}
