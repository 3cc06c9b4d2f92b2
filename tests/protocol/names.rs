//! Keys, indexes and work, numbered, and small sets of them.

use crate::state::{KEYS, NAMES};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Key(pub u8);

/// The name of an index: a tag, or the dependents of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Name(pub u8);

/// Work for the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Item(pub u8);

/// A small set of anything that is numbered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Mask(pub u8);

impl Key {
    pub const ALL: [Self; KEYS] = [Self(0), Self(1)];

    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl Name {
    pub const ALL: [Self; NAMES] = [Self(0), Self(1), Self(2), Self(3)];

    pub fn dependents_of(key: Key) -> Self {
        Self(2 + key.0)
    }

    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl Item {
    pub fn drop_of(name: Name) -> Self {
        Self(name.0)
    }

    pub fn collect(name: Name) -> Self {
        Self(4 + name.0)
    }

    pub fn name(self) -> Name {
        Name(self.0 % 4)
    }

    pub fn is_collection(self) -> bool {
        self.0 >= 4
    }
}

impl Mask {
    pub fn of(key: Key) -> Self {
        Self(1 << key.0)
    }

    pub fn bit(at: u8) -> Self {
        Self(1 << at)
    }

    pub fn add(&mut self, key: Key) {
        self.0 |= 1 << key.0;
    }

    pub fn has(self, at: u8) -> bool {
        self.0 & 1 << at != 0
    }

    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// The lowest members, at most so many.
    pub fn first(self, count: usize) -> Self {
        let mut out = Self::default();
        for at in self.bits().take(count) {
            out.0 |= 1 << at;
        }
        out
    }

    pub fn bits(self) -> impl Iterator<Item = u8> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let at = u8::try_from(left.trailing_zeros()).ok().filter(|_| left != 0)?;
            left &= left - 1;
            Some(at)
        })
    }

    pub fn iter(self) -> impl Iterator<Item = Key> {
        self.bits().map(Key)
    }

    pub fn names(self) -> impl Iterator<Item = Name> {
        self.bits().map(Name)
    }
}
