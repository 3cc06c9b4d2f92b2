//! What must hold for every text: the texts of the corpus with comments, blanks and line ends put
//! between their tokens at random, their clauses in any order; and anything at all.

use crate::cases::cases;
use proptest::prelude::*;

use super::{corpus, formatted, holds};

/// The tokens of a text that follows the grammar. A comment is one, with its line end.
fn tokens(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        // A slug has dashes, a number a sign and a dot; elsewhere neither stands beside a letter.
        let in_word = |c: char| is_word(c) || c == '-';
        let quoted = |mark| corpus::closing(rest.as_bytes(), 0, mark) + 1;
        let length = match c {
            _ if rest.starts_with("//") => rest.find('\n').map_or(rest.len(), |at| at + 1),
            '"' => quoted(b'"'),
            '/' => quoted(b'/'),
            _ if ["<->", "->", "==", "!=", "<=", ">="].iter().any(|mark| rest.starts_with(mark)) => {
                if rest.starts_with("<->") { 3 } else { 2 }
            }
            c if c.is_ascii_digit() || c == '-' => {
                1 + rest[1..].find(|c| !is_word(c) && c != '.').unwrap_or(rest.len() - 1)
            }
            c if is_word(c) => rest.find(|c| !in_word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        if !c.is_whitespace() {
            out.push(&rest[..length]);
        }
        rest = &rest[length..];
    }
    out
}

/// What may stand between two tokens.
fn gap() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        12 => Just(" "),
        3 => Just("\n"),
        1 => Just("\n\n\n"),
        1 => Just("\t\r\n  "),
        1 => Just(" // behind\n"),
        1 => Just("\n// above\n"),
        1 => Just("\n\n// apart\n\n"),
        1 => Just(" // one\n// two\n\n  // three\r\n"),
        1 => Just("//\u{e4}\u{1f600} wide  \n"),
        1 => Just("\n//// four\n"),
    ]
}

/// The text with other gaps.
fn scatter(text: &str, gaps: &[&str]) -> String {
    let mut gaps = gaps.iter().cycle();
    let mut out = String::new();
    for token in tokens(text) {
        out.push_str(token);
        // A comment ends its line by itself.
        if !token.starts_with("//") || !token.ends_with('\n') {
            out.push_str(gaps.next().unwrap());
        }
    }
    out
}

fn sample() -> impl Strategy<Value = String> {
    let texts: Vec<String> = corpus::all().into_iter().map(|(_, text)| text).collect();
    prop::sample::select(texts)
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-z]{1,3}",
        1 => prop::sample::select(vec!["on", "key", "rule", "drop", "tag", "depth", "self", "changed", "all"])
            .prop_map(str::to_owned),
        1 => "[a-z]{30,40}",
    ]
}

fn template() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("\"a:{id}\"".to_owned()),
        Just(r#""//no \"comment\" {{ // ""#.to_owned()),
        "[a-z:]{1,40}".prop_map(|text| format!("\"{text}\"")),
    ]
}

fn list(one: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    prop::collection::vec(one, 1..6).prop_map(|all| all.join(","))
}

fn condition() -> impl Strategy<Value = String> {
    let atom = prop_oneof![
        name().prop_map(|name| format!("new.{name}")),
        list(name()).prop_map(|names| format!("changed({names})")),
        (name(), list(template())).prop_map(|(name, all)| format!("old.{name} not in [{all},]")),
        name().prop_map(|name| format!("new.{name} matches /^[/]\\/ \"/")),
        name().prop_map(|name| format!("not not new.{name} <= -1.5")),
    ];
    atom.prop_recursive(3, 12, 4, |inner| {
        (prop::collection::vec(inner, 2..4), prop::sample::select(vec![" and ", " or "]))
            .prop_map(|(all, word)| format!("({})", all.join(word)))
    })
}

fn attached(clause: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let before = prop_oneof![
        8 => Just(""),
        1 => Just("///doc\n"),
        1 => Just("@allow(dead-end, \"why\") "),
        1 => Just("@allow(x) /// doc\n"),
    ];
    (before, clause).prop_map(|(before, clause)| format!("{before}{clause} "))
}

fn clauses(one: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    prop::collection::vec(attached(one), 0..8).prop_map(|all| all.concat())
}

fn item() -> impl Strategy<Value = String> {
    let decl = attached(
        (name(), prop::sample::select(vec!["string", "[int]", "time"]))
            .prop_map(|(name, ty)| format!("{name}: {ty},")),
    );
    let fields = prop::collection::vec(decl, 0..4).prop_map(|all| format!("fields {{ {} }}", all.concat()));
    let entity = clauses(prop_oneof![
        fields,
        list(name()).prop_map(|names| format!("operations {{ {names} }}")),
        (name(), name()).prop_map(|(name, target)| format!("ref {name}: [{target}]")),
        (name(), template()).prop_map(|(name, template)| format!("key {name} {template}")),
        template().prop_map(|template| format!("tag {template}")),
        template().prop_map(|template| format!("list {template}")),
    ]);
    let target = prop_oneof![
        Just("self".to_owned()),
        template().prop_map(|template| format!("key {template}")),
        Just("match /a b[/]/".to_owned()),
    ];
    let rule = clauses(prop_oneof![
        list(name()).prop_map(|names| format!("on {names}")),
        template().prop_map(|template| format!("on tag {template}")),
        condition().prop_map(|condition| format!("when {condition}")),
        Just("priority 5".to_owned()),
        Just("strategy batched cascade".to_owned()),
        Just("delay 100ms".to_owned()),
        list(name()).prop_map(|names| format!("follow {names}")),
        list(target).prop_map(|targets| format!("drop {targets}")),
    ]);
    let relation = clauses(prop_oneof![
        Just("kind parent_child".to_owned()),
        Just("depth 2".to_owned()),
        name().prop_map(|name| format!("via {name}")),
    ]);
    attached(prop_oneof![
        2 => (name(), entity).prop_map(|(name, body)| format!("entity {name} {{ {body} }}")),
        1 => name().prop_map(|name| format!("entity {name}")),
        3 => (name(), rule).prop_map(|(name, body)| format!("rule {name} {{ {body} }}")),
        2 => (name(), list(name()), relation)
            .prop_map(|(name, targets, body)| format!("relation {name}: {name} <-> {targets} {{ {body} }}")),
        1 => (name(), list(Just("\"a b\"".to_owned()))).prop_map(|(name, all)| format!("vary {name}: {all}")),
        1 => name().prop_map(|name| format!("context {{ {name}: bool = false }}")),
        1 => Just("defaults { delay 1s depth 1 strategy lazy priority 5 }".to_owned()),
    ])
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn samples_with_other_gaps(text in sample(), gaps in prop::collection::vec(gap(), 1..400)) {
        let scattered = scatter(&text, &gaps);
        prop_assert!(holds(&scattered).map_err(TestCaseError::fail)?.len() > 1 || text.trim().is_empty());
    }

    #[test]
    fn generated_items_with_other_gaps(
        items in prop::collection::vec(item(), 0..6),
        gaps in prop::collection::vec(gap(), 1..200),
    ) {
        let text = items.concat();
        holds(&text).map_err(TestCaseError::fail)?;
        holds(&scatter(&text, &gaps)).map_err(TestCaseError::fail)?;
    }

    /// Without comments, where the text had no line end, only the order of clauses depends on it.
    #[test]
    fn gaps_without_line_ends_say_nothing(text in sample(), blanks in prop::collection::vec("[ \t]{1,3}", 1..50)) {
        let tokens = tokens(&text);
        prop_assume!(!tokens.iter().any(|token| token.starts_with("//")));
        let blanks: Vec<&str> = blanks.iter().map(String::as_str).collect();
        prop_assert_eq!(holds(&scatter(&text, &blanks)), holds(&scatter(&text, &[" "])));
    }

    #[test]
    fn no_text_makes_it_panic(text in "(entity|rule|[a-z]|[{}()\\[\\]\",:/\\\\.@<>=-]|//|///| |\n|\r|\u{feff}|\u{e4}){0,80}") {
        let _ = formatted(&text);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in sample(), at in any::<prop::sample::Index>()) {
        let _ = formatted(&String::from_utf8_lossy(&bytes));
        let mut mixed = text.into_bytes();
        let at = if mixed.is_empty() { 0 } else { at.index(mixed.len()) };
        mixed.splice(at..at, bytes.into_iter().take(3));
        let mixed = String::from_utf8_lossy(&mixed).into_owned();
        if formatted(&mixed).is_ok() {
            holds(&mixed).map_err(TestCaseError::fail)?;
        }
    }
}
