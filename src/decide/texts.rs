//! Representatives of strings, ids and refs.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Undecided;
use super::automaton::{self, Cell, Cut};
use super::domain::{Effort, Group, Representatives};
use super::regex::samples;
use super::subject::Kind;
use crate::model::Value;

/// Regexes on one value that are told apart; each doubles the number of cells.
const MAX_REGEXES: usize = 6;

/// Every text of the group.
pub fn texts(group: &Group<'_>, effort: Effort) -> Representatives {
    let count = group.kinds.len();
    let ids = group.kinds.iter().any(|k| matches!(k, Kind::Id | Kind::RowId));
    let mut literals: Vec<Arc<str>> = group
        .literals
        .iter()
        .filter_map(|value| match value {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        })
        .collect();
    // What only some variables of a group can hold is a cell of its own, and nothing simple.
    let special: &[&str] = match ids {
        true if group.kinds.contains(&Kind::RowId) => &["", "*"],
        true => &[""],
        false => &[],
    };
    let written = literals.len();
    for text in special {
        if !literals.iter().any(|l| **l == **text) {
            literals.push((*text).into());
        }
    }
    let (mut found, doubt) = match (group.regexes.as_slice(), group.ordered) {
        ([], false) => (generic(ids).filter(|t| !holds(&literals, t)).take(count).collect(), None),
        ([], true) => {
            let sorted = sorted(&literals);
            let gaps = 0..=sorted.len();
            (gaps.flat_map(|gap| between(&sorted, gap, ids, count)).collect(), None)
        }
        _ => matched(group, &literals, ids, effort),
    };
    let mut out: Vec<Value> = literals.drain(..written).map(Value::Text).collect();
    out.extend(found.drain(..).map(Value::text));
    out.extend(literals.into_iter().map(Value::Text));
    (out, doubt)
}

/// Texts that are easy to read: `a`, `b`, … `a1`, …; for ids `1`, `2`, ….
fn generic(ids: bool) -> Box<dyn Iterator<Item = String>> {
    if ids {
        return Box::new((1u64..).map(|n| n.to_string()));
    }
    let letters = || 'a'..='z';
    Box::new(
        letters()
            .map(String::from)
            .chain((1u64..).flat_map(move |n| letters().map(move |c| format!("{c}{n}")))),
    )
}

fn holds(literals: &[Arc<str>], text: &str) -> bool {
    literals.iter().any(|l| **l == *text)
}

fn sorted(literals: &[Arc<str>]) -> Vec<&str> {
    let mut out: Vec<&str> = literals.iter().map(|l| &**l).collect();
    out.sort_unstable();
    out
}

/// As many texts as are asked for from below the literal of this place and above the one before it, or
/// all that there are.
fn between(sorted: &[&str], gap: usize, ids: bool, count: usize) -> Vec<String> {
    let low = gap.checked_sub(1).and_then(|at| sorted.get(at)).copied();
    let high = sorted.get(gap).copied();
    let mut out: Vec<String> = Vec::new();
    let mut add = |text: String| {
        let inside = low.is_none_or(|l| l < text.as_str()) && high.is_none_or(|h| text.as_str() < h);
        if inside && out.len() < count && !out.contains(&text) {
            out.push(text);
        }
        inside && out.len() < count
    };
    let tries = count + sorted.len();
    generic(ids).take(tries.max(26)).for_each(|text| {
        add(text);
    });
    let start = low.unwrap_or_default();
    for tail in generic(ids).take(tries) {
        add(format!("{start}{tail}"));
    }
    // The next text after any other is the same with a NUL. If this ever leaves the gap there is
    // nothing else in it; otherwise there are as many as are wanted.
    let mut next = if low.is_none() { String::new() } else { format!("{start}\0") };
    for _ in 0..=count.saturating_mul(2) {
        let inside = low.is_none_or(|l| l < next.as_str()) && high.is_none_or(|h| next.as_str() < h);
        if !inside {
            break;
        }
        add(next.clone());
        next.push('\0');
    }
    out
}

/// Texts for every way in which regexes can match, and where they lie among the literals.
fn matched(
    group: &Group<'_>,
    literals: &[Arc<str>],
    ids: bool,
    effort: Effort,
) -> (Vec<String>, Option<Undecided>) {
    let count = group.kinds.len();
    let first = group.regexes.first().map_or_else(String::new, |r| r.as_str().to_owned());
    let sorted = sorted(literals);
    let cut = Cut { regexes: &group.regexes, literals: &sorted, ordered: group.ordered };
    let mut cells = Cells { cut: &cut, found: BTreeMap::new(), count };
    // A gap of the order that holds only a few texts is known by heart.
    let mut whole_gaps = Vec::new();
    if group.ordered {
        for gap in 0..=sorted.len() {
            let inside = between(&sorted, gap, ids, count.max(4));
            if inside.len() < count.max(4) {
                whole_gaps.push(gap);
            }
            inside.into_iter().for_each(|text| cells.add(text));
        }
    }
    for text in pool(group, &sorted, ids) {
        if cells.are_full(&whole_gaps) {
            break;
        }
        cells.add(text);
    }
    let doubt = if group.regexes.len() > MAX_REGEXES {
        Some(Undecided::Regex(first))
    } else if cells.are_full(&whole_gaps) {
        None
    } else if effort == Effort::Sample {
        // Not said to anybody: what is not found so is looked for with more effort.
        Some(Undecided::Regex(first))
    } else {
        match automaton::explore(&cut, count) {
            Ok(texts) => {
                texts.into_iter().for_each(|text| cells.add(text));
                None
            }
            Err(partly) => {
                partly.into_iter().for_each(|text| cells.add(text));
                Some(Undecided::Regex(first))
            }
        }
    };
    let order = group.ordered_pairs.then(|| {
        Undecided::RegexAndOrder(group.regexes.first().map_or_else(String::new, |r| r.as_str().to_owned()))
    });
    let mut out: Vec<String> = cells.found.into_values().flatten().collect();
    out.sort_by_key(String::len);
    (out, doubt.or(order))
}

/// The texts found so far, by the cell they are in.
struct Cells<'a> {
    cut: &'a Cut<'a>,
    found: BTreeMap<Cell, Vec<String>>,
    /// Wanted in each.
    count: usize,
}

impl Cells<'_> {
    fn add(&mut self, text: String) {
        let Some(cell) = self.cut.cell(&text) else { return };
        let found = self.found.entry(cell).or_default();
        if found.len() < self.count && !found.contains(&text) {
            found.push(text);
        }
    }

    fn are_full(&self, whole_gaps: &[usize]) -> bool {
        let gaps = if self.cut.ordered { self.cut.literals.len() + 1 } else { 1 };
        let wanted = (gaps - whole_gaps.len()) << self.cut.regexes.len();
        let full = |(cell, texts): (&Cell, &Vec<String>)| {
            texts.len() >= self.count && !whole_gaps.contains(&cell.gap)
        };
        self.found.iter().filter(|entry| full(*entry)).count() >= wanted
    }
}

/// Texts that are likely to match some regexes and not others.
fn pool(group: &Group<'_>, sorted: &[&str], ids: bool) -> Vec<String> {
    let plain: Vec<String> = generic(ids).take(group.kinds.len() + sorted.len() + 2).collect();
    let lists: Vec<Vec<String>> =
        group.regexes.iter().take(MAX_REGEXES).map(|r| samples(r.as_str())).collect();
    let mut out = plain.clone();
    out.push(String::new());
    for sample in lists.iter().flatten() {
        out.push(sample.clone());
        for text in &plain {
            out.push(format!("{text}{sample}"));
            out.push(format!("{sample}{text}"));
        }
    }
    for (index, one) in lists.iter().enumerate() {
        for other in lists.iter().skip(index + 1) {
            for (a, b) in one.iter().zip(other) {
                out.push(format!("{a}{b}"));
                out.push(format!("{b}{a}"));
            }
        }
    }
    if group.ordered {
        let tails: Vec<String> = lists.into_iter().flatten().chain(plain).collect();
        for literal in sorted {
            out.extend(tails.iter().map(|tail| format!("{literal}{tail}")));
        }
    }
    out
}
