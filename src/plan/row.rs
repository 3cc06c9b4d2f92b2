//! The written row: what each slot holds before and after the write.

use std::ops::{Deref, DerefMut};

use super::program::{Slot, Slots};
use crate::check::Write;
use crate::check::condition::Image;
use crate::check::ruleset::Operation;
use crate::model::{Value, needs_no_escape};

/// What a write says of the row, by slot.
pub struct Row<'w> {
    /// The images that the operation has.
    pub present: &'static [Image],
    /// Whether any slot holds a value that was only assumed.
    pub assumes: bool,
    cells: Cells<'w>,
}

/// What is known of each slot: of few slots without memory of its own.
#[expect(clippy::large_enum_variant, reason = "the large one is the usual one, and stays where it is made")]
enum Cells<'w> {
    Few([Cell<'w>; 8], usize),
    Many(Vec<Cell<'w>>),
}

impl<'w> Cells<'w> {
    fn new(cell: Cell<'w>, slots: &Slots) -> Self {
        match slots.list.len() {
            few if few <= 8 => Self::Few([cell; 8], few),
            many => Self::Many(vec![cell; many]),
        }
    }
}

impl<'w> Deref for Cells<'w> {
    type Target = [Cell<'w>];

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Few(cells, few) => &cells[..*few],
            Self::Many(cells) => cells,
        }
    }
}

impl DerefMut for Cells<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        match self {
            Self::Few(cells, few) => &mut cells[..*few],
            Self::Many(cells) => cells,
        }
    }
}

/// What is known of one slot.
#[derive(Clone, Copy, Default)]
struct Cell<'w> {
    /// As it was given.
    new: Option<&'w Value>,
    old: Option<&'w Value>,
    /// Whether the caller said what changed, and this is in it.
    changed: Option<bool>,
    /// What follows from that for each image, found once: every template asks for it.
    after: Held<'w>,
    before: Held<'w>,
}

/// What an image holds in a slot.
#[derive(Clone, Copy, Debug, Default)]
pub struct Held<'w> {
    /// `None` where it is unknown.
    pub value: Option<&'w Value>,
    /// The slot of the other image's value that was taken as unmoved without anybody having said so:
    /// the slot itself, or that of a ref on the way to it.
    pub assumed: Option<usize>,
    /// Whether the value is a text that stands in a name as it is.
    is_plain: bool,
}

impl<'w> Held<'w> {
    fn known(value: &'w Value) -> Self {
        let is_plain = matches!(value, Value::Text(text) if needs_no_escape(text));
        Self { value: Some(value), assumed: None, is_plain }
    }

    /// A text that stands in a name as it is.
    pub fn plain(&self) -> Option<&'w str> {
        match self.value {
            Some(Value::Text(text)) if self.is_plain => Some(text),
            _ => None,
        }
    }
}

/// The images that an operation has.
pub fn images(operation: &Operation) -> &'static [Image] {
    match operation {
        Operation::Create => &[Image::New],
        Operation::Delete => &[Image::Old],
        Operation::Update | Operation::Custom(_) => &[Image::New, Image::Old],
    }
}

impl<'w> Row<'w> {
    pub fn new(write: &'w Write, slots: &Slots) -> Self {
        let changed = write.changed_columns();
        let nothing = Cell { changed: changed.as_ref().map(|_| false), ..Cell::default() };
        let cells = Cells::new(nothing, slots);
        let mut row = Self { present: images(write.operation()), assumes: false, cells };
        let cells = &mut *row.cells;
        // What no slot asks for is passed over.
        let at = |name: &str| slots.by_name.get(name).copied();
        write.new_values().filter_map(|(n, v)| Some((at(n)?, v))).for_each(|(at, v)| cells[at].new = Some(v));
        write.old_values().filter_map(|(n, v)| Some((at(n)?, v))).for_each(|(at, v)| cells[at].old = Some(v));
        for name in changed.into_iter().flatten() {
            if let Some(at) = at(name) {
                cells[at].changed = Some(true);
            }
        }
        if let Some(id) = cells.get_mut(Slots::ID) {
            (id.new, id.old, id.changed) = (write.id_value(), write.id_value(), Some(false));
        }
        for (at, slot) in slots.list.iter().enumerate() {
            row.conclude(at, slot);
        }
        row
    }

    /// A row of which nothing is known but what is done to it.
    pub fn of_operation(operation: &Operation, slots: &Slots) -> Self {
        let cells = Cells::new(Cell::default(), slots);
        Self { present: images(operation), assumes: false, cells }
    }

    /// Finds what the images hold in a slot.
    fn conclude(&mut self, at: usize, slot: &Slot) {
        let is_one = self.present.len() == 1;
        let Cell { new, old, changed, .. } = self.cells[at];
        let (after, before) = match (new, old) {
            _ if !slot.behind.is_empty() => {
                // Of one image both names are read.
                let after = self.find(at, slot, self.present[0]);
                (after, if is_one { after } else { self.find(at, slot, Image::Old) })
            }
            (None, None) => return,
            (Some(new), Some(old)) if std::ptr::eq(new, old) => {
                let given = Held::known(new);
                (given, given)
            }
            (Some(new), Some(old)) if !is_one => (Held::known(new), Held::known(old)),
            (Some(new), Some(old)) => {
                let given = Held::known(if self.present[0] == Image::New { new } else { old });
                (given, given)
            }
            // It was given for one image.
            (Some(value), None) | (None, Some(value)) => {
                let given = Held::known(value);
                let other = match changed {
                    _ if is_one => given,
                    Some(true) => Held::default(),
                    _ => Held { assumed: changed.is_none().then_some(at), ..given },
                };
                if new.is_some() { (given, other) } else { (other, given) }
            }
        };
        self.assumes |= after.assumed.is_some() || before.assumed.is_some();
        let cell = &mut self.cells[at];
        (cell.after, cell.before) = (after, before);
    }

    pub fn held(&self, slot: usize, image: Image) -> Held<'w> {
        match image {
            Image::New => self.cells[slot].after,
            Image::Old => self.cells[slot].before,
        }
    }

    /// What an image holds behind refs.
    fn find(&self, at: usize, slot: &Slot, image: Image) -> Held<'w> {
        let behind = slot.behind.as_slice();
        let mut assumed_null = None;
        for (at, reference) in behind.iter().enumerate() {
            let held = self.value(*reference, &behind[..at], image);
            if held.value.is_some_and(Value::is_nothing) {
                // Nothing stands behind a null that was given; a null that is only assumed gives way
                // to a value that was given behind it.
                if held.assumed.is_none() {
                    return held;
                }
                assumed_null.get_or_insert(held);
            }
        }
        match (self.given(at, image), assumed_null) {
            (None, Some(null)) => null,
            _ => self.value(at, behind, image),
        }
    }

    /// Whether a column moved: by its two values, else by what the caller said.
    pub fn moved(&self, slot: usize) -> Option<bool> {
        let cell = &self.cells[slot];
        match (cell.new, cell.old) {
            (Some(new), Some(old)) => Some(!new.same(old)),
            _ => cell.changed,
        }
    }

    /// The images to fill from, where these slots are all that matters. One is enough where both hold
    /// the same and the other assumes nothing: it makes the same names and has nothing to add.
    pub fn images(&self, slots: impl IntoIterator<Item = usize>) -> &'static [Image] {
        if self.present.len() == 1 {
            return self.present;
        }
        let (mut new_assumes, mut old_assumes) = (false, false);
        for slot in slots {
            let (new, old) = (self.held(slot, Image::New), self.held(slot, Image::Old));
            let same = match (new.value, old.value) {
                (None, None) => true,
                // Other types may be equal and read otherwise.
                (Some(Value::Text(a)), Some(Value::Text(b))) => a == b,
                (Some(a), Some(b)) => std::ptr::eq(a, b),
                _ => false,
            };
            if !same {
                return self.present;
            }
            new_assumes |= new.assumed.is_some();
            old_assumes |= old.assumed.is_some();
        }
        match (new_assumes, old_assumes) {
            (_, false) => &[Image::New],
            (false, true) => &[Image::Old],
            (true, true) => self.present,
        }
    }

    /// A value as it was given for this image.
    fn given(&self, slot: usize, image: Image) -> Option<&'w Value> {
        match image {
            Image::New => self.cells[slot].new,
            Image::Old => self.cells[slot].old,
        }
    }

    /// A value given for this image, or the other image's where it has not moved.
    fn value(&self, slot: usize, behind: &[usize], image: Image) -> Held<'w> {
        let other = match image {
            Image::New => Image::Old,
            Image::Old => Image::New,
        };
        if let Some(value) = self.given(slot, image) {
            return Held::known(value);
        }
        let Some(value) = self.given(slot, other) else { return Held::default() };
        if self.present.len() == 1 {
            return Held::known(value);
        }
        let changed = self.cells[slot].changed;
        if changed == Some(true) || behind.iter().any(|r| self.has_moved(*r)) {
            return Held::default();
        }
        Held { assumed: changed.is_none().then_some(slot), ..Held::known(value) }
    }

    /// Whether a ref is known to point elsewhere after the write: what is behind it in one image says
    /// nothing of the other.
    fn has_moved(&self, reference: usize) -> bool {
        let cell = &self.cells[reference];
        cell.changed == Some(true) || self.moved(reference) == Some(true)
    }
}
