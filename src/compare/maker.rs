//! Templates to names with holes, for one image of a written row.

use super::Rows;
use super::conditions::{compare, present};
use super::effect::{Side, unlike};
use super::name::{From, Hole, Name, Segment};
use crate::check::RuleSet;
use crate::check::condition::{Condition, Image, Operand};
use crate::check::ruleset::ContextId;
use crate::check::template::{self, Part, RowPath, Template};
use crate::check::walk::Binding;
use crate::decide::{Kind, Subject};
use crate::model::{Comparison, Value, escape_into, quote_glob};

/// Makes names of templates.
pub struct Maker<'a> {
    pub side: &'a Side<'a>,
    pub binding: &'a Binding,
    pub image: Image,
    /// Lists that may hold the written row's own id.
    pub lists: &'a [&'a RowPath],
    /// What the holes of a chained rule's trigger hold.
    pub trigger: &'a [Segment],
    pub glob: bool,
}

pub struct Made {
    pub names: Vec<Name>,
    pub present: Vec<Condition>,
    pub doubt: Option<String>,
}

impl Maker<'_> {
    /// `None` where no write can name it.
    pub fn names(
        &self,
        template: &Template,
        rules: &RuleSet,
        context: &dyn Fn(ContextId) -> Option<ContextId>,
    ) -> Option<Made> {
        let mut out = Made { names: vec![Name(vec![Segment::default()])], present: Vec::new(), doubt: None };
        // A dimension has one value in a name, however often it stands there.
        let mut varied: Vec<(usize, Vec<usize>)> = Vec::new();
        for part in template.parts() {
            match part {
                Part::Text(text) => out.names.iter_mut().for_each(|name| put_text(name, text)),
                Part::Hole(template::Hole::Vary(id)) => {
                    let values = rules.varies()[id.index()].values.as_ref()?;
                    if let Some((_, picks)) = varied.iter().find(|(v, _)| *v == id.index()) {
                        for (name, pick) in out.names.iter_mut().zip(picks) {
                            put_text(name, &self.escaped(&values[*pick]));
                        }
                        continue;
                    }
                    let before = std::mem::take(&mut out.names);
                    let repeat = |list: &[usize]| -> Vec<usize> {
                        list.iter().flat_map(|pick| std::iter::repeat_n(*pick, values.len())).collect()
                    };
                    varied.iter_mut().for_each(|(_, picks)| *picks = repeat(picks));
                    let picks = before.iter().flat_map(|_| 0..values.len()).collect();
                    for name in before {
                        for value in values {
                            let mut name = name.clone();
                            put_text(&mut name, &self.escaped(value));
                            out.names.push(name);
                        }
                    }
                    varied.push((id.index(), picks));
                }
                Part::Hole(template::Hole::Trigger(at)) => {
                    let segment = self.trigger.get(*at)?;
                    out.names.iter_mut().for_each(|name| put_segment(name, segment, self.glob));
                }
                Part::Hole(template::Hole::Row(path)) => {
                    let path = self.binding.translate(path)?;
                    if path == RowPath::id() && self.side.rows == Rows::Many {
                        return None;
                    }
                    let kind = self.side.subject.kind(&path);
                    if kind.is_none() {
                        out.doubt = Some(unlike(&path.write_name()));
                    }
                    let list = matches!(kind, Some(Kind::List(_)));
                    let Operand::Row { image, path } = self.side.row(self.image, &path) else { continue };
                    let without_id = list && self.lists.contains(&&path);
                    self.put_hole(&mut out, Hole { from: From::Row(image, path), list, without_id });
                }
                Part::Hole(template::Hole::Context(id)) => {
                    let Some(id) = context(*id) else {
                        out.doubt = Some(unlike("context"));
                        continue;
                    };
                    let list = self.side.subject.attribute(id).is_some_and(|a| a.ty.list);
                    self.put_hole(&mut out, Hole { from: From::Context(id), list, without_id: false });
                }
            }
        }
        if let Some(namespace) = rules.namespace() {
            out.names.iter_mut().for_each(|name| strip(name, namespace));
        }
        // A name that is one hole alone is not empty.
        let alone = |name: &Name| match name.0.as_slice() {
            [Segment { before, hole: Some(hole), after }] if before.is_empty() && after.is_empty() => {
                Some(hole.operand())
            }
            _ => None,
        };
        if let Some(operand) = out.names.first().and_then(alone)
            && kind_of(&operand, self.side.subject) == Some(Kind::Text)
        {
            let empty = Operand::Literal(Value::text(""));
            out.present.push(compare(operand, Comparison::Ne, empty, self.side.subject));
        }
        Some(out)
    }

    fn put_hole(&self, out: &mut Made, hole: Hole) {
        if !matches!(&hole.from, From::Row(_, path) if *path == RowPath::id()) {
            out.present.push(present(hole.operand(), self.side.subject));
        }
        let segment = Segment { hole: Some(hole), ..Segment::default() };
        out.names.iter_mut().for_each(|name| put_segment(name, &segment, false));
    }

    fn escaped(&self, text: &str) -> String {
        let mut out = String::new();
        escape_into(&mut out, text);
        if self.glob { quote_glob(&out) } else { out }
    }
}

/// What stands at an operand; `None` for what is no value of the write.
pub fn kind_of(operand: &Operand, subject: &Subject<'_>) -> Option<Kind> {
    match operand {
        Operand::Row { path, .. } => subject.kind(path),
        Operand::Context(id) => subject.attribute(*id).map(|a| Kind::of(a.ty.scalar, a.ty.list)),
        _ => None,
    }
}

fn put_text(name: &mut Name, text: &str) {
    for (at, piece) in text.split(':').enumerate() {
        if at > 0 {
            name.0.push(Segment::default());
        }
        if let Some(last) = name.0.last_mut() {
            let end = if last.hole.is_some() { &mut last.after } else { &mut last.before };
            end.push_str(piece);
        }
    }
}

/// Puts text around a hole behind what is there.
fn put_segment(name: &mut Name, segment: &Segment, glob: bool) {
    let text = |text: &str| if glob { quote_glob(text) } else { text.to_owned() };
    put_text(name, &text(&segment.before));
    if let (Some(last), Some(hole)) = (name.0.last_mut(), &segment.hole) {
        last.hole = Some(hole.clone());
        last.after.push_str(&text(&segment.after));
    }
}

fn strip(name: &mut Name, namespace: &str) {
    let is_prefix = |s: &Segment| s.hole.is_none() && s.before == namespace;
    if name.0.len() > 1 && name.0.first().is_some_and(is_prefix) {
        name.0.remove(0);
    }
}
