//! Which rules drop what entries carry.

use rustc_hash::{FxHashMap, FxHashSet};

use super::flow::{Carried, Dropped, Firing, FiringId, Flow, GroupId, NameId, Role, Space, View};
use crate::check::RuleSet;
use crate::check::ruleset::RuleId;
use crate::check::template::Template;
use crate::check::walk::Touch;

/// The names that drop entries of one shape.
pub struct Droppers {
    names: FxHashSet<NameId>,
    /// Whether everything that could be one was looked at.
    pub complete: bool,
    /// Whether a chained rule is among them. What fires it is not looked into.
    pub chained: bool,
}

/// The tags, dropped by rules, that can be the same as what these templates make.
pub fn droppers<'c, 'a: 'c>(flow: &Flow<'a>, of: impl IntoIterator<Item = &'c Carried<'a>>) -> Droppers {
    let mut out = Droppers { names: FxHashSet::default(), complete: true, chained: false };
    for carried in of {
        let found = flow.dropped_tags().meeting(&carried.shape);
        out.complete &= found.complete;
        out.names.extend(found.meeting.into_iter().map(|(name, _)| name));
    }
    out.chained = out.names.iter().any(|name| matches!(flow.name(*name).view, View::Trigger(_)));
    out
}

impl Droppers {
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Whether a rule that fires drops one of them.
    pub fn are_dropped_by(&self, flow: &Flow<'_>, firing: &Firing<'_>) -> bool {
        flow.drops(firing).any(|drop| self.names.contains(&drop.name))
    }
}

/// The tags that rules on other rows rely on, each with those that do: by cascades that drop it, or
/// by name.
pub struct Relied<'a> {
    by_cascade: FxHashMap<*const Template, Vec<Reliance<'a>>>,
    by_name: FxHashMap<NameId, FiringId>,
}

/// A cascade that drops a tag of the entries it reaches.
#[derive(Clone, Copy, Debug)]
pub struct Reliance<'a> {
    /// The first rule with this cascade.
    pub firing: FiringId,
    pub touch: &'a Touch,
}

impl<'a> Relied<'a> {
    pub fn of(rules: &RuleSet, flow: &Flow<'a>) -> Self {
        let mut out = Self { by_cascade: FxHashMap::default(), by_name: FxHashMap::default() };
        let mut seen: FxHashSet<GroupId> = FxHashSet::default();
        for index in 0..rules.rules().len() {
            for id in flow.of_rule(RuleId::at(index)) {
                let firing = flow.firing(id);
                for dropped in &firing.named {
                    if flow.name(dropped.name).space == Space::Tag {
                        out.by_name.entry(dropped.name).or_insert(id);
                    }
                }
                for group in firing.groups.iter().filter(|g| seen.insert(**g)) {
                    out.group(flow.group(*group).touch, &flow.group(*group).drops, id);
                }
            }
        }
        out
    }

    fn group(&mut self, touch: Option<&'a Touch>, drops: &[Dropped<'a>], firing: FiringId) {
        let Some(touch) = touch else { return };
        for dropped in drops {
            if let (Role::Tag { narrowest: true }, Some(template)) = (dropped.role, dropped.template) {
                let known = self.by_cascade.entry(std::ptr::from_ref(template)).or_default();
                known.push(Reliance { firing, touch });
            }
        }
    }

    /// The cascades that drop a tag.
    pub fn by_cascade(&self, tag: &Carried<'a>) -> &[Reliance<'a>] {
        self.by_cascade.get(&std::ptr::from_ref(tag.template)).map_or(&[], |list| list)
    }

    /// A rule that drops a tag by name.
    pub fn by_name(&self, flow: &Flow<'a>, tag: &Carried<'a>) -> Option<FiringId> {
        let found = flow.dropped_tags().meeting(&tag.shape);
        found.meeting.iter().find_map(|(name, _)| self.by_name.get(name).copied())
    }
}
