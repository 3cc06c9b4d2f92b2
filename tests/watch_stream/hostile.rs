//! Messages that nobody means well with: no panic, no endless work, and an error that names the line.

use invalidate::source::{Note, Reading};
use proptest::prelude::*;
use serde_json::{Map, Value};

use crate::cases::cases;
use crate::debezium::{read, sample, samples};

/// Values of every kind, nested.
fn json() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("__debezium_unavailable_value".to_owned()),
        Just("users".to_owned()),
        Just("u".to_owned()),
        Just("*".to_owned()),
        Just(String::new()),
        "\\PC{0,6}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((member(), inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn member() -> impl Strategy<Value = String> {
    let words = [
        "op",
        "before",
        "after",
        "source",
        "table",
        "schema",
        "db",
        "payload",
        "key",
        "value",
        "old",
        "new",
        "id",
        "tx",
        "entity",
        "fields",
        "field",
        "name",
        "parameters",
        "scale",
        "items",
        "changed",
        "context",
        "at",
        "topic",
        "status",
        "transaction",
        "connector",
        "ts_ms",
        "email",
        "org_id",
        "seen",
        "active",
    ];
    prop::sample::select(words.map(str::to_owned).to_vec())
}

/// A sample with a value somewhere in it replaced, or a member taken away.
fn mutated() -> impl Strategy<Value = String> {
    let names: Vec<String> = samples();
    (prop::sample::select(names), any::<prop::sample::Index>(), prop::option::of(json())).prop_map(
        |(name, at, instead)| {
            let mut value: Value = serde_json::from_str(&sample(&name)).unwrap();
            let count = places(&value);
            change(&mut value, &mut at.index(count.max(1)), &instead);
            value.to_string()
        },
    )
}

fn places(value: &Value) -> usize {
    match value {
        Value::Object(object) => object.values().map(|value| 1 + places(value)).sum(),
        Value::Array(items) => items.iter().map(|value| 1 + places(value)).sum(),
        _ => 0,
    }
}

fn change(value: &mut Value, at: &mut usize, instead: &Option<Value>) -> bool {
    let Value::Object(object) = value else {
        let Value::Array(items) = value else { return false };
        return items.iter_mut().any(|item| change(item, at, instead));
    };
    let names: Vec<String> = object.keys().cloned().collect();
    for name in names {
        if *at == 0 {
            match instead {
                Some(other) => drop(object.insert(name, other.clone())),
                None => drop(object.shift_remove(&name)),
            }
            return true;
        }
        *at -= 1;
        if change(&mut object[&name], at, instead) {
            return true;
        }
    }
    false
}

/// Every line comes to writes, to nothing, or to an error that names it.
fn holds(text: &str) {
    let read = read(&format!("\n{text}\n"), Reading::default());
    let errors: Vec<_> = read
        .notes
        .iter()
        .filter_map(|note| match note {
            Note::Unreadable { place, why, shown, .. } => Some((place, why, shown)),
            _ => None,
        })
        .collect();
    assert_eq!(errors.len() as u64, read.unreadable);
    for (place, why, shown) in &errors {
        assert!(
            place.starts_with("line ") && !why.message.is_empty() && why.message.len() < 1000,
            "{place} {why}"
        );
        assert!(shown.chars().count() <= 500);
    }
    let skipped: u64 = read.skipped.iter().map(|(_, n)| n).sum();
    let is_blank = text.trim().is_empty();
    assert!(
        is_blank || !errors.is_empty() || skipped > 0 || !read.parts.is_empty(),
        "nothing is said of {text:?}"
    );
    for write in read.parts.iter().flatten() {
        assert!(!write.raw.op.is_empty() || write.raw.entity.is_empty() || text.contains("entity"));
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn samples_with_anything_in_them(text in mutated()) {
        holds(&text);
    }

    #[test]
    fn any_json_at_all(value in json()) {
        holds(&value.to_string());
    }

    #[test]
    fn texts_cut_and_spliced(name in prop::sample::select(samples()), at in any::<prop::sample::Index>(), with in "\\PC{0,4}") {
        let text: Vec<char> = sample(&name).chars().collect();
        let at = at.index(text.len() + 1);
        let cut: String = text[..at].iter().collect();
        holds(&format!("{cut}{with}"));
        let rest: String = text[at..].iter().collect();
        holds(&format!("{cut}{with}{rest}"));
    }
}

#[test]
fn the_place_of_an_error_is_named() {
    let text = "{\"table\":\"users\",\"op\":\"delete\",\"old\":{\"id\":1}}\n\n{\"table\":\"users\",}\n[]\n\u{feff}{\"op\":5}\n";
    let errors: Vec<String> = read(text, Reading::default())
        .notes
        .iter()
        .filter_map(|note| match note {
            Note::Unreadable { place, why, .. } => Some(format!("{place} {}", why.message)),
            _ => None,
        })
        .collect();
    assert_eq!(
        errors,
        [
            "line 3 is no JSON: trailing comma, at character 18",
            "line 4 is no JSON object",
            "line 5 has no `op`"
        ]
    );
}

#[test]
fn depth_length_and_bytes_are_bounded() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let wrapped = (0..10)
        .fold("null".to_owned(), |text, _| serde_json::json!({"topic": "t", "payload": text}).to_string());
    let long = format!("{{\"table\":\"{}\"}}", "x".repeat(17 * 1024 * 1024));
    let decimal = format!(
        r#"{{"schema":{{"fields":[{{"field":"after","fields":[{{"field":"balance","name":"org.apache.kafka.connect.data.Decimal","parameters":{{"scale":"999999999"}}}}]}}]}},"payload":{{"op":"c","after":{{"id":1,"balance":"{}"}},"source":{{"table":"users","connector":"mysql"}}}}}}"#,
        "A".repeat(1_000_000)
    );
    let read = read(&format!("{deep}\n{wrapped}\n{long}\n{decimal}\n"), Reading::default());
    assert_eq!((read.unreadable, read.parts.len()), (3, 1));
}
