//! Representatives of ints, floats and times.

use super::Undecided;
use super::domain::{Group, Representatives};
use super::subject::Kind;
use crate::model::{Instant, Value};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
/// 2026-01-01T00:00:00Z, in microseconds.
const NEW_YEAR: i64 = 1_767_225_600 * SECOND;

/// Up to here every int is a float, and so is half of it.
const EXACT: u64 = 1 << 52;

/// The bounds of a gap, which do not belong to it.
type Gap<'v> = (Option<&'v Value>, Option<&'v Value>);

/// Every number as an int, a float, or both, as the kinds of the group want it.
pub fn numbers(group: &Group<'_>) -> Representatives {
    let count = group.kinds.len();
    let ints = group.kinds.contains(&Kind::Int);
    let floats = group.kinds.contains(&Kind::Float);
    let mut out = Vec::new();
    let mut doubt = None;
    for literal in &group.literals {
        point(literal, ints, floats, &mut out);
    }
    if !group.ordered {
        // Whoever only asks whether numbers are equal sees no difference between ints and floats.
        let others = (0..).map(Value::Int).filter(|n| !group.literals.iter().any(|l| l.same(n)));
        others.take(count).for_each(|n| point(&n, ints, floats, &mut out));
        return (out, None);
    }
    let sorted = sorted(&group.literals);
    for (low, high) in gaps(&sorted) {
        let found = if ints { ints_between(low, high, count) } else { Vec::new() };
        if !floats {
            out.extend(found.into_iter().map(Value::Int));
            continue;
        }
        // Floats may stand between any two ints. With as many ints as variables, and as many floats in
        // each gap between them, every order is possible.
        let mut points: Vec<Value> = found.iter().copied().map(Value::Int).collect();
        for number in &points {
            point(number, true, true, &mut out);
        }
        let some_of_many = ints && found.len() == count;
        if some_of_many && found.iter().any(|n| n.unsigned_abs() > EXACT) {
            doubt = Some(Undecided::LargeNumbers);
        }
        points.sort_by(|a, b| a.compare(b).unwrap_or(std::cmp::Ordering::Equal));
        let bounds: Vec<Option<&Value>> =
            std::iter::once(low).chain(points.iter().map(Some)).chain([high]).collect();
        for pair in bounds.windows(2) {
            let found = floats_between((pair[0], pair[1]), count);
            if some_of_many && found.len() < count {
                doubt = Some(Undecided::LargeNumbers);
            }
            out.extend(found.into_iter().map(Value::Float));
        }
    }
    (out, doubt)
}

/// A number in the forms in which it can be held.
fn point(number: &Value, ints: bool, floats: bool, out: &mut Vec<Value>) {
    // The casts are checked: a number that has no such form is not the same as what they give.
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
    let (int, float) = match number {
        Value::Int(n) => (Value::Int(*n), Value::Float(*n as f64)),
        Value::Float(x) => (Value::Int(*x as i64), Value::Float(*x)),
        _ => return,
    };
    for (wanted, value) in [(ints, int), (floats, float)] {
        if wanted && value.same(number) && !out.contains(&value) {
            out.push(value);
        }
    }
}

fn sorted<'v>(literals: &[&'v Value]) -> Vec<&'v Value> {
    let mut out = literals.to_vec();
    out.sort_by(|a, b| a.compare(b).unwrap_or(std::cmp::Ordering::Equal));
    out
}

/// What lies below, between and above the values.
fn gaps<'v>(sorted: &[&'v Value]) -> Vec<Gap<'v>> {
    let ends: Vec<Option<&Value>> =
        std::iter::once(None).chain(sorted.iter().copied().map(Some)).chain([None]).collect();
    ends.windows(2).map(|pair| (pair[0], pair[1])).collect()
}

/// As many ints of a gap as are asked for, or all that there are.
fn ints_between(low: Option<&Value>, high: Option<&Value>, count: usize) -> Vec<i64> {
    let (Some(first), Some(last)) = (low.map_or(Some(i64::MIN), above), high.map_or(Some(i64::MAX), below))
    else {
        return Vec::new();
    };
    // Ends that are no literals are nothing that anybody wants to read.
    pick(0..count_i64(count), (first, last), low.is_none(), count)
}

/// The least int above a number.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
fn above(number: &Value) -> Option<i64> {
    match number {
        Value::Int(n) => n.checked_add(1),
        // A cast of what is too large or too small gives the nearest int.
        Value::Float(x) if *x < i64::MIN as f64 => Some(i64::MIN),
        Value::Float(x) if *x >= i64::MAX as f64 => None,
        Value::Float(x) => (x.floor() as i64).checked_add(1),
        _ => None,
    }
}

/// The greatest int below a number.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
fn below(number: &Value) -> Option<i64> {
    match number {
        Value::Int(n) => n.checked_sub(1),
        Value::Float(x) if *x >= i64::MAX as f64 => Some(i64::MAX),
        Value::Float(x) if *x <= i64::MIN as f64 => None,
        Value::Float(x) => (x.ceil() as i64).checked_sub(1),
        _ => None,
    }
}

fn count_i64(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// As many whole numbers from `first` to `last` as are asked for, or all of them: the wished ones,
/// then those at one end.
fn pick(wished: impl Iterator<Item = i64>, ends: (i64, i64), from_last: bool, count: usize) -> Vec<i64> {
    let (first, last) = ends;
    let mut out: Vec<i64> = Vec::new();
    let mut add = |n: i64| {
        if out.len() < count && (first..=last).contains(&n) && !out.contains(&n) {
            out.push(n);
        }
    };
    wished.for_each(&mut add);
    // At most `count` of those seen here are in `out` already, so twice as many are enough.
    for step in 0..count_i64(count).saturating_mul(2) {
        let next = if from_last { last.checked_sub(step) } else { first.checked_add(step) };
        next.into_iter().for_each(&mut add);
    }
    out
}

/// As many floats of a gap as are asked for, or all that there are.
#[allow(clippy::cast_precision_loss)]
fn floats_between((low, high): Gap<'_>, count: usize) -> Vec<f64> {
    use std::cmp::Ordering::{Greater, Less};
    let is_above = |x: f64| low.is_none_or(|low| Value::Float(x).compare(low) == Some(Greater));
    let is_below = |x: f64| high.is_none_or(|high| Value::Float(x).compare(high) == Some(Less));
    let mut out: Vec<f64> = Vec::new();
    let mut add = |x: f64| {
        if out.len() < count && x.is_finite() && is_above(x) && is_below(x) && !out.contains(&x) {
            out.push(x);
        }
        out.len() < count
    };
    ints_between(low, high, count).into_iter().for_each(|n| {
        add(n as f64);
    });
    let near = |value: &Value| match value {
        Value::Int(n) => *n as f64,
        Value::Float(x) => *x,
        _ => 0.0,
    };
    match (low.map(near), high.map(near)) {
        (Some(low), Some(high)) => {
            // The difference of two large numbers may be infinite; `add` refuses what that gives.
            add(low + (high - low) / 2.0);
            for part in 1..=count {
                add(low + (high - low) * (part as f64 / (count + 1) as f64));
            }
            // One by one from the lower end, so that none is left out.
            let mut x = low;
            while is_above(x) && x.is_finite() {
                x = x.next_down();
            }
            while x.is_finite() && is_below(x) {
                x = x.next_up();
                if is_above(x) && !add(x) {
                    break;
                }
            }
        }
        (Some(low), None) => {
            let mut x = low;
            while is_above(x) && x.is_finite() {
                x = x.next_down();
            }
            while x.is_finite() {
                x = x.next_up();
                if is_above(x) && !add(x) {
                    break;
                }
            }
        }
        (None, Some(high)) => {
            let mut x = high;
            while is_below(x) && x.is_finite() {
                x = x.next_up();
            }
            while x.is_finite() {
                x = x.next_down();
                if is_below(x) && !add(x) {
                    break;
                }
            }
        }
        // The ints are enough.
        (None, None) => {}
    }
    out
}

/// Representatives of points in time.
pub fn times(group: &Group<'_>) -> Vec<Value> {
    let count = group.kinds.len();
    let mut out: Vec<Value> = group.literals.iter().copied().cloned().collect();
    let (least, greatest) = Instant::range();
    let mut points: Vec<i64> = group
        .literals
        .iter()
        .filter_map(|value| match value {
            Value::Time(instant) => Some(instant.micros()),
            _ => None,
        })
        .collect();
    points.sort_unstable();
    let mut bounds = vec![(None, None)];
    if group.ordered {
        let ends: Vec<Option<i64>> =
            std::iter::once(None).chain(points.iter().copied().map(Some)).chain([None]).collect();
        bounds = ends.windows(2).map(|pair| (pair[0], pair[1])).collect();
    }
    for (low, high) in bounds {
        let ends = (low.map_or(least, |n| n + 1), high.map_or(greatest, |n| n - 1));
        let many = count_i64(count + if group.ordered { 0 } else { points.len() });
        let from = |start: Option<i64>, step: i64| {
            let start = start.map_or(NEW_YEAR - step, |n| n);
            (1..=many).map(move |n| start.saturating_add(n.saturating_mul(step)))
        };
        let wished = match (low, high) {
            (None, Some(_)) => from(high, -DAY).chain(from(high, -SECOND)),
            _ => from(low, DAY).chain(from(low, SECOND)),
        };
        let wished = wished.filter(|n| !points.contains(n));
        let found = pick(wished, ends, low.is_none(), count);
        out.extend(found.into_iter().filter_map(Instant::from_micros).map(Value::Time));
    }
    out
}

/// A time that is easy to read.
pub fn some_time() -> Value {
    Instant::from_micros(NEW_YEAR).map_or(Value::Null, Value::Time)
}
