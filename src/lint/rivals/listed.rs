//! Lists by name, all in one: names come by the hundred thousand, and most lists hold one thing.

use super::super::flow::NameId;

/// What stands behind each name, in the order in which it was given.
pub struct Listed<T> {
    /// By name where its part of `items` begins; then where the last one ends.
    starts: Box<[u32]>,
    items: Box<[T]>,
}

impl<T: Copy> Listed<T> {
    /// Of the pairs for so many names, which are asked for twice.
    pub fn of<I: Iterator<Item = (NameId, T)>>(names: usize, pairs: impl Fn() -> I) -> Self {
        let mut starts = vec![0_u32; names + 1];
        for (name, _) in pairs() {
            starts[name.index() + 1] += 1;
        }
        for index in 1..starts.len() {
            starts[index] += starts[index - 1];
        }
        let mut next = starts.clone();
        let mut items: Vec<Option<T>> = vec![None; starts[names] as usize];
        for (name, item) in pairs() {
            items[next[name.index()] as usize] = Some(item);
            next[name.index()] += 1;
        }
        Self { starts: starts.into(), items: items.into_iter().flatten().collect() }
    }

    pub fn of_name(&self, name: NameId) -> &[T] {
        &self.items[self.starts[name.index()] as usize..self.starts[name.index() + 1] as usize]
    }
}
