//! Stored rules: the built-in ones, and those of files.

use std::io::Cursor;
use std::path::Path;

use invalidate::check::stored::{StoredRules, store};
use invalidate::check::{Files, RuleSet, check};

/// Where the program finds its built-in rules without reading their text.
const BUILT_IN: &str = "src/cli/session/built_in.rules";

#[test]
fn the_built_in_rules_are_those_that_init_writes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rules = RuleSet::load(root.join("rules/default.inv")).rules.unwrap();
    let bytes = store(&rules, "built-in", Vec::new());
    let path = root.join(BUILT_IN);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &bytes).unwrap();
    }
    let kept = std::fs::read(&path).unwrap();
    assert!(
        kept == bytes,
        "rules/default.inv or the way rules are stored has changed: UPDATE=1 writes {BUILT_IN}"
    );
}

#[test]
fn an_entity_that_is_not_declared_has_no_rules() {
    let checked = check(
        Path::new("a.inv"),
        &Files::Memory([("a.inv".into(), b"entity a rule r { on a }".to_vec())].into()),
    );
    let bytes = store(&checked.rules.unwrap(), "k", Vec::new());
    let mut stored = StoredRules::open(Cursor::new(bytes), "k").unwrap();
    assert!(stored.of_entity("b").unwrap().is_none());
    assert_eq!(stored.of_entity("a").unwrap().unwrap().rules().len(), 1);
}
