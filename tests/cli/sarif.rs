//! SARIF logs hold to the schema of SARIF 2.1.0: required and known properties, types, ranges.

use std::collections::BTreeSet;

use invalidate::diagnostic::Code;
use serde_json::Value;

use crate::command::Place;
use crate::reports::place;

/// The properties of an object: those it must have, and those it may have.
fn object<'v>(value: &'v Value, required: &[&str], optional: &[&str]) -> &'v serde_json::Map<String, Value> {
    let map = value.as_object().unwrap_or_else(|| panic!("no object: {value}"));
    for name in required {
        assert!(map.contains_key(*name), "no `{name}` in {value}");
    }
    for name in map.keys() {
        assert!(
            required.contains(&name.as_str()) || optional.contains(&name.as_str()),
            "`{name}` in {value}"
        );
    }
    map
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}"))
}

fn text(value: &Value) -> &str {
    let text = value.as_str().unwrap_or_else(|| panic!("no text: {value}"));
    assert!(!text.is_empty());
    text
}

fn message(value: &Value) {
    text(&object(value, &["text"], &["markdown"])["text"]);
}

fn artifact_location(value: &Value) {
    let map = object(value, &["uri"], &["uriBaseId"]);
    let uri = text(&map["uri"]);
    let unescaped = |c: char| !(c.is_ascii_alphanumeric() || "-._~/:%".contains(c));
    assert!(!uri.contains(unescaped), "{uri}");
    assert_eq!(uri.starts_with("file://"), !map.contains_key("uriBaseId"), "{uri}");
}

fn region(value: &Value) {
    let names = ["startLine", "startColumn", "endLine", "endColumn"];
    let map = object(value, &names, &[]);
    let [line, column, end_line, end_column] = names.map(|name| map[name].as_u64().unwrap());
    assert!(line >= 1 && column >= 1 && end_column >= 1, "{value}");
    assert!((line, column) <= (end_line, end_column), "{value}");
}

fn location(value: &Value) {
    let map = object(value, &["physicalLocation"], &["id", "message"]);
    let place = object(&map["physicalLocation"], &["artifactLocation", "region"], &[]);
    artifact_location(&place["artifactLocation"]);
    region(&place["region"]);
    map.get("message").into_iter().for_each(message);
}

fn fix(value: &Value) {
    let map = object(value, &["description", "artifactChanges"], &[]);
    message(&map["description"]);
    assert!(!list(&map["artifactChanges"]).is_empty());
    for change in list(&map["artifactChanges"]) {
        let change = object(change, &["artifactLocation", "replacements"], &[]);
        artifact_location(&change["artifactLocation"]);
        assert!(!list(&change["replacements"]).is_empty());
        for replacement in list(&change["replacements"]) {
            let replacement = object(replacement, &["deletedRegion", "insertedContent"], &[]);
            region(&replacement["deletedRegion"]);
            assert!(object(&replacement["insertedContent"], &["text"], &[])["text"].is_string());
        }
    }
}

/// Holds a log against the schema; gives its results.
fn validate(log: &Value) -> Vec<Value> {
    let map = object(log, &["$schema", "version", "runs"], &[]);
    assert_eq!(map["version"], "2.1.0");
    let [run] = list(&map["runs"]) else { panic!("{} runs", list(&map["runs"]).len()) };
    let run = object(run, &["tool", "results", "columnKind", "artifacts", "invocations"], &[]);
    assert_eq!(run["columnKind"], "utf16CodeUnits");
    let driver = &object(&run["tool"], &["driver"], &[])["driver"];
    let driver = object(driver, &["name", "version", "semanticVersion", "rules"], &[]);
    let rules = list(&driver["rules"]);
    let ids: BTreeSet<&str> = rules.iter().map(|rule| text(&rule["id"])).collect();
    assert_eq!(ids, Code::ALL.iter().map(|code| code.number()).collect());
    for rule in rules {
        let names = [
            "id",
            "name",
            "shortDescription",
            "fullDescription",
            "help",
            "defaultConfiguration",
            "properties",
        ];
        let rule = object(rule, &names, &[]);
        ["shortDescription", "fullDescription", "help"].iter().for_each(|name| message(&rule[*name]));
        assert!(text(&rule["help"]["text"]).len() > 40);
        assert!(["error", "warning"].contains(&text(&rule["defaultConfiguration"]["level"])));
    }
    for artifact in list(&run["artifacts"]) {
        artifact_location(&object(artifact, &["location"], &[])["location"]);
    }
    assert!(
        object(&list(&run["invocations"])[0], &["executionSuccessful"], &[])["executionSuccessful"]
            .is_boolean()
    );
    let results = list(&run["results"]);
    let mut fingerprints = BTreeSet::new();
    for result in results {
        let required =
            ["ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints", "suppressions"];
        let result = object(result, &required, &["relatedLocations", "fixes"]);
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(["error", "warning"].contains(&text(&result["level"])));
        message(&result["message"]);
        assert_eq!(list(&result["locations"]).len(), 1);
        list(&result["locations"]).iter().for_each(location);
        result.get("relatedLocations").into_iter().flat_map(list).for_each(location);
        result.get("fixes").into_iter().flat_map(list).for_each(fix);
        for suppression in list(&result["suppressions"]) {
            let kind = &object(suppression, &["kind"], &["justification"])["kind"];
            assert!(["external", "inSource"].contains(&text(kind)));
        }
        let prints = object(&result["partialFingerprints"], &["invalidateFinding/v1"], &[]);
        assert!(fingerprints.insert(text(&prints["invalidateFinding/v1"])), "twice: {prints:?}");
    }
    results.to_vec()
}

#[test]
fn findings() {
    let place = place();
    let results = validate(&place.exits("lint rules --format sarif", 1).json());
    assert_eq!(results.len(), 3);
    let by_rule = |id: &str| results.iter().find(|r| r["ruleId"] == id).unwrap();
    // 😀 is one character and two UTF-16 units.
    let region = &by_rule("E010")["locations"][0]["physicalLocation"]["region"];
    let line = place.read("rules/main.inv").lines().nth(1).unwrap().to_owned();
    let units = line[..line.find("plam").unwrap()].encode_utf16().count();
    assert_eq!(region["startColumn"], units + 1);
    assert_eq!(region["endColumn"], units + 5);
    assert_eq!(
        by_rule("E010")["fixes"][0]["artifactChanges"][0]["replacements"][0]["insertedContent"]["text"],
        "plan"
    );
    assert_eq!(by_rule("E032")["relatedLocations"].as_array().unwrap().len(), 1);
    let odd = &by_rule("W105")["locations"][0]["physicalLocation"]["artifactLocation"];
    assert_eq!(odd["uri"], "rules/odd%2C%20100%25%C3%A9.inv");
}

#[test]
fn clean_and_unreadable() {
    let place = place();
    let log = place.exits("lint rules/fine.inv --format sarif", 0).json();
    assert!(validate(&log).is_empty());
    assert_eq!(log["runs"][0]["invocations"][0]["executionSuccessful"], true);
    // A finding without a place, and a file that is not there.
    place.file("empty.inv", "");
    assert_eq!(validate(&place.exits("lint empty.inv --format sarif", 1).json()).len(), 1);
    let log = place.exits("lint missing.inv /no/such.inv --format sarif", 2).json();
    assert_eq!(validate(&log).len(), 2);
    assert_eq!(log["runs"][0]["invocations"][0]["executionSuccessful"], false);
}

#[test]
fn what_a_baseline_knows_is_suppressed() {
    let place = Place::new();
    place.file("a.inv", "entity a {\n  key k\n  /// b\n}\nrule a { on a }\n");
    place.ok("lint a.inv --baseline known.json --write-baseline");
    let results = validate(&place.ok("lint a.inv --baseline known.json --format sarif").json());
    assert_eq!(results.len(), 1);
    assert_eq!(results[0]["suppressions"][0]["kind"], "external");
}

#[test]
fn what_is_allowed_is_suppressed_with_its_reason() {
    let place = Place::new();
    let rules = "entity a {\n  key k\n}\nrule a {\n  on a.create\n}\n";
    place.file("a.inv", rules);
    let before = validate(&place.exits("lint a.inv --format sarif", 1).json());
    place.file("a.inv", format!("@allow(uncovered-operation, \"never changes\")\n{rules}"));
    let results = validate(&place.ok("lint a.inv --format sarif").json());
    assert_eq!((before.len(), results.len()), (1, 1));
    let suppression = &results[0]["suppressions"][0];
    assert_eq!(
        (text(&suppression["kind"]), text(&suppression["justification"])),
        ("inSource", "never changes")
    );
    assert_eq!(before[0]["partialFingerprints"], results[0]["partialFingerprints"]);
}

#[test]
fn fingerprints_stay_while_lines_move() {
    let place = place();
    let prints = |line: &str, pointer: &str| -> Vec<Value> {
        let log = place.exits(line, 1).json();
        let found = log.pointer(pointer).unwrap().as_array().unwrap();
        found.iter().map(|f| f.get("fingerprint").unwrap_or(&f["partialFingerprints"]).clone()).collect()
    };
    let all = || {
        [
            prints("lint rules --format sarif", "/runs/0/results"),
            prints("lint rules --format gitlab", ""),
            prints("lint rules --format json", "/findings"),
        ]
    };
    let before = all();
    for name in ["rules/main.inv", "rules/odd, 100%é.inv"] {
        let moved = format!("// one\n\n// two\n{}", place.read(name));
        place.file(name, moved);
    }
    assert_eq!(before, all());
}
