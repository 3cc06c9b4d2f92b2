//! W408: a tag or list that entries carry for nothing.

use rustc_hash::FxHashMap;

use super::unreached_list::can_name;
use crate::check::ruleset::{EntityId, TagOrigin};
use crate::check::walk::Touch;
use crate::diagnostic::{Code, Diagnostic};
use crate::lint::drops::droppers;
use crate::lint::flow::{Carried, Carrying};
use crate::lint::{Lint, Subject};

pub const LINT: Lint = Lint { code: Code::UndroppedTag, check };

fn check(subject: &Subject<'_>, findings: &mut Vec<Diagnostic>) {
    let flow = subject.flow();
    let mut reached: FxHashMap<EntityId, Vec<&Touch>> = FxHashMap::default();
    for touch in subject.cascades().iter().flat_map(|c| c.touches) {
        reached.entry(touch.entity).or_default().push(touch);
    }
    for index in 0..subject.rules.entities().len() {
        let id = EntityId::at(index);
        // An entity that nothing drops anything of has a finding of its own.
        if flow.on(id).is_empty() && !reached.contains_key(&id) {
            continue;
        }
        for carried in flow.carried(id) {
            let what = match carried.what {
                Carrying::Tag(TagOrigin::Written) => "tag",
                Carrying::List => "list",
                _ => continue,
            };
            let dropping = droppers(flow, [carried]);
            if dropping.is_empty() && dropping.complete && !is_unreached(&reached, carried) {
                findings.push(finding(subject, carried, what));
            }
        }
    }
}

/// Whether a cascade comes to the rows and cannot name the list, which is reported as such.
fn is_unreached(reached: &FxHashMap<EntityId, Vec<&Touch>>, carried: &Carried<'_>) -> bool {
    let touches = reached.get(&carried.entity).filter(|_| carried.what == Carrying::List);
    touches.is_some_and(|all| all.iter().any(|t| !can_name(carried.template, t)))
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
