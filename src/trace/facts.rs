//! What a write says of the row before and after it.

use crate::check::condition::Image;
use crate::check::ruleset::Operation;
use crate::check::template::RowPath;
use crate::check::{RuleSet, Write};
use crate::model::Value;

/// A write, and what the holes of the trigger hold where a chained rule fires.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    pub rules: &'a RuleSet,
    pub write: &'a Write,
    /// The trigger's holes, as they stand in the tag.
    pub trigger: &'a [String],
}

/// What is known of a value in one image.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// `None` where it is unknown.
    pub value: Option<Value>,
    /// The name whose value was taken as unmoved without anybody having said so.
    pub assumed: Option<String>,
}

impl Held {
    fn known(value: Value) -> Self {
        Self { value: Some(value), assumed: None }
    }
}

impl Facts<'_> {
    /// The images that the operation has.
    pub fn images(&self) -> &'static [Image] {
        match self.write.operation() {
            Operation::Create => &[Image::New],
            Operation::Delete => &[Image::Old],
            Operation::Update | Operation::Custom(_) => &[Image::New, Image::Old],
        }
    }

    fn has_one_image(&self) -> bool {
        self.images().len() == 1
    }

    /// The value at a path. Where the operation has one image, both names read it.
    pub fn held(&self, path: &RowPath, image: Image) -> Held {
        let image = if self.has_one_image() { self.images()[0] } else { image };
        let name = path.write_name();
        if name == "id" {
            return Held { value: self.write.id().map(|id| Value::Text(id.clone())), assumed: None };
        }
        let behind = path.behind();
        let mut assumed_null = None;
        for (at, prefix) in behind.iter().enumerate() {
            let held = self.value(prefix, &behind[..at], image);
            if held.value.as_ref().is_some_and(Value::is_nothing) {
                // Nothing stands behind a null that was given; one that is only assumed gives way to
                // a value that was given behind it.
                if held.assumed.is_none() {
                    return held;
                }
                assumed_null.get_or_insert(held);
            }
        }
        match (self.given(&name, image), assumed_null) {
            (None, Some(null)) => null,
            _ => self.value(&name, &behind, image),
        }
    }

    fn given(&self, name: &str, image: Image) -> Option<&Value> {
        match image {
            Image::New => self.write.new_value(name),
            Image::Old => self.write.old_value(name),
        }
    }

    /// A value given for this image, or the other image's where it has not moved.
    fn value(&self, name: &str, behind: &[String], image: Image) -> Held {
        let other = match image {
            Image::New => Image::Old,
            Image::Old => Image::New,
        };
        if let Some(value) = self.given(name, image) {
            return Held::known(value.clone());
        }
        let Some(value) = self.given(name, other) else { return Held::default() };
        if self.has_one_image() {
            return Held::known(value.clone());
        }
        let listed = self.write.changed(name);
        if listed == Some(true) || behind.iter().any(|reference| self.moved(reference) == Some(true)) {
            return Held::default();
        }
        Held { value: Some(value.clone()), assumed: listed.is_none().then(|| name.to_owned()) }
    }

    /// Whether a column moved, as far as both its values or the list of changes say.
    fn moved(&self, name: &str) -> Option<bool> {
        if self.write.changed(name) == Some(true) {
            return Some(true);
        }
        self.differs(name)
    }

    fn differs(&self, name: &str) -> Option<bool> {
        Some(!self.write.new_value(name)?.same(self.write.old_value(name)?))
    }

    /// Whether a condition counts a column as changed: both values decide, else the list of changes.
    pub fn changed(&self, name: &str) -> Option<bool> {
        if self.has_one_image() {
            return Some(true);
        }
        self.differs(name).or_else(|| self.write.changed(name))
    }

    /// How the command line would give a value for an image.
    pub fn missing_name(&self, path: &RowPath, image: Image) -> String {
        let name = path.write_name();
        let known_after = || self.held(path, Image::New).value.is_some();
        if !self.has_one_image() && image == Image::Old && known_after() {
            format!("old.{name}")
        } else {
            name
        }
    }
}
