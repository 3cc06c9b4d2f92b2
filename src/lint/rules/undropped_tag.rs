//! W408: a tag or list that entries carry for nothing.

use rustc_hash::FxHashSet;

use super::unreached_list::can_name;
use crate::check::ruleset::{EntityId, TagOrigin};
use crate::diagnostic::{Code, Diagnostic};
use crate::lint::drops::droppers;
use crate::lint::flow::{Carried, Carrying};
use crate::lint::{Lint, Subject};

pub const LINT: Lint = Lint { code: Code::UndroppedTag, check };

fn check(subject: &Subject<'_>, findings: &mut Vec<Diagnostic>) {
    let flow = subject.flow();
    let reached: FxHashSet<EntityId> =
        subject.cascades().iter().flat_map(|c| c.touches).map(|t| t.entity).collect();
    for index in 0..subject.rules.entities().len() {
        let id = EntityId::at(index);
        // An entity that nothing drops anything of has a finding of its own.
        if flow.on(id).is_empty() && !reached.contains(&id) {
            continue;
        }
        for carried in flow.carried(id) {
            let what = match carried.what {
                Carrying::Tag(TagOrigin::Written) => "tag",
                Carrying::List if !is_unreached(subject, carried) => "list",
                _ => continue,
            };
            let dropping = droppers(flow, [carried]);
            if dropping.is_empty() && dropping.complete {
                findings.push(finding(subject, carried, what));
            }
        }
    }
}

/// Whether a cascade comes to the rows and cannot name the list, which is reported as such.
fn is_unreached(subject: &Subject<'_>, list: &Carried<'_>) -> bool {
    let touches = subject.cascades().iter().flat_map(|c| c.touches);
    touches.filter(|t| t.entity == list.entity).any(|t| !can_name(list.template, t))
}

fn finding(subject: &Subject<'_>, carried: &Carried<'_>, what: &str) -> Diagnostic {
    let entity = &subject.rules.entity(carried.entity).name;
    let mut finding = Diagnostic::at(
        Code::UndroppedTag,
        carried.span,
        format!("no rule drops the {what} `{}` of `{entity}`", carried.template),
        "entries carry it for nothing",
    );
    if let Some(id) = subject.flow().on(carried.entity).first() {
        let firing = subject.flow().firing(*id);
        if !firing.itself {
            let rule = subject.rules.rule(firing.rule);
            finding = finding.also(rule.name_span, format!("a rule on `{entity}` that does not drop `self`"));
        }
    }
    finding
        .help(format!("drop it: `drop self` in a rule `on {entity}`, or `drop tag \"{}\"`", carried.template))
        .help("or remove it, here and from what the application writes")
}
