//! A layered layout from left to right: boxes in columns, wires that never cross a box.
//!
//! The steps of Sugiyama, Tagawa and Toda (1981): `rank` breaks circles and gives every box a
//! column, `order` sorts the columns so that few wires cross, `place` finds heights that keep
//! wires straight. Between its ends a wire runs level through every column and turns only in the
//! gaps. Wires that leave one port together share a trunk until they part.

mod order;
mod pack;
mod place;
mod rank;

use std::collections::BTreeMap;

/// Something to place.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    pub width: f64,
    pub height: f64,
    /// Items of one band stand together, in a strip of their own. Bands are numbered from 0.
    pub band: usize,
}

/// Something to draw between two items.
#[derive(Clone, Copy, Debug)]
pub struct Wire {
    pub from: usize,
    /// Where it leaves, from the top of the item.
    pub from_y: f64,
    pub to: usize,
    pub to_y: f64,
    /// Wires that leave one item with one number share their way.
    pub bundle: usize,
}

/// A level stretch of a wire.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Run {
    pub x0: f64,
    pub x1: f64,
    pub y: f64,
}

/// The way of a wire: level stretches from left to right, with a turn between each two.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Route {
    pub runs: Vec<Run>,
    /// Whether it ends at the left: it closes a circle.
    pub backward: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rect {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// Where everything is.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// The left upper corner of every item.
    pub items: Vec<(f64, f64)>,
    /// One for each wire. Without runs where it comes back to its own item.
    pub routes: Vec<Route>,
    /// What each band takes, where there are several.
    pub bands: Vec<Rect>,
    pub width: f64,
    pub height: f64,
}

/// The least distance between two items above one another.
const GAP: f64 = 22.0;
/// The same where one is a passing wire.
const LANE: f64 = 9.0;
/// Around the items of a band, and above them for its name.
const BAND_PAD: f64 = 16.0;
const BAND_HEAD: f64 = 34.0;
const BAND_GAP: f64 = 22.0;

/// Places all items; the same input gives the same layout. Wires that name no item are left out.
pub fn layout(items: &[Item], wires: &[Wire]) -> Layout {
    let bands = items.iter().map(|i| i.band + 1).max().unwrap_or(0);
    if bands > 1 {
        return component(items, wires, bands);
    }
    pack::packed(items, wires)
}

/// A box, or the place where a wire passes a column.
#[derive(Clone, Copy, Debug)]
struct Cell {
    item: Option<usize>,
    rank: usize,
    band: usize,
    height: f64,
}

/// A piece of a wire from one column to the next; offsets are from the tops of the cells.
#[derive(Clone, Copy, Debug)]
struct Piece {
    from: usize,
    from_y: f64,
    to: usize,
    to_y: f64,
}

/// The columns of one layout.
struct Columns {
    cells: Vec<Cell>,
    pieces: Vec<Piece>,
    /// The cells of each column from top to bottom.
    order: Vec<Vec<usize>>,
    /// The cells that each wire goes through; none for a wire to its own item.
    ways: Vec<Vec<usize>>,
}

/// Places items that hang together, or that bands hold together.
fn component(items: &[Item], wires: &[Wire], bands: usize) -> Layout {
    let ranks = rank::ranks(items, wires);
    let mut columns = columns(items, wires, &ranks.of);
    order::sort(&mut columns);
    let (tops, strips) = place::heights(&columns, bands);
    finish(items, wires, &ranks, &columns, &tops, strips)
}

fn columns(items: &[Item], wires: &[Wire], ranks: &[usize]) -> Columns {
    let count = ranks.iter().max().map_or(0, |r| r + 1);
    let mut out = Columns {
        cells: items
            .iter()
            .zip(ranks)
            .enumerate()
            .map(|(at, (item, rank))| Cell {
                item: Some(at),
                rank: *rank,
                band: item.band,
                height: item.height,
            })
            .collect(),
        pieces: Vec::new(),
        order: vec![Vec::new(); count],
        ways: Vec::new(),
    };
    // From where, which bundle, to which band: the cells of the shared trunk, a column each.
    let mut trunks: BTreeMap<(usize, usize, usize), Vec<usize>> = BTreeMap::new();
    for (index, wire) in wires.iter().enumerate() {
        let backward = ranks[wire.from] > ranks[wire.to];
        let (left, left_y, right, right_y) = if backward {
            (wire.to, wire.to_y, wire.from, wire.from_y)
        } else {
            (wire.from, wire.from_y, wire.to, wire.to_y)
        };
        if left == right {
            out.ways.push(Vec::new());
            continue;
        }
        // What closes a circle has a way of its own.
        let bundle = if backward { usize::MAX - index } else { wire.bundle };
        let trunk = trunks.entry((left, bundle, items[right].band)).or_insert_with(|| vec![left]);
        while trunk.len() < ranks[right] - ranks[left] {
            let last = trunk[trunk.len() - 1];
            let from_y = if trunk.len() == 1 { left_y } else { 0.0 };
            let cell = out.cells.len();
            let (rank, band) = (out.cells[last].rank + 1, items[right].band);
            out.cells.push(Cell { item: None, rank, band, height: 0.0 });
            out.pieces.push(Piece { from: last, from_y, to: cell, to_y: 0.0 });
            trunk.push(cell);
        }
        let mut way = trunk[..ranks[right] - ranks[left]].to_vec();
        let last = way[way.len() - 1];
        let from_y = if way.len() == 1 { left_y } else { 0.0 };
        out.pieces.push(Piece { from: last, from_y, to: right, to_y: right_y });
        way.push(right);
        out.ways.push(way);
    }
    for (at, cell) in out.cells.iter().enumerate() {
        out.order[cell.rank].push(at);
    }
    out
}

fn finish(
    items: &[Item],
    wires: &[Wire],
    ranks: &rank::Ranks,
    columns: &Columns,
    tops: &[f64],
    strips: Vec<(f64, f64)>,
) -> Layout {
    let (starts, widths, width) = across(items, &ranks.of, columns);
    let height = strips.last().map_or(0.0, |(_, end)| *end);
    let mut out = Layout { width, height, ..Layout::default() };
    if strips.len() > 1 {
        out.bands = strips
            .iter()
            .map(|(from, to)| Rect { x: 0.0, y: *from, width: width + 2.0 * BAND_PAD, height: to - from })
            .collect();
        out.width += 2.0 * BAND_PAD;
    }
    let shift = if out.bands.is_empty() { 0.0 } else { BAND_PAD };
    out.items = (0..items.len()).map(|at| (starts[ranks.of[at]] + shift, tops[at])).collect();
    for (wire, way) in wires.iter().zip(&columns.ways) {
        let mut route = Route { runs: Vec::new(), backward: ranks.of[wire.from] > ranks.of[wire.to] };
        let (left_y, right_y) =
            if route.backward { (wire.to_y, wire.from_y) } else { (wire.from_y, wire.to_y) };
        for (step, cell) in way.iter().enumerate() {
            let rank = columns.cells[*cell].rank;
            let (x, end) = (starts[rank] + shift, starts[rank] + widths[rank] + shift);
            route.runs.push(match columns.cells[*cell].item {
                Some(at) if step == 0 => Run { x0: x + items[at].width, x1: end, y: tops[*cell] + left_y },
                Some(_) => Run { x0: x, x1: x, y: tops[*cell] + right_y },
                None => Run { x0: x, x1: end, y: tops[*cell] },
            });
        }
        out.routes.push(route);
    }
    out
}

/// The left end and the width of every column, and of all.
fn across(items: &[Item], ranks: &[usize], columns: &Columns) -> (Vec<f64>, Vec<f64>, f64) {
    let mut widths = vec![0.0_f64; columns.order.len()];
    for (item, rank) in items.iter().zip(ranks) {
        widths[*rank] = widths[*rank].max(item.width);
    }
    let mut lanes = vec![0_u32; columns.order.len()];
    for piece in &columns.pieces {
        lanes[columns.cells[piece.from].rank] += 1;
    }
    let mut starts = Vec::with_capacity(widths.len());
    let mut x = 0.0;
    for (width, lanes) in widths.iter().zip(&lanes) {
        starts.push(x);
        // Many turns need room, or they look like walls.
        x += width + 46.0 + f64::from((*lanes).min(30)) * 1.8;
    }
    let width = starts.last().zip(widths.last()).map_or(0.0, |(x, width)| x + width);
    (starts, widths, width)
}

#[cfg(test)]
mod tests;
