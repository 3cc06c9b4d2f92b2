//! An index over conditions: by what a write gives, the rules that it may fire.
//!
//! Each rule stands where its most telling need puts it: under a literal that a value must equal, else
//! behind a test that it shares with others, else at a bound. Behind each of these the rules are told
//! apart by what else they need. A value that is unknown fires rules, so beside the literals of a
//! value stands an index of all its rules by their other needs.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::candidates::Places;
use super::guard::{Facts, Truth, test};
use super::ways::{Need, Subject, Way};
use crate::check::condition::{Atom, Operand, Test};
use crate::model::{Comparison, Value};

/// Rules that are quicker looked at than told apart.
const FEW: usize = 4;

#[derive(Debug)]
pub enum Index {
    /// It may fire.
    One(u32),
    /// All of them may fire.
    Few(Box<[u32]>),
    Node(Box<Node>),
}

#[derive(Debug)]
pub struct Node {
    /// Rules that nothing tells apart.
    always: Box<[u32]>,
    values: Vec<ByValue>,
    tests: Vec<ByTest>,
}

/// Rules that hold one value against literals.
#[derive(Debug)]
struct ByValue {
    value: Operand<usize>,
    /// By the text that it equals.
    texts: FxHashMap<Arc<str>, Index>,
    /// By another literal that it equals, in the order of [`order`].
    others: Vec<(Value, Index)>,
    /// By the literal that it stands so to, in the same order.
    bounds: Vec<(Comparison, Vec<(Value, u32)>)>,
    /// All of them, for writes that do not give the value.
    unknown: Index,
}

/// Rules that need one test to be true, or false.
#[derive(Debug)]
struct ByTest {
    test: Test<usize>,
    negated: bool,
    then: Index,
}

/// Rules, each with what it needs besides what led here.
type Ways<'p> = Vec<(u32, Way<'p>)>;

impl Index {
    /// A rule stands in it once for each way in which it may fire.
    pub fn new(ways: Ways<'_>) -> Self {
        if ways.len() <= FEW || ways.iter().all(|(_, way)| way.is_empty()) {
            let mut rules: Vec<u32> = ways.into_iter().map(|(rule, _)| rule).collect();
            rules.sort_unstable();
            rules.dedup();
            return match rules.as_slice() {
                [rule] => Self::One(*rule),
                _ => Self::Few(rules.into()),
            };
        }
        let frequency = Frequency::of(&ways);
        let mut always = Vec::new();
        let mut values: BTreeMap<Subject, Held<'_>> = BTreeMap::new();
        let mut tests: BTreeMap<(&str, bool), (&Atom<usize>, Ways<'_>)> = BTreeMap::new();
        for (rule, mut way) in ways {
            let Some(at) = frequency.most_telling(&way) else {
                always.push(rule);
                continue;
            };
            match way.swap_remove(at) {
                Need::Among(subject, literals) => {
                    let held = values.entry(subject).or_default();
                    held.equal.extend(literals.into_iter().map(|literal| (literal, rule, way.clone())));
                    held.all.push((rule, way));
                }
                Need::Bound(subject, op, literal) => {
                    let held = values.entry(subject).or_default();
                    held.bounds.entry(op).or_default().push((literal.clone(), rule));
                    held.all.push((rule, way));
                }
                Need::Test { atom, negated } => {
                    let then = tests.entry((&atom.text, negated)).or_insert((atom, Vec::new()));
                    then.1.push((rule, way));
                }
            }
        }
        let tests = tests.into_iter().map(|((_, negated), (atom, ways))| ByTest {
            test: atom.test.clone(),
            negated,
            then: Self::new(ways),
        });
        let values = values.into_iter().map(|(subject, held)| held.index(subject));
        Self::Node(Box::new(Node { always: always.into(), values: values.collect(), tests: tests.collect() }))
    }

    /// At least those rules whose conditions may hold.
    pub fn of(&self, facts: &Facts<'_>) -> Places {
        let mut out = Places::new();
        self.add(facts, &mut out);
        out.sort_unstable();
        out.dedup();
        out
    }

    fn add(&self, facts: &Facts<'_>, out: &mut Places) {
        let node = match self {
            Self::One(rule) => return out.push(*rule),
            Self::Few(rules) => return out.extend_from_slice(rules),
            Self::Node(node) => node,
        };
        out.extend_from_slice(&node.always);
        for by in &node.values {
            match facts.operand(&by.value) {
                Some(value) => by.add(value, facts, out),
                None => by.unknown.add(facts, out),
            }
        }
        for by in &node.tests {
            let excludes = if by.negated { Truth::True } else { Truth::False };
            if test(&by.test, facts) != excludes {
                by.then.add(facts, out);
            }
        }
    }
}

impl ByValue {
    fn add(&self, value: &Value, facts: &Facts<'_>, out: &mut Places) {
        let equal = match value {
            Value::Text(text) => self.texts.get(text),
            _ => {
                let at = self.others.binary_search_by(|(literal, _)| order(literal, value)).ok();
                at.map(|at| &self.others[at].1)
            }
        };
        if let Some(equal) = equal {
            equal.add(facts, out);
        }
        // Null is neither below nor above anything.
        for (op, literals) in self.bounds.iter().filter(|_| !value.is_null()) {
            // Most values are beyond all of them, as the outermost one tells.
            let (outermost, beyond) = match op {
                Comparison::Lt | Comparison::Le => (literals.last(), Ordering::Greater),
                Comparison::Gt | Comparison::Ge => (literals.first(), Ordering::Less),
                Comparison::Eq | Comparison::Ne => (None, Ordering::Equal),
            };
            if outermost.is_some_and(|(literal, _)| order(value, literal) == beyond) {
                continue;
            }
            let below = || literals.partition_point(|(literal, _)| order(literal, value).is_lt());
            let up_to = || literals.partition_point(|(literal, _)| order(literal, value).is_le());
            let fitting = match op {
                Comparison::Lt => &literals[up_to()..],
                Comparison::Le => &literals[below()..],
                Comparison::Gt => &literals[..below()],
                Comparison::Ge => &literals[..up_to()],
                Comparison::Eq | Comparison::Ne => literals,
            };
            out.extend(fitting.iter().map(|(_, rule)| *rule));
        }
    }
}

/// What becomes a [`ByValue`].
#[derive(Default)]
struct Held<'p> {
    equal: Vec<(&'p Value, u32, Way<'p>)>,
    bounds: BTreeMap<Comparison, Vec<(Value, u32)>>,
    all: Ways<'p>,
}

impl Held<'_> {
    fn index(mut self, subject: Subject) -> ByValue {
        self.equal.sort_by(|a, b| order(a.0, b.0));
        let (mut texts, mut others) = (FxHashMap::default(), Vec::new());
        for same in self.equal.chunk_by(|a, b| order(a.0, b.0).is_eq()) {
            let ways = same.iter().map(|(_, rule, way)| (*rule, way.clone()));
            let index = Index::new(ways.collect());
            match same[0].0 {
                Value::Text(text) => drop(texts.insert(text.clone(), index)),
                literal => others.push((literal.clone(), index)),
            }
        }
        let bounds = self.bounds.into_iter().map(|(op, mut literals)| {
            literals.sort_by(|a, b| order(&a.0, &b.0));
            (op, literals)
        });
        let (bounds, unknown) = (bounds.collect(), Index::new(self.all));
        ByValue { value: subject.operand(), texts, others, bounds, unknown }
    }
}

/// How many rules share a need.
struct Frequency<'p> {
    /// Sorted by the value and [`order`].
    literals: Vec<(Subject, &'p Value)>,
    tests: FxHashMap<(&'p str, bool), usize>,
}

impl<'p> Frequency<'p> {
    fn of(ways: &[(u32, Way<'p>)]) -> Self {
        let mut literals = Vec::new();
        let mut tests: FxHashMap<(&str, bool), usize> = FxHashMap::default();
        for need in ways.iter().flat_map(|(_, way)| way) {
            match need {
                Need::Among(subject, among) => literals.extend(among.iter().map(|l| (*subject, *l))),
                Need::Test { atom, negated } => *tests.entry((&atom.text, *negated)).or_default() += 1,
                Need::Bound(..) => {}
            }
        }
        literals.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| order(a.1, b.1)));
        Self { literals, tests }
    }

    fn of_literal(&self, subject: Subject, literal: &Value) -> usize {
        let to = |(s, l): &(Subject, &Value)| s.cmp(&subject).then_with(|| order(l, literal));
        let first = self.literals.partition_point(|entry| to(entry).is_lt());
        self.literals[first..].partition_point(|entry| to(entry).is_eq())
    }

    /// The place of the need that leaves the fewest rules beside this one.
    fn most_telling(&self, way: &Way<'p>) -> Option<usize> {
        let rank = |need: &Need<'p>| match need {
            Need::Among(subject, literals) => {
                (0, literals.iter().map(|l| self.of_literal(*subject, l)).max().unwrap_or(0))
            }
            // One that more rules share is asked once for all of them.
            Need::Test { atom, negated } => {
                (1, usize::MAX - self.tests.get(&(&*atom.text, *negated)).unwrap_or(&0))
            }
            Need::Bound(..) => (2, 0),
        };
        (0..way.len()).min_by_key(|at| rank(&way[*at]))
    }
}

/// A total order of the values that literals have: by type, then as conditions compare them.
fn order(a: &Value, b: &Value) -> Ordering {
    let kind = |value: &Value| match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Int(_) | Value::Float(_) => 2,
        Value::Text(_) => 3,
        Value::Time(_) => 4,
        Value::List(_) => 5,
    };
    kind(a).cmp(&kind(b)).then_with(|| a.compare(b).unwrap_or(Ordering::Equal))
}
