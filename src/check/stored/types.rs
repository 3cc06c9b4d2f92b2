//! How each type of a rule set is written. Documentation and places in files stay behind: no plan shows
//! them.

use std::sync::Arc;

use super::codec::{Limits, Reader, Stored, Writer, stored};
use crate::check::condition::{Atom, Condition, Image, Operand, Test};
use crate::check::ruleset::{
    Attribute, ContextId, Drop, Entity, EntityId, Field, Follow, KeyTemplate, NameIndex, Operation,
    Operations, Ref, Relation, RelationId, Rule, TagOrigin, TagPattern, TagSegment, TagTemplate, TagTrigger,
    Trigger, Vary, VaryId, WriteTrigger,
};
use crate::check::shape::Closed;
use crate::check::template::{Hole, Part, RowPath, Template};
use crate::check::walk::{Binding, Pass, Touch};
use crate::model::{Comparison, Instant, Kind, Pattern, Regex, Scalar, Timing, Type, Value};
use crate::span::Span;

/// A hop further than any cascade goes.
const MAX_HOP: usize = 1 << 16;

macro_rules! ids {
    ($($name:ident $limit:ident)*) => {$(
        impl Stored for $name {
            fn put(&self, out: &mut Writer) {
                out.number(self.index() as u64);
            }
            fn get(from: &mut Reader<'_>) -> Option<Self> {
                Some(Self::at(from.place(from.limits.$limit)?))
            }
        }
    )*};
}

ids! { EntityId entities  RelationId relations  ContextId context  VaryId varies }

stored!(enum Scalar { 0 String, 1 Int, 2 Float, 3 Bool, 4 Time });
stored!(struct Type { scalar, list });
stored!(enum Kind { 0 OneToOne, 1 OneToMany, 2 ManyToOne, 3 ManyToMany, 4 ParentChild });
stored!(enum Timing { 0 Immediate, 1 Batched { delay }, 2 Lazy });
stored!(enum Comparison { 0 Eq, 1 Ne, 2 Lt, 3 Le, 4 Gt, 5 Ge });

stored!(struct Attribute { name, ty, default } but { doc: String::new(), span: Span::NOWHERE });
stored!(struct Field { name, ty } but { doc: String::new(), span: Span::NOWHERE });
stored!(struct Ref { name, target, list, implied } but { doc: String::new(), span: Span::NOWHERE });
stored!(struct KeyTemplate { name, template } but { doc: String::new(), span: Span::NOWHERE });
stored!(struct TagTemplate { template, origin });
stored!(enum TagOrigin { 0 Written, 1 Instance, 2 Scoped(source) });
stored!(struct Relation { name, source, targets, kinds, both_ways, depth }
    but { doc: String::new(), span: Span::NOWHERE });

stored!(struct Template { parts, text } but { span: Span::NOWHERE });
stored!(enum Part { 0 Text(text), 1 Hole(hole) });

stored!(enum Trigger { 0 Writes(list), 1 Tags(trigger) });
stored!(struct WriteTrigger { entity, operations, condition });
stored!(enum Operations { 0 All, 1 Some(list) });
stored!(enum Operation { 0 Create, 1 Update, 2 Delete, 3 Custom(name) });
stored!(struct TagPattern { segments, text });
stored!(enum Follow { 0 Nothing, 1 All, 2 Some(list) });
stored!(enum Drop { 0 Itself, 1 Tag(template), 2 Key(template), 3 Match(template), 4 Regex(pattern) });

stored!(struct Atom { test, text });
stored!(enum Test {
    0 Changed(list),
    1 Compare { left, op, right },
    2 In { value, list, negated },
    3 Matches { value, regex, negated },
    4 Truth(operand),
});
stored!(enum Image { 0 New, 1 Old });

stored!(enum Binding { 0 Known { strip, prefix }, 1 Nothing });
stored!(struct Pass { id, of_start });

impl Stored for Entity {
    fn put(&self, out: &mut Writer) {
        self.name.put(out);
        self.fields.put(out);
        self.operations.put(out);
        self.refs.put(out);
        self.keys.put(out);
        self.tags.put(out);
        self.lists.put(out);
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        let (name, fields, operations) = (Stored::get(from)?, Vec::get(from)?, Vec::get(from)?);
        let (implied, refs): (Vec<Ref>, Vec<Ref>) =
            Vec::<Ref>::get(from)?.into_iter().partition(|reference| reference.implied);
        let mut entity = Self {
            name,
            doc: String::new(),
            index: NameIndex::of(&fields, &refs, &operations),
            fields,
            operations,
            refs,
            keys: Stored::get(from)?,
            tags: Stored::get(from)?,
            lists: Stored::get(from)?,
            span: Span::NOWHERE,
        };
        implied.into_iter().for_each(|reference| entity.add_ref(reference));
        Some(entity)
    }
}

impl Stored for Vary {
    fn put(&self, out: &mut Writer) {
        self.name.put(out);
        self.values.put(out);
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        let (name, values) = (Stored::get(from)?, Option::<Vec<String>>::get(from)?);
        let closed = values.as_deref().map(Closed::new);
        Some(Self { name, doc: String::new(), values, closed, span: Span::NOWHERE })
    }
}

/// A rule as if it had this trigger and no other.
pub fn put_rule_of(rule: &Rule, trigger: &WriteTrigger, out: &mut Writer) {
    rule.name.put(out);
    // As `Trigger` is written.
    out.byte(0);
    out.number(1);
    trigger.put(out);
    put_rest(rule, out);
}

/// What follows a rule's trigger.
fn put_rest(rule: &Rule, out: &mut Writer) {
    rule.priority.put(out);
    rule.timing.put(out);
    rule.follow.put(out);
    rule.drops.put(out);
}

impl Stored for Rule {
    fn put(&self, out: &mut Writer) {
        self.name.put(out);
        self.trigger.put(out);
        put_rest(self, out);
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        from.limits = Limits { holes: 0, ..from.limits };
        Some(Self {
            name: Stored::get(from)?,
            doc: String::new(),
            trigger: Stored::get(from)?,
            priority: Stored::get(from)?,
            timing: Stored::get(from)?,
            follow: Stored::get(from)?,
            drops: Stored::get(from)?,
            span: Span::NOWHERE,
            name_span: Span::NOWHERE,
        })
    }
}

impl Stored for TagTrigger {
    fn put(&self, out: &mut Writer) {
        self.holes.put(out);
        self.patterns.put(out);
        self.condition.put(out);
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        let holes = Box::<[String]>::get(from)?;
        // What follows of this rule names them by their places.
        from.limits.holes = holes.len();
        Some(Self { holes, patterns: Stored::get(from)?, condition: Stored::get(from)? })
    }
}

impl Stored for TagSegment {
    fn put(&self, out: &mut Writer) {
        match self {
            Self::Literal(text) => {
                out.byte(0);
                text.put(out);
            }
            Self::Hole(place) => {
                out.byte(1);
                out.number(*place as u64);
            }
        }
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        match from.byte()? {
            0 => Some(Self::Literal(Stored::get(from)?)),
            1 => Some(Self::Hole(from.place(from.limits.holes)?)),
            _ => None,
        }
    }
}

impl Stored for Hole {
    fn put(&self, out: &mut Writer) {
        match self {
            Self::Row(path) => {
                out.byte(0);
                path.put(out);
            }
            Self::Context(id) => {
                out.byte(1);
                id.put(out);
            }
            Self::Vary(id) => {
                out.byte(2);
                id.put(out);
            }
            Self::Trigger(place) => {
                out.byte(3);
                out.number(*place as u64);
            }
        }
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        match from.byte()? {
            0 => Some(Self::Row(Stored::get(from)?)),
            1 => Some(Self::Context(Stored::get(from)?)),
            2 => Some(Self::Vary(Stored::get(from)?)),
            3 => Some(Self::Trigger(from.place(from.limits.holes)?)),
            _ => None,
        }
    }
}

impl Stored for RowPath {
    fn put(&self, out: &mut Writer) {
        out.number(self.names().len() as u64);
        self.names().iter().for_each(|name| name.put(out));
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        let names = Vec::<Arc<str>>::get(from)?;
        (!names.is_empty()).then(|| Self::new(names))
    }
}

impl Stored for Condition {
    fn put(&self, out: &mut Writer) {
        match self {
            Self::And(list) => {
                out.byte(0);
                list.put(out);
            }
            Self::Or(list) => {
                out.byte(1);
                list.put(out);
            }
            Self::Not(inner) => {
                out.byte(2);
                inner.put(out);
            }
            Self::Atom(atom) => {
                out.byte(3);
                atom.put(out);
            }
        }
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        from.nested(|from| match from.byte()? {
            0 => Some(Self::And(Stored::get(from)?)),
            1 => Some(Self::Or(Stored::get(from)?)),
            2 => Some(Self::Not(Stored::get(from)?)),
            3 => Some(Self::Atom(Stored::get(from)?)),
            _ => None,
        })
    }
}

impl Stored for Operand {
    fn put(&self, out: &mut Writer) {
        match self {
            Self::Literal(value) => {
                out.byte(0);
                value.put(out);
            }
            Self::Operation => out.byte(1),
            Self::Row { image, path } => {
                out.byte(2);
                image.put(out);
                path.put(out);
            }
            Self::Context(id) => {
                out.byte(3);
                id.put(out);
            }
            Self::Trigger(place) => {
                out.byte(4);
                out.number(*place as u64);
            }
        }
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        match from.byte()? {
            0 => Some(Self::Literal(Stored::get(from)?)),
            1 => Some(Self::Operation),
            2 => Some(Self::Row { image: Stored::get(from)?, path: Stored::get(from)? }),
            3 => Some(Self::Context(Stored::get(from)?)),
            4 => Some(Self::Trigger(from.place(from.limits.holes)?)),
            _ => None,
        }
    }
}

impl Stored for Value {
    fn put(&self, out: &mut Writer) {
        match self {
            Self::Null => out.byte(0),
            Self::Text(text) => {
                out.byte(1);
                text.put(out);
            }
            Self::Int(number) => {
                out.byte(2);
                out.number(number.cast_unsigned());
            }
            Self::Float(number) => {
                out.byte(3);
                out.number(number.to_bits());
            }
            Self::Bool(value) => {
                out.byte(4);
                value.put(out);
            }
            Self::Time(instant) => {
                out.byte(5);
                out.text(instant.as_str());
            }
            Self::List(list) => {
                out.byte(6);
                list.put(out);
            }
        }
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        from.nested(|from| match from.byte()? {
            0 => Some(Self::Null),
            1 => Some(Self::Text(Stored::get(from)?)),
            2 => Some(Self::Int(from.number()?.cast_signed())),
            3 => Some(Self::Float(f64::from_bits(from.number()?))),
            4 => Some(Self::Bool(Stored::get(from)?)),
            5 => Instant::parse(&from.text()?).map(Self::Time),
            6 => Some(Self::List(Stored::get(from)?)),
            _ => None,
        })
    }
}

impl Stored for Regex {
    fn put(&self, out: &mut Writer) {
        out.text(self.as_str());
    }
    fn get(from: &mut Reader<'_>) -> Option<Self> {
        Some(Self::checked_before(from.text()?))
    }
}

/// Of a rule's regex over live keys: what stands before its first slash is a namespace.
impl Stored for Pattern {
    fn put(&self, out: &mut Writer) {
        out.text(self.literal_prefix());
        out.text(self.expression());
    }
    fn get(from: &mut Reader<'_>) -> Option<Self> {
        Some(Self::regex_checked_before(&from.text()?, from.text()?))
    }
}

impl Stored for Touch {
    fn put(&self, out: &mut Writer) {
        self.entity.put(out);
        self.binding.put(out);
        self.hop.put(out);
        self.via.put(out);
        self.passes.put(out);
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            entity: Stored::get(from)?,
            binding: Stored::get(from)?,
            hop: u32::try_from(from.place(MAX_HOP)?).ok()?,
            via: Stored::get(from)?,
            passes: Stored::get(from)?,
        })
    }
}
