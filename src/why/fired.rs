//! What every rule that a write concerns made of it.

use std::collections::BTreeSet;

use serde::Serialize;
use utoipa::ToSchema;

use super::verdict::{condition_of, held};
use super::{Held, place};
use crate::check::{RuleSet, Write};
use crate::plan::{StepKind, Strategy};
use crate::trace::{Attempt, Firing, Outcome, Trace};

/// A rule, and one reason to fire it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Fired {
    pub rule: String,
    /// Where it stands: `FILE:LINE`.
    pub at: String,
    pub priority: u16,
    #[schema(value_type = Strategy)]
    pub strategy: &'static str,
    pub fires: bool,
    /// Whether it is on this operation. If not, its condition was not looked at.
    pub listens: bool,
    /// The dropped tag that a chained rule answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger: Option<String>,
    /// `None` for a rule without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Held>,
    /// What it drops, and of which template that was made.
    pub drops: Vec<Filled>,
}

/// A template with the name that it came to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub struct Filled {
    pub kind: StepKind,
    pub template: String,
    pub target: String,
    /// The relations along which it was reached.
    pub via: Vec<String>,
}

/// The rules on the written entity and those that its drops fire: first those that fire, each in the
/// order in which it came.
pub fn fired(rules: &RuleSet, write: &Write) -> Vec<Fired> {
    let trace = Trace::of(rules, write);
    let one = |firing: &Firing| {
        let rule = rules.rule(firing.rule);
        let condition = firing.condition.as_ref().zip(condition_of(rules, write, firing));
        // The images before and after mostly come to the same.
        let mut seen = BTreeSet::new();
        let drops = firing.attempts.iter().flat_map(|attempt| filled(rules, attempt));
        let drops = drops.filter(|filled| seen.insert(filled.clone())).collect();
        Fired {
            rule: rule.name.clone(),
            at: place(rules, firing.rule),
            priority: rule.priority,
            strategy: rule.timing.word(),
            fires: firing.fires(),
            listens: firing.listens,
            trigger: firing.trigger.clone(),
            condition: condition.map(|(evaluation, condition)| held(condition, evaluation)),
            drops,
        }
    };
    let mut out: Vec<Fired> = trace.firings.iter().map(one).collect();
    out.sort_by_key(|fired| !fired.fires);
    out
}

fn filled<'a>(rules: &'a RuleSet, attempt: &'a Attempt) -> impl Iterator<Item = Filled> + 'a {
    let targets = match &attempt.outcome {
        Outcome::Drops { targets, .. } => targets.as_slice(),
        _ => &[],
    };
    targets.iter().map(|target| Filled {
        kind: attempt.kind,
        template: attempt.template.clone(),
        target: target.clone(),
        via: attempt.via.iter().map(|relation| rules.relation(*relation).name.clone()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Undeclared;
    use crate::model::RawWrite;

    #[test]
    fn each_rule_says_what_it_made_of_the_write() {
        let checked = RuleSet::parse(
            "entity user { fields { plan: string }  key profile }
             rule plans { on user.update  when plan == \"pro\" }
             rule ends { on user.delete }",
        );
        let rules = checked.rules.unwrap();
        let raw =
            RawWrite::from_json(r#"{"entity": "user", "id": 1, "op": "update", "new": {"plan": "free"}}"#);
        let write = rules.write(raw.unwrap(), Undeclared::Refuse).unwrap();
        let found = fired(&rules, &write);
        let shown: Vec<_> =
            found.iter().map(|f| (f.rule.as_str(), f.fires, f.listens, f.drops.len())).collect();
        assert_eq!(shown, [("plans", false, true, 0), ("ends", false, false, 0)]);
        let held = found[0].condition.as_ref().unwrap();
        assert_eq!((held.text.as_str(), held.truth), ("plan == \"pro\"", "false"));
        assert_eq!(held.atoms[0].reads[0].value.as_deref(), Some("\"free\""));
        let raw =
            RawWrite::from_json(r#"{"entity": "user", "id": 1, "op": "update", "new": {"plan": "pro"}}"#);
        let found = fired(&rules, &rules.write(raw.unwrap(), Undeclared::Refuse).unwrap());
        let targets: Vec<_> =
            found[0].drops.iter().map(|d| (d.template.as_str(), d.target.as_str())).collect();
        assert_eq!(targets, [("user:{id}", "user:1"), ("user:{id}:profile", "user:1:profile")]);
    }
}
