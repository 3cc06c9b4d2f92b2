//! What holds for every layout.

use super::*;

/// The same numbers in every run.
fn numbers(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    }
}

fn random(seed: u64, count: usize, bands: usize) -> (Vec<Item>, Vec<Wire>) {
    let mut next = numbers(seed);
    let items: Vec<Item> = (0..count)
        .map(|_| Item { width: 40.0 + next(200) as f64, height: 20.0 + next(150) as f64, band: next(bands) })
        .collect();
    let wires = (0..count + next(count))
        .map(|_| {
            let (from, to) = (next(count), next(count));
            let (from_y, to_y) = (items[from].height / 2.0, items[to].height / 3.0);
            Wire { from, from_y, to, to_y, bundle: next(2) }
        })
        .collect();
    (items, wires)
}

fn overlap(a: Rect, b: Rect) -> bool {
    a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
}

#[test]
fn no_box_lies_on_another_and_no_wire_runs_through_one() {
    for seed in 0..40 {
        let bands = 1 + usize::try_from(seed).unwrap() % 3;
        let (items, wires) = random(seed, 30, bands);
        let found = layout(&items, &wires);
        let rect = |at: usize| {
            let (x, y) = found.items[at];
            Rect { x, y, width: items[at].width, height: items[at].height }
        };
        for a in 0..items.len() {
            let whole = Rect { x: -0.1, y: -0.1, width: found.width + 0.2, height: found.height + 0.2 };
            let r = rect(a);
            assert!(overlap(r, whole) && r.x + r.width <= whole.width && r.y + r.height <= whole.height);
            for b in 0..a {
                assert!(!overlap(rect(a), rect(b)), "seed {seed}: {a} lies on {b}");
            }
        }
        for (wire, route) in wires.iter().zip(&found.routes) {
            if wire.from == wire.to {
                assert!(route.runs.is_empty());
                continue;
            }
            let (left, right) = if route.backward { (wire.to, wire.from) } else { (wire.from, wire.to) };
            assert_eq!(route.runs[0].x0, rect(left).x + rect(left).width, "seed {seed}");
            assert_eq!(route.runs.last().unwrap().x1, rect(right).x, "seed {seed}");
            for pair in route.runs.windows(2) {
                // The turn lies in the gap between two columns, where no box is.
                assert!(pair[0].x1 < pair[1].x0, "seed {seed}: a turn goes back");
                let (top, bottom) = (pair[0].y.min(pair[1].y), pair[0].y.max(pair[1].y));
                let turn =
                    Rect { x: pair[0].x1, y: top, width: pair[1].x0 - pair[0].x1, height: bottom - top };
                assert!((0..items.len()).all(|at| !overlap(rect(at), turn)), "seed {seed}");
            }
            for run in &route.runs {
                let level = Rect { x: run.x0, y: run.y - 0.5, width: run.x1 - run.x0, height: 1.0 };
                assert!((0..items.len()).all(|at| !overlap(rect(at), level)), "seed {seed}");
            }
        }
        for (band, strip) in found.bands.iter().enumerate() {
            for (at, item) in items.iter().enumerate() {
                assert_eq!(overlap(rect(at), *strip), item.band == band, "seed {seed}");
            }
        }
    }
}

#[test]
fn a_chain_is_a_straight_line() {
    let items = vec![Item { width: 50.0, height: 20.0, band: 0 }; 5];
    let wire = |from, to| Wire { from, from_y: 10.0, to, to_y: 10.0, bundle: 0 };
    let found = layout(&items, &[wire(0, 1), wire(1, 2), wire(2, 3), wire(3, 4), wire(0, 4)]);
    assert!(found.items.windows(2).all(|pair| pair[0].0 < pair[1].0));
    assert!(found.routes[..4].iter().all(|r| (r.runs[0].y - r.runs[1].y).abs() < 20.0));
}

#[test]
fn the_same_rules_are_laid_out_the_same_way() {
    let (items, wires) = random(7, 60, 1);
    let (one, two) = (layout(&items, &wires), layout(&items, &wires));
    assert_eq!((one.items, one.routes), (two.items, two.routes));
}

#[test]
fn a_tree_has_no_crossings() {
    let items = vec![Item { width: 50.0, height: 20.0, band: 0 }; 40];
    // Given in an order that crosses everything.
    let wires: Vec<Wire> = (1..40)
        .rev()
        .map(|to| Wire { from: (to - 1) / 3, from_y: 10.0, to, to_y: 10.0, bundle: 0 })
        .collect();
    let found = layout(&items, &wires);
    for (a, one) in wires.iter().zip(&found.routes) {
        for (b, two) in wires.iter().zip(&found.routes) {
            let (p, q) = (one.runs.as_slice(), two.runs.as_slice());
            if p.len() == 2 && q.len() == 2 && p[0].x1 == q[0].x1 && a.from != b.from {
                assert!((p[0].y < q[0].y) == (p[1].y < q[1].y), "{a:?} crosses {b:?}");
            }
        }
    }
}
