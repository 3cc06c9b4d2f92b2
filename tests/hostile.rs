//! Files of absurd size and shape: read, refused or reported in time that grows as they do.

#[path = "hostile/growth.rs"]
mod growth;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use invalidate::RuleSet;
use invalidate::check::{Checked, Files, check};
use invalidate::diagnostic::{Code, render};
use invalidate::lint::{Levels, lint};
use invalidate::span::Sources;
use invalidate::syntax::format::{FormatError, format};

/// Errors that are reported of one rule set at most.
const MAX_ERRORS: usize = 1_000;

fn errors(checked: &Checked) -> Vec<(Code, &str)> {
    let errors = checked.findings.iter().filter(|f| f.is_error());
    errors.map(|f| (f.code, f.message.as_str())).collect()
}

/// The one error of a text, which all its rendered findings together say in a few lines.
fn refused(text: &str) -> (Code, String) {
    let checked = RuleSet::parse(text);
    let found = errors(&checked);
    assert_eq!(found.len(), 1, "{:?}", &found[..found.len().min(5)]);
    let shown = render(&checked.findings[0], &checked.sources, false, None);
    assert!(shown.len() < 20_000, "{} bytes are printed", shown.len());
    (found[0].0, found[0].1.to_owned())
}

fn chain(length: usize, last: &str) -> Files {
    let mut files: BTreeMap<PathBuf, Vec<u8>> = (0..length)
        .map(|n| (format!("{n}.inv").into(), format!("import \"{}.inv\"\n", n + 1).into_bytes()))
        .collect();
    files.insert(format!("{length}.inv").into(), last.into());
    Files::Memory(files)
}

#[test]
fn a_chain_of_imports_is_followed_64_deep() {
    let files = chain(10_000, "entity user\nrule users { on user }");
    let checked = check(Path::new("0.inv"), &files);
    assert_eq!(errors(&checked), [(Code::TooDeep, "imports are nested more than 64 files deep")]);
    assert_eq!(checked.sources.iter().count(), 65);
    let checked = check(Path::new("0.inv"), &chain(64, "entity user\nrule users { on user }"));
    assert_eq!(errors(&checked), []);
    // A circle through as many files.
    let checked = check(Path::new("0.inv"), &chain(60, "import \"0.inv\""));
    assert_eq!(errors(&checked).len(), 1);
}

#[test]
fn ten_thousand_files_stand_beside_each_other() {
    let root: String = (0..10_000).map(|n| format!("import \"parts/{n}.inv\"\n")).collect();
    let mut files: BTreeMap<PathBuf, Vec<u8>> = (0..10_000)
        .map(|n| {
            let text = format!("import \"{}.inv\"\nentity e{n}\nrule r{n} {{ on e{n} }}\n", n / 2);
            (format!("parts/{n}.inv").into(), text.into_bytes())
        })
        .collect();
    // The first one imports itself, which the others must not.
    files.insert("parts/0.inv".into(), b"entity e0\nrule r0 { on e0 }\n".to_vec());
    files.insert("root.inv".into(), root.into_bytes());
    let checked = check(Path::new("root.inv"), &Files::Memory(files));
    assert_eq!(errors(&checked), []);
    assert_eq!(checked.rules.map(|rules| rules.rules().len()), Some(10_000));
}

#[test]
fn long_strings_names_and_lines() {
    let long = "x".repeat(1_000_000);
    for (text, code) in [
        (format!("entity u {{ key k \"{long}\" }}"), Code::BadTemplate),
        (format!("entity u {{ key k \"{}\" }}", "{id}:".repeat(200_000)), Code::BadTemplate),
        (format!("rule r {{ on tag \"{}\" drop key \"a\" }}", "{x}:".repeat(200_000)), Code::BadTemplate),
        (format!("import \"{long}\""), Code::UnreadableFile),
        (format!("entity u {{ key k \"{long}"), Code::Syntax),
        (format!("rule r {{ on {long} }}"), Code::UnknownName),
        (long.clone(), Code::Syntax),
        (format!("entity u rule r {{ on u when op == \"{long}\" }}"), Code::UnknownName),
        (format!("entity u rule r {{ on u  drop match /{}/ }}", "[".repeat(1_000_000)), Code::BadLiteral),
        (format!("entity u rule r {{ on u  drop match /{}", "\\/".repeat(500_000)), Code::Syntax),
        (format!("entity u rule r {{ on u  priority {} }}", "9".repeat(1_000_000)), Code::BadLiteral),
        (format!("entity u rule r {{ on u when {} }}", "(".repeat(1_000_000)), Code::TooDeep),
    ] {
        let (found, message) = refused(&text);
        assert_eq!(found, code, "{}…: {}", &text[..40], &message[..message.len().min(200)]);
    }
    let fine = RuleSet::parse(&format!("entity u\n/// {long}\n// {long}\nrule {long} {{ on u }}"));
    assert_eq!(errors(&fine), []);
    let mixed = format!(
        "entity u rule r {{ on u when {} op == create }}",
        "op == create and op == delete or ".repeat(20_000)
    );
    assert!(refused(&mixed).1.contains("mixed without parentheses"));
}

#[test]
fn bytes_that_no_editor_shows() {
    let text = "entity user { key profile \"a:{id}\" }\nrule users { on user  drop self }\n";
    for fine in [
        text.replace('\n', "\r\n"),
        text.replace('\n', "\r"),
        text.replace(' ', "\t"),
        format!("\u{feff}{text}"),
        format!("{text}{}", "\n".repeat(1_000_000)),
    ] {
        assert_eq!(errors(&RuleSet::parse(&fine)), [], "{:?}", &fine[..60]);
    }
    for hostile in ["\0", "\u{1b}[2J", "\u{9b}2J", "\u{202e}", "\u{feff}", "\u{85}", "\u{2028}"] {
        // Where an item, a clause, a name, a string, a template or a regex could stand.
        for text in [
            format!("{hostile}\n{text}"),
            text.replace("key", hostile),
            text.replace("user {", &format!("us{hostile}er {{")),
            text.replace("self", &format!("key \"a{hostile}b{{zebra}}\"")),
            text.replace("self", &format!("match /a{hostile}(/")),
            text.replace("drop self", &format!("when op == \"{hostile}\"")),
            format!("import \"{hostile}.inv\"\n{text}"),
        ] {
            let checked = RuleSet::parse(&text);
            let found = lint(&checked, &Levels::default());
            let is_mark = text.starts_with('\u{feff}');
            assert!(is_mark || found.iter().any(|f| f.is_error()), "{text:?}");
            for finding in found {
                for styled in [false, true] {
                    let shown = render(&finding, &checked.sources, styled, Some(100));
                    // Colours are ours, and end in `m`.
                    let shown = shown.replace("\u{1b}[", "").replace('\n', "");
                    assert!(
                        !shown.contains(|c: char| c.is_control() || hostile.contains(c) && c > '~'),
                        "{shown:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn junk_is_reported_and_soon_enough_not_any_more() {
    let half = 200_000;
    for text in [
        "rule\n".repeat(half / 5),
        "entity e {\n".repeat(half / 11),
        "/// doc\nrule\n".repeat(half / 13),
        "\0".repeat(half),
        "{}".repeat(half / 2),
        "@allow(x) /// y\n".repeat(half / 16),
        "vary a: \"b\",\n".repeat(half / 12),
        "context {\nrule: int\n".repeat(half / 19),
        "entity e { operations {\nentity a\nrule b\n".repeat(half / 38),
        "\"\\".repeat(half / 2),
        "/\\".repeat(half / 2),
        "/[".repeat(half / 2),
        "é(".repeat(half / 3),
    ] {
        let checked = RuleSet::parse(&text);
        let findings = lint(&checked, &Levels::default());
        let name: String = text.chars().take(20).collect();
        assert!(checked.rules.is_none() && !findings.is_empty(), "{name:?}");
        assert!(findings.len() <= 2 * MAX_ERRORS + 10, "{name:?}: {} findings", findings.len());
        let printed: usize =
            findings.iter().take(100).map(|f| render(f, &checked.sources, false, None).len()).sum();
        assert!(printed < 2_000_000, "{name:?}: {printed} bytes");
        let mut sources = Sources::default();
        let file = sources.add("junk.inv", text.as_str());
        assert!(matches!(format(file, &sources), Err(FormatError::Refused(_))), "{name:?}");
    }
    // What a parser would need gigabytes for.
    assert_eq!(refused(&"follow a,a,a,a,\n".repeat(600_000)).0, Code::TooLarge);
}

/// One mistake that is made everywhere: a thousand errors are enough to say so.
#[test]
fn errors_have_an_end() {
    let rules: String = (0..5_000).map(|n| format!("rule r{n} {{ on usr{n} when plan == 7 }}\n")).collect();
    let checked = RuleSet::parse(&format!("entity user {{ fields {{ plan: string }} }}\n{rules}"));
    let found = errors(&checked);
    assert_eq!(found.len(), MAX_ERRORS + 1);
    assert_eq!(found[0], (Code::TooLarge, "there are more than 1000 errors; what follows are the first"));
    assert_eq!(found[1].1, "unknown entity `usr0`");
    let (before, after) = (errors(&checked), errors(&RuleSet::parse("entity user rule r { on usr }")).len());
    assert_eq!((before.len(), after), (MAX_ERRORS + 1, 1));
}

/// A rule that names every entity is no rule.
#[test]
fn one_rule_for_everything_has_an_end() {
    let entities: String = (0..1_000).map(|n| format!("entity e{n}\n")).collect();
    let names: Vec<String> = (0..1_000).map(|n| format!("e{n}")).collect();
    let rule = format!("rule r {{ on {} {} }}", names.join(","), "drop key \"a:{id}\" ".repeat(200));
    let (code, message) = refused(&format!("{entities}{rule}"));
    assert_eq!((code, message.contains("1000 entities")), (Code::TooLarge, true), "{message}");
}

/// Everything related to everything: a cascade would reach each entity along more ways than can be kept.
#[test]
fn cascades_have_an_end() {
    for (entities, depth) in [(60, 5), (120, 2), (200, 16)] {
        let mut text = format!("defaults {{ depth {depth} }}\n");
        for n in 0..entities {
            let refs: String = (0..n).map(|m| format!("ref e{m} ")).collect();
            text.push_str(&format!("entity e{n} {{ {refs} }}\n"));
            for m in 0..n {
                text.push_str(&format!("relation r{m}_{n}: e{m} <-> e{n}\n"));
            }
        }
        text.push_str("rule all { on e0  follow all }\n");
        assert_eq!(refused(&text).0, Code::TooLarge, "{entities} entities, {depth} deep");
    }
}
