//! Values as Postgres writes them, in a form that the declared type of a field takes.

use serde_json::{Number, Value as Json};

use crate::model::{Scalar, Type};

/// OIDs of `pg_type` that are fixed for ever.
mod oid {
    pub const BOOL: u32 = 16;
    pub const INT8: u32 = 20;
    pub const INT2: u32 = 21;
    pub const INT4: u32 = 23;
    pub const JSON: u32 = 114;
    pub const FLOAT4: u32 = 700;
    pub const FLOAT8: u32 = 701;
    pub const DATE: u32 = 1082;
    pub const TIMESTAMP: u32 = 1114;
    pub const TIMESTAMPTZ: u32 = 1184;
    pub const NUMERIC: u32 = 1700;
    pub const JSONB: u32 = 3802;
    /// Array types and those of their elements.
    pub const ARRAYS: [(u32, u32); 11] = [
        (199, JSON),
        (1000, BOOL),
        (1005, INT2),
        (1007, INT4),
        (1016, INT8),
        (1021, FLOAT4),
        (1022, FLOAT8),
        (1115, TIMESTAMP),
        (1182, DATE),
        (1185, TIMESTAMPTZ),
        (1231, NUMERIC),
    ];
}

/// A value of a column of this type. Numbers are numbers only where their text is the same again; what does not fit the
/// declared type is handed on as text, and refused with the row.
pub fn json(text: &str, kind: u32, declared: Type) -> Json {
    if !declared.list {
        return scalar(text, kind, declared.scalar);
    }
    if matches!(kind, oid::JSON | oid::JSONB) {
        return match serde_json::from_str(text) {
            Ok(list @ Json::Array(_)) => list,
            _ => Json::String(text.to_owned()),
        };
    }
    let element = oid::ARRAYS.iter().find(|(array, _)| *array == kind).map_or(0, |(_, element)| *element);
    match array(text) {
        Some(items) => Json::Array(
            items
                .into_iter()
                .map(|item| item.map_or(Json::Null, |text| scalar(&text, element, declared.scalar)))
                .collect(),
        ),
        None => scalar(text, kind, declared.scalar),
    }
}

fn scalar(text: &str, kind: u32, declared: Scalar) -> Json {
    match (kind, declared) {
        (oid::INT2 | oid::INT4 | oid::INT8, _) => match text.parse::<i64>() {
            Ok(n) => Json::Number(n.into()),
            Err(_) => Json::String(text.to_owned()),
        },
        (oid::BOOL, Scalar::Bool) => Json::Bool(text == "t"),
        (oid::BOOL, _) => Json::String(if text == "t" { "true" } else { "false" }.to_owned()),
        // A domain over bool.
        (_, Scalar::Bool) if matches!(text, "t" | "f") => Json::Bool(text == "t"),
        (oid::NUMERIC | oid::FLOAT4 | oid::FLOAT8, Scalar::Int | Scalar::Float) => number(text),
        // Without a zone they are taken as of UTC, as is the start of a day.
        (oid::TIMESTAMP, Scalar::Time) => Json::String(format!("{text}Z")),
        (oid::DATE, Scalar::Time) => Json::String(format!("{text}T00:00:00Z")),
        _ => Json::String(text.to_owned()),
    }
}

fn number(text: &str) -> Json {
    if let Ok(n) = text.parse::<i64>() {
        return Json::Number(n.into());
    }
    let exact = text.parse::<f64>().ok().filter(|x| x.to_string() == text).and_then(Number::from_f64);
    exact.map_or_else(|| Json::String(text.to_owned()), Json::Number)
}

/// The elements of an array as `{a,"b c",NULL}`; those of several dimensions in one row. `None` where it is no array.
fn array(text: &str) -> Option<Vec<Option<String>>> {
    // Bounds that do not begin with 1 come before it: `[0:1]={a,b}`.
    let text = if text.starts_with('[') { text.split_once('=')?.1 } else { text };
    if !text.starts_with('{') || !text.ends_with('}') {
        return None;
    }
    let mut items = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '{' | '}' | ',' => {}
            '"' => {
                let mut item = String::new();
                loop {
                    match chars.next()? {
                        '"' => break,
                        '\\' => item.push(chars.next()?),
                        c => item.push(c),
                    }
                }
                items.push(Some(item));
            }
            c => {
                let mut item = String::from(c);
                while let Some(c) = chars.next_if(|c| !matches!(c, ',' | '}')) {
                    item.push(c);
                }
                items.push(if item.eq_ignore_ascii_case("null") { None } else { Some(item) });
            }
        }
    }
    Some(items)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::model::Instant;

    fn one(text: &str, kind: u32, scalar: Scalar) -> Json {
        super::json(text, kind, Type { scalar, list: false })
    }

    fn list(text: &str, kind: u32, scalar: Scalar) -> Json {
        super::json(text, kind, Type { scalar, list: true })
    }

    #[test]
    fn scalars() {
        assert_eq!(one("9223372036854775807", oid::INT8, Scalar::Int), json!(i64::MAX));
        assert_eq!(one("5", oid::INT4, Scalar::String), json!(5));
        assert_eq!(one("t", oid::BOOL, Scalar::Bool), json!(true));
        assert_eq!(one("f", oid::BOOL, Scalar::String), json!("false"));
        assert_eq!(one("t", 99_999, Scalar::Bool), json!(true));
        assert_eq!(one("1.5", oid::NUMERIC, Scalar::Float), json!(1.5));
        assert_eq!(one("1.50", oid::NUMERIC, Scalar::Float), json!("1.50"));
        assert_eq!(one("0.1234567890123456789", oid::NUMERIC, Scalar::Float), json!("0.1234567890123456789"));
        assert_eq!(one("1.50", oid::NUMERIC, Scalar::String), json!("1.50"));
        assert_eq!(one("NaN", oid::FLOAT8, Scalar::Float), json!("NaN"));
        assert_eq!(one("{\"a\": 1}", oid::JSONB, Scalar::String), json!("{\"a\": 1}"));
    }

    #[test]
    fn times_can_be_read() {
        for (text, kind) in [
            ("2026-01-02 03:04:05.123456+00", oid::TIMESTAMPTZ),
            ("2026-01-02 03:04:05.123456", oid::TIMESTAMP),
            ("2026-01-02", oid::DATE),
        ] {
            let Json::String(text) = one(text, kind, Scalar::Time) else { panic!("a text") };
            assert!(Instant::parse(&text).is_some(), "{text}");
        }
        assert_eq!(one("2026-01-02", oid::DATE, Scalar::String), json!("2026-01-02"));
    }

    #[test]
    fn lists() {
        assert_eq!(list("{1,2,NULL}", 1007, Scalar::Int), json!([1, 2, null]));
        assert_eq!(list("{}", 1007, Scalar::Int), json!([]));
        assert_eq!(
            list(r#"{a,"b c","NULL","q\"\\",""}"#, 1009, Scalar::String),
            json!(["a", "b c", "NULL", "q\"\\", ""])
        );
        assert_eq!(list("[0:1]={t,f}", 1000, Scalar::Bool), json!([true, false]));
        assert_eq!(list("{{1,2},{3,4}}", 1007, Scalar::Int), json!([1, 2, 3, 4]));
        assert_eq!(list("[\"a\", 1]", oid::JSONB, Scalar::String), json!(["a", 1]));
        assert_eq!(list("5", oid::INT4, Scalar::Int), json!(5));
    }

    proptest! {
        #[test]
        fn any_text_is_a_value(text in "\\PC*", braced in "[{}\\[\\]\",\\\\a=:]{0,12}", kind in 0usize..12) {
            let kinds: Vec<u32> = oid::ARRAYS.iter().map(|(array, _)| *array).chain([oid::JSONB]).collect();
            for text in [text, format!("{{{braced}}}"), braced] {
                let _ = list(&text, kinds[kind], Scalar::Float);
                let _ = one(&text, kinds[kind], Scalar::Time);
            }
        }
    }
}
