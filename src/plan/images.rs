//! The two states of the written row: what each slot holds before and after.

use super::program::Slot;
use crate::check::Write;
use crate::check::condition::Image;
use crate::check::ruleset::Operation;
use crate::model::Value;

/// What is known of every slot in each image.
pub struct Images {
    /// The images that the operation has.
    pub present: &'static [Image],
    new: Vec<Held>,
    old: Vec<Held>,
}

/// What an image holds in a slot.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// `None` where it is unknown.
    pub value: Option<Value>,
    /// The name of the other image's value that was taken as unmoved without anybody having said so:
    /// the slot's own, or that of a ref on the way to it.
    pub assumed: Option<String>,
}

impl Images {
    pub fn new(write: &Write, slots: &[Slot]) -> Self {
        let present: &'static [Image] = match write.operation() {
            Operation::Create => &[Image::New],
            Operation::Delete => &[Image::Old],
            Operation::Update | Operation::Custom(_) => &[Image::New, Image::Old],
        };
        let held = |image: Image| -> Vec<Held> {
            slots.iter().map(|slot| hold(write, slot, image, present.len() == 1)).collect()
        };
        match present {
            // One image: both names read it.
            [only] => Self { present, new: held(*only), old: Vec::new() },
            _ => Self { present, new: held(Image::New), old: held(Image::Old) },
        }
    }

    pub fn get(&self, slot: usize, image: Image) -> &Held {
        match image {
            Image::Old if self.present.len() > 1 => &self.old[slot],
            _ => &self.new[slot],
        }
    }
}

fn hold(write: &Write, slot: &Slot, image: Image, single: bool) -> Held {
    if slot.name == "id" {
        return Held { value: write.id().map(|id| Value::Text(id.clone())), assumed: None };
    }
    let mut assumed_null = None;
    for (at, prefix) in slot.behind.iter().enumerate() {
        let held = value(write, prefix, &slot.behind[..at], image, single);
        if held.value.as_ref().is_some_and(Value::is_nothing) {
            // Nothing stands behind a null that was given; a null that is only assumed gives way to
            // a value that was given behind it.
            if held.assumed.is_none() {
                return held;
            }
            assumed_null.get_or_insert(held);
        }
    }
    match (given(write, &slot.name, image), assumed_null) {
        (None, Some(null)) => null,
        _ => value(write, &slot.name, &slot.behind, image, single),
    }
}

/// A value as it was given for this image.
fn given<'w>(write: &'w Write, name: &str, image: Image) -> Option<&'w Value> {
    match image {
        Image::New => write.new_value(name),
        Image::Old => write.old_value(name),
    }
}

/// A value given for this image, or the other image's where it has not moved.
fn value(write: &Write, name: &str, behind: &[String], image: Image, single: bool) -> Held {
    let other = match image {
        Image::New => Image::Old,
        Image::Old => Image::New,
    };
    if let Some(value) = given(write, name, image) {
        return Held { value: Some(value.clone()), assumed: None };
    }
    let Some(value) = given(write, name, other) else { return Held::default() };
    if single {
        return Held { value: Some(value.clone()), assumed: None };
    }
    if write.changed(name) == Some(true) || behind.iter().any(|r| has_moved(write, r)) {
        return Held::default();
    }
    // Any name asks whether there is a list at all.
    Held { value: Some(value.clone()), assumed: write.changed(name).is_none().then(|| name.to_owned()) }
}

/// Whether a ref is known to point elsewhere after the write: what is behind it in one image says
/// nothing of the other.
fn has_moved(write: &Write, reference: &str) -> bool {
    write.changed(reference) == Some(true)
        || match (write.new_value(reference), write.old_value(reference)) {
            (Some(new), Some(old)) => !new.same(old),
            _ => false,
        }
}
