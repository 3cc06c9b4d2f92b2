//! The written row: what each slot holds before and after the write.

use std::ops::{Deref, DerefMut};

use super::program::Slots;
use crate::check::Write;
use crate::check::condition::Image;
use crate::check::ruleset::Operation;
use crate::model::Value;

/// What a write says of the row, by slot.
pub struct Row<'w> {
    /// The images that the operation has.
    pub present: &'static [Image],
    slots: &'w Slots,
    cells: Cells<'w>,
}

/// What was given for each slot: of few slots without memory of its own.
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

/// What was given for one slot.
#[derive(Clone, Copy, Default)]
struct Cell<'w> {
    new: Option<&'w Value>,
    old: Option<&'w Value>,
    /// Whether the caller said what changed, and this is in it.
    changed: Option<bool>,
}

/// What an image holds in a slot.
#[derive(Clone, Copy, Debug, Default)]
pub struct Held<'w> {
    /// `None` where it is unknown.
    pub value: Option<&'w Value>,
    /// The slot of the other image's value that was taken as unmoved without anybody having said so:
    /// the slot itself, or that of a ref on the way to it.
    pub assumed: Option<usize>,
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
    pub fn new(write: &'w Write, slots: &'w Slots) -> Self {
        let present = images(write.operation());
        let changed = write.changed_columns();
        let nothing = Cell { changed: changed.as_ref().map(|_| false), ..Cell::default() };
        let mut cells = Cells::new(nothing, slots);
        let at = |name: &str| slots.by_name.get(name).copied();
        // What no slot asks for is passed over.
        write.new_values().filter_map(|(n, v)| Some((at(n)?, v))).for_each(|(at, v)| cells[at].new = Some(v));
        write.old_values().filter_map(|(n, v)| Some((at(n)?, v))).for_each(|(at, v)| cells[at].old = Some(v));
        for name in changed.into_iter().flatten() {
            if let Some(at) = at(name) {
                cells[at].changed = Some(true);
            }
        }
        if let Some(id) = cells.get_mut(Slots::ID) {
            *id = Cell { new: write.id_value(), old: write.id_value(), changed: Some(false) };
        }
        Self { present, slots, cells }
    }

    /// A row of which nothing is known but what is done to it.
    pub fn of_operation(operation: &Operation, slots: &'w Slots) -> Self {
        Self { present: images(operation), slots, cells: Cells::new(Cell::default(), slots) }
    }

    pub fn held(&self, slot: usize, image: Image) -> Held<'w> {
        // Of one image both names are read.
        let image = if self.present.len() == 1 { self.present[0] } else { image };
        let behind = self.slots.list[slot].behind.as_slice();
        // The usual case: it was given, and nothing on the way could say otherwise.
        if let (Some(value), []) = (self.given(slot, image), behind) {
            return Held { value: Some(value), assumed: None };
        }
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
        match (self.given(slot, image), assumed_null) {
            (None, Some(null)) => null,
            _ => self.value(slot, behind, image),
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
            return Held { value: Some(value), assumed: None };
        }
        let Some(value) = self.given(slot, other) else { return Held::default() };
        if self.present.len() == 1 {
            return Held { value: Some(value), assumed: None };
        }
        let changed = self.cells[slot].changed;
        if changed == Some(true) || behind.iter().any(|r| self.has_moved(*r)) {
            return Held::default();
        }
        Held { value: Some(value), assumed: changed.is_none().then_some(slot) }
    }

    /// Whether a ref is known to point elsewhere after the write: what is behind it in one image says
    /// nothing of the other.
    fn has_moved(&self, reference: usize) -> bool {
        let cell = &self.cells[reference];
        cell.changed == Some(true) || self.moved(reference) == Some(true)
    }
}
