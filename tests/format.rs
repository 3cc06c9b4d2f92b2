//! The formatter: pairs of a text and its canonical form, and what must hold for every text.
//! `UPDATE=1 cargo test --test format` writes the expected forms anew for review.

#[path = "support/cases.rs"]
mod cases;
#[path = "format/corpus.rs"]
mod corpus;
#[path = "format/properties.rs"]
mod properties;
#[path = "format/speed.rs"]
mod speed;

use invalidate::span::Sources;
use invalidate::syntax::format::{FormatError, format};

/// The canonical form of a text.
pub fn formatted(text: &str) -> Result<String, FormatError> {
    let mut sources = Sources::default();
    let file = sources.add("rules.inv", text.strip_prefix('\u{feff}').unwrap_or(text));
    format(file, &sources)
}

/// What a text is given as in `tests/format`.
#[test]
fn texts_take_their_canonical_form() {
    let mut different = Vec::new();
    for (path, text) in corpus::files("tests/format") {
        let found = formatted(&text).unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
        let expected = path.with_extension("out");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&expected, &found).unwrap();
        } else if std::fs::read_to_string(&expected).unwrap_or_default() != found {
            different.push(format!("{} now becomes:\n{found}", path.display()));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// What must hold wherever a text can be formatted.
pub fn holds(text: &str) -> Result<String, String> {
    let once = formatted(text).map_err(|error| format!("{error:?}\n{text}"))?;
    let twice = formatted(&once).map_err(|error| format!("{error:?}\n{once}"))?;
    if once != twice {
        return Err(format!("not stable:\n{text}\n── once\n{once}\n── twice\n{twice}"));
    }
    let [mut before, mut after] = [text, once.as_str()].map(corpus::comments);
    before.sort_unstable();
    after.sort_unstable();
    if before != after {
        return Err(format!("other comments:\n{text}\n── now\n{once}"));
    }
    let clean = |line: &str| line.trim_end_matches(['\r', '\n']).ends_with([' ', '\t']);
    if let Some(line) = once.lines().find(|line| clean(line)) {
        return Err(format!("blanks behind `{line}`"));
    }
    if !once.is_empty() && (!once.ends_with('\n') || once.ends_with("\n\n") || once.contains("\n\n\n")) {
        return Err(format!("empty lines:\n{once}"));
    }
    Ok(once)
}

#[test]
fn the_corpus_holds() {
    let mut texts = 0;
    for (place, text) in corpus::all() {
        if let Err(why) = holds(&text) {
            panic!("{place}: {why}");
        }
        texts += 1;
    }
    assert!(texts > 100, "only {texts} texts were found");
}

/// `init` writes these, and `lint` and `fmt --check` run over them in CI.
#[test]
fn the_rules_we_ship_are_canonical() {
    let files = corpus::files("rules");
    assert_eq!(files.len(), 4);
    for (path, text) in files {
        assert_eq!(formatted(&text).unwrap(), text, "run `invalidate fmt {}`", path.display());
    }
}

#[test]
fn files_with_errors_are_refused_with_their_findings() {
    for (text, part) in [
        ("entity user { fields { a string } }", "unexpected"),
        ("rule r { on u when a and b or c }", "mixed without parentheses"),
        ("language 2\nentity user", "language 2"),
        (&*format!("rule r {{ on u when {} }}", "(".repeat(100)), "nested more than"),
    ] {
        match formatted(text) {
            Err(FormatError::Refused(findings)) => {
                assert!(findings[0].message.contains(part), "{:?}", findings[0]);
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

/// The page about style shows one.
#[test]
fn the_example_of_style_is_canonical() {
    let (place, text) = corpus::all()
        .into_iter()
        .rfind(|(place, _)| place.starts_with("docs/language.md"))
        .expect("the page has examples");
    assert_eq!(formatted(&text).unwrap(), format!("{text}\n"), "{place}");
}

/// Findings that leave every token in its place are `lint`'s business.
#[test]
fn files_with_other_findings_are_formatted() {
    for (text, expected) in [
        ("rule r{on u priority 5 priority 6}", "rule r { on u  priority 5  priority 6 }\n"),
        ("rule r{on u priority 99999999999999999999}", "rule r { on u  priority 99999999999999999999 }\n"),
        ("entity u{key k \"\"}/// no item", "entity u { key k \"\" }\n/// no item\n"),
        ("", ""),
        ("\n \n", ""),
        ("//", "//\n"),
    ] {
        assert_eq!(formatted(text).unwrap(), expected);
    }
}
