//! What becomes of each kind of Debezium's messages. The samples are written after the documentation of its connectors,
//! <https://debezium.io/documentation/reference/stable/connectors/>.

use std::path::Path;
use std::sync::{Arc, Mutex};

use invalidate::RuleSet;
use invalidate::source::{LinesSource, Mapping, Note, Reading, Source, SourceWrite};
use serde_json::{Value, json};

use crate::RULES;

/// What lines came to: their writes by part, and what was told and passed over.
pub struct Read {
    pub parts: Vec<Vec<SourceWrite>>,
    pub notes: Vec<Note>,
    pub skipped: Vec<(&'static str, u64)>,
    pub unreadable: u64,
}

pub fn read(text: &str, reading: Reading) -> Read {
    let rules = RuleSet::parse(RULES).rules.expect("the rules are clean");
    let mapping = Mapping::new(&rules, &std::collections::BTreeMap::new()).unwrap();
    let notes = Arc::new(Mutex::new(Vec::new()));
    let out = Arc::clone(&notes);
    let note = Arc::new(move |note| out.lock().unwrap().push(note));
    let input = std::io::Cursor::new(text.as_bytes().to_vec());
    let mut source = LinesSource::new(input, reading, Arc::new(mapping.into()), note).unwrap();
    let mut parts = Vec::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        while let Some(more) = source.next().await.unwrap() {
            parts.extend(more.into_iter().map(|part| part.writes));
        }
    });
    let skipped = source.skipped().iter().collect();
    let unreadable = source.losses().unreadable;
    let notes = std::mem::take(&mut *notes.lock().unwrap());
    Read { parts, notes, skipped, unreadable }
}

pub fn sample(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/watch_stream/debezium/{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    // One line.
    serde_json::from_str::<Value>(&text).unwrap().to_string()
}

pub fn samples() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/watch_stream/debezium");
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<String> =
        names.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect();
    names.sort();
    names
}

/// A write in short: what is silent is left out.
fn shown(write: &SourceWrite) -> Value {
    let raw = &write.raw;
    let mut out = json!({"entity": raw.entity, "id": raw.id, "op": raw.op});
    if let Some(changed) = &raw.changed {
        out["changed"] = json!(changed);
    }
    for (name, image) in [("new", &raw.new), ("old", &raw.old)] {
        if !image.is_empty() {
            out[name] = json!(image);
        }
    }
    if let Some(doubt) = &write.doubt {
        out["doubt"] = json!(doubt);
    }
    out
}

#[test]
fn every_kind_of_message_is_what_the_documentation_says() {
    let mut out = String::new();
    for name in samples() {
        let read = read(&sample(&name), Reading::default());
        out.push_str(&format!("{name}\n"));
        for write in read.parts.iter().flatten() {
            out.push_str(&format!("  {}\n", shown(write)));
        }
        for (what, _) in &read.skipped {
            out.push_str(&format!("  nothing: {what}\n"));
        }
        for note in &read.notes {
            match note {
                Note::Unreadable { place, why, .. } => out.push_str(&format!("  {place} {why}\n")),
                Note::Ignored(table) => out.push_str(&format!("  ignored: {table}\n")),
                Note::OldValuesUnsure(table) => out.push_str(&format!("  old values unsure: {table}\n")),
                other => panic!("{other:?}"),
            }
        }
    }
    insta::assert_snapshot!(out);
}

#[test]
fn what_is_believed_and_taken_can_be_widened() {
    let full = Reading { full_before: true, ..Reading::default() };
    let read_full = read(&sample("postgres_update_full_identity"), full.clone());
    assert_eq!(read_full.parts[0][0].raw.changed, Some(vec!["email".to_owned()]));
    assert_eq!(read_full.parts[0][0].raw.old["email"], "annek@noanswer.org");
    let toast = read(&sample("postgres_unchanged_toast_full"), full);
    // The large value did not change, and is known from the old row.
    assert_eq!(toast.parts[0][0].raw.changed, Some(vec!["plan".to_owned()]));
    assert_eq!(toast.parts[0][0].raw.new["bio"], "a long text");
    let snapshot = Reading { snapshot: true, ..Reading::default() };
    let taken = read(&sample("postgres_snapshot_read"), snapshot);
    assert_eq!((taken.parts[0][0].raw.op.as_str(), taken.skipped.len()), ("create", 0));
    let other = Reading { placeholder: "annek@noanswer.org".to_owned(), ..Reading::default() };
    assert!(!read(&sample("mysql_create"), other).parts[0][0].raw.new.contains_key("email"));
}

#[test]
fn messages_of_one_transaction_are_taken_together() {
    let lines: Vec<String> = [
        "postgres_update_default_identity",
        "postgres_key_change_first_half",
        "tombstone",
        "postgres_key_change_second_half",
        "postgres_transaction_metadata",
        "mysql_create",
        "mysql_update",
    ]
    .map(sample)
    .to_vec();
    let own = [
        r#"{"table":"users","op":"insert","new":{"id":1},"tx":1}"#,
        r#"{"entity":"user","id":2,"op":"update","tx":"1"}"#,
        r#"{"table":"users","op":"delete","old":{"id":3}}"#,
        r#"{"table":"users","op":"delete","old":{"id":4}}"#,
    ];
    let text = format!("{}\n{}\n", lines.join("\n"), own.join("\n"));
    let sizes: Vec<usize> = read(&text, Reading::default()).parts.iter().map(Vec::len).collect();
    assert_eq!(sizes, [1, 2, 1, 2, 2, 1, 1]);
}
