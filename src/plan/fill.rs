//! Templates to names: every hole filled from one image.

use rustc_hash::FxHashSet;

use super::images::Images;
use super::program::{Filling, Group, Piece, Slot};
use crate::check::Write;
use crate::check::condition::Image;
use crate::check::ruleset::Vary;
use crate::model::{MAX_NAME_BYTES, Value, escape_into, quote_glob};

/// Names that one template may fill to; beyond it the lists of the write multiply each other.
const MAX_NAMES: usize = 100_000;

/// What came of filling a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filled {
    /// Complete names; none where a null or an empty list was filled in. `assumed` holds the
    /// names of the values that were only assumed for this image.
    Names { names: Vec<String>, assumed: Vec<String> },
    /// Values that the write did not give, as the command line names them. Empty where nothing
    /// could fill it.
    Unbound { missing: Vec<String>, open: bool },
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
    pub write: &'a Write,
    pub images: &'a Images,
    pub slots: &'a [Slot],
    pub varies: &'a [Vary],
    pub context_names: &'a dyn Fn(usize) -> String,
    /// Empty but for a chained rule.
    pub trigger: &'a [Bound],
}

impl Source<'_> {
    /// Fills a template from one image. Ids along the group's way leave out the written instance.
    pub fn fill(&self, template: &Filling, image: Image, group: &Group) -> Filled {
        self.fill_as(template, image, group, template.glob, false)
    }

    /// Fills a template as a glob in which what is unknown is a `*`.
    pub fn fill_wide(&self, template: &Filling, image: Image, group: &Group) -> Filled {
        self.fill_as(template, image, group, true, true)
    }

    fn fill_as(&self, template: &Filling, image: Image, group: &Group, glob: bool, wide: bool) -> Filled {
        // The unknown matches anything, whatever else fills the hole.
        let anything = || vec!["*".to_owned()];
        let mut holes: Vec<(&Piece, Vec<String>)> = Vec::new();
        let mut missing: Vec<String> = Vec::new();
        let mut assumed = Vec::new();
        let mut open = false;
        // For each hole that holds nothing, the name by which that was only assumed.
        let mut nothing: Vec<Option<String>> = Vec::new();
        for piece in &template.parts {
            if matches!(piece, Piece::Text(_)) || holes.iter().any(|(p, _)| *p == piece) {
                continue;
            }
            let mut assumes = None;
            let texts = match piece {
                Piece::Text(_) => continue,
                Piece::Open if wide => anything(),
                Piece::Open => {
                    open = true;
                    continue;
                }
                Piece::Trigger(index) => match self.trigger.get(*index) {
                    Some(Bound::Segment(text)) => vec![if glob { quote_glob(text) } else { text.clone() }],
                    _ if wide => anything(),
                    _ => {
                        open = true;
                        continue;
                    }
                },
                Piece::Vary(id) => {
                    self.varies[id.index()].values.iter().flatten().map(|v| filled(v, glob)).collect()
                }
                Piece::Context(id) => match self.write.context(*id) {
                    Some(value) => texts(value, glob, None),
                    None if wide => anything(),
                    None => {
                        missing.push((self.context_names)(id.index()));
                        continue;
                    }
                },
                Piece::Slot(slot) => {
                    let held = self.images.get(*slot, image);
                    assumes.clone_from(&held.assumed);
                    match &held.value {
                        Some(value) => {
                            let visited = group.may_revisit(*slot).then(|| self.write.id()).flatten();
                            texts(value, glob, visited.map(|id| &**id))
                        }
                        None if wide => anything(),
                        None => {
                            missing.push(self.missing_name(*slot, image));
                            continue;
                        }
                    }
                }
            };
            if texts.is_empty() {
                nothing.push(assumes.clone());
            }
            assumed.extend(assumes);
            holes.push((piece, texts));
        }
        if !nothing.is_empty() {
            // One hole that is certainly empty is enough to know that nothing is made.
            let assumed = nothing.into_iter().collect::<Option<Vec<String>>>().unwrap_or_default();
            return Filled::Names { names: Vec::new(), assumed };
        }
        if open || !missing.is_empty() {
            let mut seen = FxHashSet::default();
            missing.retain(|name| seen.insert(name.clone()));
            return Filled::Unbound { missing, open };
        }
        combine(template, &holes, wide && !template.glob)
            .map_or_else(Filled::TooMuch, |names| Filled::Names { names, assumed })
    }

    /// How the command line would give a slot's value for an image.
    pub fn missing_name(&self, slot: usize, image: Image) -> String {
        let name = &self.slots[slot].name;
        let both = self.images.present.len() > 1;
        if both && image == Image::Old && self.images.get(slot, Image::New).value.is_some() {
            format!("old.{name}")
        } else {
            name.clone()
        }
    }
}

/// Every way to put one text into each hole; `quote` makes the text around them literal in a glob.
fn combine(template: &Filling, holes: &[(&Piece, Vec<String>)], quote: bool) -> Result<Vec<String>, String> {
    let count = holes.iter().try_fold(1usize, |n, (_, texts)| n.checked_mul(texts.len()));
    if count.is_none_or(|n| n > MAX_NAMES) {
        return Err(format!("its lists fill it to more than {MAX_NAMES} names"));
    }
    let mut out = vec![String::new()];
    // The hole's choice so far, for each name in `out`, so that a repeated hole repeats its text.
    let mut chosen: Vec<Vec<(usize, usize)>> = vec![Vec::new()];
    for piece in &template.parts {
        let hole = holes.iter().position(|(p, _)| *p == piece);
        match (piece, hole) {
            (Piece::Text(text), _) => {
                let text = if quote { quote_glob(text) } else { text.to_string() };
                out.iter_mut().for_each(|name| name.push_str(&text));
            }
            (_, Some(hole)) => {
                let texts = &holes[hole].1;
                let (mut names, mut choices) = (Vec::new(), Vec::new());
                for (name, choice) in out.iter().zip(&chosen) {
                    match choice.iter().find(|(h, _)| *h == hole) {
                        Some((_, picked)) => {
                            names.push(format!("{name}{}", texts[*picked]));
                            choices.push(choice.clone());
                        }
                        None => {
                            for (index, text) in texts.iter().enumerate() {
                                names.push(format!("{name}{text}"));
                                let mut choice = choice.clone();
                                choice.push((hole, index));
                                choices.push(choice);
                            }
                        }
                    }
                }
                (out, chosen) = (names, choices);
            }
            (_, None) => {}
        }
    }
    match out.iter().map(String::len).max() {
        Some(longest) if longest > MAX_NAME_BYTES => {
            Err(format!("filled it is {longest} bytes long; a name has at most {MAX_NAME_BYTES}"))
        }
        Some(0) => Err("filled it is empty".to_owned()),
        _ => Ok(out),
    }
}

/// A value's texts: one, or one for each element of a list; none for null.
fn texts(value: &Value, glob: bool, visited: Option<&str>) -> Vec<String> {
    let one = |value: &Value| -> Option<String> {
        let text = value.as_text()?;
        if visited == Some(&*text) {
            return None;
        }
        Some(filled(&text, glob))
    };
    match value {
        Value::List(items) => {
            let mut seen = FxHashSet::default();
            items.iter().filter_map(one).filter(|text| seen.insert(text.clone())).collect()
        }
        single => one(single).into_iter().collect(),
    }
}

fn filled(text: &str, glob: bool) -> String {
    let mut out = String::with_capacity(text.len());
    escape_into(&mut out, text);
    if glob { quote_glob(&out) } else { out }
}
