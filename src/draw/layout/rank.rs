//! Which column each item stands in.

use super::{Item, Wire};

/// Columns are taken apart that are higher than a page of this shape would be.
const SHAPE: f64 = 1.1;
const LEAST_HEIGHT: f64 = 900.0;

pub struct Ranks {
    /// The column of each item, from 0.
    pub of: Vec<usize>,
}

/// Every wire goes to a later column, but for those that close a circle.
pub fn ranks(items: &[Item], wires: &[Wire]) -> Ranks {
    let (below, topological) = acyclic(items.len(), wires);
    let mut above: Vec<Vec<usize>> = vec![Vec::new(); items.len()];
    for (from, list) in below.iter().enumerate() {
        for to in list {
            above[*to].push(from);
        }
    }
    let mut of = vec![0_usize; items.len()];
    for at in &topological {
        of[*at] = above[*at].iter().map(|a| of[*a] + 1).max().unwrap_or(0);
    }
    tighten(&mut of, &above, &below, &topological);
    let lowest = of.iter().min().copied().unwrap_or(0);
    of.iter_mut().for_each(|rank| *rank -= lowest);
    split(items, &mut of, &above);
    Ranks { of }
}

/// For each item those behind it, without the wires that close a circle, and an order in which each
/// stands before those behind it. Depth first in the order of the items, without recursion.
fn acyclic(items: usize, wires: &[Wire]) -> (Vec<Vec<usize>>, Vec<usize>) {
    let mut all: Vec<Vec<usize>> = vec![Vec::new(); items];
    let mut entered = vec![false; items];
    for wire in wires.iter().filter(|w| w.from != w.to) {
        all[wire.from].push(wire.to);
        entered[wire.to] = true;
    }
    let mut kept: Vec<Vec<usize>> = vec![Vec::new(); items];
    let mut state = vec![0_u8; items];
    let mut done = Vec::with_capacity(items);
    // What nothing leads to is where reading begins; circles begin at their first item.
    let starts = (0..items).filter(|i| !entered[*i]).chain(0..items);
    for start in starts {
        if state[start] != 0 {
            continue;
        }
        state[start] = 1;
        let mut stack = vec![(start, 0)];
        while let Some((at, next)) = stack.pop() {
            let Some(to) = all[at].get(next).copied() else {
                state[at] = 2;
                done.push(at);
                continue;
            };
            stack.push((at, next + 1));
            if state[to] != 1 {
                kept[at].push(to);
            }
            if state[to] == 0 {
                state[to] = 1;
                stack.push((to, 0));
            }
        }
    }
    done.reverse();
    (kept, done)
}

/// Moves items towards those that pull more, which shortens the wires as network simplex would,
/// nearly.
fn tighten(of: &mut [usize], above: &[Vec<usize>], below: &[Vec<usize>], topological: &[usize]) {
    for pass in 0..24 {
        let mut moved = false;
        let forward = pass % 2 == 0;
        let count = topological.len();
        for index in 0..count {
            let at = topological[if forward { count - 1 - index } else { index }];
            let earliest = above[at].iter().map(|a| of[*a] + 1).max();
            let latest = below[at].iter().map(|b| of[*b].saturating_sub(1)).min();
            let wanted = match (earliest, latest) {
                (_, Some(latest)) if below[at].len() > above[at].len() => latest,
                (Some(earliest), _) if above[at].len() > below[at].len() => earliest,
                _ => continue,
            };
            moved |= wanted != of[at];
            of[at] = wanted;
        }
        if !moved {
            return;
        }
    }
}

/// Takes columns apart that are far higher than the whole is wide: in turn, so that what hangs from
/// one item stands beside it as a block.
fn split(items: &[Item], of: &mut [usize], above: &[Vec<usize>]) {
    let area: f64 = items.iter().map(|i| (i.width + 80.0) * (i.height + super::GAP)).sum();
    let most = (area / SHAPE).sqrt().max(LEAST_HEIGHT);
    let count = of.iter().max().map_or(0, |r| r + 1);
    let mut columns: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (at, rank) in of.iter().enumerate() {
        columns[*rank].push(at);
    }
    let mut next = 0;
    for mut column in columns {
        let height: f64 = column.iter().map(|at| items[*at].height + super::GAP).sum();
        // A handful of columns at most fits in a count.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let parts = ((height / most).ceil() as usize).clamp(1, column.len().max(1));
        column.sort_by_key(|at| (above[*at].iter().min().copied(), *at));
        for (turn, at) in column.iter().enumerate() {
            of[*at] = next + turn % parts;
        }
        next += parts;
    }
}
