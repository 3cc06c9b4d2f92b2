//! `diff`: two rule sets, from files, folders and revisions.

use std::process::Command;

use crate::command::Place;
use crate::everyday::snapshot;

const OLD: &str = r#"
entity user { fields { plan: string  email: string } key profile  list "plan:{plan}:users" }
entity session { ref user  key data }
relation user_sessions: user -> session
/// Accounts.
rule users {
  on   user
  when op == delete or changed(plan, email)
  follow user_sessions
}
rule sessions { on session  strategy batched }
"#;

const NEW: &str = r#"
entity user { fields { plan: string  email: string } key profile "u:{id}"  list "plan:{plan}:users" }
entity session { ref user  key data }
relation user_sessions: user -> session
rule sessions { on session  strategy lazy }
rule accounts { on user  when op == delete or changed(plan)  follow user_sessions }
rule feeds { on user.create  drop key "feed:{plan}" }
"#;

fn place() -> Place {
    let place = Place::new();
    place.file("old.inv", OLD);
    place.file("new.inv", NEW);
    place
}

#[test]
fn what_rules_mean_differently_is_shown_by_writes() {
    let place = place();
    snapshot!("diff", place.ok("diff old.inv new.inv").all());
    snapshot!("diff_github", place.ok("diff old.inv new.inv --format github").all());
    // What is printed as a command is one.
    let document = place.ok("diff old.inv new.inv --format json").json();
    assert_eq!(document["equal"], false);
    let mut commands = 0;
    for operation in document["rule_sets"][0]["writes"].as_array().unwrap() {
        for difference in operation["differences"].as_array().unwrap() {
            let command = difference["command"].as_str().unwrap();
            let words: Vec<&str> = command.split(' ').skip(1).map(|w| w.trim_matches('\'')).collect();
            let planned = |rules: &str| {
                let words = [words.as_slice(), &["--dry-run", "--no-count", "--rules", rules]].concat();
                place.run(&words).stdout
            };
            let target = difference["targets"][0]["target"].as_str().unwrap();
            let (old, new) = (planned("old.inv"), planned("new.inv"));
            let in_either = (old.contains(target), new.contains(target));
            match difference["class"].as_str().unwrap() {
                "narrower" => assert_eq!(in_either, (true, false), "{command}: {target}"),
                "wider" => assert_eq!(in_either, (false, true), "{command}: {target}"),
                _ => assert_ne!(old, new, "{command}"),
            }
            commands += 1;
        }
    }
    assert!(commands >= 4, "{commands}");
}

#[test]
fn exit_codes_say_what_counts() {
    let place = place();
    place.ok("diff old.inv new.inv");
    place.exits("diff old.inv new.inv --exit-code", 1);
    place.exits("diff old.inv new.inv --fail-on narrower", 1);
    place.exits("diff old.inv new.inv --fail-on order", 0);
    place.exits("diff old.inv new.inv --fail-on order,names", 1);
    place.exits("diff old.inv old.inv --exit-code", 0);
    // No verdict is never a pass.
    let rules = |regex: &str| {
        format!(
            "entity a {{ fields {{ x: string  y: string }} }} rule r {{ on a  when x < y and x matches /{regex}/ }}"
        )
    };
    place.file("one.inv", rules("^a"));
    place.file("other.inv", rules("^a+"));
    place.exits("diff one.inv other.inv", 0);
    let outcome = place.exits("diff one.inv other.inv --fail-on narrower", 4);
    assert!(outcome.stdout.contains("undecided: no verdict"), "{}", outcome.stdout);
}

#[test]
fn names_order_comments_and_files_mean_nothing() {
    let place = place();
    let (entities, rules) = OLD.split_once("/// Accounts.").unwrap();
    place.file("moved/entities.inv", entities);
    place.file(
        "moved/root.inv",
        format!("import \"entities.inv\" // Moved.{}", rules.replace("rule users", "rule a")),
    );
    let outcome = place.ok("diff old.inv moved --exit-code");
    assert_eq!(outcome.stdout, "6 operations compared: 6 equal\n");
}

#[test]
fn folders_are_compared_root_by_root() {
    let place = Place::new();
    place.file("a/x.inv", "entity x { key k } rule r { on x }");
    place.file("a/y.inv", "entity y { key k } rule r { on y }");
    place.file("b/y.inv", "entity y { key k } rule s { on y }");
    place.file("b/z.inv", "entity z { key k } rule r { on z }");
    let outcome = place.exits("diff a b --fail-on narrower", 1);
    assert!(outcome.stdout.contains("x.inv\nnarrower"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("y.inv\n3 operations compared: 3 equal"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("entity z is new"), "{}", outcome.stdout);
}

fn git(place: &Place, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false"]);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    let output = command.args(arguments).current_dir(place.path()).output().expect("git is installed");
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}

#[test]
fn a_revision_is_read_with_its_imports() {
    let place = Place::new();
    git(&place, &["init", "-q"]);
    place.file("app/rules/default.inv", "import \"../shared.inv\"\nrule users { on user }");
    place.file("app/shared.inv", "entity user { fields { plan: string } key profile }");
    git(&place, &["add", "."]);
    git(&place, &["commit", "-qm", "one"]);
    place.file("app/shared.inv", "entity user { fields { plan: string } key profile  key card }");
    place.file(
        "app/rules/default.inv",
        "import \"../shared.inv\"\nrule users { on user  when changed(plan) }",
    );
    let run = |words: &[&str]| {
        let mut command = place.command(words);
        let output = command.current_dir(place.path().join("app")).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    };
    let (code, stdout, stderr) = run(&["diff", "git:HEAD", "rules/default.inv", "--fail-on", "narrower"]);
    assert_eq!(code, 1, "{stdout}{stderr}");
    assert!(stdout.contains("user.update, where not (changed(plan))"), "{stdout}");
    assert!(stdout.contains("invalidate names user 1"), "{stdout}");
    let (_, same, _) = run(&["diff", "git:HEAD:rules", "rules/default.inv"]);
    assert_eq!(same, stdout);
    // A link in the way to the repository is the same repository.
    for (argument, wanted) in [
        ("git:HEAD~1", "there is no revision `HEAD~1`"),
        ("git:nope", "there is no revision `nope`"),
        ("git:--all", "names no revision"),
        ("git:HEAD:elsewhere", "`app/elsewhere` does not exist in `HEAD`"),
        ("git:HEAD:../../..", "outside the repository"),
        ("nofile.inv", "`nofile.inv` does not exist"),
    ] {
        let (code, _, stderr) = run(&["diff", argument, "rules/default.inv"]);
        assert_eq!(code, 2, "{argument}: {stderr}");
        assert!(stderr.contains(wanted) && stderr.contains("help"), "{argument}: {stderr}");
    }
    // What does not parse is said of the side on which it stands.
    place.file("app/rules/default.inv", "rule { on");
    let (code, _, stderr) = run(&["diff", "git:HEAD", "rules/default.inv"]);
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("the rules of `rules/default.inv` have"), "{stderr}");
}

#[test]
fn without_a_repository_git_is_a_clear_error() {
    let place = place();
    let mut command = place.command(&["diff", "git:HEAD", "old.inv"]);
    let output = command.env("GIT_CEILING_DIRECTORIES", place.path().parent().unwrap()).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("needs the git program, and a repository"), "{stderr}");
}
