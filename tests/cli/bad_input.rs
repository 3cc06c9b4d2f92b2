//! Input that nobody means: a clear message, the right exit code, and no panic.

use crate::command::Place;
use crate::everyday::RULES;

#[test]
fn rule_files_that_cannot_be_rules() {
    let place = Place::new();
    let table: [(&str, Vec<u8>, &str); 6] = [
        ("latin1.inv", b"entity user {}\n// caf\xe9\n".to_vec(), "is not UTF-8: byte 21, in line 2"),
        ("empty.inv", Vec::new(), "has no rule"),
        ("nul.inv", vec![0; 100], "unexpected"),
        (
            "parens.inv",
            format!("rule r {{ on u when {}", "(".repeat(10_000)).into_bytes(),
            "nested more than 64 deep",
        ),
        ("braces.inv", "{".repeat(10_000).into_bytes(), "unexpected `{`"),
        (
            "lists.inv",
            format!("entity u {{ fields {{ f: {} }} }}", "[".repeat(10_000)).into_bytes(),
            "unexpected",
        ),
    ];
    for (name, bytes, message) in table {
        place.file(name, bytes);
        let outcome = place.run(&["lint", name]);
        assert!(matches!(outcome.code, 1 | 2), "{name}: {outcome:?}");
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(said.contains(message), "{name}: no `{message}` in {said}");
    }
    // Long is not deep.
    let nots = "not ".repeat(10_001);
    place.file("nots.inv", format!("entity u {{ key k }}\nrule r {{ on u when {nots} op == create }}"));
    place.ok("lint nots.inv");
    place.exits("lint .", 2);
    let missing = place.exits("lint missing.inv", 2);
    assert!(missing.stdout.contains("`missing.inv` does not exist"), "{}", missing.stdout);
    place.exits("write user 1 update --rules latin1.inv", 2);
    place.exits("write user 1 update --rules .", 2).says(&["is a folder"]);
}

#[test]
fn ten_megabytes() {
    let place = Place::new();
    let mut text = String::from(
        "entity user { fields { plan: string } key profile }\nrule deleted { on user.delete }\n",
    );
    let mut n = 0;
    while text.len() < 10 * 1024 * 1024 {
        n += 1;
        text.push_str(&format!("/// Rule number {n}, which does what its neighbours do.\nrule r{n} {{ on user.update when plan == \"p{n}\" drop tag \"plan:p{n}:{{id}}\" }}\n"));
    }
    place.file("large.inv", &text);
    place.ok("lint large.inv");
    // The same size without a line end or a rule in it.
    place.file("noise.inv", "x".repeat(10 * 1024 * 1024));
    let noise = place.exits("lint noise.inv", 1);
    assert!(noise.stdout.len() < 20_000, "{} bytes about noise", noise.stdout.len());
}

#[test]
fn ids_of_every_sort() {
    let place = Place::new();
    place.file("rules/default.inv", RULES);
    let table = [
        ("1:profile", "user:1%3Aprofile:profile"),
        ("{user}", "user:%7Buser%7D:profile"),
        ("a\nb", "user:a%0Ab:profile"),
        ("a*b?[c]", "user:a*b?[c]:profile"),
        ("😀", "user:😀:profile"),
        ("100%", "user:100%25:profile"),
        ("a b", "user:a%20b:profile"),
        ("../../etc", "user:../../etc:profile"),
    ];
    for (id, key) in table {
        let plan = place.run(&["write", "user", id, "delete", "--dry-run", "--format", "json"]).json();
        assert_eq!(plan["write"]["id"], id);
        let targets: Vec<&str> =
            plan["steps"].as_array().unwrap().iter().map(|s| s["target"].as_str().unwrap()).collect();
        assert!(targets.contains(&key), "{id:?}: {targets:?}");
        // What it names is dropped, and nothing that only looks alike.
        place.run(&["cache", "put", key, "x"]);
        place.run(&["cache", "put", "user:other:profile", "x"]);
        assert_eq!(place.run(&["write", "user", id, "delete"]).code, 0);
        assert_eq!(place.run(&["cache", "get", key]).code, 1, "{id:?}");
        assert_eq!(place.run(&["cache", "get", "user:other:profile"]).code, 0, "{id:?}");
    }
    assert_eq!(place.run(&["write", "user", "", "delete"]).code, 2);
    let long = "x".repeat(20_000);
    let outcome = place.run(&["write", "user", &long, "delete"]);
    assert_eq!(outcome.code, 4, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("bytes long"), "{}", outcome.stderr);
}

#[test]
fn mistakes_on_the_command_line() {
    let place = Place::new();
    place.file("rules/default.inv", RULES);
    let table = [
        ("write usr 1 update", "did you mean `user`?"),
        ("write user 1 updte", "did you mean `update`?"),
        ("write user 1 update emial=x", "did you mean `email`?"),
        ("write user 1 update --changed emial", "did you mean `email`?"),
        ("write user 1 update email", "NAME=TEXT"),
        ("write user 1 update email:={", "not JSON"),
        ("write user 1 update email=a email=b", "`email` is [\"a\",\"b\"]"),
        ("write order 1 update user=", "empty id"),
        ("write user 1 update context.x=1", "no context attributes"),
        ("write user", "an entity, an id and an operation"),
        ("write user 1 update --strict --widen", "cannot be used with"),
        ("names user *", "`*` is no instance"),
        ("cache put k v --ttl 5", "30s"),
        ("cache put k v --tag a{b", "a tag may not"),
        ("cache drop --match [", "matching `]`"),
        ("cache drop --match /(/", "unclosed group"),
        ("--cache redis:/x write user 1 delete", "cache URL"),
        ("--cache mysql://x write user 1 delete", "redis://"),
        ("frobnicate", "unrecognized subcommand"),
        ("lint --format pdf", "possible values"),
    ];
    for (line, message) in table {
        let outcome = place.run(&line.split(' ').collect::<Vec<_>>());
        assert_eq!(outcome.code, 2, "`{line}`: {outcome:#?}");
        assert!(outcome.stderr.contains(message), "`{line}`: no `{message}` in {}", outcome.stderr);
    }
}
