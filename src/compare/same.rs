//! When two names with holes are one name.

use super::conditions::{compare, unmoved};
use super::effect::kind_of;
use super::name::{From, Hole, Name, Segment};
use crate::check::condition::Operand;
use crate::check::condition::{Condition, Image};
use crate::decide::{Kind, Subject};
use crate::model::{Comparison, Scalar, Value, escape_into, parse_scalar, unescape};

/// What has to hold so that every name made of `a` is made of `b` too. `None` where nothing is known to
/// make them one: then they are held to differ, and a write that shows it is asked for.
pub fn within(subject: &Subject<'_>, a: &Name, b: &Name) -> Option<Vec<Condition>> {
    if a.0.len() != b.0.len() {
        return None;
    }
    let mut out = Vec::new();
    for (a, b) in a.0.iter().zip(&b.0) {
        if let (Some(first), Some(second)) = (&a.hole, &b.hole)
            && second.without_id
            && !first.without_id
        {
            return None;
        }
        out.extend(equal_text(subject, a, b)?);
    }
    Some(out)
}

/// What has to hold so that two segments are one text.
pub fn equal_text(subject: &Subject<'_>, a: &Segment, b: &Segment) -> Option<Vec<Condition>> {
    match (&a.hole, &b.hole) {
        (None, None) => (a.before == b.before).then(Vec::new),
        (Some(hole), None) => literal(subject, hole, inner(a, &b.before)?).map(|c| vec![c]),
        (None, Some(hole)) => literal(subject, hole, inner(b, &a.before)?).map(|c| vec![c]),
        (Some(first), Some(second)) => {
            if (&a.before, &a.after) != (&b.before, &b.after) {
                return None;
            }
            if first.from == second.from {
                return Some(Vec::new());
            }
            holes(subject, first, second).map(|c| vec![c])
        }
    }
}

/// The text that a hole would have to hold.
fn inner<'t>(around: &Segment, text: &'t str) -> Option<&'t str> {
    text.strip_prefix(around.before.as_str())?.strip_suffix(around.after.as_str())
}

/// That a hole holds what fills it to this text.
fn literal(subject: &Subject<'_>, hole: &Hole, text: &str) -> Option<Condition> {
    let plain = unescape(text).to_string();
    let mut again = String::new();
    escape_into(&mut again, &plain);
    if again != text || hole.list {
        return None;
    }
    let scalar = match kind_of(&hole.operand(), subject)? {
        Kind::Text => Scalar::String,
        Kind::Id | Kind::RowId if !plain.is_empty() => Scalar::String,
        Kind::Int => Scalar::Int,
        Kind::Float => Scalar::Float,
        Kind::Bool => Scalar::Bool,
        // One instant has many texts.
        Kind::Id | Kind::RowId | Kind::Time | Kind::List(_) => return None,
    };
    let value: Value = parse_scalar(scalar, &plain)?;
    (value.as_text()? == plain.as_str())
        .then(|| compare(hole.operand(), Comparison::Eq, Operand::Literal(value), subject))
}

/// That two holes hold the same.
fn holes(subject: &Subject<'_>, a: &Hole, b: &Hole) -> Option<Condition> {
    if let (From::Row(Image::New | Image::Old, one), From::Row(_, other)) = (&a.from, &b.from)
        && one == other
    {
        return Some(unmoved(one));
    }
    let (first, second) = (a.operand(), b.operand());
    let text = |kind: Kind| matches!(kind, Kind::Text | Kind::Id | Kind::RowId);
    let (one, other) = (kind_of(&first, subject)?, kind_of(&second, subject)?);
    let comparable = text(one) && text(other) || one == other && matches!(one, Kind::Int | Kind::Bool);
    comparable.then(|| compare(first, Comparison::Eq, second, subject))
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
