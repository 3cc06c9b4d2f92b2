//! Walking relations: what a cascade reaches, at which depth, and what is known there.

use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;

use super::ruleset::{EntityId, Hop, Link, Relation, RelationId};
use super::template::RowPath;
use crate::model::Kind;

/// Touches compiled for one cascade at most; beyond it the rules describe an explosion.
pub const MAX_TOUCHES: usize = 20_000;

/// An entity that a cascade reaches, along paths that know the same about it.
#[derive(Clone, Debug)]
pub struct Touch {
    pub entity: EntityId,
    pub binding: Binding,
    /// Hops of the shortest path, at least 1.
    pub hop: u32,
    /// The relations of that path; among equally short ones the first by name.
    pub via: Vec<RelationId>,
    /// The instances along the path, the reached one included, whose ids a write can give. Where
    /// one of them is nothing, or the written instance itself, the path does not count.
    pub passes: Vec<Pass>,
}

/// An instance along a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pass {
    pub id: RowPath,
    /// Whether it is of the written entity's type, and so may be the written instance.
    pub of_start: bool,
}

/// How paths at a reached entity translate to paths at the start: the path must begin with `strip`,
/// which is replaced by `prefix`. Once a hop loses sight of the start, nothing is known any more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Binding {
    Known { strip: Vec<Arc<str>>, prefix: Vec<Arc<str>> },
    Nothing,
}

impl Binding {
    /// At the start itself: every path is its own.
    pub fn start() -> Self {
        Self::Known { strip: Vec::new(), prefix: Vec::new() }
    }

    /// A path at the reached entity as a path at the start; `None` where nothing is known of it.
    pub fn translate(&self, path: &RowPath) -> Option<RowPath> {
        let Self::Known { strip, prefix } = self else { return None };
        let rest = path.names().strip_prefix(strip.as_slice())?;
        // Stripping down to nothing would leave a ref without its `id`; paths end in a leaf, and
        // refs never do, so `rest` is not empty.
        Some(RowPath::new(prefix.iter().chain(rest).cloned().collect()))
    }

    /// The binding one hop further.
    ///
    /// Going back over a ref leads to the instance it came from only where the ref holds one id: of a
    /// list, the others are unknown.
    fn after(&self, hop: &Hop, is_list: bool) -> Binding {
        let Self::Known { mut strip, mut prefix } = self.clone() else { return Self::Nothing };
        match hop {
            Hop::Child(name) | Hop::Unlinked(name) => strip.insert(0, name.clone()),
            Hop::Parent(name) => match strip.first() {
                None => prefix.push(name.clone()),
                Some(first) if first == name && !is_list => {
                    strip.remove(0);
                }
                Some(_) => return Self::Nothing,
            },
        }
        Self::Known { strip, prefix }
    }
}

/// Why a walk was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooWide;

/// An entity, what is known there, and the known instances on the way.
type Place = (EntityId, Binding, Vec<Pass>);

/// The relation that a path came by, and whether against its arrow.
type LastStep = Option<(RelationId, bool)>;

#[derive(Clone)]
struct State {
    entity: EntityId,
    binding: Binding,
    passes: Vec<Pass>,
    via: Vec<RelationId>,
    last: LastStep,
    budget: u32,
}

/// Links that all walks over one rule set look at: what a cascade for every entity of a rule set
/// with thousands of relations takes, many times over.
const MAX_STEPS: usize = 20_000_000;

/// Touches of all walks together: each is kept for the planner.
const MAX_ALL_TOUCHES: usize = 500_000;

/// What is left for the walks over one rule set.
#[derive(Debug)]
pub struct Steps {
    links: usize,
    touches: usize,
}

impl Default for Steps {
    fn default() -> Self {
        Self { links: MAX_STEPS, touches: MAX_ALL_TOUCHES }
    }
}

impl Steps {
    /// Whether nothing is left, so that any further walk is given up.
    pub fn are_used_up(&self) -> bool {
        self.links == 0 || self.touches == 0
    }

    /// Looks at a number of links, or at something that takes as long.
    pub fn take(&mut self, links: usize) -> Result<(), TooWide> {
        self.links = self.links.saturating_sub(links);
        if self.links == 0 { Err(TooWide) } else { Ok(()) }
    }

    fn keep(&mut self, touches: usize) -> Result<(), TooWide> {
        self.touches = self.touches.saturating_sub(touches);
        if self.touches == 0 { Err(TooWide) } else { Ok(()) }
    }
}

/// Everything that a cascade from `start` touches along the links that `allowed` lets through, by
/// hop and then by the names of the relations.
pub fn walk(
    start: EntityId,
    relations: &[Relation],
    links_from: &[Vec<Link>],
    steps: &mut Steps,
    allowed: impl Fn(&Link) -> bool,
) -> Result<Vec<Touch>, TooWide> {
    let mut touches = Vec::new();
    let mut touched: FxHashSet<Place> = FxHashSet::default();
    let mut budgets: FxHashMap<(Place, LastStep), u32> = FxHashMap::default();
    let mut level = vec![State {
        entity: start,
        binding: Binding::start(),
        passes: Vec::new(),
        via: Vec::new(),
        last: None,
        budget: u32::MAX,
    }];
    let mut hop = 0;
    while !level.is_empty() {
        hop += 1;
        let mut next = Vec::new();
        for state in &level {
            steps.take(links_from[state.entity.index()].len())?;
            for link in links_from[state.entity.index()].iter().filter(|l| allowed(l)) {
                if let Some(reached) = step(state, link, start, relations) {
                    next.push(reached);
                }
            }
            if next.len() > MAX_TOUCHES {
                return Err(TooWide);
            }
        }
        let name = |id: &RelationId| relations[id.index()].name.as_str();
        next.sort_by(|a, b| a.via.iter().map(name).cmp(b.via.iter().map(name)));
        next.retain(|state| {
            if touched.insert((state.entity, state.binding.clone(), state.passes.clone())) {
                touches.push(Touch {
                    entity: state.entity,
                    binding: state.binding.clone(),
                    hop,
                    via: state.via.clone(),
                    passes: state.passes.clone(),
                });
            }
            let place = (state.entity, state.binding.clone(), state.passes.clone());
            let best = budgets.entry((place, state.last)).or_insert(0);
            let further = state.budget > *best;
            *best = state.budget.max(*best);
            further
        });
        if touches.len() > MAX_TOUCHES || budgets.len() > MAX_TOUCHES {
            return Err(TooWide);
        }
        level = next;
    }
    steps.keep(touches.len())?;
    Ok(touches)
}

/// The state after one more hop, if depth, direction and the visited instance allow it.
fn step(state: &State, link: &Link, start: EntityId, relations: &[Relation]) -> Option<State> {
    if state.last == Some((link.relation, !link.reverse)) {
        return None;
    }
    let own = relations[link.relation.index()].depth;
    let budget = if state.last.is_none() { own } else { own.min(state.budget - 1) };
    if budget == 0 {
        return None;
    }
    let binding = state.binding.after(&link.hop, link.kind == Kind::ManyToMany);
    let of_start = link.to == start;
    if of_start && binding == Binding::start() {
        return None;
    }
    let mut passes = state.passes.clone();
    if let Some(id) = binding.translate(&RowPath::id()) {
        passes.push(Pass { id, of_start });
        passes.sort();
        passes.dedup();
    }
    let mut via = state.via.clone();
    via.push(link.relation);
    Some(State { entity: link.to, binding, passes, via, last: Some((link.relation, link.reverse)), budget })
}
