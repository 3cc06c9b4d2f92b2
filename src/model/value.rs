//! Values of fields, refs and context attributes.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use super::types::{Comparison, Scalar};

/// A value that a write carries. Ids and refs are [`Value::Text`].
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Text(Arc<str>),
    Int(i64),
    Float(f64),
    Bool(bool),
    Time(Instant),
    List(Vec<Value>),
}

/// A point in time, with the text it was given as.
#[derive(Clone, Debug)]
pub struct Instant {
    text: Arc<str>,
    /// Microseconds since 1970 in UTC.
    micros: i64,
}

impl PartialEq for Instant {
    fn eq(&self, other: &Self) -> bool {
        self.micros == other.micros
    }
}

impl Instant {
    /// Reads RFC 3339, with `T` or a space between date and time.
    pub fn parse(text: &str) -> Option<Self> {
        let timestamp: jiff::Timestamp = text.parse().ok()?;
        Some(Self { text: text.into(), micros: timestamp.as_microsecond() })
    }

    /// The instant this many microseconds after 1970 in UTC; `None` beyond the years that can be written.
    pub fn from_micros(micros: i64) -> Option<Self> {
        let timestamp = jiff::Timestamp::from_nanosecond(i128::from(micros) * 1000).ok()?;
        Some(Self { text: timestamp.to_string().into(), micros })
    }

    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Microseconds since 1970 in UTC.
    pub fn micros(&self) -> i64 {
        self.micros
    }

    /// The first and the last instant, in microseconds.
    pub fn range() -> (i64, i64) {
        (jiff::Timestamp::MIN.as_microsecond(), jiff::Timestamp::MAX.as_microsecond())
    }
}

impl Value {
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Null, or a list with nothing in it: a ref that holds this points nowhere.
    pub fn is_nothing(&self) -> bool {
        match self {
            Self::Null => true,
            Self::List(items) => items.iter().all(Value::is_null),
            _ => false,
        }
    }

    /// The value as a template shows it before escaping; `None` for null and lists.
    pub fn as_text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Null | Self::List(_) => None,
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Time(instant) => Some(Cow::Borrowed(&instant.text)),
            Self::Int(n) => Some(Cow::Owned(n.to_string())),
            Self::Float(x) => Some(Cow::Owned(x.to_string())),
            Self::Bool(b) => Some(Cow::Borrowed(if *b { "true" } else { "false" })),
        }
    }

    /// How two values of one type compare; `None` where the types do not.
    pub fn compare(&self, other: &Value) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(b),
            (Self::Int(a), Self::Float(b)) => compare_int_float(*a, *b),
            (Self::Float(a), Self::Int(b)) => compare_int_float(*b, *a).map(Ordering::reverse),
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::Time(a), Self::Time(b)) => Some(a.micros.cmp(&b.micros)),
            _ => None,
        }
    }

    /// Whether a comparison in a condition holds. Null equals null and nothing else, and is neither
    /// below nor above anything.
    pub fn is(&self, op: Comparison, other: &Value) -> bool {
        if self.is_null() || other.is_null() {
            let both = self.is_null() && other.is_null();
            return match op {
                Comparison::Eq => both,
                Comparison::Ne => !both,
                _ => false,
            };
        }
        self.compare(other).map_or(op == Comparison::Ne, |order| op.holds(order))
    }

    /// Whether two values of one declared type are the same. Lists are compared in order.
    pub fn same(&self, other: &Value) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::List(a), Self::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b)),
            _ => self.compare(other).is_some_and(Ordering::is_eq),
        }
    }
}

/// Exact, also where an `i64` has more digits than an `f64` holds.
fn compare_int_float(int: i64, float: f64) -> Option<Ordering> {
    const TWO_63: f64 = 9_223_372_036_854_775_808.0;
    if float.is_nan() {
        None
    } else if float >= TWO_63 {
        Some(Ordering::Less)
    } else if float < -TWO_63 {
        Some(Ordering::Greater)
    } else {
        // In range, so the truncation is exact; the fraction decides between equal whole parts.
        #[allow(clippy::cast_possible_truncation)]
        let whole = float.trunc() as i64;
        Some(int.cmp(&whole).then_with(|| 0.0_f64.partial_cmp(&float.fract()).unwrap_or(Ordering::Equal)))
    }
}

/// Reads the text of one scalar, as the command line gives it. `None` where it does not fit.
pub fn parse_scalar(scalar: Scalar, text: &str) -> Option<Value> {
    match scalar {
        Scalar::String => Some(Value::text(text)),
        Scalar::Int => text.parse().ok().map(Value::Int),
        Scalar::Float => text.parse().ok().filter(|x: &f64| x.is_finite()).map(Value::Float),
        Scalar::Bool => text.parse().ok().map(Value::Bool),
        Scalar::Time => Instant::parse(text).map(Value::Time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_and_fractions_compare_exactly() {
        let order = |a: Value, b: Value| a.compare(&b);
        assert_eq!(order(Value::Int(i64::MAX), Value::Float(9.3e18)), Some(Ordering::Less));
        assert_eq!(order(Value::Int(2), Value::Float(2.5)), Some(Ordering::Less));
        assert_eq!(order(Value::Float(-2.5), Value::Int(-2)), Some(Ordering::Less));
        assert_eq!(order(Value::Int(3), Value::Float(3.0)), Some(Ordering::Equal));
        assert_eq!(order(Value::text("3"), Value::Int(3)), None);
    }

    #[test]
    fn instants_compare_across_offsets() {
        let a = Instant::parse("2026-01-01T12:00:00+02:00").unwrap();
        let b = Instant::parse("2026-01-01 10:00:00Z").unwrap();
        assert_eq!(a, b);
        assert!(Instant::parse("yesterday").is_none());
        let (first, last) = Instant::range();
        for micros in [first, -1, 0, 1, last] {
            let instant = Instant::from_micros(micros).unwrap();
            assert_eq!(instant.micros(), micros);
            assert_eq!(Instant::parse(&instant.text), Some(instant));
        }
        assert!(Instant::from_micros(last + 1).is_none() && Instant::from_micros(first - 1).is_none());
    }
}
