//! What a regex matches, as a search: nothing, everything, or no more than a plain text.

use crate::model::Regex;
use regex_syntax::hir::{Class, Hir, HirKind, Look};

use super::Undecided;
use super::automaton::{self, Cut};

/// Alternatives of which a sample is made.
const MAX_SAMPLES: usize = 4;

/// A sample is not made longer than this, in bytes.
const MAX_SAMPLE: usize = 1000;

/// Of which texts a regex finds something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Of none.
    Nothing,
    /// Of all, the empty one too.
    Everything,
    /// Of this one, and not of that one.
    Some { matching: String, other: String },
}

/// A regex that says no more than a plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plain {
    /// `/^text$/`: that text alone.
    Equals(String),
    /// `/^text/`: whatever starts so.
    StartsWith(String),
    /// `/text$/`: whatever ends so.
    EndsWith(String),
    /// `/text/`: whatever has it anywhere.
    Contains(String),
}

/// Of which texts the regex finds something.
///
/// # Errors
/// [`Undecided::Regex`] where its automaton is too large, where that depends on what a word is beyond ASCII, or where it is
/// no regex.
pub fn reach(expression: &str) -> Result<Reach, Undecided> {
    let too_large = || Undecided::Regex(expression.to_owned());
    let regex = Regex::new(expression).map_err(|_| too_large())?;
    let mut matching = None;
    let mut other = None;
    let mut put = |text: String| {
        let place = if regex.is_match(&text) { &mut matching } else { &mut other };
        if place.is_none() {
            *place = Some(text);
        }
    };
    samples(expression).into_iter().chain(["a", "", "1"].map(str::to_owned)).for_each(&mut put);
    if let (Some(matching), Some(other)) = (&matching, &other) {
        return Ok(Reach::Some { matching: matching.clone(), other: other.clone() });
    }
    let cut = Cut { regexes: &[&regex], literals: &[], ordered: false };
    let explored = automaton::explore(&cut, 1);
    let is_complete = explored.is_ok();
    let mut put = |text: String| {
        let place = if regex.is_match(&text) { &mut matching } else { &mut other };
        *place = Some(text);
    };
    explored.unwrap_or_else(|partly| partly).into_iter().for_each(&mut put);
    match (matching, other) {
        (Some(matching), Some(other)) => Ok(Reach::Some { matching, other }),
        (Some(_), None) if is_complete => Ok(Reach::Everything),
        (None, Some(_)) if is_complete => Ok(Reach::Nothing),
        _ => Err(too_large()),
    }
}

/// The plain text that the regex asks for, where it asks for nothing else.
pub fn plain(expression: &str) -> Option<Plain> {
    let hir = regex_syntax::parse(expression).ok()?;
    let hir = without_groups(&hir);
    let mut parts: &[Hir] = match hir.kind() {
        HirKind::Concat(parts) => parts,
        _ => std::slice::from_ref(&hir),
    };
    let is = |part: &Hir, look: Look| matches!(part.kind(), HirKind::Look(l) if *l == look);
    let at_start = parts.first().is_some_and(|p| is(p, Look::Start));
    let at_end = parts.last().is_some_and(|p| is(p, Look::End));
    parts = &parts[usize::from(at_start)..];
    parts = &parts[..parts.len().saturating_sub(usize::from(at_end))];
    // At an open end it asks for nothing to repeat what may be left out.
    let may_lack = |part: &Hir| matches!(part.kind(), HirKind::Repetition(r) if r.min == 0);
    while !at_start && let Some((first, rest)) = parts.split_first().filter(|(p, _)| may_lack(p)) {
        let _ = first;
        parts = rest;
    }
    while !at_end && let Some((last, rest)) = parts.split_last().filter(|(p, _)| may_lack(p)) {
        let _ = last;
        parts = rest;
    }
    let text = match parts {
        [] => String::new(),
        [only] => match only.kind() {
            HirKind::Literal(literal) => String::from_utf8(literal.0.to_vec()).ok()?,
            _ => return None,
        },
        _ => return None,
    };
    match (at_start, at_end) {
        (true, true) => Some(Plain::Equals(text)),
        // These match everything, which is said by [`reach`].
        _ if text.is_empty() => None,
        (true, false) => Some(Plain::StartsWith(text)),
        (false, true) => Some(Plain::EndsWith(text)),
        (false, false) => Some(Plain::Contains(text)),
    }
}

/// The text that everything in which the regex finds something starts with; empty where that is not
/// plain to see.
pub fn literal_start(expression: &str) -> String {
    let Ok(hir) = regex_syntax::parse(expression) else { return String::new() };
    let hir = without_groups(&hir);
    let HirKind::Concat(parts) = hir.kind() else { return String::new() };
    let [first, rest @ ..] = parts.as_slice() else { return String::new() };
    if !matches!(first.kind(), HirKind::Look(Look::Start)) {
        return String::new();
    }
    let literal = |part: &Hir| match part.kind() {
        HirKind::Literal(literal) => String::from_utf8(literal.0.to_vec()).ok(),
        _ => None,
    };
    rest.iter().map_while(literal).collect()
}

/// Groups only capture, which a search for whether there is a match does not need.
fn without_groups(hir: &Hir) -> Hir {
    match hir.kind() {
        HirKind::Capture(capture) => without_groups(&capture.sub),
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(without_groups).collect()),
        _ => hir.clone(),
    }
}

/// Short texts that probably match: nobody has looked at its `^`, `$` and `\b` yet.
pub fn samples(expression: &str) -> Vec<String> {
    let Ok(hir) = regex_syntax::parse(expression) else { return Vec::new() };
    let alternatives = match hir.kind() {
        HirKind::Alternation(list) => list.as_slice(),
        _ => std::slice::from_ref(&hir),
    };
    let sample = |hir: &Hir| {
        let mut out = String::new();
        write_sample(hir, &mut out).then_some(out)
    };
    alternatives.iter().take(MAX_SAMPLES).filter_map(sample).collect()
}

/// Appends the simplest text of an expression; false where it has none, or none that is short.
fn write_sample(hir: &Hir, out: &mut String) -> bool {
    if out.len() > MAX_SAMPLE {
        return false;
    }
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => true,
        HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
            Ok(text) => {
                out.push_str(text);
                true
            }
            Err(_) => false,
        },
        HirKind::Class(class) => match nicest(class) {
            Some(c) => {
                out.push(c);
                true
            }
            None => false,
        },
        HirKind::Repetition(repetition) => (0..repetition.min).all(|_| write_sample(&repetition.sub, out)),
        HirKind::Capture(capture) => write_sample(&capture.sub, out),
        HirKind::Concat(parts) => parts.iter().all(|part| write_sample(part, out)),
        HirKind::Alternation(list) => list.first().is_some_and(|first| write_sample(first, out)),
    }
}

/// A character of a class that is easy to read, if it has one.
fn nicest(class: &Class) -> Option<char> {
    let holds = |c: char| match class {
        Class::Unicode(class) => class.iter().any(|range| range.start() <= c && c <= range.end()),
        Class::Bytes(class) => {
            u8::try_from(c).is_ok_and(|b| b < 0x80 && class.iter().any(|r| r.start() <= b && b <= r.end()))
        }
    };
    let first = match class {
        Class::Unicode(class) => class.iter().next().map(|range| range.start()),
        Class::Bytes(_) => None,
    };
    ('a'..='z').chain('0'..='9').chain('A'..='Z').chain('!'..='~').find(|c| holds(*c)).or(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reaches() {
        let name = |expression: &str| match reach(expression) {
            Ok(Reach::Nothing) => "nothing",
            Ok(Reach::Everything) => "everything",
            Ok(Reach::Some { matching, other }) => {
                let regex = Regex::new(expression).unwrap();
                assert!(regex.is_match(&matching) && !regex.is_match(&other), "{expression}");
                "some"
            }
            Err(_) => "undecided",
        };
        for (expression, expected) in [
            ("", "everything"),
            (".*", "everything"),
            ("^", "everything"),
            ("a|b*", "everything"),
            (r"(?s)^.*$", "everything"),
            ("^.*$", "some"),
            ("(?m)^$|.|\\n", "everything"),
            (r"^\d+$|[^0-9]|^$", "everything"),
            ("a$b", "nothing"),
            ("[a&&b]", "nothing"),
            (r"a\bb", "undecided"),
            ("x^", "nothing"),
            ("abc", "some"),
            (r"@corp\.com$", "some"),
            ("é+$", "some"),
            (r"\w{10}\d{10}", "some"),
            (r"a.{14}b$|^$|.|\n", "undecided"),
        ] {
            assert_eq!(name(expression), expected, "/{expression}/");
        }
    }

    #[test]
    fn literal_starts() {
        for (expression, expected) in [
            (r"^search:[^:]+:", "search:"),
            (r"^tmp\.", "tmp."),
            ("^(user:)\\d+", "user:"),
            ("search:", ""),
            ("^a|^b", ""),
            ("(?m)^a", ""),
            ("^a*b", ""),
        ] {
            assert_eq!(literal_start(expression), expected, "/{expression}/");
        }
    }

    #[test]
    fn plain_texts() {
        for (expression, expected) in [
            ("^pro$", Some(Plain::Equals("pro".into()))),
            ("^(pro)$", Some(Plain::Equals("pro".into()))),
            ("^$", Some(Plain::Equals(String::new()))),
            (r"^user\.", Some(Plain::StartsWith("user.".into()))),
            ("^user.*", Some(Plain::StartsWith("user".into()))),
            (r"@corp\.com$", Some(Plain::EndsWith("@corp.com".into()))),
            (".*abc.*", Some(Plain::Contains("abc".into()))),
            ("^user.*$", None),
            ("(?i)pro", None),
            ("^a|b$", None),
            ("", None),
            (".*", None),
            (r"^\d", None),
        ] {
            assert_eq!(plain(expression), expected, "/{expression}/");
        }
    }
}
