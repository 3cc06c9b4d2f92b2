//! The search for a write: operations, then parts that share no value, then representatives.

use std::cell::Cell;

use super::domain::{self, Domains, Effort};
use super::problem::{Atom, Node, Problem, evaluate};
use super::subject::Subject;
use super::witness::Witness;
use super::{Undecided, Verdict};
use crate::check::condition::{Condition, Operand};
use crate::check::ruleset::Operation;
use crate::model::Value;

/// Partial writes that are looked at before there is no verdict; for one operation.
const MAX_CASES: usize = 200_000;

/// Of these, those that are spent on making a write smaller that was found already.
const MAX_SMALLER: usize = 20_000;

/// A variable and its representative, for each value that the write gives.
type Given = Vec<(usize, usize)>;

enum Outcome {
    Yes(Given),
    No,
    Undecided(Undecided),
}

/// The smallest write that gives the conditions these truths.
pub fn solve(subject: &Subject<'_>, wanted: &[(&Condition, bool)]) -> Verdict {
    let mut best: Option<Witness> = None;
    let mut doubt = None;
    for operation in distinct(subject, wanted) {
        match under(subject, operation, wanted) {
            Ok(Some(witness)) if best.as_ref().is_none_or(|b| witness.size() < b.size()) => {
                best = Some(witness);
            }
            Ok(_) => {}
            Err(why) => doubt = doubt.or(Some(why)),
        }
        if best.as_ref().is_some_and(|b| b.size() == 0) {
            break;
        }
    }
    match (best, doubt) {
        (Some(witness), _) => Verdict::Yes(Box::new(witness)),
        (None, Some(why)) => Verdict::Undecided(why),
        (None, None) => Verdict::No,
    }
}

/// The operations that can make a difference: those that are named, and one of all others with as many
/// images.
fn distinct<'a>(subject: &'a Subject<'_>, wanted: &[(&Condition, bool)]) -> Vec<&'a Operation> {
    let named = |operation: &Operation| wanted.iter().any(|(c, _)| names(c, operation));
    let one_image = |operation: &Operation| matches!(operation, Operation::Create | Operation::Delete);
    let mut out: Vec<&Operation> = Vec::new();
    for operation in &subject.operations {
        let alike = |other: &&Operation| !named(other) && one_image(other) == one_image(operation);
        if named(operation) || !out.iter().any(alike) {
            out.push(operation);
        }
    }
    out
}

/// Whether a condition compares the operation with this one.
fn names(condition: &Condition, operation: &Operation) -> bool {
    let is_name =
        |operand: &Operand| matches!(operand, Operand::Literal(Value::Text(t)) if **t == *operation.name());
    condition.atoms().iter().any(|atom| atom.test.operands().into_iter().any(is_name))
}

/// The smallest write with this operation.
fn under(
    subject: &Subject<'_>,
    operation: &Operation,
    wanted: &[(&Condition, bool)],
) -> Result<Option<Witness>, Undecided> {
    let problem = Problem::new(subject, operation, wanted)?;
    if let Node::Const(truth) = problem.goal {
        return Ok(truth.then(|| Witness::new(subject, operation, &problem, wanted, &[])));
    }
    let mut domains = domain::of(&problem, Effort::Sample);
    let mut outcome = Search::new(&problem, &domains, false).node(&problem.goal);
    if matches!(outcome, Outcome::No) && domains.doubts.iter().any(Option::is_some) {
        domains = domain::of(&problem, Effort::Prove);
        outcome = Search::new(&problem, &domains, false).node(&problem.goal);
    }
    let doubt = domains.doubts.iter().flatten().next();
    if let (Outcome::No, Some(why)) = (&outcome, doubt) {
        // What would have to be true of the values in doubt may contradict itself without a look at them.
        outcome = match Search::new(&problem, &domains, true).node(&problem.goal) {
            Outcome::No => Outcome::No,
            Outcome::Yes(_) | Outcome::Undecided(_) => Outcome::Undecided(why.clone()),
        };
    }
    match outcome {
        Outcome::Yes(given) => {
            let given: Vec<(usize, &Value)> =
                given.iter().map(|(v, at)| (*v, &domains.values[*v][*at])).collect();
            Ok(Some(Witness::new(subject, operation, &problem, wanted, &given)))
        }
        Outcome::No => Ok(None),
        Outcome::Undecided(why) => Err(why),
    }
}

/// What an atom hangs on.
struct View {
    /// Each once.
    variables: Vec<usize>,
    /// Its truth for each representative, where it hangs on one variable.
    table: Option<Vec<bool>>,
}

struct Search<'a> {
    problem: &'a Problem,
    /// Of each variable the number of choices.
    choices: Vec<usize>,
    /// Of each variable the choice that is null.
    null: Vec<Option<usize>>,
    values: &'a [Vec<Value>],
    views: Vec<View>,
    cases: Cell<usize>,
}

/// There was no answer within the number of cases.
struct GivenUp;

impl<'a> Search<'a> {
    /// With `free`, an atom whose values are in doubt is a variable of its own, true or false.
    fn new(problem: &'a Problem, domains: &'a Domains, free: bool) -> Self {
        let mut choices: Vec<usize> = domains.values.iter().map(Vec::len).collect();
        let null = domains.values.iter().map(|d| d.iter().position(Value::is_null)).collect();
        let views = problem
            .atoms
            .iter()
            .map(|atom| {
                let mut variables = atom.variables();
                variables.sort_unstable();
                variables.dedup();
                if free && variables.iter().any(|v| domains.doubts[*v].is_some()) {
                    choices.push(2);
                    return View { variables: vec![choices.len() - 1], table: Some(vec![true, false]) };
                }
                let table = match variables.as_slice() {
                    [only] => Some(table(problem, atom, &domains.values[*only])),
                    _ => None,
                };
                View { variables, table }
            })
            .collect();
        Self { problem, choices, null, values: &domains.values, views, cases: Cell::new(0) }
    }

    fn behind(&self, variable: usize) -> &[usize] {
        self.problem.variables.get(variable).map_or(&[], |v| &v.behind)
    }

    fn has_default(&self, variable: usize) -> bool {
        self.problem.variables.get(variable).is_some_and(|v| v.default.is_some())
    }

    /// Makes a node true, giving as few values as possible.
    fn node(&self, node: &Node) -> Outcome {
        match node {
            Node::Const(true) => Outcome::Yes(Vec::new()),
            Node::Const(false) => Outcome::No,
            Node::Atom(..) => self.part(&[node]),
            // A write makes it true where it makes one of them true.
            Node::Any(list) => {
                let mut best: Option<Given> = None;
                let mut doubt = None;
                for node in list {
                    match self.node(node) {
                        Outcome::Yes(given)
                            if best.as_ref().is_none_or(|b| self.cost(&given) < self.cost(b)) =>
                        {
                            best = Some(given);
                        }
                        Outcome::Yes(_) | Outcome::No => {}
                        Outcome::Undecided(why) => doubt = Some(why),
                    }
                }
                match (best, doubt) {
                    (Some(given), _) => Outcome::Yes(given),
                    (None, Some(why)) => Outcome::Undecided(why),
                    (None, None) => Outcome::No,
                }
            }
            Node::All(list) => {
                let mut out = Vec::new();
                let mut doubt = None;
                for part in self.parts(list) {
                    let outcome = match part.as_slice() {
                        [only] => self.node(only),
                        several => self.part(several),
                    };
                    match outcome {
                        Outcome::Yes(given) => out.extend(given),
                        Outcome::No => return Outcome::No,
                        Outcome::Undecided(why) => doubt = Some(why),
                    }
                }
                doubt.map_or(Outcome::Yes(out), Outcome::Undecided)
            }
        }
    }

    /// Values that have to be given: what is silent has its default.
    fn cost(&self, given: &Given) -> usize {
        given.iter().filter(|(v, at)| !(self.has_default(*v) && *at == 0)).count()
    }

    /// Nodes that share values stay together; what shares none is decided by itself.
    fn parts<'n>(&self, list: &'n [Node]) -> Vec<Vec<&'n Node>> {
        let mut parts: Vec<(Vec<usize>, Vec<&Node>)> = Vec::new();
        for node in list {
            let mut variables = self.variables(&[node]);
            let mut nodes = vec![node];
            let (linked, apart): (Vec<_>, Vec<_>) =
                parts.into_iter().partition(|(vs, _)| vs.iter().any(|v| variables.contains(v)));
            parts = apart;
            for (more, others) in linked.into_iter().rev() {
                variables.extend(more);
                nodes.splice(0..0, others);
            }
            parts.push((variables, nodes));
        }
        parts.into_iter().map(|(_, nodes)| nodes).collect()
    }

    /// The variables of these nodes with those on the way to them, in the order in which they are
    /// tried: what is behind others first, then what is named most often.
    fn variables(&self, nodes: &[&Node]) -> Vec<usize> {
        fn count(search: &Search<'_>, node: &Node, out: &mut Vec<(usize, usize)>) {
            match node {
                Node::Const(_) => {}
                Node::All(list) | Node::Any(list) => list.iter().for_each(|n| count(search, n, out)),
                Node::Atom(atom, _) => {
                    for variable in &search.views[*atom].variables {
                        match out.iter_mut().find(|(v, _)| v == variable) {
                            Some((_, times)) => *times += 1,
                            None => out.push((*variable, 1)),
                        }
                    }
                }
            }
        }
        let mut counted = Vec::new();
        nodes.iter().for_each(|node| count(self, node, &mut counted));
        let on_the_way: Vec<usize> = counted.iter().flat_map(|(v, _)| self.behind(*v)).copied().collect();
        for variable in on_the_way {
            if !counted.iter().any(|(v, _)| *v == variable) {
                counted.push((variable, 0));
            }
        }
        counted.sort_by_key(|(v, times)| (self.behind(*v).len(), std::cmp::Reverse(*times)));
        counted.into_iter().map(|(v, _)| v).collect()
    }

    /// Makes nodes true that share values.
    fn part(&self, nodes: &[&Node]) -> Outcome {
        let order = self.variables(nodes);
        let mut held: Vec<Option<usize>> = vec![None; self.choices.len()];
        let given_up = || Outcome::Undecided(Undecided::TooManyCases(MAX_CASES));
        let found = match self.any(nodes, &order, &mut held, MAX_CASES) {
            Err(GivenUp) => return given_up(),
            Ok(false) => return Outcome::No,
            Ok(true) => self.shrink(nodes, &order, held),
        };
        let most = self.cost(&found);
        let until = self.cases.get().saturating_add(MAX_SMALLER);
        for budget in 0..=most {
            let mut held = vec![None; self.choices.len()];
            match self.small(nodes, &order, &mut held, budget, until) {
                Ok(true) => return Outcome::Yes(as_given(&order, &held)),
                Ok(false) => {}
                Err(GivenUp) => break,
            }
        }
        Outcome::Yes(found)
    }

    /// Whether any choice for the remaining variables makes the nodes true.
    fn any(
        &self,
        nodes: &[&Node],
        rest: &[usize],
        held: &mut Vec<Option<usize>>,
        until: usize,
    ) -> Result<bool, GivenUp> {
        if let Some(truth) = self.truth(nodes, held, until)? {
            return Ok(truth);
        }
        let Some((variable, rest)) = rest.split_first() else { return Ok(false) };
        if self.is_cut_off(*variable, held) {
            return self.any(nodes, rest, held, until);
        }
        for choice in 0..self.choices[*variable] {
            held[*variable] = Some(choice);
            if self.any(nodes, rest, held, until)? {
                return Ok(true);
            }
        }
        held[*variable] = None;
        Ok(false)
    }

    /// As [`Search::any`], but with this many values at most, and the rest left out.
    fn small(
        &self,
        nodes: &[&Node],
        rest: &[usize],
        held: &mut Vec<Option<usize>>,
        budget: usize,
        until: usize,
    ) -> Result<bool, GivenUp> {
        if let Some(truth) = self.truth(nodes, held, until)? {
            return Ok(truth);
        }
        let Some((variable, rest)) = rest.split_first() else { return Ok(false) };
        if self.is_cut_off(*variable, held) {
            return self.small(nodes, rest, held, budget, until);
        }
        let default = self.has_default(*variable);
        for choice in 0..self.choices[*variable] {
            let Some(left) = budget.checked_sub(usize::from(!(default && choice == 0))) else { break };
            held[*variable] = Some(choice);
            if self.small(nodes, rest, held, left, until)? {
                return Ok(true);
            }
        }
        held[*variable] = None;
        if default {
            return Ok(false);
        }
        self.small(nodes, rest, held, budget, until)
    }

    /// Leaves out what the truth does not hang on.
    fn shrink(&self, nodes: &[&Node], order: &[usize], mut held: Vec<Option<usize>>) -> Given {
        for variable in order.iter().rev() {
            let was = held[*variable].take();
            let still = nodes.iter().all(|node| self.of(node, &held) == Some(true));
            if !still {
                held[*variable] = was;
            }
        }
        as_given(order, &held)
    }

    /// Whether a null on the way makes the variable null too.
    fn is_cut_off(&self, variable: usize, held: &[Option<usize>]) -> bool {
        self.behind(variable).iter().any(|v| held[*v].is_some() && held[*v] == self.null[*v])
    }

    /// What is known of the nodes together; counts as a case.
    fn truth(&self, nodes: &[&Node], held: &[Option<usize>], until: usize) -> Result<Option<bool>, GivenUp> {
        let cases = self.cases.get();
        if cases >= until {
            return Err(GivenUp);
        }
        self.cases.set(cases + 1);
        Ok(connect(nodes.iter().copied(), false, |node| self.of(node, held)))
    }

    fn of(&self, node: &Node, held: &[Option<usize>]) -> Option<bool> {
        match node {
            Node::Const(truth) => Some(*truth),
            Node::All(list) => connect(list.iter(), false, |node| self.of(node, held)),
            Node::Any(list) => connect(list.iter(), true, |node| self.of(node, held)),
            Node::Atom(atom, want) => self.atom(*atom, held).map(|truth| truth == *want),
        }
    }

    fn atom(&self, index: usize, held: &[Option<usize>]) -> Option<bool> {
        let view = &self.views[index];
        if let (Some(table), [only]) = (&view.table, view.variables.as_slice()) {
            return table.get(self.choice(*only, held)?).copied();
        }
        let known = |v: usize| self.choice(v, held).and_then(|at| self.values[v].get(at));
        evaluate(&self.problem.atoms[index], &self.problem.regexes, &known)
    }

    fn choice(&self, variable: usize, held: &[Option<usize>]) -> Option<usize> {
        if self.is_cut_off(variable, held) { self.null[variable] } else { held[variable] }
    }
}

/// An atom's truth for each of its one variable's values.
fn table(problem: &Problem, atom: &Atom, values: &[Value]) -> Vec<bool> {
    let truth = |value| evaluate(atom, &problem.regexes, &|_| Some(value));
    values.iter().map(|value| truth(value).unwrap_or(false)).collect()
}

/// `decides` settles the whole wherever it stands in it.
fn connect<'n>(
    nodes: impl Iterator<Item = &'n Node>,
    decides: bool,
    truth: impl Fn(&'n Node) -> Option<bool>,
) -> Option<bool> {
    let mut out = Some(!decides);
    for node in nodes {
        match truth(node) {
            Some(truth) if truth == decides => return Some(decides),
            Some(_) => {}
            None => out = None,
        }
    }
    out
}

fn as_given(order: &[usize], held: &[Option<usize>]) -> Given {
    order.iter().filter_map(|v| held[*v].map(|at| (*v, at))).collect()
}
