//! Names of rules and relations, as steps list them: hardly ever more than one, and the same in many steps.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::slice;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// Names of rules or relations, shared by all steps that list the same.
#[derive(Clone, Default)]
pub struct Names(Shared);

/// None and one, the usual cases, need no list of their own; none needs no counter either.
#[derive(Clone, Default)]
enum Shared {
    #[default]
    None,
    One(Arc<str>),
    Several(Arc<[Arc<str>]>),
}

impl Names {
    pub fn one(name: Arc<str>) -> Self {
        Self(Shared::One(name))
    }

    pub fn to_strings(&self) -> Vec<String> {
        self.iter().map(|name| name.to_string()).collect()
    }
}

impl Deref for Names {
    type Target = [Arc<str>];

    fn deref(&self) -> &Self::Target {
        match &self.0 {
            Shared::None => &[],
            Shared::One(name) => slice::from_ref(name),
            Shared::Several(names) => names,
        }
    }
}

impl From<Vec<Arc<str>>> for Names {
    fn from(mut names: Vec<Arc<str>>) -> Self {
        Self(match names.len() {
            0 | 1 => names.pop().map_or(Shared::None, Shared::One),
            _ => Shared::Several(names.into()),
        })
    }
}

impl<N: Into<Arc<str>>> FromIterator<N> for Names {
    fn from_iter<I: IntoIterator<Item = N>>(names: I) -> Self {
        names.into_iter().map(Into::into).collect::<Vec<Arc<str>>>().into()
    }
}

impl<'a> IntoIterator for &'a Names {
    type Item = &'a Arc<str>;
    type IntoIter = slice::Iter<'a, Arc<str>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

// They are compared and shown as the lists that they are.

impl PartialEq for Names {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Names {}

impl PartialOrd for Names {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Names {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (**self).cmp(&**other)
    }
}

impl Hash for Names {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl Serialize for Names {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
