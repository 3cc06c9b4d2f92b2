//! Shapes by their pieces, so that one is held only against those that could meet it.

use rustc_hash::FxHashMap;

use crate::check::shape::{Segment, Shape};

/// Pieces held against each other at most, over all shapes.
const MAX_STEPS: usize = 20_000_000;

/// Shapes of one length, each with the place at which it was added.
pub struct Trie<'a> {
    nodes: Vec<Node<'a>>,
    /// The order in which pieces are compared: first those that are text in most shapes, where a
    /// look-up decides.
    order: Vec<usize>,
    holes: FxHashMap<(&'a Segment, &'a Segment), bool>,
    steps: usize,
}

#[derive(Default)]
struct Node<'a> {
    /// The first of the shapes below.
    least: usize,
    texts: Vec<(&'a Segment, usize)>,
    holes: Vec<(&'a Segment, usize)>,
    places: FxHashMap<&'a Segment, usize>,
}

/// Why a search was given up: too many shapes could meet each other.
#[derive(Clone, Copy, Debug)]
pub struct TooMany;

impl<'a> Trie<'a> {
    /// A trie for these shapes, all of one length, with none of them in it.
    pub fn over(shapes: &[&'a Shape]) -> Self {
        let length = shapes.first().map_or(0, |shape| shape.piece_count());
        let mut holes = vec![0usize; length];
        for shape in shapes {
            for (count, segment) in holes.iter_mut().zip(shape.segments()) {
                *count += usize::from(!segment.is_text());
            }
        }
        let mut order: Vec<usize> = (0..length).collect();
        order.sort_by_key(|place| holes[*place]);
        Self { nodes: vec![Node::default()], order, holes: FxHashMap::default(), steps: 0 }
    }

    /// Adds a shape; `place` is larger than those added before.
    pub fn add(&mut self, shape: &'a Shape, place: usize) {
        let mut at = 0;
        for index in &self.order {
            let segment = &shape.segments()[*index];
            at = match self.nodes[at].places.get(segment) {
                Some(next) => *next,
                None => {
                    let next = self.nodes.len();
                    self.nodes.push(Node { least: place, ..Node::default() });
                    let node = &mut self.nodes[at];
                    node.places.insert(segment, next);
                    let list = if segment.is_text() { &mut node.texts } else { &mut node.holes };
                    list.push((segment, next));
                    next
                }
            };
        }
    }

    /// The first of the added shapes that has a text in common with this one.
    pub fn first_meeting(&mut self, shape: &'a Shape) -> Result<Option<usize>, TooMany> {
        let mut best: Option<usize> = None;
        let mut open = vec![(0, 0)];
        while let Some((at, depth)) = open.pop() {
            let is_later = |least: usize| best.is_some_and(|best| least >= best);
            let node = &self.nodes[at];
            if self.nodes.len() == 1 || is_later(node.least) {
                continue;
            }
            let Some(index) = self.order.get(depth) else {
                best = Some(node.least);
                continue;
            };
            let segment = &shape.segments()[*index];
            if segment.is_text() {
                open.extend(node.places.get(segment).map(|next| (*next, depth + 1)));
            } else {
                self.steps += node.texts.len();
                let meeting = node
                    .texts
                    .iter()
                    .filter(|(text, next)| !is_later(self.nodes[*next].least) && segment.meets(text));
                open.extend(meeting.map(|(_, next)| (*next, depth + 1)));
            }
            for (hole, next) in &node.holes {
                self.steps += 1;
                let meets = if segment.is_text() {
                    segment.meets(hole)
                } else {
                    *self.holes.entry((segment, hole)).or_insert_with(|| {
                        self.steps += segment.width() + hole.width();
                        segment.meets(hole)
                    })
                };
                if meets {
                    open.push((*next, depth + 1));
                }
            }
            if self.steps > MAX_STEPS {
                return Err(TooMany);
            }
        }
        Ok(best)
    }
}
