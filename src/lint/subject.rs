//! What lints look at: the checked rules, and what was written for each of them.

use std::cell::{OnceCell, RefCell};
use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::cascades::{self, Cascade};
use super::drops::Relied;
use super::firing::{Moves, can_fire};
use super::flow::{Firing, Flow};
use super::regexes;
use super::rivals::Rivals;
use super::truths::{self, Truths};
use super::usage::Usage;
use crate::check::RuleSet;
use crate::check::ruleset::{EntityId, Operation, RelationId, RuleId};
use crate::graph::Graph;
use crate::syntax::ast::{self, File, ItemKind};

/// The rules, the text behind them, and what several lints need to know.
pub struct Subject<'a> {
    pub rules: &'a RuleSet,
    pub files: &'a [Arc<File>],
    written: Written<'a>,
    graph: OnceCell<Graph>,
    cascades: OnceCell<Vec<Cascade<'a>>>,
    usage: OnceCell<Usage>,
    flow: OnceCell<Rc<Flow<'a>>>,
    relied: OnceCell<Relied<'a>>,
    words: RefCell<FxHashMap<String, NonZeroU32>>,
    fired: RefCell<FxHashMap<Fired, bool>>,
    truths: OnceCell<Vec<Truths<'a>>>,
    rivals: OnceCell<Rivals<'a>>,
    regexes: OnceCell<Vec<regexes::Written<'a>>>,
}

/// A rule, the entity and the operation of a write, and the one column that it changes: words by number.
type Fired = (RuleId, EntityId, NonZeroU32, Option<NonZeroU32>);

/// The items of the files by name. A rule set has no two of a name.
#[derive(Default)]
struct Written<'a> {
    entities: FxHashMap<&'a str, &'a ast::Entity>,
    relations: FxHashMap<&'a str, &'a ast::Relation>,
    rules: FxHashMap<&'a str, &'a ast::Rule>,
}

impl<'a> Subject<'a> {
    pub fn new(rules: &'a RuleSet, files: &'a [Arc<File>]) -> Self {
        let mut written = Written::default();
        for item in files.iter().flat_map(|f| &f.items) {
            match &item.kind {
                ItemKind::Entity(e) => drop(written.entities.insert(&e.name.text, e)),
                ItemKind::Relation(r) => drop(written.relations.insert(&r.name.text, r)),
                ItemKind::Rule(r) => drop(written.rules.insert(&r.name.text, r)),
                _ => {}
            }
        }
        Self {
            rules,
            files,
            written,
            graph: OnceCell::new(),
            cascades: OnceCell::new(),
            usage: OnceCell::new(),
            flow: OnceCell::new(),
            relied: OnceCell::new(),
            words: RefCell::default(),
            fired: RefCell::default(),
            truths: OnceCell::new(),
            rivals: OnceCell::new(),
            regexes: OnceCell::new(),
        }
    }

    /// The rules as a graph, drawn when the first lint asks.
    pub fn graph(&self) -> &Graph {
        self.graph.get_or_init(|| Graph::of(self.rules))
    }

    /// Every distinct cascade of the rules, in their order.
    pub fn cascades(&self) -> &[Cascade<'a>] {
        self.cascades.get_or_init(|| cascades::all(self.rules))
    }

    /// What templates and conditions make use of.
    pub fn usage(&self) -> &Usage {
        self.usage.get_or_init(|| Usage::of(self.rules))
    }

    /// What the rules drop and the entries carry, found when the first lint asks.
    pub fn flow(&self) -> &Flow<'a> {
        self.shared_flow()
    }

    fn shared_flow(&self) -> &Rc<Flow<'a>> {
        self.flow.get_or_init(|| Rc::new(Flow::of(self.rules)))
    }

    /// What can be said of each condition, in the order of the rules.
    pub fn truths(&self) -> &[Truths<'a>] {
        self.truths.get_or_init(|| truths::all(self))
    }

    /// Every regex of the rules, in the order in which they were written.
    pub fn regexes(&self) -> &[regexes::Written<'a>] {
        self.regexes.get_or_init(|| regexes::all(self))
    }

    /// Rules that drop the same names.
    pub fn rivals(&self) -> &Rivals<'a> {
        self.rivals.get_or_init(|| Rivals::new(self, self.shared_flow().clone()))
    }

    /// The tags that cascades and rules on other rows rely on.
    pub fn relied(&self) -> &Relied<'a> {
        self.relied.get_or_init(|| Relied::of(self.rules, self.flow()))
    }

    /// Whether some write of an entity with this operation fires the rule. Proved once: several lints
    /// ask the same.
    pub fn can_fire(
        &self,
        entity: EntityId,
        firing: &Firing<'_>,
        operation: &Operation,
        moves: Moves<'_>,
    ) -> bool {
        if firing.condition.is_none() {
            return firing.operations.contains(operation);
        }
        let column = match moves {
            Moves::Anything => None,
            Moves::Only(column) => Some(self.word(column)),
            // Asked for by nobody twice.
            Moves::Others => return can_fire(self.rules, entity, firing, operation, moves),
        };
        let key = (firing.rule, entity, self.word(operation.name()), column);
        let known = self.fired.borrow().get(&key).copied();
        known.unwrap_or_else(|| {
            let can = can_fire(self.rules, entity, firing, operation, moves);
            self.fired.borrow_mut().insert(key, can);
            can
        })
    }

    /// The number of an operation's or a column's name.
    fn word(&self, name: &str) -> NonZeroU32 {
        let mut words = self.words.borrow_mut();
        if let Some(word) = words.get(name) {
            return *word;
        }
        let next = u32::try_from(words.len()).map_or(NonZeroU32::MAX, |n| NonZeroU32::MIN.saturating_add(n));
        words.insert(name.to_owned(), next);
        next
    }

    /// What was written for an entity.
    pub fn entity(&self, id: EntityId) -> &'a ast::Entity {
        self.written.entities[self.rules.entity(id).name.as_str()]
    }

    pub fn relation(&self, id: RelationId) -> &'a ast::Relation {
        self.written.relations[self.rules.relation(id).name.as_str()]
    }

    pub fn rule(&self, id: RuleId) -> &'a ast::Rule {
        self.written.rules[self.rules.rule(id).name.as_str()]
    }
}
