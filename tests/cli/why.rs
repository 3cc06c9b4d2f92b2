//! `invalidate why`: from a write to a name, and back.

use crate::command::Place;
use crate::everyday::snapshot;

const RULES: &str = r#"
context { bulk: bool = false }
entity user { fields { email: string  plan: string }  key profile }
entity session { ref user  key data  operations { touch } }
entity order { ref user  key page }
entity item { ref order  key line }
entity photo { ref item  key thumb }
relation sessions: user -> session
relation orders: user -> order { depth 2 }
relation items: order -> item { kind parent_child }
relation photos: item -> photo
rule users {
  on       user.update, user.delete
  when     op == delete or (changed(email, plan) and not context.bulk)
  priority 100
  follow   sessions, orders, items, photos
}
rule own { on session.create, session.update, order, item, photo }
rule feeds { on tag "user:{who}:order"  when who != "0"  strategy lazy  drop tag "feed:{who}" }
"#;

fn place() -> Place {
    let place = Place::new();
    place.file("rules/default.inv", RULES);
    place
}

#[test]
fn the_path_from_write_to_name_has_the_value_of_every_condition() {
    let place = place();
    let found = place.run(&["why", "user:123:item", "--write", "user 123 update plan=pro --changed plan"]);
    snapshot!("why", found.all());
    let found = place.run(&["why", "feed:123", "--write", "user 123 delete"]);
    snapshot!("why_chained", found.all());
    let json = place.run(&["why", "user:123:item", "--write", "user 123 delete", "--format", "json"]).json();
    assert_eq!(json["verdict"], "dropped");
    assert_eq!(json["because"][0]["path"][1]["entity"], "item");
    assert_eq!(json["because"][0]["condition"]["atoms"][0]["decides"], true);
}

#[test]
fn a_name_that_is_not_dropped_has_its_reason() {
    let place = place();
    let not = |name: &str, write: &str, reason: &str| {
        let found = place.run(&["why", name, "--write", write]);
        assert_eq!(found.code, 1, "{name}, {write}: {found:#?}");
        assert!(found.stdout.contains(reason), "{name}, {write}: no `{reason}` in {}", found.stdout);
        assert!(found.stdout.starts_with(&format!("{name} is not dropped\n")), "{}", found.stdout);
    };
    not("user:1", "user 1 update --changed ,", "`changed(email, plan)` is false (changed(email) is false");
    not("user:1", "user 1 update plan=pro context.bulk:=true --changed plan", "`context.bulk` is true");
    not("user:1", "user 1 create", "rule users is on update, delete, not on create");
    not("user:2:session", "user 1 delete", "drops tag user:1:session instead");
    not("photo:7:thumb", "order 5 delete", "own follows no relation");
    not("user:1:photo", "user 1 delete", "out of depth: orders > items > photos is 3 hops to photo");
    not("session:4:data", "session 4 delete", "rule own is on create, update, not on delete");
    not("feed:0", "user 0 delete", "rule feeds does not fire on tag user:0:order: `who != \"0\"` is false");
    not("feed:5", "session 5 create user=5", "waits for tag user:5:order, which nothing drops here");
    not("user:1:profile", "item 1 delete order=2", "only writes of user drop such a name, none of item");
    not("usr:1", "user 1 delete", "no entity makes such a name, and no rule drops it; did you mean `user`?");
}

#[test]
fn an_entry_goes_with_the_tags_that_it_carries() {
    let place = place();
    let write = ["--write", "user 123 delete"];
    let asked = |more: &[&str]| {
        let mut arguments = vec!["why", "session:5:data"];
        arguments.extend(write);
        arguments.extend(more);
        place.run(&arguments)
    };
    let perhaps = asked(&[]);
    assert_eq!(perhaps.code, 4);
    assert!(perhaps.stdout.contains("if for the entry user = \"123\""), "{}", perhaps.stdout);
    let sure = asked(&["--tag", "session:5", "--tag", "user:123:session"]);
    assert_eq!(sure.code, 0);
    assert!(sure.stdout.contains("along sessions to session"), "{}", sure.stdout);
    assert_eq!(asked(&["--tag", "user:7:session"]).code, 1);
    let open = place.run(&["why", "user:9:session", "--write", "session * update"]);
    assert_eq!(open.code, 4);
    assert!(open.stdout.contains("pass user=…"), "{}", open.stdout);
}

#[test]
fn without_a_write_every_kind_of_write_that_can_drop_it_is_shown() {
    let place = place();
    snapshot!("why_writes", place.run(&["why", "session:5:data"]).all());
    snapshot!("why_writes_chained", place.run(&["why", "feed:7"]).all());
    // What is shown does what it says.
    for name in ["session:5:data", "feed:7", "user:7:item", "user:3:profile"] {
        let json = place.run(&["why", name, "--format", "json"]).json();
        let writes = json["writes"].as_array().unwrap();
        assert!(writes.iter().any(|write| write["example"].is_string()), "{name}: {json:#}");
        for write in writes.iter().filter(|write| write["through_tag"] == false) {
            let Some(example) = write["example"].as_str() else { continue };
            let because = place.run(&["why", name, "--write", example, "--format", "json"]).json();
            let rules: Vec<_> = because["because"].as_array().unwrap().iter().map(|b| &b["rule"]).collect();
            assert!(rules.contains(&&write["rule"]), "{name}: {example}: {because:#}");
        }
    }
    let nobody = place.exits("why user:1:nothing", 1);
    assert!(nobody.stdout.contains("no entity makes such a name"), "{}", nobody.stdout);
}

/// A relation that leads to several entities is told with the one that was reached.
#[test]
fn the_path_names_the_entity_that_it_leads_to() {
    let place = Place::new();
    let found = place.run(&["why", "user:123:job", "--write", "user 123 delete"]);
    assert!(found.stdout.contains("along user_work to job"), "{}", found.stdout);
}

/// Rules that fire each other are told once round.
#[test]
fn a_chain_that_comes_back_ends() {
    let place = Place::new();
    let rules = "entity user { key data }  rule first { on user  drop tag \"a\" }
        rule there { on tag \"a\"  drop tag \"b\" }  rule back { on tag \"b\"  drop tag \"a\" }";
    place.file("rules/default.inv", rules);
    let found = place.run(&["why", "a", "--write", "user 1 update", "--format", "json"]).json();
    let because = found["because"].as_array().unwrap();
    let rules: Vec<_> = because.iter().map(|b| b["rule"].as_str().unwrap()).collect();
    assert_eq!(rules, ["back", "first"]);
    let there = &because[0]["trigger_because"];
    assert_eq!((&there["rule"], &there["trigger_because"]["rule"]), (&"there".into(), &"first".into()));
}

/// What the write leaves open is not taken for what it denies.
#[test]
fn only_what_could_be_the_name_is_unresolved() {
    let place = place();
    let asked = |name: &str, write: &str| place.run(&["why", name, "--write", write]).code;
    assert_eq!(asked("user:9:session", "session * update"), 4);
    assert_eq!(asked("user:9:session", "session * update user=8"), 1);
}

#[test]
fn a_question_that_is_none_says_what_is_wrong() {
    let place = place();
    let wrong = |arguments: &[&str], texts: &[&str]| {
        let found = place.run(arguments);
        assert_eq!(found.code, 2, "{arguments:?}: {found:#?}");
        found.says(texts);
    };
    wrong(&["why", "user:1", "--write", "usr 1 update"], &["unknown entity `usr`", "did you mean `user`?"]);
    wrong(&["why", "user:1", "--write", "user update"], &["needs an entity, an id and an operation"]);
    wrong(&["why", "user:1", "--write", "user 1 update 'x"], &["without its second"]);
    wrong(&["why", "user:1", "--tag", "x"], &["--write"]);
    wrong(&["why", ""], &["the name is empty"]);
}
