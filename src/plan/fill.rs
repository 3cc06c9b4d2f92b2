//! Templates to names: every hole filled from one image.

use std::fmt::Write as _;

use arrayvec::ArrayString;
use compact_str::CompactString;
use rustc_hash::FxHashSet;
use smallvec::SmallVec;

use super::program::{Filling, Group, Piece, Slots};
use super::row::Row;
use crate::check::RuleSet;
use crate::check::condition::Image;
use crate::model::{MAX_NAME_BYTES, Value, escape_into, needs_no_escape, quote_glob};

/// Names that one template may fill to; beyond it the lists of the write multiply each other.
const MAX_NAMES: usize = 100_000;

/// Longer names take the slower way.
const USUAL_NAME_BYTES: usize = 128;
const _: () = assert!(USUAL_NAME_BYTES <= MAX_NAME_BYTES);

/// Slots by their places; hardly ever more than one.
pub type SlotList = SmallVec<[usize; 2]>;

/// What came of filling a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filled {
    /// Complete names; none where a null or an empty list was filled in. `assumed` holds the
    /// slots of the values that were only assumed for this image.
    Names { names: Vec<CompactString>, assumed: SlotList },
    /// There are values that the write did not give ([`Source::missing`] names them), or holes that
    /// nothing could fill.
    Unbound { missing: bool, open: bool },
    /// The names would be too long, or too many.
    TooMuch(String),
}

/// What a hole of a chained rule's trigger holds: a segment as it stands in the tag, escaped already,
/// or, in a widened tag, anything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Bound {
    Segment(String),
    Anything,
}

/// Everything that holes are filled from.
pub struct Source<'a> {
    pub rules: &'a RuleSet,
    pub row: &'a Row<'a>,
    pub slots: &'a Slots,
    /// By the place of the attribute.
    pub context: &'a [Option<Value>],
    /// Empty but for a chained rule.
    pub trigger: &'a [Bound],
}

/// What one hole is to be filled with.
enum Content<'a> {
    Value(&'a Value),
    /// Every value of a dimension.
    Each(&'a [String]),
    /// Text that is escaped already.
    Escaped(&'a str),
    /// The unknown in a glob, which matches whatever else fills the hole.
    Anything,
    /// The write did not give it.
    Missing,
    /// Nothing could fill it.
    Open,
}

/// How a template is filled.
#[derive(Clone, Copy)]
struct Manner {
    /// Values are quoted for a glob.
    glob: bool,
    /// What is unknown becomes a `*`.
    wide: bool,
}

/// The texts of a hole that has none or several, where each makes a name of its own.
type Texts<'t> = (&'t Piece, Vec<String>);

impl<'a> Source<'a> {
    /// Fills a template from one image. Ids along the group's way leave out the written instance.
    pub fn fill(&self, template: &Filling, image: Image, group: &Group) -> Filled {
        self.fill_as(template, image, group, Manner { glob: template.glob, wide: false })
    }

    /// Fills a template as a glob in which what is unknown is a `*`.
    pub fn fill_wide(&self, template: &Filling, image: Image, group: &Group) -> Filled {
        self.fill_as(template, image, group, Manner { glob: true, wide: true })
    }

    /// The usual case: every hole holds one text that needs no escape, and the name stands in a step as it is.
    /// `None` where it is another case. [`Source::assumed`] has what was only assumed.
    pub fn fill_plainly(&self, template: &Filling, image: Image, group: &Group) -> Option<CompactString> {
        if template.glob {
            return None;
        }
        let mut name = ArrayString::<USUAL_NAME_BYTES>::new();
        for part in &template.parts {
            name.try_push_str(self.plain(part, image, group)?).ok()?;
        }
        (!name.is_empty() && !name.starts_with('=')).then(|| name.as_str().into())
    }

    fn plain<'t>(&'t self, part: &'t Piece, image: Image, group: &Group) -> Option<&'t str> {
        match part {
            Piece::Text(text) => Some(text),
            Piece::Slot(slot) if !group.may_revisit(*slot) => self.row.held(*slot, image).plain(),
            Piece::Context(id) => match self.context.get(id.index()) {
                Some(Some(Value::Text(text))) if needs_no_escape(text) => Some(text),
                _ => None,
            },
            _ => None,
        }
    }

    /// The slots of the values in a template that were only assumed for this image.
    pub fn assumed(&self, template: &Filling, image: Image) -> impl Iterator<Item = usize> {
        // Hardly any row assumes anything.
        let holes = if self.row.assumes { template.holes.as_slice() } else { &[] };
        holes.iter().filter_map(move |hole| match hole {
            Piece::Slot(slot) => self.row.held(*slot, image).assumed,
            _ => None,
        })
    }

    fn fill_as(&self, template: &Filling, image: Image, group: &Group, manner: Manner) -> Filled {
        let (mut missing, mut open) = (false, false);
        let mut assumed = SlotList::new();
        // For each hole that holds nothing, the slot by which that was only assumed.
        let mut nothing: Vec<Option<usize>> = Vec::new();
        let mut several: Vec<Texts<'_>> = Vec::new();
        for hole in &template.holes {
            let (content, assumes) = self.look(hole, image, manner.wide);
            match content {
                Content::Missing => missing = true,
                Content::Open => open = true,
                Content::Value(value) if self.is_one(value, hole, group) => {}
                Content::Escaped(_) | Content::Anything => {}
                Content::Value(_) | Content::Each(_) => {
                    let texts = self.texts(&content, hole, group, manner.glob);
                    if texts.is_empty() {
                        nothing.push(assumes);
                    }
                    several.push((hole, texts));
                }
            }
            assumed.extend(assumes);
        }
        if !nothing.is_empty() {
            // One hole that is certainly empty is enough to know that nothing is made.
            let assumed = nothing.into_iter().collect::<Option<SlotList>>().unwrap_or_default();
            return Filled::Names { names: Vec::new(), assumed };
        }
        if open || missing {
            return Filled::Unbound { missing, open };
        }
        match self.names(template, image, manner, &several) {
            Ok(names) => Filled::Names { names, assumed },
            Err(reason) => Filled::TooMuch(reason),
        }
    }

    /// What a hole is to be filled with, and the slot that is only assumed to hold it.
    fn look(&self, hole: &Piece, image: Image, wide: bool) -> (Content<'a>, Option<usize>) {
        let unknown = |otherwise| if wide { Content::Anything } else { otherwise };
        let content = match hole {
            Piece::Slot(slot) => {
                let held = self.row.held(*slot, image);
                let content = held.value.map_or_else(|| unknown(Content::Missing), Content::Value);
                return (content, held.assumed);
            }
            Piece::Context(id) => match self.context.get(id.index()).and_then(Option::as_ref) {
                Some(value) => Content::Value(value),
                None => unknown(Content::Missing),
            },
            Piece::Vary(id) => {
                self.rules.varies()[id.index()].values.as_deref().map_or(Content::Open, Content::Each)
            }
            Piece::Trigger(index) => match self.trigger.get(*index) {
                Some(Bound::Segment(text)) => Content::Escaped(text),
                _ => unknown(Content::Open),
            },
            // Text is no hole.
            Piece::Open | Piece::Text(_) => unknown(Content::Open),
        };
        (content, None)
    }

    /// Whether a value fills a hole with exactly one text.
    fn is_one(&self, value: &Value, hole: &Piece, group: &Group) -> bool {
        match value {
            Value::Null | Value::List(_) => false,
            Value::Text(text) => self.visited(hole, group) != Some(&**text),
            // Ids are text.
            _ => true,
        }
    }

    /// The id of the written instance, where the hole holds ids along a way that may come back to it.
    fn visited(&self, hole: &Piece, group: &Group) -> Option<&str> {
        match hole {
            Piece::Slot(slot) if group.may_revisit(*slot) => match self.row.held(Slots::ID, Image::New).value
            {
                Some(Value::Text(id)) => Some(id),
                _ => None,
            },
            _ => None,
        }
    }

    /// The texts of a hole: one for each element of a list, none for null.
    fn texts(&self, content: &Content<'_>, hole: &Piece, group: &Group, glob: bool) -> Vec<String> {
        let visited = self.visited(hole, group);
        let text = |value: &Value| {
            let is_visited = matches!(value, Value::Text(id) if visited == Some(&**id));
            let mut out = String::new();
            push_value(&mut out, value, glob);
            (!is_visited && !matches!(value, Value::Null | Value::List(_))).then_some(out)
        };
        match content {
            Content::Value(Value::List(items)) => {
                let mut seen = FxHashSet::default();
                items.iter().filter_map(text).filter(|text| seen.insert(text.clone())).collect()
            }
            Content::Value(value) => text(value).into_iter().collect(),
            Content::Each(values) => values.iter().filter_map(|v| text(&Value::text(v.as_str()))).collect(),
            _ => Vec::new(),
        }
    }

    /// Every way to put one text into each hole.
    fn names(
        &self,
        template: &Filling,
        image: Image,
        manner: Manner,
        several: &[Texts<'_>],
    ) -> Result<Vec<CompactString>, String> {
        let count = several.iter().try_fold(1usize, |n, (_, texts)| n.checked_mul(texts.len()));
        if count.is_none_or(|n| n > MAX_NAMES) {
            return Err(format!("its lists fill it to more than {MAX_NAMES} names"));
        }
        let mut out = Vec::new();
        let mut longest = 0;
        let mut picked = vec![0; several.len()];
        loop {
            let name = self.name(template, image, manner, |hole| {
                let at = several.iter().position(|(h, _)| *h == hole)?;
                Some(several[at].1[picked[at]].as_str())
            });
            longest = longest.max(name.len());
            out.push(name.into());
            // The last list turns fastest.
            let Some(turned) = (0..several.len()).rev().find(|at| picked[*at] + 1 < several[*at].1.len())
            else {
                break;
            };
            picked[turned] += 1;
            picked[turned + 1..].fill(0);
        }
        if (1..=MAX_NAME_BYTES).contains(&longest) {
            return Ok(out);
        }
        Err(match longest {
            0 => "filled it is empty".to_owned(),
            _ => format!("filled it is {longest} bytes long; a name has at most {MAX_NAME_BYTES}"),
        })
    }

    /// One name; `picked` is the text of a hole that has several.
    fn name<'t>(
        &self,
        template: &Filling,
        image: Image,
        manner: Manner,
        picked: impl Fn(&Piece) -> Option<&'t str>,
    ) -> String {
        let mut out = String::new();
        for part in &template.parts {
            if let Piece::Text(text) = part {
                // In a glob that was none, the text around the holes is literal.
                if manner.wide && !template.glob {
                    out.push_str(&quote_glob(text))
                } else {
                    out.push_str(text)
                }
            } else if let Some(text) = picked(part) {
                out.push_str(text);
            } else {
                match self.look(part, image, manner.wide).0 {
                    Content::Value(value) => push_value(&mut out, value, manner.glob),
                    Content::Escaped(text) if manner.glob => out.push_str(&quote_glob(text)),
                    Content::Escaped(text) => out.push_str(text),
                    Content::Anything => out.push('*'),
                    Content::Each(_) | Content::Missing | Content::Open => {}
                }
            }
        }
        out
    }

    /// The names of the values that a template misses in an image, as the command line gives them.
    pub fn missing(&self, template: &Filling, image: Image) -> Vec<String> {
        let mut out = Vec::new();
        for hole in &template.holes {
            let name = match (self.look(hole, image, false).0, hole) {
                (Content::Missing, Piece::Slot(slot)) => self.missing_name(*slot, image),
                (Content::Missing, Piece::Context(id)) => {
                    format!("context.{}", self.rules.context()[id.index()].name)
                }
                _ => continue,
            };
            if !out.contains(&name) {
                out.push(name);
            }
        }
        out
    }

    /// Whether a template misses the id of the row: the write is of many.
    pub fn misses_id(&self, template: &Filling) -> bool {
        template.holes.contains(&Piece::Slot(Slots::ID))
            && self.row.held(Slots::ID, Image::New).value.is_none()
    }

    fn missing_name(&self, slot: usize, image: Image) -> String {
        let name = &self.slots.list[slot].name;
        let both = self.row.present.len() > 1;
        if both && image == Image::Old && self.row.held(slot, Image::New).value.is_some() {
            format!("old.{name}")
        } else {
            name.to_string()
        }
    }
}

/// Appends a value as it stands in a name: nothing for null and lists.
fn push_value(out: &mut String, value: &Value, glob: bool) {
    match value {
        // Digits need no escaping, and writing to a `String` cannot fail.
        Value::Int(n) => drop(write!(out, "{n}")),
        _ => {
            let Some(text) = value.as_text() else { return };
            if glob {
                let mut escaped = String::with_capacity(text.len());
                escape_into(&mut escaped, &text);
                out.push_str(&quote_glob(&escaped));
            } else {
                escape_into(out, &text);
            }
        }
    }
}
