//! Whether one rule drops whatever another does.

use std::cell::RefCell;
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::flow::{BundleId, ClassId, Dropped, Firing, Flow, GroupId, Name, NameId, Role, View};
use crate::check::walk::Pass;

/// What rules drop, ready to be asked for.
pub struct Drops<'a> {
    flow: Rc<Flow<'a>>,
    bundles: RefCell<FxHashMap<BundleId, Rc<Bundle>>>,
}

/// What a rule drops without naming it.
struct Bundle {
    classes: FxHashSet<ClassId>,
    /// What is dropped whenever it can be filled, with the groups that do it.
    certain: FxHashMap<NameId, Vec<GroupId>>,
}

impl<'a> Drops<'a> {
    pub fn new(flow: Rc<Flow<'a>>) -> Self {
        Self { flow, bundles: RefCell::default() }
    }

    /// What of the narrow rule's drops the wide one makes too whenever both fire, each with whether it
    /// is dropped by `self`; and whether that is all of them.
    pub fn covered(&self, narrow: &Firing<'a>, wide: &Firing<'a>) -> (Vec<(Dropped<'a>, bool)>, bool) {
        let flow = &self.flow;
        let bundle = self.bundle(wide);
        let mut covered = Vec::new();
        let mut all = true;
        for group in narrow.groups.iter().map(|id| flow.group(*id)) {
            let whole = bundle.classes.contains(&group.class);
            let itself = group.touch.is_none();
            for drop in &group.drops {
                if whole || self.is_certain(wide, &bundle, drop.name, group.passes) {
                    covered.push((*drop, itself));
                } else {
                    all = false;
                }
            }
        }
        for drop in &narrow.named {
            if self.is_certain(wide, &bundle, drop.name, &[]) {
                covered.push((*drop, false));
            } else {
                all = false;
            }
        }
        (covered, all)
    }

    /// Whether the rule drops a name at least where a group with these instances on its way does.
    fn is_certain(&self, wide: &Firing<'a>, bundle: &Bundle, name: NameId, passes: &[Pass]) -> bool {
        let flow = &self.flow;
        let wanted = flow.name(name);
        if wide.named.iter().any(|drop| is_same(flow.name(drop.name), wanted)) {
            return true;
        }
        // The fewer instances stand on the way, the less often it ends before the name.
        let groups = bundle.certain.get(&name).into_iter().flatten();
        groups.into_iter().any(|id| flow.group(*id).passes.iter().all(|pass| passes.contains(pass)))
    }

    fn bundle(&self, firing: &Firing<'a>) -> Rc<Bundle> {
        if let Some(bundle) = self.bundles.borrow().get(&firing.bundle) {
            return bundle.clone();
        }
        let mut bundle = Bundle { classes: FxHashSet::default(), certain: FxHashMap::default() };
        for id in firing.groups.iter() {
            let group = self.flow.group(*id);
            bundle.classes.insert(group.class);
            for drop in group.drops.iter().filter(|d| d.role != Role::Tag { narrowest: false }) {
                bundle.certain.entry(drop.name).or_default().push(*id);
            }
        }
        let bundle = Rc::new(bundle);
        self.bundles.borrow_mut().insert(firing.bundle, bundle.clone());
        bundle
    }
}

/// Whether two names are the same target for every write. The holes of chained rules are numbered in
/// the order of their first use, so that those of one trigger have one number.
fn is_same(a: &Name<'_>, b: &Name<'_>) -> bool {
    let one_view = match (a.view, b.view) {
        (View::Trigger(_), View::Trigger(_)) => true,
        (a, b) => a == b,
    };
    one_view && a.space == b.space && a.parts == b.parts
}
