//! The order of the cells in every column, so that few wires cross.

use super::Columns;

/// Sweeps there and back.
const SWEEPS: usize = 16;

/// Neighbours are exchanged one by one only in columns up to this size.
const MOST_TO_EXCHANGE: usize = 300;

/// The pieces that touch each cell.
struct Sides {
    /// To the column before: the other cell, its offset, our offset.
    left: Vec<Vec<(usize, f64, f64)>>,
    right: Vec<Vec<(usize, f64, f64)>>,
}

/// Sorts every column: by the middle of what each cell hangs on, there and back, keeping the best.
pub fn sort(columns: &mut Columns) {
    let mut sides =
        Sides { left: vec![Vec::new(); columns.cells.len()], right: vec![Vec::new(); columns.cells.len()] };
    for piece in &columns.pieces {
        sides.left[piece.to].push((piece.from, piece.from_y, piece.to_y));
        sides.right[piece.from].push((piece.to, piece.to_y, piece.from_y));
    }
    let mut places = vec![0.0; columns.cells.len()];
    for rank in 0..columns.order.len() {
        arrange(columns, rank, &sides.left, &mut places);
    }
    let mut best = columns.order.clone();
    let mut fewest = crossings(columns, &places);
    for sweep in 0..SWEEPS {
        if fewest == 0 {
            break;
        }
        let last = columns.order.len();
        for step in 1..last {
            if sweep % 2 == 0 {
                arrange(columns, last - 1 - step, &sides.right, &mut places);
            } else {
                arrange(columns, step, &sides.left, &mut places);
            }
        }
        exchange(columns, &sides, &mut places);
        let found = crossings(columns, &places);
        if found < fewest {
            fewest = found;
            best.clone_from(&columns.order);
        }
    }
    columns.order = best;
}

/// Where a port stands among those of its column: the place of its cell, then how far down on it.
fn port(columns: &Columns, places: &[f64], cell: usize, offset: f64) -> f64 {
    places[cell] + 0.9 * offset / columns.cells[cell].height.max(1.0)
}

/// Sorts one column by the mean of what its cells hang on at one side. What hangs on nothing stays.
fn arrange(columns: &mut Columns, rank: usize, side: &[Vec<(usize, f64, f64)>], places: &mut [f64]) {
    let mut column = std::mem::take(&mut columns.order[rank]);
    let keys: Vec<f64> = column
        .iter()
        .enumerate()
        .map(|(at, cell)| {
            let beside = &side[*cell];
            if beside.is_empty() {
                return as_f64(at);
            }
            let sum: f64 = beside.iter().map(|(other, y, _)| port(columns, places, *other, *y)).sum();
            sum / as_f64(beside.len())
        })
        .collect();
    let mut turns: Vec<usize> = (0..column.len()).collect();
    turns.sort_by(|a, b| {
        let band = |turn: &usize| columns.cells[column[*turn]].band;
        band(a).cmp(&band(b)).then(keys[*a].total_cmp(&keys[*b])).then(a.cmp(b))
    });
    column = turns.into_iter().map(|turn| column[turn]).collect();
    number(&column, places);
    columns.order[rank] = column;
}

fn number(column: &[usize], places: &mut [f64]) {
    for (at, cell) in column.iter().enumerate() {
        places[*cell] = as_f64(at);
    }
}

/// Exchanges neighbours while that takes crossings away.
fn exchange(columns: &mut Columns, sides: &Sides, places: &mut [f64]) {
    for rank in 0..columns.order.len() {
        let mut column = std::mem::take(&mut columns.order[rank]);
        if column.len() <= MOST_TO_EXCHANGE {
            for _ in 0..3 {
                let mut better = false;
                for at in 1..column.len() {
                    let (a, b) = (column[at - 1], column[at]);
                    if columns.cells[a].band != columns.cells[b].band {
                        continue;
                    }
                    let cost = |first: usize, second: usize| {
                        let both = [&sides.left, &sides.right];
                        both.iter()
                            .map(|side| crossed(columns, places, &side[first], &side[second]))
                            .sum::<usize>()
                    };
                    if cost(b, a) < cost(a, b) {
                        column.swap(at - 1, at);
                        better = true;
                    }
                }
                if !better {
                    break;
                }
            }
            number(&column, places);
        }
        columns.order[rank] = column;
    }
}

/// How often the wires of one cell cross those of the cell below it.
fn crossed(
    columns: &Columns,
    places: &[f64],
    upper: &[(usize, f64, f64)],
    lower: &[(usize, f64, f64)],
) -> usize {
    let at = |(cell, y, _): &(usize, f64, f64)| port(columns, places, *cell, *y);
    upper.iter().map(|u| lower.iter().filter(|l| at(l) < at(u)).count()).sum()
}

/// All crossings between neighbouring columns, counted in n log n.
fn crossings(columns: &Columns, places: &[f64]) -> usize {
    let mut between: Vec<Vec<(f64, f64)>> = vec![Vec::new(); columns.order.len()];
    for piece in &columns.pieces {
        let ends =
            (port(columns, places, piece.from, piece.from_y), port(columns, places, piece.to, piece.to_y));
        between[columns.cells[piece.from].rank].push(ends);
    }
    between.into_iter().map(inversions).sum()
}

fn inversions(mut pieces: Vec<(f64, f64)>) -> usize {
    pieces.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut heights: Vec<f64> = pieces.iter().map(|p| p.1).collect();
    heights.sort_by(f64::total_cmp);
    heights.dedup();
    let mut counts = vec![0_usize; heights.len() + 1];
    let mut out = 0;
    for (seen, (_, height)) in pieces.iter().enumerate() {
        let own = heights.partition_point(|h| h < height) + 1;
        let mut not_above = 0;
        let mut at = own;
        while at > 0 {
            not_above += counts[at];
            at &= at - 1;
        }
        out += seen - not_above;
        at = own;
        while at < counts.len() {
            counts[at] += 1;
            at += at & at.wrapping_neg();
        }
    }
    out
}

/// Counts of a drawing are far below 2⁵³.
#[allow(clippy::cast_precision_loss)]
fn as_f64(count: usize) -> f64 {
    count as f64
}
