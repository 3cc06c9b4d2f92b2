//! How high every cell stands: as near to what it hangs on as the order of its column allows.

use super::{BAND_GAP, BAND_HEAD, BAND_PAD, Columns, GAP, LANE};

const ROUNDS: usize = 24;

/// A cell's wish to stand at a height, and how strong it is.
#[derive(Clone, Copy)]
struct Wish {
    at: f64,
    weight: f64,
}

/// The top of every cell, and from where to where each band reaches.
pub fn heights(columns: &Columns, bands: usize) -> (Vec<f64>, Vec<(f64, f64)>) {
    let mut tops = vec![0.0; columns.cells.len()];
    let mut strips = Vec::new();
    let mut from = 0.0;
    for band in 0..bands.max(1) {
        let own: Vec<Vec<usize>> = columns
            .order
            .iter()
            .map(|c| c.iter().copied().filter(|cell| columns.cells[*cell].band == band).collect())
            .collect();
        settle(columns, &own, &mut tops);
        let members = || own.iter().flatten();
        let least = members().map(|c| tops[*c]).fold(f64::INFINITY, f64::min);
        let head = if bands > 1 { BAND_HEAD } else { 0.0 };
        let mut end = from;
        for cell in members() {
            tops[*cell] += from + head - least;
            end = end.max(tops[*cell] + columns.cells[*cell].height);
        }
        if bands > 1 {
            end += BAND_PAD;
        }
        strips.push((from, end));
        from = end + BAND_GAP;
    }
    (tops, strips)
}

/// Moves the cells of one band to where their wires pull them, column by column, there and back.
fn settle(columns: &Columns, order: &[Vec<usize>], tops: &mut [f64]) {
    for column in order {
        let mut y = 0.0;
        for (at, cell) in column.iter().enumerate() {
            if at > 0 {
                y += distance(columns, column[at - 1], *cell);
            }
            tops[*cell] = y;
        }
    }
    let count = columns.cells.len();
    // The other cell, and how far its top stands above ours when the wire is level; the strength.
    let mut left: Vec<Vec<(usize, f64, f64)>> = vec![Vec::new(); count];
    let mut right: Vec<Vec<(usize, f64, f64)>> = vec![Vec::new(); count];
    for piece in &columns.pieces {
        let (from, to) = (columns.cells[piece.from], columns.cells[piece.to]);
        if from.band == to.band {
            let weight = match (from.item, to.item) {
                (None, None) => 8.0,
                (Some(_), Some(_)) => 1.0,
                _ => 2.0,
            };
            left[piece.to].push((piece.from, piece.from_y - piece.to_y, weight));
            right[piece.from].push((piece.to, piece.to_y - piece.from_y, weight));
        }
    }
    for round in 0..ROUNDS {
        let both = round + 4 >= ROUNDS;
        for step in 0..order.len() {
            let column = if round % 2 == 0 { &order[step] } else { &order[order.len() - 1 - step] };
            let pull = |cell: &usize| -> Wish {
                let (one, other) = if round % 2 == 0 { (&left, &right) } else { (&right, &left) };
                let mut wish = Wish { at: 0.0, weight: 0.0 };
                let further = if both { other[*cell].as_slice() } else { &[] };
                for (beside, offset, weight) in one[*cell].iter().chain(further) {
                    wish.at += (tops[*beside] + offset) * weight;
                    wish.weight += weight;
                }
                if wish.weight == 0.0 {
                    return Wish { at: tops[*cell], weight: 0.05 };
                }
                Wish { at: wish.at / wish.weight, weight: wish.weight }
            };
            let wishes: Vec<Wish> = column.iter().map(pull).collect();
            fulfil(columns, column, &wishes, tops);
        }
    }
}

/// The least distance between the tops of two cells.
fn distance(columns: &Columns, upper: usize, lower: usize) -> f64 {
    let (upper, lower) = (columns.cells[upper], columns.cells[lower]);
    let gap = if upper.item.is_some() && lower.item.is_some() { GAP } else { LANE };
    upper.height + gap
}

/// The heights nearest to all wishes, by least squares, that keep the order and the distances: an
/// isotonic regression by pooling neighbours that stand in each other's way.
fn fulfil(columns: &Columns, column: &[usize], wishes: &[Wish], tops: &mut [f64]) {
    // Blocks: the common height of the first, the weight, the number of cells.
    let mut blocks: Vec<(Wish, usize)> = Vec::new();
    let mut offsets = Vec::with_capacity(column.len());
    let mut offset = 0.0;
    for (at, cell) in column.iter().enumerate() {
        if at > 0 {
            offset += distance(columns, column[at - 1], *cell);
        }
        offsets.push(offset);
        let mut block = (Wish { at: wishes[at].at - offset, weight: wishes[at].weight }, 1);
        while let Some((above, count)) = blocks.pop_if(|(above, _)| above.at > block.0.at) {
            let weight = above.weight + block.0.weight;
            let mean = (above.at * above.weight + block.0.at * block.0.weight) / weight;
            block = (Wish { at: mean, weight }, count + block.1);
        }
        blocks.push(block);
    }
    let mut at = 0;
    for (wish, count) in blocks {
        for _ in 0..count {
            tops[column[at]] = wish.at + offsets[at];
            at += 1;
        }
    }
}
