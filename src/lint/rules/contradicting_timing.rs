//! W205: a rule whose timing never counts, because another one drops the same sooner.

use rustc_hash::FxHashSet;

use super::super::flow::Dropped;
use super::super::rivals::Covering;
use super::super::spelling::duration;
use super::super::{Lint, Subject};
use crate::check::ruleset::{Follow, RuleId};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::Timing;

pub const LINT: Lint = Lint { code: Code::ContradictingTiming, check };

fn check(subject: &Subject<'_>, findings: &mut Vec<Diagnostic>) {
    let flow = subject.flow();
    let mut done: FxHashSet<RuleId> = FxHashSet::default();
    for covering in subject.rivals().coverings(subject) {
        let (slow, fast) = (flow.firing(covering.narrow).rule, flow.firing(covering.wide).rule);
        let (slower, faster) = (subject.rules.rule(slow), subject.rules.rule(fast));
        if faster.timing >= slower.timing || done.contains(&slow) {
            continue;
        }
        if let Some(drop) = stated(subject, slow, covering) {
            done.insert(slow);
            findings.push(finding(subject, slow, fast, drop, covering));
        }
    }
}

/// The first of the drops that both make which the slower rule states. A rule that cascades drops
/// `self` where it names no drop, which says nothing of how soon.
fn stated<'c, 'a>(
    subject: &Subject<'_>,
    slow: RuleId,
    covering: &'c Covering<'a>,
) -> Option<&'c Dropped<'a>> {
    let is_silent = subject.rule(slow).drops.is_empty() && subject.rules.rule(slow).follow != Follow::Nothing;
    let stated = |itself: bool| covering.all || !(itself && is_silent);
    covering.covered.iter().find(|(_, itself)| stated(*itself)).map(|(drop, _)| drop)
}

fn finding(
    subject: &Subject<'_>,
    slow: RuleId,
    fast: RuleId,
    drop: &Dropped<'_>,
    covering: &Covering<'_>,
) -> Diagnostic {
    let (slower, faster) = (subject.rules.rule(slow), subject.rules.rule(fast));
    let text = drop.template.map_or("its pattern", |t| t.text());
    let others = covering.covered.len() - 1;
    let more = match others {
        0 => String::new(),
        1 => " and one more".to_owned(),
        n => format!(" and {n} more"),
    };
    let written = subject.rule(slow);
    let span = written.strategy.as_ref().map_or(slower.name_span, |s| s.span);
    let span =
        written.delay.as_ref().map_or(span, |d| if written.strategy.is_none() { d.span } else { span });
    Diagnostic::at(
        Code::ContradictingTiming,
        span,
        format!(
            "`{}` drops `{text}`{more} {}, but whenever it fires `{}` drops the same {}",
            slower.name,
            said(slower.timing),
            faster.name,
            said(faster.timing)
        ),
        if covering.all { "this timing never counts".to_owned() } else { format!("never counts for `{text}`") },
    )
    .also(faster.name_span, format!("drops `{text}` {}", said(faster.timing)))
    .help("a target is dropped once, as soon as any rule asks: give both rules one timing, or narrow the faster one")
}

/// A timing as one says when something is dropped.
fn said(timing: Timing) -> String {
    match timing {
        Timing::Immediate => "at once".to_owned(),
        Timing::Batched { delay } => format!("within {}", duration(delay)),
        Timing::Lazy => "lazily".to_owned(),
    }
}
