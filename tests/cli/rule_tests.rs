//! `invalidate test`: tests of rules, their coverage, and writing what was observed.

use crate::command::{Outcome, Place};
use crate::everyday::snapshot;

pub const RULES: &str = r#"
entity user { fields { email: string  plan: string }  key profile }
entity session { ref user  key data }
relation sessions: user -> session
rule users { on user  when changed(plan)  priority 100  follow sessions  drop self }
rule own { on session  strategy batched  delay 200ms }
"#;

pub const TESTS: &str = r#"tests:
  - name: a changed plan
    write: user 1 update plan=pro --changed plan
    ordered: true
    drops:
      - { key: user:1:profile, strategy: immediate, priority: 100, rules: [users] }
      - tag user:1
      - { tag: user:1:session, via: [sessions] }
    covered: ["session:{id}:data"]
  - name: something else changed
    write: user 1 update --changed ,
    drops: []
  - name: a user's ${op}
    table: [{ op: create }, { op: delete }]
    write: user 1 ${op} plan=pro
    contains: [tag user:1:session]
    excludes: ["tag user:2*"]
  - name: a session
    table: [{ op: create }, { op: update }, { op: delete }]
    write: { entity: session, id: 5, op: "${op}", new: { user: 1 } }
    drops: [{ key: session:5:data, strategy: batched, delay: 200ms }, tag session:5]
  - name: without a session's id
    write: session * update
    drops: []
    unresolved: ["user:{user.id}:session"]
  - name: what is left of a cache
    cache:
      - instance: session 5 user=1
      - instance: session 6 user=2
      - { key: "page:home", depends_on: ["session:5:data"] }
      - other
    write: user 1 update plan=pro --changed plan
    left: [other, session:6:data]
    gone: [page:home, session:5:data]
"#;

fn place(tests: &str) -> Place {
    let place = Place::new();
    place.file("rules/default.inv", RULES);
    place.file("rules/default_test.yaml", tests);
    place
}

/// A file of one test with these lines.
fn one(lines: &str) -> Place {
    let lines: String = lines.trim().lines().map(|line| format!("    {}\n", line.trim())).collect();
    place(&format!("tests:\n  - name: it\n{lines}"))
}

fn fails(place: &Place, texts: &[&str]) -> Outcome {
    let found = place.exits("test", 1);
    for text in texts {
        assert!(found.stdout.contains(text), "no `{text}` in {}", found.stdout);
    }
    found
}

#[test]
fn tests_that_hold_pass_and_cover_everything() {
    let place = place(TESTS);
    place.ok("test").says(&["1 file, 9 tests: 9 passed"]);
    place.ok("test rules/default_test.yaml --min-coverage 100");
    snapshot!("test_coverage", place.ok("test --coverage").all());
    place.ok("test --filter changed --filter nothing").says(&["2 tests"]);
    place.ok("test -v --filter row").says(&["3 tests"]);
    place.ok("test --color always --output-file out.txt");
    assert_eq!(place.read("out.txt"), "rules/default_test.yaml: 9 passed\n");
}

#[test]
fn a_failure_shows_the_difference_and_why() {
    let wrong = TESTS
        .replace("priority: 100", "priority: 90")
        .replace("      - tag user:1\n", "      - tag user:2\n")
        .replace("left: [other, session:6:data]", "left: [session:5:data]");
    let place = place(&wrong);
    snapshot!("test_failed", place.exits("test", 1).all());
    let json = place.exits("test --format json --coverage", 1).json();
    assert_eq!((&json["passed"], &json["failed"]), (&7.into(), &2.into()));
    let problems = &json["files"][0]["tests"][0]["problems"];
    assert_eq!(problems[0]["how"], "priority is 100, not 90");
    assert_eq!(problems[1]["why"]["why_not"][0]["reason"], "other_row");
    assert_eq!(json["coverage"][0]["percent"], 100.0);
    snapshot!("test_junit", place.exits("test --format junit", 1).stdout);
}

#[test]
fn every_part_of_an_expectation_can_fail() {
    let write = "write: user 1 update plan=pro --changed plan\n";
    let drops = "drops: [key user:1:profile, tag user:1, tag user:1:session]\n";
    let fail = |lines: &str, texts: &[&str]| drop(fails(&one(&format!("{write}{lines}")), texts));
    fail("drops: [key user:1:profile, tag user:1]", &["+ tag user:1:session"]);
    fail("contains: [tag user:3]", &["- tag user:3"]);
    fail("excludes: [\"tag user:1*\"]", &["+ tag user:1 ", "+ tag user:1:session"]);
    fail(
        "drops: [tag user:1, key user:1:profile, tag user:1:session]\nordered: true",
        &["~ tag user:1", "after key"],
    );
    fail("contains: [{tag: user:1, strategy: lazy}]", &["strategy is immediate, not lazy"]);
    fail("contains: [{tag: user:1, delay: 1s}]", &["delay is 0ms, not 1000ms"]);
    fail("contains: [{tag: user:1, rules: [own]}]", &["rules is [users], not [own]"]);
    fail("contains: [{tag: user:1:session, via: []}]", &["via is [sessions], not []"]);
    fail("contains: [{tag: user:1, trigger: a}]", &["trigger is none, not a"]);
    fail(&format!("{drops}unresolved: [x]"), &["- unresolved x"]);
    fail(&format!("{drops}assumed: [x]"), &["- assumed x"]);
    fail(&format!("{drops}covered: []"), &["+ covered session:{id}:data"]);
    fail("", &["the test expects nothing"]);
    fails(&one("write: session * update\ndrops: []"), &["+ unresolved user:{user.id}:session"]);
    let open = "write: user 1 update\ncontains: [tag user:1]\nassumed: []";
    fails(&one(open), &["+ assumed changed(plan)"]);
}

#[test]
fn mistakes_are_named_with_line_and_column() {
    let wrong = |text: &str, place_and_message: &str, help: &str| {
        place(text).exits("test", 2).says(&[&format!("rules/default_test.yaml:{place_and_message}"), help]);
    };
    wrong("tests:\n  - name: 'x", "2:", "it is not YAML");
    wrong("tests:\n  - name: x\n   write: y\n", "3:", "it is not YAML");
    wrong("", "1:1: the file is empty", "");
    wrong("test: []", "1:1: a test file has no `test`", "did you mean `tests`?");
    wrong("tests: {}", "1:8: this is a mapping, where a list is wanted", "");
    wrong("tests:\n  - write: user 1 update\n", "2:5: the test has no `name`", "");
    let case = |line: &str| format!("tests:\n  - name: x\n    write: user 1 update\n    {line}\n");
    wrong(&case("drop: []"), "4:5: a test has no `drop`", "did you mean `drops`?");
    wrong(&case("drops: [tags user:1]"), "4:13: `tags user:1` is no key, tag or match", "for example");
    wrong(&case("drops: [{tag: a, strategy: lazi}]"), "4:32: `strategy` is", "did you mean `lazy`?");
    wrong(&case("drops: [{tag: a, priority: 2000}]"), "4:32: `priority` is a number from 0 to 1000", "");
    wrong(&case("ordered: maybe"), "4:14: `ordered` is true or false", "");
    wrong(&case("left: []"), "2:5: the test says what is left of a cache, and has no `cache`", "");
    wrong(&case("name: y"), "4:5: `name` stands here twice", "");
    wrong(&case("drops: *a"), "4:", "");
    wrong("tests:\n  - name: x\n    write: user 1\n", "3:12: `user 1` is no write", "");
    wrong(
        "tests:\n  - name: x\n    write: usr 1 update\n",
        "3:12: unknown entity `usr`",
        "did you mean `user`?",
    );
    wrong("tests:\n  - name: x\n    write: user 1 update emial=a\n", "3:12: unknown name `emial`", "`email`");
    let table = "tests:\n  - name: x\n    table: [{ op: update }]\n    write: user 1 ${o}\n    drops: []\n";
    wrong(table, "4:12: a row of the table has no `o`", "did you mean `op`?");
    let cached = "    cache: [{ instance: session 5 }]\n    left: []\n";
    wrong(&case(cached.trim_start()), "4:13: the names of this instance need user", "");
    wrong(
        &(TESTS.to_owned() + "  - name: a changed plan\n    write: user 1 update\n"),
        "",
        "two tests of the name",
    );
    // A bomb of lists in lists, and text that is none.
    wrong(&format!("tests: {}", "[".repeat(5_000)), "1:", "");
    let place = place("");
    place.file("rules/default_test.yaml", b"tests:\n\xff");
    place.exits("test", 2).says(&["rules/default_test.yaml:2: the file is not UTF-8"]);
}

/// The examples of docs/testing.md are tests of the default rules.
#[test]
fn the_examples_of_the_page_hold() {
    let page = include_str!("../../docs/testing.md");
    let mut tests = String::from("tests:\n");
    for block in page.split("```yaml\n").skip(1) {
        let block = block.split("```").next().unwrap();
        let example = block.strip_prefix("tests:\n").unwrap_or(block);
        if example.starts_with("  - name") {
            tests.push_str(example);
        }
    }
    let place = Place::new();
    place.ok("init");
    place.file("rules/default_test.yaml", tests);
    place.ok("test").says(&["4 tests: 4 passed"]);
}

/// The schema has the keys that are read.
#[test]
fn the_schema_knows_every_key() {
    let schema = include_str!("../../docs/rule-test.schema.json");
    let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
    let keys = |at: &str| -> Vec<String> {
        schema.pointer(at).unwrap().as_object().unwrap().keys().cloned().collect()
    };
    let help = |lines: &str| {
        let outcome = one(lines).exits("test", 2);
        outcome.stderr.lines().find(|line| line.contains("it has")).unwrap_or_default().to_owned()
    };
    let of_test = help("write: user 1 update\nzzzzzzzzzzzz: 1");
    let of_drop = help("write: user 1 update\ndrops: [{zzzzzzzzzzzz: 1}]");
    let of_entry = help("write: user 1 update\ncache: [{zzzzzzzzzzzz: 1}]\nleft: []");
    let lists = [
        (keys("/$defs/test/properties"), of_test),
        (keys("/$defs/drop/anyOf/1/properties"), of_drop),
        (
            [keys("/$defs/entry/anyOf/1/properties"), keys("/$defs/entry/anyOf/2/properties")].concat(),
            of_entry,
        ),
    ];
    for (keys, help) in lists {
        let read: Vec<&str> = help.split('`').skip(1).step_by(2).collect();
        assert!(read.iter().all(|key| keys.contains(&(*key).to_owned())), "{keys:?} {help}");
        let more = help.rsplit_once(" and ").and_then(|(_, rest)| rest.strip_suffix(" more"));
        let more: usize = more.map_or(0, |n| n.parse().unwrap());
        assert_eq!(keys.len(), read.len() + more, "{keys:?} {help}");
    }
    for key in keys("/$defs/test/properties") {
        let outcome = one(&format!("write: user 1 update\n{key}: []")).run(&["test"]);
        assert!(!outcome.stderr.contains(&format!("has no `{key}`")), "{}", outcome.stderr);
    }
}

#[test]
fn no_test_is_a_failure() {
    let place = Place::new();
    place.exits("test", 1).says(&["no test was found in `rules`"]);
    place.file("rules/default.inv", RULES);
    place.exits("test", 1).says(&["rules/default_test.yaml"]);
    place.exits("test nowhere", 2).says(&["`nowhere` does not exist"]);
    place.exits("test rules/default.inv", 2).says(&["holds rules, not tests"]);
    place.file("rules/default_test.yaml", "tests: []");
    place.exits("test", 1).says(&["no test was found"]);
    place.file("rules/default_test.yaml", TESTS);
    place.exits("test --filter nothing_like_this", 1).says(&["--filter"]);
    place.file("rules/default.inv", "rule x {");
    place.exits("test", 2).says(&["its rules `rules/default.inv` have 1 error"]);
}

#[test]
fn coverage_says_what_no_test_does() {
    let place = one("write: session 5 update user=1\ndrops: [key session:5:data, tag session:5]");
    let low = place.exits("test --coverage --min-coverage 50", 1).says(&["the tests cover", "not 50 %"]);
    for missing in [
        "rule users",
        "operation user delete",
        "relation sessions to session",
        "condition changed(plan) is false",
    ] {
        assert!(low.stdout.contains(missing), "no `{missing}` in {}", low.stdout);
    }
    place.ok("test --min-coverage 10 --lcov lcov.info");
    snapshot!("test_lcov", place.read("lcov.info"));
    place.exits("test --min-coverage 101", 2);
    // A rule set in the folder that nobody tests counts.
    place.file("rules/other.inv", "entity thing { key data }  rule things { on thing }");
    place.exits("test rules --min-coverage 1", 1).says(&["0.0 % of `rules/other.inv`"]);
}

#[test]
fn other_rules_can_be_named() {
    let place = place(TESTS);
    place.file("rules/wide.inv", RULES.replace("when changed(plan)", "").as_str());
    place.exits("test --rules rules/wide.inv", 1);
    place.file("tests/wide.test.yaml", format!("rules: ../rules/default.inv\n{TESTS}"));
    place.ok("test tests").says(&["9 passed"]);
    place.file("tests/wide.test.yaml", format!("rules: ../rules/none.inv\n{TESTS}"));
    place.exits("test tests", 2).says(&["none.inv"]);
}

#[test]
fn update_writes_what_was_observed_and_keeps_the_rest() {
    let text = "# about\ntests:\n  # first\n  - name: a   # the first\n    write: user 1 update plan=pro --changed plan\n    drops:\n      # why it is here\n      - tag user:1   # own\n      # of yesterday\n      - tag user:9\n      - { key: \"user:1:profile\", priority: 7 }\n\n  # second\n  - name: b\n    write: session 5 update\n\n  - name: c\n    write: user 1 delete\n    contains: [tag user:3]\n  - name: d\n    cache: [instance: session 5 user=1, x]\n    write: user 1 delete\n    left: [session:5:data]\n  - name: e ${id}\n    table: [{ id: 1 }]\n    write: user ${id} delete\n    drops: []\n  - name: f\n    write: user 1 update --changed ,\n    drops: [tag user:1]\n  - name: g\n    write: session 5 delete user=1\n    drops: []   # nothing so far";
    let place = place(text);
    let found = place.exits("test --update", 1).says(&["1 row of tables fail", "5 tests updated"]);
    assert!(found.stdout.contains("FAIL  c") && found.stdout.contains("FAIL  e 1"), "{}", found.stdout);
    snapshot!("test_updated", place.read("rules/default_test.yaml"));
    let before = place.read("rules/default_test.yaml");
    place.exits("test --update", 1);
    assert_eq!(place.read("rules/default_test.yaml"), before);
    // The line ends, and the mark at the start, of an editor that has its own.
    let crlf = format!("\u{feff}{}", text.replace('\n', "\r\n"));
    place.file("rules/default_test.yaml", crlf);
    place.exits("test --update", 1);
    let crlf = place.read("rules/default_test.yaml");
    assert_eq!(crlf, format!("\u{feff}{}", before.replace('\n', "\r\n")));
}

#[test]
fn update_finds_its_place_in_every_layout() {
    let layouts = [
        "tests:\n- name: a\n  write: session 5 delete user=1\n  drops:\n  - tag user:9\n",
        "tests:\n  - name: a\n    drops:\n      [tag user:9,\n       tag user:8]\n    write: session 5 delete user=1\n",
        "tests:\n  - write: session 5 delete user=1\n    drops:\n    name: a",
        "tests:\n  -\n    name: a\n    write:\n      session 5\n      delete user=1\n",
        "tests:\n  - name: a\n    write: |\n      session 5 delete user=1\n    drops: [\n      tag user:9\n    ] # end\n# last\n",
    ];
    for layout in layouts {
        let place = place(layout);
        place.exits("test", 1);
        place.ok("test --update").says(&["1 test updated", "1 passed"]);
        place.ok("test");
    }
    let braces = place("tests: [{ name: a, write: session 5 delete user=1, drops: [] }]");
    let before = braces.read("rules/default_test.yaml");
    braces.exits("test --update", 2).says(&["1:9: the test stands in braces"]);
    assert_eq!(braces.read("rules/default_test.yaml"), before);
}

/// A slip anywhere in a file is a mistake, or another test; never a panic.
#[test]
fn no_slip_makes_reading_panic() {
    let mut refused = 0;
    for (at, c) in TESTS.char_indices() {
        for with in ["", "\n", ":", "- ", "[", "{", "\"", "&a ", "${", "\t"] {
            let text = format!("{}{with}{}", &TESTS[..at], &TESTS[at + c.len_utf8()..]);
            refused += usize::from(invalidate::suite::Suite::read(&text).is_err());
        }
    }
    assert!(refused > 1_000, "only {refused} slips were found");
}
