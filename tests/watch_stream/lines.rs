//! `invalidate watch -`: from a pipe into the cache, with a summary and an exit code.

use std::io::{BufRead, BufReader, Write};

use crate::RULES;
use crate::command::{Outcome, Place};

fn place() -> Place {
    let place = Place::new();
    place.file("rules/default.inv", RULES);
    place
}

/// Stores entries under keys, each with the tag that stands behind it.
fn put(place: &Place, entries: &[&str]) {
    for entry in entries {
        let (key, tag) = entry.split_once(' ').unwrap_or((entry, "other"));
        place.ok(&format!("cache put {key} x --tag {tag}"));
    }
}

fn cached(place: &Place) -> Vec<String> {
    let document = place.ok("cache list --format json").json();
    let entries = document["entries"].as_array().unwrap_or_else(|| panic!("{document}"));
    entries.iter().map(|entry| entry["key"].as_str().unwrap().to_owned()).collect()
}

fn watch(place: &Place, lines: &[&str], more: &[&str]) -> Outcome {
    let mut arguments = vec!["watch", "-"];
    arguments.extend(more);
    place.run_with(&arguments, lines.join("\n"))
}

#[test]
fn changes_are_carried_out_and_summed_up() {
    let place = place();
    put(&place, &["user:1:profile", "user:2:profile", "sign_in:a@b", "sign_in:c@d", "org:5:page"]);
    let lines = [
        r#"{"table":"users","op":"update","old":{"id":1,"email":"a@b"},"new":{"id":1,"email":"a@c"},"tx":1}"#,
        r#"{"table":"orgs","op":"update","new":{"id":5},"tx":1}"#,
        r#"{"table":"logs","op":"insert","new":{"id":5}}"#,
        "null",
    ];
    let outcome = watch(&place, &lines, &["-v"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert_eq!(cached(&place), ["sign_in:c@d", "user:2:profile"]);
    outcome.says(&[
        "stopped; 1 transaction, 2 rows, 3 entries gone, at 2",
        "the table `logs` is no entity, and ignored",
        "1 × tombstone",
    ]);
}

#[test]
fn the_exit_code_says_what_came_of_it() {
    let place = place();
    let good = r#"{"entity":"user","id":1,"op":"update","new":{"email":"x"},"old":{"email":"x"}}"#;
    let outcome = watch(&place, &[good, "{", good], &[]);
    assert_eq!(outcome.code, 1);
    outcome.says(&["line 2 is no JSON: EOF while parsing an object, at character 1: {", "1 unreadable"]);
    let stats = place.ok("stats").stdout;
    assert!(stats.contains("lines.stdin: ") && stats.contains("1 unreadable"), "{stats}");
    let stats = place.ok("stats --format prometheus").stdout;
    assert!(stats.contains("invalidate_source_unreadable_total{source=\"lines.stdin\"} 1\n"), "{stats}");
    // Nothing names the row, or its value is not what the rules take: everything of the entity goes.
    put(&place, &["user:7:profile user:7", "org:1:page org:1"]);
    let outcome = watch(&place, &[r#"{"table":"users","op":"update","new":{"email":"x"}}"#], &[]);
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    assert_eq!(cached(&place), ["org:1:page"]);
    let outcome = outcome.says(&[
        "line 1, `users`",
        "has no primary key and no column `id`",
        "everything of `user` is dropped",
    ]);
    drop(outcome);
    put(&place, &["user:7:profile user:7"]);
    let wrong = r#"{"table":"users","op":"update","new":{"id":1,"email":"x","seen":12}}"#;
    let outcome = watch(&place, &[wrong], &[]);
    assert_eq!((outcome.code, cached(&place)), (1, vec!["org:1:page".to_owned()]), "{outcome:#?}");
    outcome.says(&["`seen` is 12, but the rules declare a time"]);
    // What is not known of the row is dropped whatever it could be, or left.
    put(&place, &["task:8:page task:8", "task:9:page task:9", "boards board:3:tasks"]);
    let partial = [r#"{"table":"tasks","op":"delete","key":{"id":8}}"#];
    let outcome = watch(&place, &partial, &["--no-widen"]);
    assert_eq!(outcome.code, 4, "{outcome:#?}");
    assert_eq!(cached(&place), ["boards", "org:1:page", "task:9:page"]);
    let outcome = watch(&place, &partial, &[]);
    assert_eq!((outcome.code, cached(&place)), (0, vec!["org:1:page".to_owned(), "task:9:page".to_owned()]));
    outcome.says(&["does not give board", "whatever it could be is dropped"]);
    let outcome = place.run_with(&["watch", "-", "--cache", "redis://127.0.0.1:1"], good);
    assert_eq!(outcome.code, 3, "{outcome:#?}");
}

#[test]
fn tables_are_mapped_as_the_configuration_says() {
    let place = place();
    place.file(
        "invalidate.yaml",
        "sources:\n  changes:\n    tables:\n      crm.people: { entity: user, id: [region, no], fields: { mail: email }, refs: { firm: org } }\n      users: ignore\n",
    );
    put(&place, &["user:eu%3A7:profile", "user:1:profile", "sign_in:a@b"]);
    let lines = [
        r#"{"table":"people","schema":"crm","op":"insert","new":{"region":"eu","no":7,"mail":"a@b","firm":3}}"#,
        r#"{"table":"crm.people","op":"delete","old":{"region":"us","no":8,"mail":null}}"#,
        r#"{"table":"users","op":"delete","old":{"id":1}}"#,
    ];
    let outcome = watch(&place, &lines, &[]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert_eq!(cached(&place), ["user:1:profile"]);
    place.file("invalidate.yaml", "sources: { changes: { tables: { people: { entity: usr } } } }");
    let outcome = watch(&place, &lines, &[]);
    assert_eq!(outcome.code, 2);
    outcome.says(&["`usr`, which is no entity", "did you mean `user`?"]);
}

#[test]
fn a_message_may_list_what_changed() {
    let place = place();
    put(&place, &["boards:1 board:1:tasks", "boards:2 board:2:tasks", "task:7:page task:7"]);
    // Without the list an old value that is not given counts as unmoved; with it the old board is not known.
    let silent = r#"{"table":"tasks","op":"update","new":{"id":1,"board":"2"}}"#;
    let outcome = watch(&place, &[silent], &["--no-widen"]);
    assert_eq!((outcome.code, cached(&place)), (0, vec!["boards:1".to_owned(), "task:7:page".to_owned()]));
    let line = r#"{"table":"tasks","op":"update","new":{"id":1,"board":"2"},"changed":["board"]}"#;
    let outcome = watch(&place, &[line], &["--no-widen"]);
    assert_eq!(outcome.code, 4, "{outcome:#?}");
    outcome.says(&["does not give old.board"]);
    let outcome = watch(&place, &[line], &[]);
    assert_eq!((outcome.code, cached(&place)), (0, vec!["task:7:page".to_owned()]));
}

#[test]
fn everything_is_dropped_once_where_that_is_asked_for() {
    let place = place();
    put(&place, &["user:7:profile user:7", "task:7:page task:7", "elsewhere other"]);
    let outcome = watch(&place, &[], &["--drop-everything"]);
    assert_eq!((outcome.code, cached(&place)), (0, vec!["elsewhere".to_owned()]), "{outcome:#?}");
}

/// What a machine reads: an object a line, each with its event's word.
#[test]
fn events_are_told_as_json_too() {
    let outcome =
        watch(&place(), &["{", r#"{"table":"logs","op":"insert","new":{"id":1}}"#], &["--log", "json"]);
    let events: Vec<serde_json::Value> =
        outcome.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let find = |name: &str| {
        events.iter().find(|event| event["event"] == name).unwrap_or_else(|| panic!("{name}: {events:?}"))
    };
    let unreadable = find("unreadable");
    assert_eq!(
        (&unreadable["place"], &unreadable["shown"], &unreadable["level"]),
        (&"line 1".into(), &"{".into(), &"warning".into())
    );
    assert_eq!(find("ignored")["table"], "logs");
    assert_eq!(find("stopped")["unreadable"], 1);
}

#[test]
fn help_tells_the_two_commands_for_pipes_apart() {
    let help = Place::new().ok("watch --help").stdout;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("`write -` takes writes of entities alone"), "{help}");
    assert!(help.contains("`watch -` takes changes of tables"), "{help}");
}

/// A watch of a pipe that stays open.
fn open_watch(place: &Place) -> std::process::Child {
    place
        .command(&["watch", "-"])
        .stdin(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn a_pipe_that_never_ends_is_stopped_by_a_signal() {
    let place = place();
    put(&place, &["user:1:profile"]);
    let mut child = open_watch(&place);
    use std::io::Write as _;
    let line = "{\"entity\":\"user\",\"id\":1,\"op\":\"update\",\"new\":{\"email\":\"x\"},\"old\":{\"email\":\"x\"}}\n";
    child.stdin.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
    crate::watcher::eventually(|| cached(&place).is_empty(), || "the line was not carried out".to_owned());
    let ended = std::process::Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(ended.success());
    // Its stdin stays open until it has ended.
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn rules_that_change_are_taken_in_the_middle_of_a_pipe() {
    let place = place();
    put(&place, &["note:1:page", "note:2:page", "user:1:profile"]);
    let mut child = open_watch(&place);
    let mut input = child.stdin.take().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    writeln!(input, r#"{{"table":"notes","op":"insert","new":{{"id":1}}}}"#).unwrap();
    assert!(said.any(|line| line.contains("`notes` is no entity")));
    place.file("rules/default.inv", format!("{RULES}\nentity note {{ key page }}\nrule notes {{ on note }}"));
    assert!(said.any(|line| line.contains("the rules were read anew")));
    writeln!(input, r#"{{"table":"notes","op":"insert","new":{{"id":2}}}}"#).unwrap();
    writeln!(input, r#"{{"table":"users","op":"insert","new":{{"id":1,"email":"a@b"}}}}"#).unwrap();
    drop(input);
    assert!(said.any(|line| line.contains("stopped; 2 transactions, 2 rows, 2 entries gone")));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(cached(&place), ["note:1:page"]);
}
