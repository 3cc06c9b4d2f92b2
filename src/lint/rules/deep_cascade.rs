//! W302: a cascade of more than two hops.

use crate::diagnostic::{Code, Diagnostic};
use crate::lint::{Lint, Subject, cascades};

pub const LINT: Lint = Lint { code: Code::DeepCascade, check };

/// Hops that nobody needs to think about.
const USUAL: u32 = 2;

fn check(subject: &Subject<'_>, findings: &mut Vec<Diagnostic>) {
    let rules = subject.rules;
    for cascade in subject.cascades() {
        // Touches stand by their hops: the first of the deepest.
        let Some(hops) = cascade.touches.iter().map(|t| t.hop).max().filter(|h| *h > USUAL) else { continue };
        let Some(deepest) = cascade.touches.iter().find(|t| t.hop == hops) else { continue };
        let name = &rules.rule(cascade.rule).name;
        let way = cascades::arrows(rules, &cascade.way(rules, deepest));
        let mut finding = Diagnostic::at(
            Code::DeepCascade,
            cascades::clause(subject, cascade.rule),
            format!("the cascade of `{name}` is {hops} hops deep: {way}"),
            format!("along {}", cascades::along(rules, &deepest.via)),
        );
        let first = deepest.via.first().copied();
        if let Some(depth) = first.and_then(|r| subject.relation(r).depth.as_ref()) {
            finding = finding.also(depth.span, "as deep as this allows");
        }
        findings.push(finding.help(format!(
            "give `{}` no more than `depth {USUAL}`, or follow fewer relations in `{name}`",
            first.map_or("", |r| rules.relation(r).name.as_str())
        )));
    }
}
