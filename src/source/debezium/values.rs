//! Values of columns. With a schema beside them, what is encoded becomes what a person would write: a decimal
//! its digits, a point in time RFC 3339. Without one a value stays what it is.

use jiff::civil::{Date, Time};
use serde_json::{Map, Value as Json};

use super::base64;
use super::decimal::decimal;
use super::schema::Columns;
use crate::model::Instant;

/// How deep arrays are looked into.
const DEPTH: u32 = 4;

/// A row without what Debezium does not know.
pub fn row(mut row: Map<String, Json>, columns: Option<Columns<'_>>, placeholder: &str) -> Map<String, Json> {
    row.retain(|_, value| !is_unavailable(value, placeholder, DEPTH));
    if let Some(columns) = columns {
        for (name, value) in &mut row {
            if let Some(schema) = columns.named(name) {
                decode(value, schema, DEPTH);
            }
        }
    }
    row
}

/// Whether the placeholder stands there: as text, as bytes, or as the only element of an array or a map
/// («Toasted values» in the documentation of the Postgres connector; as `hex:…` it is given by its bytes).
fn is_unavailable(value: &Json, placeholder: &str, depth: u32) -> bool {
    let is_it = |text: &str| {
        text == placeholder || {
            let encodes = match placeholder.strip_prefix("hex:") {
                Some(hex) => bytes_of_hex(hex).unwrap_or_default(),
                None => placeholder.as_bytes().to_vec(),
            };
            let may_be = text.len() > encodes.len() && text.len() <= 2 * encodes.len();
            may_be
                && (base64::decode(text).as_ref() == Some(&encodes)
                    || bytes_of_hex(text).as_ref() == Some(&encodes))
        }
    };
    match value {
        Json::String(text) => is_it(text),
        Json::Array(items) if depth > 0 => {
            matches!(items.as_slice(), [one] if is_unavailable(one, placeholder, depth - 1))
        }
        Json::Object(map) => {
            map.len() == 1 && map.iter().all(|(name, value)| is_it(name) && value.as_str().is_some_and(is_it))
        }
        _ => false,
    }
}

fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        })
        .collect()
}

/// Replaces a value by what its schema says it means. What does not fit its schema stays as it is.
fn decode(value: &mut Json, schema: &Json, depth: u32) {
    if let (Json::Array(items), Some(of), 1..) = (&mut *value, schema.get("items"), depth) {
        items.iter_mut().for_each(|item| decode(item, of, depth - 1));
        return;
    }
    if let Some(plain) = plain(value, schema) {
        *value = Json::String(plain);
    }
}

/// The meaning of a value, by the name of its schema: «Data type mappings», «Temporal types» and «Decimal types» in the
/// documentation of each connector.
fn plain(value: &Json, schema: &Json) -> Option<String> {
    let number = || value.as_i64();
    match schema.get("name")?.as_str()? {
        "org.apache.kafka.connect.data.Decimal" => {
            let scale = schema.get("parameters").and_then(|parameters| parameters.get("scale"));
            decimal(value, scale.map_or(Some(0), whole)?)
        }
        "io.debezium.data.VariableScaleDecimal" => decimal(value.get("value")?, whole(value.get("scale")?)?),
        "io.debezium.time.Date" | "org.apache.kafka.connect.data.Date" => {
            let days = jiff::Span::new().try_days(number()?).ok()?;
            Some(Date::constant(1970, 1, 1).checked_add(days).ok()?.to_string())
        }
        "io.debezium.time.Timestamp" | "org.apache.kafka.connect.data.Timestamp" => {
            instant(number()?.checked_mul(1000)?)
        }
        "io.debezium.time.MicroTimestamp" => instant(number()?),
        "io.debezium.time.NanoTimestamp" => instant(number()?.div_euclid(1000)),
        "io.debezium.time.Time" | "org.apache.kafka.connect.data.Time" => {
            time(number()?.checked_mul(1_000_000)?)
        }
        "io.debezium.time.MicroTime" => time(number()?.checked_mul(1000)?),
        "io.debezium.time.NanoTime" => time(number()?),
        _ => None,
    }
}

fn whole(json: &Json) -> Option<i64> {
    json.as_i64().or_else(|| json.as_str()?.parse().ok())
}

fn instant(micros: i64) -> Option<String> {
    Some(Instant::from_micros(micros)?.as_str().to_owned())
}

/// A time of day, from nanoseconds past midnight.
fn time(nanos: i64) -> Option<String> {
    let nanos = jiff::SignedDuration::from_nanos(nanos);
    Some(Time::midnight().checked_add(nanos).ok()?.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::schema::Schema;
    use super::*;
    use serde_json::json;

    fn decoded(schema: Json, value: Json) -> Json {
        let mut field = schema;
        field["field"] = json!("x");
        let schema = json!({"type": "struct", "fields": [field]});
        let columns = Schema::of(Some(&schema)).columns();
        let Json::Object(object) = json!({"x": value}) else { unreachable!("an object") };
        row(object, columns, "__debezium_unavailable_value").remove("x").unwrap_or(json!("unknown"))
    }

    #[test]
    fn what_a_schema_names_is_written_as_people_do() {
        let named = |name: &str| json!({"type": "int64", "name": name});
        for (name, value, expected) in [
            ("io.debezium.time.Date", json!(17_702), "2018-06-20"),
            ("org.apache.kafka.connect.data.Date", json!(-1), "1969-12-31"),
            ("io.debezium.time.Timestamp", json!(1_529_507_596_945_i64), "2018-06-20T15:13:16.945Z"),
            // The documentation's own example.
            (
                "io.debezium.time.MicroTimestamp",
                json!(1_529_507_596_945_104_i64),
                "2018-06-20T15:13:16.945104Z",
            ),
            (
                "io.debezium.time.NanoTimestamp",
                json!(1_529_507_596_945_104_999_i64),
                "2018-06-20T15:13:16.945104Z",
            ),
            ("io.debezium.time.Time", json!(3_723_004), "01:02:03.004"),
            ("io.debezium.time.MicroTime", json!(3_723_000_004_i64), "01:02:03.000004"),
            ("io.debezium.time.NanoTime", json!(0), "00:00:00"),
            ("io.debezium.time.ZonedTimestamp", json!("2020-09-27T13:37:24Z"), "2020-09-27T13:37:24Z"),
            ("io.debezium.data.VariableScaleDecimal", json!({"scale": 3, "value": "BNI="}), "1.234"),
        ] {
            assert_eq!(decoded(named(name), value), json!(expected), "{name}");
        }
        let decimal = json!({"type": "bytes", "name": "org.apache.kafka.connect.data.Decimal", "parameters": {"scale": "2"}});
        assert_eq!(decoded(decimal.clone(), json!("BNI=")), json!("12.34"));
        // `decimal.format=NUMERIC` of the converter.
        assert_eq!(decoded(decimal, json!(12.34)), json!(12.34));
        let list = json!({"type": "array", "items": {"type": "int32", "name": "io.debezium.time.Date"}});
        assert_eq!(decoded(list, json!([0, null, 1])), json!(["1970-01-01", null, "1970-01-02"]));
    }

    #[test]
    fn what_cannot_be_meant_stays() {
        // `infinity` of Postgres, and values of other types.
        for value in [json!(9_223_372_036_825_200_000_i64), json!(null), json!("x"), json!(1.5), json!([1])] {
            let schema = json!({"type": "int64", "name": "io.debezium.time.MicroTimestamp"});
            assert_eq!(decoded(schema, value.clone()), value);
        }
        assert_eq!(decoded(json!({"name": "io.debezium.time.MicroTime"}), json!(i64::MAX)), json!(i64::MAX));
    }

    #[test]
    fn the_placeholder_is_a_value_that_nobody_knows() {
        for value in [
            json!("__debezium_unavailable_value"),
            json!("X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="),
            json!("5f5f646562657a69756d5f756e617661696c61626c655f76616c7565"),
            json!(["__debezium_unavailable_value"]),
            json!({"__debezium_unavailable_value": "__debezium_unavailable_value"}),
        ] {
            assert_eq!(decoded(json!({"type": "string"}), value.clone()), json!("unknown"), "{value}");
        }
        for value in
            [json!("unavailable"), json!([]), json!({}), json!(["a", "__debezium_unavailable_value"])]
        {
            assert_eq!(decoded(json!({"type": "string"}), value.clone()), value);
        }
    }
}
