//! Shapes by their pieces, so that those which meet are found without looking at all of them.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::check::shape::Shape;

/// Shapes looked at for one question at most: beyond it thousands of templates differ in nothing but
/// what fills their holes.
const MAX_LOOKS: usize = 10_000;

/// What stands behind shapes, to be found by the shapes that have a text in common with them.
#[derive(Debug)]
pub struct ShapeIndex<T> {
    root: Node,
    entries: Vec<(Rc<Shape>, T)>,
}

#[derive(Debug, Default)]
struct Node {
    texts: BTreeMap<String, Node>,
    hole: Option<Box<Node>>,
    /// The shapes that end here, by their place.
    ends: Vec<usize>,
}

/// What a question found.
#[derive(Debug)]
pub struct Found<T> {
    /// With a text that both shapes produce, in the order in which they were added.
    pub meeting: Vec<(T, String)>,
    /// Whether every shape that could meet was looked at.
    pub complete: bool,
}

impl<T> Default for ShapeIndex<T> {
    fn default() -> Self {
        Self { root: Node::default(), entries: Vec::new() }
    }
}

impl<T: Copy> ShapeIndex<T> {
    pub fn add(&mut self, shape: Rc<Shape>, what: T) {
        let mut node = &mut self.root;
        for piece in shape.pieces() {
            node = match piece {
                Some(text) => node.texts.entry(text.to_owned()).or_default(),
                None => node.hole.get_or_insert_default(),
            };
        }
        node.ends.push(self.entries.len());
        self.entries.push((shape, what));
    }

    /// Everything whose shape has a text in common with this one.
    pub fn meeting(&self, shape: &Shape) -> Found<T> {
        let pieces: Vec<Option<&str>> = shape.pieces().collect();
        let mut open = vec![(&self.root, 0)];
        let mut ends: Vec<usize> = Vec::new();
        let mut looks = 0;
        while let Some((node, depth)) = open.pop() {
            looks += 1;
            if looks > MAX_LOOKS || ends.len() > MAX_LOOKS {
                break;
            }
            let Some(piece) = pieces.get(depth) else {
                ends.extend(&node.ends);
                continue;
            };
            match piece {
                Some(text) => open.extend(node.texts.get(*text).map(|n| (n, depth + 1))),
                None => open.extend(node.texts.values().map(|n| (n, depth + 1))),
            }
            open.extend(node.hole.as_deref().map(|n| (n, depth + 1)));
        }
        let complete = looks <= MAX_LOOKS && ends.len() <= MAX_LOOKS;
        ends.sort_unstable();
        let meeting = ends
            .into_iter()
            .filter_map(|at| {
                let (other, what) = &self.entries[at];
                shape.common(other).map(|text| (*what, text))
            })
            .collect();
        Found { meeting, complete }
    }
}
