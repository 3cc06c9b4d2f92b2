//! What a rule file says cannot steer the terminal of whoever runs a command over it.

use crate::command::{Outcome, Place};

/// Characters that act instead of being seen: an escape sequence, one of C1, an override of the writing
/// direction, a bell.
const HOSTILE: &str = "\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}\u{2066}";

fn is_tame(outcome: &Outcome) -> bool {
    let acts =
        |c: char| c.is_control() && c != '\n' || ('\u{202a}'..='\u{202e}').contains(&c) || c == '\u{2066}';
    !outcome.stdout.contains(acts) && !outcome.stderr.contains(acts)
}

#[test]
fn rules_that_compile() {
    let place = Place::new();
    let rules = format!(
        "entity user {{ fields {{ plan: string }} key page \"u:{HOSTILE}:{{id}}\" key open \"p:{HOSTILE}:{{plan}}\" }}\n\
         /// {HOSTILE}\nrule users {{ on user  when plan != \"{HOSTILE}\"  drop self, match \"{HOSTILE}*\", match /{HOSTILE}/ }}\n\
         rule tags {{ on tag \"user:{{x}}\"  drop tag \"{HOSTILE}:{{x}}\", key \"{HOSTILE}\" }}\n"
    );
    place.file("rules/default.inv", rules);
    for line in [
        "write user 1 update --dry-run",
        "write user 1 update --dry-run --no-count --format json",
        "write user 1 update",
        "write user 1 update --strict",
        "write user 1 update plan=x --verbose",
        "write user * update",
        "write user 1 zebra",
        "write user 1 update zebra=x",
        "names user 1",
        "names user 1 --format json",
        "names user 1 zebra=x",
        "graph",
        "dep list",
        "stats",
        "lint",
        "lint --format concise",
        "lint --format github",
        "lint --coverage",
    ] {
        let outcome = place.run(&line.split(' ').collect::<Vec<_>>());
        assert!(is_tame(&outcome), "`{line}`: {outcome:?}");
        // In colour too, which is escapes of our own.
        let outcome =
            place.run(&["--color", "always"].into_iter().chain(line.split(' ')).collect::<Vec<_>>());
        let all = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(
            !all.contains(['\u{7}', '\u{9b}', '\u{202e}']) && !all.contains("\u{1b}]"),
            "`{line}`: {all:?}"
        );
    }
}

#[test]
fn rules_that_do_not() {
    for broken in [
        format!("entity user {{ key page \"{HOSTILE}{{zebra}}\" }}"),
        format!("entity user rule r {{ on user when op == \"{HOSTILE}\" }}"),
        format!("entity user rule r {{ on user drop match /{HOSTILE}(/ }}"),
        format!("import \"{HOSTILE}.inv\""),
        format!("{HOSTILE} entity user"),
        format!("entity {HOSTILE}"),
        format!("entity user {{ key page \"{HOSTILE}"),
        format!("@allow(zebra, \"{HOSTILE}\") entity user rule r {{ on usr }} // {HOSTILE}"),
    ] {
        let place = Place::new();
        place.file("rules/default.inv", &broken);
        for line in ["write user 1 update", "names user 1", "graph", "lint", "fmt --check rules"] {
            let outcome = place.run(&line.split(' ').collect::<Vec<_>>());
            assert_ne!(outcome.code, 0, "`{line}` of {broken:?}");
            assert!(is_tame(&outcome), "`{line}` of {broken:?}: {outcome:?}");
        }
    }
}

/// What the command line itself says comes back visible as well.
#[test]
fn arguments() {
    let place = Place::new();
    place.file("rules/default.inv", "entity user { key page } rule users { on user }");
    for arguments in [
        ["write", HOSTILE, "1", "update"],
        ["write", "user", "1", HOSTILE],
        ["write", "user", HOSTILE, "update"],
        ["names", "user", "1", HOSTILE],
        ["--rules", HOSTILE, "names", "user"],
    ] {
        let outcome = place.run(&arguments);
        assert!(is_tame(&outcome), "{arguments:?}: {outcome:?}");
    }
}
