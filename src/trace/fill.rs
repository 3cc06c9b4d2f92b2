//! Templates to names: every hole filled from one image.

use std::sync::Arc;

use super::facts::Facts;
use crate::check::RuleSet;
use crate::check::condition::Image;
use crate::check::ruleset::{ContextId, VaryId};
use crate::check::template::{Hole, Part, RowPath, Template};
use crate::check::walk::{Binding, Pass};
use crate::model::{MAX_NAME_BYTES, Value, escape_into, quote_glob};

/// Names that one template may fill to; beyond it the lists of the write multiply each other.
const MAX_NAMES: usize = 100_000;

/// What came of filling a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filled {
    /// None where a null or an empty list was filled in.
    Names {
        names: Vec<String>,
        unmoved: Vec<String>,
    },
    /// Values that the write did not give; `open` where nothing could fill a hole.
    Unbound {
        missing: Vec<String>,
        open: bool,
    },
    TooMuch(String),
}

/// A piece of a template as the written row sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Text(Arc<str>),
    Row(RowPath),
    Context(ContextId),
    Vary(VaryId),
    Trigger(usize),
    /// An open dimension, or a value that is unknown where a cascade arrives.
    Open,
}

/// A template of an instance that was reached, over the values of the written row.
#[derive(Clone, Debug)]
pub struct Filling {
    pub pieces: Vec<Piece>,
    pub text: String,
    /// Refs to the nearest instance whose id it names; the largest number for none.
    pub distance: usize,
    glob: bool,
}

impl Filling {
    pub fn new(rules: &RuleSet, template: &Template, binding: &Binding, glob: bool) -> Self {
        let piece = |part: &Part| match part {
            Part::Text(text) => Piece::Text(text.clone()),
            Part::Hole(Hole::Row(path)) => binding.translate(path).map_or(Piece::Open, Piece::Row),
            Part::Hole(Hole::Context(id)) => Piece::Context(*id),
            Part::Hole(Hole::Vary(id)) if rules.varies()[id.index()].values.is_some() => Piece::Vary(*id),
            Part::Hole(Hole::Vary(_)) => Piece::Open,
            Part::Hole(Hole::Trigger(index)) => Piece::Trigger(*index),
        };
        Self {
            pieces: template.parts().iter().map(piece).collect(),
            text: template.text().to_owned(),
            distance: template.distance().unwrap_or(usize::MAX),
            glob,
        }
    }

    pub fn is_open(&self) -> bool {
        self.pieces.contains(&Piece::Open)
    }

    /// Fills it from one image. Ids along the way leave out the written instance.
    pub fn fill(&self, facts: &Facts<'_>, image: Image, passes: &[Pass]) -> Filled {
        let mut holes: Vec<(&Piece, Vec<String>)> = Vec::new();
        let (mut missing, mut unmoved, mut open) = (Vec::new(), Vec::new(), false);
        // For each hole that holds nothing, the name by which that was only assumed.
        let mut nothing: Vec<Option<String>> = Vec::new();
        for piece in &self.pieces {
            if matches!(piece, Piece::Text(_)) || holes.iter().any(|(known, _)| *known == piece) {
                continue;
            }
            match self.texts(piece, facts, image, passes) {
                Texts::Some(texts, assumed) => {
                    if texts.is_empty() {
                        nothing.push(assumed.clone());
                    }
                    unmoved.extend(assumed);
                    holes.push((piece, texts));
                }
                Texts::Missing(name) if !missing.contains(&name) => missing.push(name),
                Texts::Missing(_) => {}
                Texts::Open => open = true,
            }
        }
        if !nothing.is_empty() {
            // One hole that is certainly empty is enough to know that nothing is made.
            let unmoved = nothing.into_iter().collect::<Option<Vec<String>>>().unwrap_or_default();
            return Filled::Names { names: Vec::new(), unmoved };
        }
        if open || !missing.is_empty() {
            return Filled::Unbound { missing, open };
        }
        self.combine(&holes).map_or_else(Filled::TooMuch, |names| Filled::Names { names, unmoved })
    }

    fn texts(&self, piece: &Piece, facts: &Facts<'_>, image: Image, passes: &[Pass]) -> Texts {
        let filled = |text: &str| {
            let mut out = String::with_capacity(text.len());
            escape_into(&mut out, text);
            if self.glob { quote_glob(&out) } else { out }
        };
        match piece {
            Piece::Text(_) | Piece::Open => Texts::Open,
            // Escaped already where it stands in the tag.
            Piece::Trigger(index) => match facts.trigger.get(*index) {
                Some(text) if self.glob => Texts::Some(vec![quote_glob(text)], None),
                Some(text) => Texts::Some(vec![text.clone()], None),
                None => Texts::Open,
            },
            Piece::Vary(id) => {
                let values = facts.rules.varies()[id.index()].values.iter().flatten();
                Texts::Some(values.map(|value| filled(value)).collect(), None)
            }
            Piece::Context(id) => match facts.write.context(*id) {
                Some(value) => Texts::Some(texts(value, None, &filled), None),
                None => Texts::Missing(format!("context.{}", facts.rules.context()[id.index()].name)),
            },
            Piece::Row(path) => {
                let held = facts.held(path, image);
                let Some(value) = &held.value else { return Texts::Missing(facts.missing_name(path, image)) };
                let may_revisit = passes.iter().any(|pass| pass.id == *path && pass.of_start);
                let visited = facts.write.id().filter(|_| may_revisit).map(|id| &**id);
                Texts::Some(texts(value, visited, &filled), held.assumed)
            }
        }
    }

    /// Every way to put one text into each hole; a repeated hole repeats its text.
    fn combine(&self, holes: &[(&Piece, Vec<String>)]) -> Result<Vec<String>, String> {
        let count = holes.iter().try_fold(1usize, |n, (_, texts)| n.checked_mul(texts.len()));
        let count = count.filter(|n| *n <= MAX_NAMES);
        let count = count.ok_or_else(|| format!("its lists fill it to more than {MAX_NAMES} names"))?;
        // The last hole turns fastest.
        let name = |mut nth: usize| -> String {
            let mut chosen = vec![""; holes.len()];
            for (at, (_, texts)) in holes.iter().enumerate().rev() {
                chosen[at] = &texts[nth % texts.len()];
                nth /= texts.len();
            }
            let text = |piece: &Piece| match piece {
                Piece::Text(text) => text.to_string(),
                piece => {
                    let hole = holes.iter().position(|(known, _)| *known == piece);
                    hole.map_or_else(String::new, |hole| chosen[hole].to_owned())
                }
            };
            self.pieces.iter().map(text).collect()
        };
        let names: Vec<String> = (0..count).map(name).collect();
        match names.iter().map(String::len).max() {
            Some(longest) if longest > MAX_NAME_BYTES => {
                Err(format!("filled it is {longest} bytes long; a name has at most {MAX_NAME_BYTES}"))
            }
            Some(0) => Err("filled it is empty".to_owned()),
            _ => Ok(names),
        }
    }
}

/// What a hole can be filled with.
enum Texts {
    /// And the name of the value that was only assumed.
    Some(Vec<String>, Option<String>),
    Missing(String),
    Open,
}

/// A value's texts: one, or one for each element of a list; none for null or the written instance.
fn texts(value: &Value, visited: Option<&str>, filled: &dyn Fn(&str) -> String) -> Vec<String> {
    let items = match value {
        Value::List(items) => items.as_slice(),
        single => std::slice::from_ref(single),
    };
    let mut out: Vec<String> = Vec::new();
    for text in items.iter().filter_map(Value::as_text).filter(|text| visited != Some(&**text)) {
        let text = filled(&text);
        if !out.contains(&text) {
            out.push(text);
        }
    }
    out
}
