//! Names with holes, as the rules of either side make them: pieces between `:`, each with one hole
//! at most.

use crate::check::condition::{Image, Operand};
use crate::check::ruleset::ContextId;
use crate::check::template::RowPath;
use crate::check::{Write, ruleset::Operation};
use crate::model::{Value, escape_into, quote_glob};
use crate::plan::StepKind;

/// A name, without the namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(pub Vec<Segment>);

/// Text around a hole, or text alone; as it stands in the name, escaped already.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Segment {
    pub before: String,
    pub hole: Option<Hole>,
    pub after: String,
}

/// What fills a hole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hole {
    pub from: From,
    /// Whether it is filled once for each element.
    pub list: bool,
    /// Whether the written row's own id is left out of the elements.
    pub without_id: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum From {
    Row(Image, RowPath),
    /// In the words of the subject.
    Context(ContextId),
}

impl Hole {
    pub fn operand(&self) -> Operand {
        match &self.from {
            From::Row(image, path) => Operand::Row { image: *image, path: path.clone() },
            From::Context(id) => Operand::Context(*id),
        }
    }

    fn value<'w>(
        &self,
        write: &'w Write,
        context: &impl Fn(ContextId) -> Option<ContextId>,
    ) -> Option<Value> {
        let (image, path) = match &self.from {
            From::Context(id) => return write.context(context(*id)?).cloned(),
            From::Row(image, path) => (image, path.write_name()),
        };
        if path == "id" {
            return write.id().map(|id| Value::Text(id.clone()));
        }
        let (new, old): (Option<&'w Value>, _) = (write.new_value(&path), write.old_value(&path));
        let one_image = matches!(write.operation(), Operation::Create | Operation::Delete);
        match image {
            Image::Old if !one_image => old.or(new),
            _ => new.or(old),
        }
        .cloned()
    }
}

impl Name {
    /// What tells it from other names of its kind.
    pub fn key(&self) -> String {
        format!("{self:?}")
    }

    pub fn holes(&self) -> impl Iterator<Item = &Hole> {
        self.0.iter().filter_map(|segment| segment.hole.as_ref())
    }

    /// The names that a write makes of it; empty where a value is null or not given.
    pub fn filled(
        &self,
        kind: StepKind,
        prefix: &str,
        write: &Write,
        context: &impl Fn(ContextId) -> Option<ContextId>,
    ) -> Vec<String> {
        let mut out = vec![prefix.to_owned()];
        for (at, segment) in self.0.iter().enumerate() {
            let texts = match &segment.hole {
                None => vec![String::new()],
                Some(hole) => texts(hole, hole.value(write, context), write, kind == StepKind::Match),
            };
            let colon = if at == 0 { "" } else { ":" };
            let put = |name: &String, text: &String| {
                format!("{name}{colon}{}{text}{}", segment.before, segment.after)
            };
            out = out.iter().flat_map(|name| texts.iter().map(move |text| put(name, text))).collect();
        }
        out
    }
}

/// The texts that a value fills a hole with.
fn texts(hole: &Hole, value: Option<Value>, write: &Write, glob: bool) -> Vec<String> {
    let own = write.id().filter(|_| hole.without_id);
    let one = |value: &Value| {
        let text = value.as_text()?;
        if own.is_some_and(|id| **id == *text) {
            return None;
        }
        let mut out = String::new();
        escape_into(&mut out, &text);
        Some(if glob { quote_glob(&out) } else { out })
    };
    match value {
        None => Vec::new(),
        Some(Value::List(items)) => items.iter().filter_map(one).collect(),
        Some(single) => one(&single).into_iter().collect(),
    }
}
