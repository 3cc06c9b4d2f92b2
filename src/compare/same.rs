//! When two names with holes are one name.

use super::conditions::{compare, unmoved};
use super::maker::kind_of;
use super::name::{From, Hole, Name, Segment};
use crate::check::condition::{Condition, Image, Operand};
use crate::decide::{Kind, Subject};
use crate::model::{Comparison, Scalar, Value, escape_into, parse_scalar, unescape};

/// Whether two names can be one.
#[derive(Clone, Debug)]
pub enum Equal {
    Never,
    /// Where these hold.
    If(Vec<Condition>),
    /// Where besides some list holds what the other name asks for, which no condition says.
    Element(Vec<Condition>, Vec<Element>),
    /// Now and then, in a way that is not looked into.
    Maybe,
}

/// An element that a list is to hold.
#[derive(Clone, Debug)]
pub struct Element {
    pub list: Hole,
    pub holds: Content,
}

#[derive(Clone, Debug)]
pub enum Content {
    Text(String),
    Hole(Hole),
}

impl Equal {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Never, _) | (_, Self::Never) => Self::Never,
            (Self::Maybe, _) | (_, Self::Maybe) => Self::Maybe,
            (Self::If(a), Self::If(b)) => Self::If([a, b].concat()),
            (a, b) => {
                let ((mut a, mut elements), (b, more)) = (a.parts(), b.parts());
                a.extend(b);
                elements.extend(more);
                Self::Element(a, elements)
            }
        }
    }

    fn parts(self) -> (Vec<Condition>, Vec<Element>) {
        match self {
            Self::Never | Self::Maybe => (Vec::new(), Vec::new()),
            Self::If(conditions) => (conditions, Vec::new()),
            Self::Element(conditions, elements) => (conditions, elements),
        }
    }
}

/// When every name made of `a` is made of `b` too.
pub fn within(subject: &Subject<'_>, a: &Name, b: &Name) -> Equal {
    if a.0.len() != b.0.len() {
        return Equal::Never;
    }
    let mut out = Equal::If(Vec::new());
    for (a, b) in a.0.iter().zip(&b.0) {
        let loses = |first: &Hole, second: &Hole| second.without_id && !first.without_id;
        let same = match (&a.hole, &b.hole) {
            (Some(first), Some(second)) if loses(first, second) => Equal::Maybe,
            _ => equal_text(subject, a, b),
        };
        out = out.and(same);
    }
    out
}

/// When two segments are one text.
pub fn equal_text(subject: &Subject<'_>, a: &Segment, b: &Segment) -> Equal {
    match (&a.hole, &b.hole) {
        (None, None) if a.before == b.before => Equal::If(Vec::new()),
        (None, None) => Equal::Never,
        (Some(hole), None) => inner(a, &b.before).map_or(Equal::Never, |text| literal(subject, hole, text)),
        (None, Some(hole)) => inner(b, &a.before).map_or(Equal::Never, |text| literal(subject, hole, text)),
        (Some(first), Some(second)) => {
            if (&a.before, &a.after) == (&b.before, &b.after) {
                return if first.from == second.from {
                    Equal::If(Vec::new())
                } else {
                    holes(subject, first, second)
                };
            }
            let fits = |a: &str, b: &str| a.starts_with(b) || b.starts_with(a);
            let ends = |a: &str, b: &str| a.ends_with(b) || b.ends_with(a);
            if fits(&a.before, &b.before) && ends(&a.after, &b.after) { Equal::Maybe } else { Equal::Never }
        }
    }
}

/// The text that a hole would have to hold.
fn inner<'t>(around: &Segment, text: &'t str) -> Option<&'t str> {
    text.strip_prefix(around.before.as_str())?.strip_suffix(around.after.as_str())
}

/// When a hole holds what fills it to this text.
fn literal(subject: &Subject<'_>, hole: &Hole, text: &str) -> Equal {
    let plain = unescape(text);
    let mut again = String::new();
    escape_into(&mut again, &plain);
    // No value is escaped to it.
    if again != text {
        return Equal::Never;
    }
    if hole.list {
        return Equal::Element(Vec::new(), vec![Element { list: hole.clone(), holds: Content::Text(plain) }]);
    }
    let scalar = match kind_of(&hole.operand(), subject) {
        Some(Kind::Text) => Scalar::String,
        Some(Kind::Id | Kind::RowId) if plain.is_empty() => return Equal::Never,
        Some(Kind::Id | Kind::RowId) => Scalar::String,
        Some(Kind::Int) => Scalar::Int,
        Some(Kind::Float) => Scalar::Float,
        Some(Kind::Bool) => Scalar::Bool,
        // One instant has many texts.
        Some(Kind::Time | Kind::List(_)) | None => return Equal::Maybe,
    };
    let value =
        parse_scalar(scalar, &plain).filter(|v: &Value| v.as_text().as_deref() == Some(plain.as_str()));
    value.map_or(Equal::Never, |value| {
        Equal::If(vec![compare(hole.operand(), Comparison::Eq, Operand::Literal(value), subject)])
    })
}

/// When two holes hold the same.
fn holes(subject: &Subject<'_>, a: &Hole, b: &Hole) -> Equal {
    if let (From::Row(Image::New | Image::Old, one), From::Row(_, other)) = (&a.from, &b.from)
        && one == other
    {
        return Equal::If(vec![unmoved(one)]);
    }
    match (a.list, b.list) {
        (true, true) => return Equal::Maybe,
        (true, false) => {
            return Equal::Element(
                Vec::new(),
                vec![Element { list: a.clone(), holds: Content::Hole(b.clone()) }],
            );
        }
        (false, true) => {
            return Equal::Element(
                Vec::new(),
                vec![Element { list: b.clone(), holds: Content::Hole(a.clone()) }],
            );
        }
        (false, false) => {}
    }
    let (first, second) = (a.operand(), b.operand());
    let text = |kind: Kind| matches!(kind, Kind::Text | Kind::Id | Kind::RowId);
    let (Some(one), Some(other)) = (kind_of(&first, subject), kind_of(&second, subject)) else {
        return Equal::Maybe;
    };
    if text(one) && text(other) || one == other && matches!(one, Kind::Int | Kind::Bool) {
        return Equal::If(vec![compare(first, Comparison::Eq, second, subject)]);
    }
    match (one, other) {
        // A bool is never a number, and two texts at most.
        (Kind::Bool, Kind::Int | Kind::Float) | (Kind::Int | Kind::Float, Kind::Bool) => Equal::Never,
        (Kind::Bool, kind) | (kind, Kind::Bool) if text(kind) => {
            let (flag, text) = if one == Kind::Bool { (first, second) } else { (second, first) };
            let is = |operand: &Operand, value: Value| {
                compare(operand.clone(), Comparison::Eq, Operand::Literal(value), subject)
            };
            let both = |b: bool| {
                Condition::And(vec![is(&flag, Value::Bool(b)), is(&text, Value::text(b.to_string()))])
            };
            Equal::If(vec![Condition::Or(vec![both(true), both(false)])])
        }
        _ => Equal::Maybe,
    }
}

/// Whether a glob of the rules matches every key that a name makes: a hole is any text, which only a
/// `*` stands for.
pub fn glob_covers(glob: &Name, key: &Name) -> bool {
    let [first, ..] = glob.0.as_slice() else { return false };
    if glob.holes().next().is_some() || first.before.starts_with('/') {
        return false;
    }
    let text: Vec<&str> = glob.0.iter().map(|s| s.before.as_str()).collect();
    let text = text.join(":");
    if text.contains(['[', '?', '\\']) {
        return false;
    }
    let mut symbols: Vec<Option<char>> = Vec::new();
    for (at, segment) in key.0.iter().enumerate() {
        symbols.extend((at > 0).then_some(Some(':')));
        symbols.extend(segment.before.chars().map(Some));
        symbols.extend(segment.hole.as_ref().map(|_| None));
        symbols.extend(segment.after.chars().map(Some));
    }
    // Which prefixes of the glob match what was read so far.
    let glob: Vec<char> = text.chars().collect();
    let open = |mut at: Vec<bool>| {
        for i in 0..glob.len() {
            at[i + 1] |= at[i] && glob[i] == '*';
        }
        at
    };
    let mut at = vec![false; glob.len() + 1];
    at[0] = true;
    at = open(at);
    for symbol in symbols {
        let mut next = vec![false; glob.len() + 1];
        for i in 0..glob.len() {
            next[i] |= at[i] && glob[i] == '*';
            next[i + 1] |= at[i] && symbol == Some(glob[i]) && glob[i] != '*';
        }
        at = open(next);
    }
    at.last().copied().unwrap_or(false)
}
