//! What does not hang together is laid out by itself and packed onto shelves.

use super::{Item, Layout, Route, Wire, component};

/// Between two pieces.
const SPACE: f64 = 40.0;

/// How much wider than high a drawing should be.
const SHAPE: f64 = 1.6;

/// Widths that are tried for the first shelf.
const MOST_TRIED: usize = 64;

pub fn packed(items: &[Item], wires: &[Wire]) -> Layout {
    let mut pieces: Vec<Piece> =
        together(items.len(), wires).into_iter().map(|members| Piece::new(&members, items, wires)).collect();
    // The highest first; equally high ones as they were given.
    pieces.sort_by(|a, b| b.layout.height.total_cmp(&a.layout.height));
    let sizes: Vec<(f64, f64)> = pieces.iter().map(|p| (p.layout.width, p.layout.height)).collect();
    let (corners, width, height) = shelves(&sizes);
    let mut out = Layout {
        items: vec![(0.0, 0.0); items.len()],
        routes: vec![Route::default(); wires.len()],
        width,
        height,
        ..Layout::default()
    };
    for (piece, (x, y)) in pieces.into_iter().zip(corners) {
        piece.put(x, y, &mut out);
    }
    out
}

/// Where each piece goes, and the width and height of all.
type Shelved = (Vec<(f64, f64)>, f64, f64);

/// Where each piece goes, and the width and height of all: of the widths that the first shelf could
/// have, the one that comes nearest to the best shape.
fn shelves(sizes: &[(f64, f64)]) -> Shelved {
    let widest = sizes.iter().map(|s| s.0).fold(0.0, f64::max);
    let mut first = 0.0;
    let mut best: Option<Shelved> = None;
    for (width, _) in sizes.iter().take(MOST_TRIED) {
        first += width;
        let tried = shelved(sizes, widest.max(first));
        first += SPACE;
        let cost = |t: &Shelved| (t.1 / SHAPE).max(t.2);
        if best.as_ref().is_none_or(|best| cost(&tried) < cost(best)) {
            best = Some(tried);
        }
    }
    best.unwrap_or_default()
}

fn shelved(sizes: &[(f64, f64)], most: f64) -> Shelved {
    let (mut x, mut y, mut shelf) = (0.0, 0.0, 0.0_f64);
    let (mut corners, mut right) = (Vec::with_capacity(sizes.len()), 0.0_f64);
    for (width, height) in sizes {
        if x > 0.0 && x + width > most + 0.5 {
            (x, y, shelf) = (0.0, y + shelf + SPACE, 0.0);
        }
        corners.push((x, y));
        shelf = shelf.max(*height);
        x += width + SPACE;
        right = right.max(x - SPACE);
    }
    (corners, right, y + shelf)
}

/// The items that wires join, each group in order, by the first item.
fn together(items: usize, wires: &[Wire]) -> Vec<Vec<usize>> {
    let mut leader: Vec<usize> = (0..items).collect();
    fn find(leader: &mut [usize], mut at: usize) -> usize {
        while leader[at] != at {
            leader[at] = leader[leader[at]];
            at = leader[at];
        }
        at
    }
    for wire in wires {
        let (a, b) = (find(&mut leader, wire.from), find(&mut leader, wire.to));
        leader[a.max(b)] = a.min(b);
    }
    let mut groups: Vec<Vec<usize>> = vec![Vec::new(); items];
    for at in 0..items {
        let first = find(&mut leader, at);
        groups[first].push(at);
    }
    groups.retain(|g| !g.is_empty());
    groups
}

struct Piece {
    members: Vec<usize>,
    wires: Vec<usize>,
    layout: Layout,
}

impl Piece {
    fn new(members: &[usize], items: &[Item], wires: &[Wire]) -> Self {
        let place = |item: usize| members.binary_search(&item);
        let mut own = Vec::new();
        let mut indices = Vec::new();
        for (index, wire) in wires.iter().enumerate() {
            if let (Ok(from), Ok(to)) = (place(wire.from), place(wire.to)) {
                own.push(Wire { from, to, ..*wire });
                indices.push(index);
            }
        }
        let boxes: Vec<Item> = members.iter().map(|m| items[*m]).collect();
        let layout = component(&boxes, &own, 1);
        Self { members: members.to_vec(), wires: indices, layout }
    }

    fn put(self, x: f64, y: f64, out: &mut Layout) {
        for (member, (left, top)) in self.members.iter().zip(&self.layout.items) {
            out.items[*member] = (left + x, top + y);
        }
        for (wire, mut route) in self.wires.iter().zip(self.layout.routes) {
            for run in &mut route.runs {
                (run.x0, run.x1, run.y) = (run.x0 + x, run.x1 + x, run.y + y);
            }
            out.routes[*wire] = route;
        }
    }
}
