//! Unified diffs, in time that grows with the texts: the formatter leaves items in their order, so
//! lines that stand once in either text hold the two together, and only what is between is compared.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::ops::Range;

use similar::algorithms::{Capture, Replace, diff};
use similar::{Algorithm, DiffOp, group_diff_ops};

/// Lines around a change that are shown.
const CONTEXT: usize = 3;

/// Pairs of lines that are compared between two lines that hold: more are a removal and an addition.
const MOST_PAIRS: usize = 1_000_000;

/// A unified diff, as `patch -p0` takes it. Nothing for equal texts.
pub fn unified(name: &str, old: &str, new: &str) -> String {
    let old: Vec<&str> = old.split_inclusive('\n').collect();
    let new: Vec<&str> = new.split_inclusive('\n').collect();
    let mut out = String::new();
    for hunk in group_diff_ops(operations(&old, &new), CONTEXT) {
        let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else { continue };
        if out.is_empty() {
            let _ = writeln!(out, "--- {name}\n+++ {name}");
        }
        let old_range = first.old_range().start..last.old_range().end;
        let new_range = first.new_range().start..last.new_range().end;
        let _ = writeln!(out, "@@ -{} +{} @@", place(old_range), place(new_range));
        for operation in &hunk {
            if let DiffOp::Equal { .. } = operation {
                add(&mut out, ' ', &old[operation.old_range()]);
            } else {
                add(&mut out, '-', &old[operation.old_range()]);
                add(&mut out, '+', &new[operation.new_range()]);
            }
        }
    }
    out
}

/// The first line, counted from 1, and how many; of none, the line before.
fn place(range: Range<usize>) -> String {
    match range.len() {
        0 => format!("{},0", range.start),
        1 => format!("{}", range.start + 1),
        n => format!("{},{n}", range.start + 1),
    }
}

fn add(out: &mut String, sign: char, lines: &[&str]) {
    for line in lines {
        out.push(sign);
        out.push_str(line);
        if !line.ends_with('\n') {
            out.push_str("\n\\ No newline at end of file\n");
        }
    }
}

fn operations(old: &[&str], new: &[&str]) -> Vec<DiffOp> {
    let mut operations: Vec<DiffOp> = Vec::new();
    let mut push = |operation: DiffOp| match (operations.last_mut(), operation) {
        (Some(DiffOp::Equal { len, .. }), DiffOp::Equal { len: more, .. }) => *len += more,
        _ => operations.push(operation),
    };
    let (mut from_old, mut from_new) = (0, 0);
    let end = (old.len(), new.len());
    for (at_old, at_new) in held(old, new).into_iter().chain([end]) {
        between(old, from_old..at_old, new, from_new..at_new).into_iter().for_each(&mut push);
        if (at_old, at_new) != end {
            push(DiffOp::Equal { old_index: at_old, new_index: at_new, len: 1 });
        }
        (from_old, from_new) = (at_old + 1, at_new + 1);
    }
    operations
}

/// The lines that stand once in either text, where they are in the same order.
fn held(old: &[&str], new: &[&str]) -> Vec<(usize, usize)> {
    let (places_old, places_new) = (once(old), once(new));
    let mut held: Vec<(usize, usize)> = Vec::new();
    for (at, line) in old.iter().enumerate() {
        let is_once = places_old.get(*line).is_some_and(Option::is_some);
        let place = places_new.get(*line).copied().flatten().filter(|_| is_once);
        if let Some(place) = place.filter(|place| held.last().is_none_or(|(_, last)| place > last)) {
            held.push((at, place));
        }
    }
    held
}

/// The places of lines; `None` for those that stand there more than once.
fn once<'l>(lines: &[&'l str]) -> HashMap<&'l str, Option<usize>> {
    let mut places = HashMap::with_capacity(lines.len());
    for (at, line) in lines.iter().enumerate() {
        places.entry(*line).and_modify(|place| *place = None).or_insert(Some(at));
    }
    places
}

fn between(old: &[&str], at_old: Range<usize>, new: &[&str], at_new: Range<usize>) -> Vec<DiffOp> {
    if at_old.is_empty() && at_new.is_empty() {
        return Vec::new();
    }
    if at_old.len().saturating_mul(at_new.len()) > MOST_PAIRS {
        return vec![DiffOp::Replace {
            old_index: at_old.start,
            old_len: at_old.len(),
            new_index: at_new.start,
            new_len: at_new.len(),
        }];
    }
    let mut hook = Replace::new(Capture::new());
    match diff(Algorithm::Myers, &mut hook, old, at_old, new, at_new) {
        Ok(()) => hook.into_inner().into_ops(),
        Err(impossible) => match impossible {},
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `patch` makes of a text.
    fn patched(old: &str, diff: &str) -> String {
        let old: Vec<&str> = old.split_inclusive('\n').collect();
        let (mut out, mut at) = (String::new(), 0);
        let mut lines = diff.split_inclusive('\n').skip(2).peekable();
        while let Some(line) = lines.next() {
            if let Some(range) = line.strip_prefix("@@ -") {
                let range = range.split(' ').next().unwrap();
                let (start, count) = range.split_once(',').unwrap_or((range, "1"));
                let start: usize = start.parse().unwrap();
                let start = if count == "0" { start } else { start - 1 };
                out.push_str(&old[at..start].concat());
                at = start;
                continue;
            }
            let ends = lines.next_if(|next| next.starts_with('\\')).is_some();
            let text = if ends { line[1..].trim_end_matches('\n') } else { &line[1..] };
            if !line.starts_with('+') {
                assert_eq!(old[at], text);
                at += 1;
            }
            if !line.starts_with('-') {
                out.push_str(text);
            }
        }
        out + &old[at..].concat()
    }

    #[test]
    fn a_diff_turns_the_old_text_into_the_new_one() {
        let numbers = |n: u32, sign: &str| (0..n).map(|i| format!("{i}{sign}\n")).collect::<String>();
        let ten = numbers(10, "");
        let texts = [
            "".to_owned(),
            "a".to_owned(),
            "a\n".to_owned(),
            "b\na\nb\n\na\n".to_owned(),
            ten.replace("5\n", "five\n5\n"),
            ten.replace("0\n", "").replace("9\n", "9"),
            format!("{ten}\n{ten}"),
            "9\n8\n7\n6\n5\n4\n3\n2\n1\n0\n".to_owned(),
            // Too many pairs to compare.
            numbers(1_500, "x"),
            numbers(1_500, "y") + "end",
            ten,
        ];
        for old in &texts {
            for new in &texts {
                let diff = unified("x", old, new);
                assert_eq!(diff.is_empty(), old == new);
                assert_eq!(&patched(old, &diff), new, "{diff}");
            }
        }
    }

    #[test]
    fn only_what_is_around_a_change_is_shown() {
        let old: String = (0..20).map(|i| format!("{i}\n")).collect();
        let new = old.replace("10\n", "ten\n");
        assert_eq!(
            unified("x", &old, &new),
            "--- x\n+++ x\n@@ -8,7 +8,7 @@\n 7\n 8\n 9\n-10\n+ten\n 11\n 12\n 13\n"
        );
    }
}
