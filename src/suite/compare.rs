//! A plan against what a case expects of it.

use super::{Case, Expected, Problem, Sign};
use crate::check::{RuleSet, Write};
use crate::model::Pattern;
use crate::plan::{Plan, Step, StepKind};
use crate::why::explain;

/// Everything in which the plan is not what the case expects.
pub fn problems(rules: &RuleSet, write: &Write, plan: &Plan, case: &Case) -> Vec<Problem> {
    let mut all = Comparison { rules, write, out: Vec::new() };
    if !case.expects_something() {
        let how = "the test expects nothing; `--update` writes what is dropped".to_owned();
        all.out.push(Problem { sign: Sign::Missing, what: "drops".to_owned(), how, why: None });
    }
    if let Some(drops) = &case.drops {
        all.among(drops, plan);
        for step in &plan.steps {
            if !drops.iter().any(|wanted| is(wanted, step)) {
                all.step(Sign::Extra, step, "it is dropped, and not among `drops`");
            }
        }
        if case.ordered {
            all.order(drops, plan);
        }
    }
    all.among(&case.contains, plan);
    if case.ordered {
        all.order(&case.contains, plan);
    }
    for unwanted in &case.excludes {
        for step in plan.steps.iter().filter(|step| is_like(unwanted, step)) {
            all.step(Sign::Extra, step, "it is dropped, and `excludes` forbids it");
        }
    }
    all.texts("unresolved", &case.unresolved, plan.unresolved.iter().map(|u| u.template.clone()).collect());
    if let Some(wanted) = &case.assumed {
        all.texts("assumed", wanted, plan.assumed.iter().map(|a| a.condition.to_string()).collect());
    }
    if let Some(wanted) = &case.covered {
        all.texts("covered", wanted, plan.covered.iter().map(|c| c.template.to_string()).collect());
    }
    all.out
}

/// What is wrong with what a cache lost or kept.
pub fn keys(name: &str, wanted: &[String], found: &[String], out: &mut Vec<Problem>) {
    let mut add = |sign: Sign, key: &str, how: String| {
        out.push(Problem { sign, what: format!("key {key}"), how, why: None });
    };
    for key in wanted.iter().filter(|key| !found.contains(key)) {
        add(Sign::Missing, key, format!("expected in `{name}`, and not there"));
    }
    for key in found.iter().filter(|key| !wanted.contains(key)) {
        add(Sign::Extra, key, format!("not expected in `{name}`"));
    }
}

struct Comparison<'a> {
    rules: &'a RuleSet,
    write: &'a Write,
    out: Vec<Problem>,
}

impl Comparison<'_> {
    fn step(&mut self, sign: Sign, step: &Step, how: &str) {
        let why = explain(self.rules, self.write, &step.target, None);
        let what = format!("{} {}", step.kind.word(), step.target);
        // A pattern is no name that anything could be said of.
        let why = (step.kind != StepKind::Match).then(|| Box::new(why));
        self.out.push(Problem { sign, what, how: how.to_owned(), why });
    }

    /// Each of these is in the plan, as it is described.
    fn among(&mut self, wanted: &[Expected], plan: &Plan) {
        for one in wanted {
            let what = format!("{} {}", one.kind.word(), one.target);
            match plan.steps.iter().find(|step| is(one, step)) {
                None => {
                    let why = explain(self.rules, self.write, &one.target, None);
                    let why = (one.kind != StepKind::Match).then(|| Box::new(why));
                    let how = "it is expected, and not dropped".to_owned();
                    self.out.push(Problem { sign: Sign::Missing, what, how, why });
                }
                Some(step) => {
                    let how = differences(one, step);
                    if !how.is_empty() {
                        self.step(Sign::Different, step, &how.join(", "));
                    }
                }
            }
        }
    }

    fn order(&mut self, wanted: &[Expected], plan: &Plan) {
        let place = |one: &Expected| plan.steps.iter().position(|step| is(one, step));
        for pair in wanted.windows(2) {
            if let (Some(first), Some(second)) = (place(&pair[0]), place(&pair[1]))
                && first > second
            {
                let (first, second) = (&plan.steps[first], &plan.steps[second]);
                let how = format!(
                    "it is carried out after {} {} (priority {} and {})",
                    second.kind.word(),
                    second.target,
                    first.priority,
                    second.priority
                );
                self.step(Sign::Different, first, &how);
            }
        }
    }

    fn texts(&mut self, name: &str, wanted: &[String], mut found: Vec<String>) {
        found.sort();
        found.dedup();
        let mut add = |sign: Sign, text: &str, how: &str| {
            let what = format!("{name} {text}");
            self.out.push(Problem { sign, what, how: how.to_owned(), why: None });
        };
        for text in wanted.iter().filter(|text| !found.contains(text)) {
            add(Sign::Missing, text, "it is expected, and not in the plan");
        }
        for text in found.iter().filter(|text| !wanted.contains(text)) {
            add(Sign::Extra, text, "it is in the plan, and not expected");
        }
    }
}

/// Whether an expectation is about this step.
pub fn is(wanted: &Expected, step: &Step) -> bool {
    wanted.kind == step.kind && step.target == wanted.target
}

/// The same, where `*` in a key or tag stands for anything.
fn is_like(wanted: &Expected, step: &Step) -> bool {
    if wanted.kind != step.kind || wanted.kind == StepKind::Match {
        return is(wanted, step);
    }
    wanted.target == step.target
        || Pattern::glob(&wanted.target).is_ok_and(|pattern| pattern.matches(&step.target))
}

/// In what a step is not as it was described.
fn differences(wanted: &Expected, step: &Step) -> Vec<String> {
    let mut out = Vec::new();
    let mut differ = |name: &str, wanted: Option<String>, found: String| {
        if let Some(wanted) = wanted.filter(|wanted| *wanted != found) {
            out.push(format!("{name} is {found}, not {wanted}"));
        }
    };
    let list = |names: &[String]| format!("[{}]", names.join(", "));
    differ("strategy", wanted.strategy.clone(), step.strategy.word().to_owned());
    differ("delay", wanted.delay_ms.map(|ms| format!("{ms}ms")), format!("{}ms", step.delay_ms));
    differ("priority", wanted.priority.map(|n| n.to_string()), step.priority.to_string());
    differ("rules", wanted.rules.as_deref().map(list), list(&step.rules.to_strings()));
    differ("via", wanted.via.as_deref().map(list), list(&step.via.to_strings()));
    let trigger = |tag: &str| if tag.is_empty() { "none".to_owned() } else { tag.to_owned() };
    differ(
        "trigger",
        wanted.trigger.as_deref().map(trigger),
        trigger(step.trigger.as_deref().unwrap_or_default()),
    );
    out
}
