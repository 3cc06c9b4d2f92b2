//! The names of one instance: what an application must write so that drops reach its entries.

use serde::Serialize;
use utoipa::ToSchema;

use super::StepKind;
use super::collect::finished;
use super::compile;
use super::fill::{Filled, Source};
use super::program::{Filling, Program};
use super::row::Row;
use crate::check::Write;
use crate::check::condition::Image;
use crate::check::ruleset::TagOrigin;

/// What entries made from an instance are called and carry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct InstanceNames {
    pub keys: Vec<Carried>,
    /// Every entry made from the instance carries all of these.
    pub tags: Vec<Carried>,
    /// Entries made from many instances carry these for each instance they show.
    pub lists: Vec<Carried>,
}

/// One template and what it fills to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Carried {
    pub template: String,
    /// Empty where a null was filled in, or something is missing.
    pub names: Vec<String>,
    /// Values that were not given, as the command line names them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// Why it has no name, where it is not that something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// A dimension whose values nobody lists: the application fills it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub open: bool,
    /// Why an entry carries it.
    pub origin: Origin,
}

/// Why an entry has or carries a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    Key,
    /// A `tag` clause.
    Written,
    /// Implied: the instance's own tag.
    Instance,
    /// Implied by cascades.
    Scoped,
    List,
}

impl Program {
    /// The names of the instance that a write describes, as it is after the write.
    pub fn names(&self, write: &Write) -> InstanceNames {
        let rules = self.rules();
        let (slots, group) = compile::instance(rules, write.entity());
        let row = Row::new(write, &slots);
        let source =
            Source { rules, row: &row, slots: &slots, context: write.context_values(), trigger: &[] };
        let entity = rules.entity(write.entity());
        let carried = |filling: &Filling, origin: Origin| {
            let image = row.present.first().copied().unwrap_or(Image::New);
            let mut carried = Carried {
                template: filling.text.to_string(),
                names: Vec::new(),
                missing: Vec::new(),
                reason: None,
                open: false,
                origin,
            };
            match source.fill(filling, image, &group) {
                Filled::Names { names, .. } => {
                    let kind = if origin == Origin::Key { StepKind::Key } else { StepKind::Tag };
                    carried.names = names.into_iter().map(|name| finished(kind, name).into()).collect();
                }
                Filled::Unbound { open, .. } => {
                    (carried.missing, carried.open) = (source.missing(filling, image), open);
                }
                Filled::TooMuch(reason) => carried.reason = Some(reason),
            }
            carried
        };
        let origin = |filling: &Filling| {
            let tag = entity.tags.iter().find(|t| t.template.text() == &*filling.text);
            match tag.map(|t| t.origin) {
                Some(TagOrigin::Instance) => Origin::Instance,
                Some(TagOrigin::Scoped(_)) => Origin::Scoped,
                _ => Origin::Written,
            }
        };
        InstanceNames {
            keys: group.keys.iter().map(|k| carried(k, Origin::Key)).collect(),
            tags: group.tags.iter().map(|t| carried(t, origin(t))).collect(),
            lists: group.lists.iter().map(|l| carried(l, Origin::List)).collect(),
        }
    }
}
