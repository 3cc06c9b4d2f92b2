//! Checked rules that are kept between commands.

use std::fs;
use std::path::PathBuf;
use std::thread;

use crate::command::{Outcome, Place};

/// Rules of more than 16 KiB: a root file and two that it imports. `key` is what each rule drops.
fn place(key: &str) -> Place {
    let place = Place::new();
    place.file("rules/default.inv", "language 1\nimport \"entities.inv\"\nimport \"more/rules.inv\"\n");
    place.file("rules/entities.inv", "entity user { fields { plan: string } key profile }\nentity post\n");
    place.file("rules/more/rules.inv", rules(key));
    place
}

fn rules(key: &str) -> String {
    let rule = |n: usize| {
        format!(
            "rule r{n:03} {{ on user  when changed(plan) or plan matches /{n}/  drop key \"{key}:{n:03}:{{id}}\" }}\n"
        )
    };
    (0..300).map(rule).collect()
}

impl Place {
    fn write(&self) -> Outcome {
        self.ok("write user 1 update plan=pro --dry-run --no-count --verbose")
    }

    /// The files of kept rules.
    fn kept(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.path().join(".invalidate/rules")).into_iter().flatten();
        let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
        files.retain(|path| !path.ends_with(".gitignore"));
        files.sort();
        files
    }
}

/// Whether the rules were not read.
fn is_kept(outcome: &Outcome) -> bool {
    outcome.stderr.contains("rules: rules/default.inv, checked before")
}

#[test]
fn a_second_write_reads_no_rules_and_plans_the_same() {
    let place = place("a");
    let first = place.write();
    assert!(!is_kept(&first), "{first:?}");
    assert!(first.stdout.contains("a:299:1"));
    assert_eq!(place.kept().len(), 1);
    let second = place.write();
    assert!(is_kept(&second), "{second:?}");
    assert_eq!(first.stdout, second.stdout);
    // What nobody declares is looked for in the rules themselves.
    place.exits("write usr 1 update", 2).says(&["did you mean `user`?"]);
    let one = place.run(&["names", "user", "1", "--verbose"]);
    assert!(is_kept(&one) && one.stdout.contains("user:1:profile"), "{one:?}");
}

#[test]
fn what_changes_in_any_file_counts_at_once() {
    let place = place("a");
    place.write();
    assert!(is_kept(&place.write()));
    // As long as before, and as old as the file before it.
    let path = place.path().join("rules/more/rules.inv");
    let old = fs::metadata(&path).unwrap().modified().unwrap();
    place.file("rules/more/rules.inv", rules("b"));
    fs::File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
    let changed = place.write();
    assert!(!is_kept(&changed) && changed.stdout.contains("b:299:1"), "{changed:?}");
    assert!(!changed.stdout.contains("a:299:1"));
    assert!(is_kept(&place.write()));
    place.file("rules/entities.inv", "entity user { fields { plan: string } }\nentity post\n");
    let changed = place.write();
    assert!(!is_kept(&changed) && !changed.stdout.contains("profile"), "{changed:?}");
    // An error is no reason to go on with what was.
    place.file("rules/more/rules.inv", "rule r { on nobody }");
    place.exits("write user 1 update plan=pro --dry-run", 2).says(&["the rules have an error"]);
    fs::remove_file(path).unwrap();
    place.exits("write user 1 update plan=pro --dry-run", 2).says(&["does not exist"]);
}

#[test]
fn a_file_that_was_only_touched_is_known_by_what_it_holds() {
    let place = place("a");
    place.write();
    place.file("rules/more/rules.inv", rules("a"));
    assert!(is_kept(&place.write()));
}

#[test]
fn a_damaged_file_is_noted_and_written_anew() {
    let place = place("a");
    let first = place.write();
    let path = place.kept().remove(0);
    let whole = fs::read(&path).unwrap();
    let mut flipped = whole.clone();
    flipped[40] ^= 1;
    for bytes in [&whole[..whole.len() / 2], b"", b"something else, much longer than a prelude", &flipped] {
        fs::write(&path, bytes).unwrap();
        let outcome = place.write();
        assert!(!is_kept(&outcome) && outcome.stdout == first.stdout, "{outcome:?}");
        assert!(outcome.stderr.contains("is damaged, and the rules are read anew"), "{outcome:?}");
        assert!(is_kept(&place.write()));
    }
}

#[test]
fn few_rules_are_not_kept_and_a_folder_in_the_way_is_no_failure() {
    let place = Place::new();
    place.file("rules/default.inv", "entity user { key profile }  rule r { on user }");
    place.ok("write user 1 update --dry-run --no-count");
    assert!(!place.path().join(".invalidate").exists());
    let place = self::place("a");
    place.file(".invalidate", "a file where the folder should be");
    let outcome = place.write();
    assert!(outcome.stderr.contains("the checked rules are not kept"), "{outcome:?}");
    assert!(outcome.stdout.contains("a:299:1"));
}

#[test]
fn kept_rules_are_no_embedded_cache() {
    let place = place("a");
    place.write();
    place
        .ok("write user 1 update plan=pro --dry-run")
        .says(&["there is no cache at embedded:.invalidate yet"]);
    place.ok("write user 1 update plan=pro");
    assert!(is_kept(&place.write()));
}

#[test]
fn processes_that_keep_rules_at_once_do_not_disturb_one_another() {
    let place = place("a");
    let other = rules("b");
    let first = place.write().stdout;
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..4 {
                    let outcome = place.write();
                    assert!(!outcome.stderr.contains("is damaged"), "{outcome:?}");
                    // Of one state of the file or of the other, never of both.
                    let (old, new) = (outcome.stdout.contains("a:000:1"), outcome.stdout.contains("b:000:1"));
                    assert!(old != new && (outcome.stdout == first) == old, "{outcome:?}");
                }
            });
        }
        for rules in [&other, &rules("a"), &other] {
            // At once, as an editor saves.
            place.file("rules/more/rules.new", rules);
            fs::rename(place.path().join("rules/more/rules.new"), place.path().join("rules/more/rules.inv"))
                .unwrap();
            place.write();
        }
    });
    assert!(place.write().stdout.contains("b:299:1"));
    assert_eq!(place.kept().len(), 1, "nothing is left beside it");
}
