//! `lint --fix`, `--unsafe-fixes` and `--diff`.

use crate::command::Place;
use crate::everyday::snapshot;

/// Line ends of Windows and a byte order mark; two safe fixes in the first round, an allowance that
/// is seen to be unused once there is no error, and guesses that uncover one another.
const MIXED: &str = "\u{feff}entity user {\r\n  fields { email: string }\r\n  @allow(dead-end, \"old\")\r\n  key profile\r\n  /// nothing\r\n}\r\nrule r {\r\n  on usr\r\n  when emial == \"x\"\r\n  priority 5\r\n  priority 5\r\n}\r\n";

#[test]
fn safe_fixes_only_without_being_asked_for_more() {
    let place = Place::new();
    place.file("a.inv", MIXED);
    place.exits("lint a.inv --fix", 1).says(&["2 fixes applied in 1 file", "1 error, 0 warnings"]);
    let expected = MIXED.replace("/// nothing", "// nothing").replacen("  priority 5\r\n", "", 1);
    assert_eq!(place.read("a.inv"), expected);
    place.exits("lint a.inv --fix", 1).says(&["no fix applied"]);
    assert_eq!(place.read("a.inv"), expected);
}

#[test]
fn rounds_go_on_until_nothing_is_left() {
    let place = Place::new();
    place.file("a.inv", MIXED);
    place.ok("lint a.inv --fix --unsafe-fixes").says(&["5 fixes applied in 1 file", "nothing found"]);
    let expected = "\u{feff}entity user {\r\n  fields { email: string }\r\n  key profile\r\n  // nothing\r\n}\r\nrule r {\r\n  on user\r\n  when email == \"x\"\r\n  priority 5\r\n}\r\n";
    assert_eq!(place.read("a.inv"), expected);
}

#[test]
fn fixes_that_overlap_take_turns() {
    let place = Place::new();
    place.file(
        "a.inv",
        "entity user { key profile operations { login, create, login, login } }\nentity session { ref user key data }\n\
         relation sessions: user -> session, session, session\nvary lang: \"a\", \"a\", \"b\", \"a\"\n\
         rule users { on user follow sessions, sessions, sessions }\nrule all_sessions { on session }\n",
    );
    place.run(&["lint", "a.inv", "--fix"]).says(&["9 fixes applied"]);
    assert_eq!(
        place.read("a.inv"),
        "entity user { key profile operations { login } }\nentity session { ref user key data }\n\
         relation sessions: user -> session\nvary lang: \"a\", \"b\"\n\
         rule users { on user follow sessions }\nrule all_sessions { on session }\n"
    );
}

#[test]
fn every_slip_is_mended_in_its_place() {
    let good = "context { tenant: string }\nentity user {\n  fields { email: string }\n  operations { login }\n  key card \"card:{id}:{email}\"\n}\n\
entity session { ref user key data list \"t:{context.tenant}:sessions\" }\n\
relation sessions: user -> session { via user }\n\
rule users {\n  on user.login, user.create\n  when op == login or op in [\"login\", update] or new.email == \"a\"\n  priority 50\n  follow sessions\n}\n\
rule all_sessions { on session }\n\
rule chained { on tag \"card:{card}\" when card != \"x\" drop tag \"t:{card}\" }\n";
    let slips = [
        ("email: string", "email: strnig"),
        ("{email}", "{emial}"),
        ("context.tenant", "context.tennant"),
        ("-> session", "-> sesion"),
        ("via user", "via usr"),
        ("user.login", "usr.login"),
        ("user.login", "user.logn"),
        ("op == login", "op == logn"),
        ("[\"login\"", "[\"logni\""),
        ("new.email", "new.emial"),
        ("priority 50", "prioritty 50"),
        ("follow sessions", "follow sesions"),
        ("rule users", "rul users"),
        ("when card !=", "when crad !="),
        ("drop tag \"t:{card}\"", "drop tag \"t:{crad}\""),
    ];
    let place = Place::new();
    for (right, wrong) in slips {
        assert!(good.contains(right), "{right}");
        place.file("a.inv", good.replacen(right, wrong, 1));
        let report = place.run(&["lint", "a.inv", "--format", "concise"]);
        assert!(report.stdout.contains("did you mean") || wrong.contains("strnig"), "{wrong}: {report:?}");
        place.run(&["lint", "a.inv", "--fix"]);
        assert_ne!(place.read("a.inv"), good, "{wrong} was mended without asking");
        let outcome = place.run(&["lint", "a.inv", "--fix", "--unsafe-fixes"]);
        assert_eq!(place.read("a.inv"), good, "{wrong}: {outcome:?}");
    }
    let allowed = "entity user { key profile }\n@allow(dead-ends, \"why\")\nrule users { on user }\n";
    place.file("a.inv", allowed);
    // First the name, then what turns out to be unused.
    place.ok("lint a.inv --fix --unsafe-fixes");
    assert_eq!(place.read("a.inv"), "entity user { key profile }\nrule users { on user }\n");
}

#[test]
fn a_fix_that_leads_to_errors_is_given_up() {
    let place = Place::new();
    let text = "entity user { key profile }\nentity order { ref user key page }\nrule a { on usr when plan == 1 and email == 2 }\nrule b { on ordr }\nrule c { on order, user follow orders }\n";
    place.file("a.inv", text);
    place.exits("lint a.inv --fix --unsafe-fixes", 1).says(&["1 fix applied in 1 file, 1 given up"]);
    assert_eq!(place.read("a.inv"), text.replace("ordr", "order"));
}

#[test]
fn a_diff_writes_nothing() {
    let place = Place::new();
    place.file("rules/a.inv", MIXED);
    place.file("rules/b.inv", "entity b { key k }\nrule b { on b }");
    snapshot!("lint_diff", place.exits("lint rules --diff --unsafe-fixes", 1).all());
    assert_eq!(place.read("rules/a.inv"), MIXED);
    let patch = place.exits("lint rules --diff --unsafe-fixes", 1).stdout;
    assert!(patch.contains("\n-  on usr\r\n") && patch.contains("\n+  on user\r\n"), "{patch:?}");
    place.ok("lint rules/b.inv --diff").says(&["no fix possible"]);
    let outcome = place.run_with(
        &["lint", "-", "--diff"],
        "entity b { key k }\nrule b { on b, b2\n  priority 1 priority 1 }",
    );
    assert!(outcome.stdout.contains("-  priority 1 priority 1 }\n"), "{outcome:?}");
    place.exits("lint missing.inv --diff", 2).says(&["`missing.inv` does not exist"]);
    place.exits("lint rules --unsafe-fixes", 2).says(&["`--diff`"]);
    place.exits("lint rules --fix --diff", 2);
    place.exits("lint rules --diff --format json", 2);
}

#[test]
fn imported_files_are_mended_once() {
    let place = Place::new();
    place.file("lib.inv", "entity lib {\n  key k\n  /// nothing\n}\n");
    for root in ["one.inv", "two.inv"] {
        place.file(root, "import \"lib.inv\"\nrule r { on lib }\n");
    }
    place.ok("lint --fix .").says(&["1 fix applied in 1 file"]);
    assert_eq!(place.read("lib.inv"), "entity lib {\n  key k\n  // nothing\n}\n");
}

#[test]
fn what_another_root_uses_is_not_unused() {
    let place = Place::new();
    let lib = "entity user { key profile }\nentity session { ref user ref device }\nentity device { key page }\n\
               relation sessions: user -> session\n@allow(dead-end, \"one of the roots\")\nrelation devices: device -> session\n";
    place.file("lib.inv", lib);
    place.file("one.inv", "import \"lib.inv\"\n@allow(dead-end, \"never\")\nrule r { on user }\n");
    place.file("two.inv", "import \"lib.inv\"\nrule r { on user }\n");
    // Both say so: it goes. What stands in one root alone is that root's own affair.
    place.run(&["lint", ".", "--fix"]);
    assert!(!place.read("lib.inv").contains("@allow") && !place.read("one.inv").contains("@allow"));
    // One root has an error and says nothing: it stays.
    place.file("lib.inv", lib);
    place.file("two.inv", "import \"lib.inv\"\nrule r { on usr }\n");
    let outcome = place.run(&["lint", ".", "--fix"]);
    assert_eq!(place.read("lib.inv"), lib, "{outcome:?}");
}

#[cfg(unix)]
#[test]
fn links_and_permissions_stay() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let real = place.file("real/a.inv", "entity a {\n  key k\n  /// b\n}\nrule a { on a }\n");
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
    let link = place.path().join("a.inv");
    std::os::unix::fs::symlink(&real, &link).unwrap();
    place.ok("lint a.inv --fix");
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(std::fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(place.read("real/a.inv").contains("  // b"));
}
