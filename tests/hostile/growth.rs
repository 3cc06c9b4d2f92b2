//! Time grows with the size of a text, not faster, wherever it is long.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use invalidate::RuleSet;
use invalidate::diagnostic::Diagnostic;
use invalidate::lint::{Levels, lint};

/// A text checked, its allowances applied and its findings placed; how many there are. Lints, which have
/// bounds of their own, look at rules without errors only.
fn look_at(text: &str) -> usize {
    let checked = RuleSet::parse(text);
    let findings =
        if checked.has_errors() { lint(&checked, &Levels::default()) } else { checked.findings.clone() };
    let place = |f: &Diagnostic| f.primary.as_ref().map(|l| checked.sources.position(l.span));
    findings.iter().filter(|finding| place(finding).is_some()).count()
}

fn time(text: &str) -> Duration {
    let start = Instant::now();
    look_at(text);
    start.elapsed()
}

/// The same line for each number.
fn lines(n: usize, line: impl Fn(usize) -> String) -> String {
    (0..n).fold(String::new(), |mut out, n| {
        let _ = writeln!(out, "{}", line(n));
        out
    })
}

type Text = fn(usize) -> String;

/// Texts that are long in one place only.
const TEXTS: &[(&str, Text)] = &[
    ("rules", |n| {
        format!("entity e {{ key k }}\n{}", lines(n, |n| format!("rule r{n} {{ on e  drop key \"a:{n}\" }}")))
    }),
    ("rules of one name", |n| format!("entity e\n{}", lines(n, |_| "rule r { on e }".to_owned()))),
    ("keys of one name", |n| format!("entity e {{ {} }}", lines(n, |_| "key k".to_owned()))),
    ("fields of one name", |n| format!("entity e {{ fields {{ {} }} }}", lines(n, |_| "f: int".to_owned()))),
    ("fields that are used", |n| {
        let fields = lines(n, |n| format!("f{n}: int"));
        format!(
            "entity e {{ fields {{ {fields} }} }}\n{}",
            lines(n, |n| format!("rule r{n} {{ on e when f{n} == 1 }}"))
        )
    }),
    ("operations", |n| {
        let names = lines(n, |n| format!("o{n}"));
        format!(
            "entity e {{ operations {{ {names} }} }}\n{}",
            lines(n, |n| format!("rule r{n} {{ on e.o{n} when op == o{n} }}"))
        )
    }),
    ("events", |n| {
        format!(
            "{}rule r {{ on e0{} }}",
            lines(n, |n| format!("entity e{n}")),
            lines(n, |n| format!(", e{n}.create"))
        )
    }),
    ("keys that begin with a hole", |n| {
        format!("entity e {{ {} }}", lines(n, |n| format!("key k{n} \"{{id}}:k{n}\"")))
    }),
    ("keys that begin with a hole, or not", |n| {
        let keys = lines(n / 2, |n| format!("key a{n} \"{{id}}:x:k{n}\" key b{n} \"w{n}:{{id}}:l{n}\""));
        format!("entity e {{ {keys} }}")
    }),
    ("keys that all meet", |n| format!("entity e {{ {} }}", lines(n, |n| format!("key k{n} \"{{id}}\"")))),
    ("keys with a dimension of many values", |n| {
        let values: Vec<String> = (0..n).map(|n| format!("\"v{n}\"")).collect();
        format!(
            "vary d: {}\nentity e {{ {} }}",
            values.join(","),
            lines(n, |n| format!("key k{n} \"{{d}}:k{n}\""))
        )
    }),
    ("dimensions", |n| {
        format!(
            "{}entity e {{ {} }}",
            lines(n, |n| format!("vary d{n}: \"x\"")),
            lines(n, |n| format!("key k{n} \"{n}:{{d{n}}}\""))
        )
    }),
    ("context", |n| {
        let names = lines(n, |n| format!("a{n}: string"));
        format!(
            "context {{ {names} }} entity e\n{}",
            lines(n, |n| format!("rule r{n} {{ on e when context.a{n} == \"\" }}"))
        )
    }),
    ("refs and relations", |n| {
        let refs = lines(n, |n| format!("ref r{n}: a"));
        format!(
            "entity a\nentity b {{ {refs} }}\n{}",
            lines(n, |n| format!("relation l{n}: a -> b {{ via r{n} }}"))
        )
    }),
    ("targets", |n| {
        format!(
            "entity a\n{}relation r: a -> e0{}",
            lines(n, |n| format!("entity e{n} {{ ref a }}")),
            lines(n, |n| format!(", e{n}"))
        )
    }),
    ("follow", |n| {
        let entities = lines(n, |n| format!("entity e{n} {{ ref a }} relation r{n}: a -> e{n}"));
        format!("entity a\n{entities}rule r {{ on a  follow r0{} }}", lines(n, |n| format!(", r{n}")))
    }),
    ("unknown entities", |n| {
        format!(
            "{}{}",
            lines(n, |n| format!("entity customer_{n}")),
            lines(n, |n| format!("rule r{n} {{ on product_{n} }}"))
        )
    }),
    ("unknown fields", |n| {
        let fields = lines(n, |n| format!("field_{n}: int"));
        let names: Vec<String> = (0..n).map(|n| format!("column_{n}")).collect();
        format!("entity e {{ fields {{ {fields} }} }} rule r {{ on e when changed({}) }}", names.join(","))
    }),
    ("holes of triggers", |n| {
        let tags: Vec<String> = (0..n).map(|n| format!("tag \"a:{{h{n}}}\"")).collect();
        format!("rule r {{ on {} drop key \"x\" }}", tags.join(","))
    }),
    ("allowances", |n| {
        let rules = lines(n, |n| format!("@allow(dead-end, \"no\") @allow(zebra) rule r{n} {{ on e }}"));
        format!("entity e rule e {{ on zebra }}\n{rules}")
    }),
    ("allowances of what is found", |n| {
        let rules = lines(n, |n| format!("@allow(dead-end, \"is fine\") rule r{n} {{ on a follow r }}"));
        format!("entity a entity b relation r: a -> b rule e {{ on zebra }}\n{rules}")
    }),
    ("errors on one line", |n| {
        format!("entity e {}", lines(n, |n| format!("rule r{n} {{ on e when {n} }}")).replace('\n', " "))
    }),
    ("warnings on one line", |n| {
        format!(
            "entity e {}",
            lines(n, |n| format!("@allow(dead-end) rule é{n} {{ on e }}")).replace(['\n', 'é'], " r")
        )
    }),
    ("quotes on one line", |n| format!("entity e {{ {} }}", "\"\\".repeat(n))),
    ("slashes on one line", |n| format!("entity e rule r {{ on e  drop match {} }}", "/\\".repeat(n))),
    ("brackets on one line", |n| format!("entity e rule r {{ on e  drop match /{}/ }}", "[".repeat(n))),
    ("words that begin items", |n| "rule\n".repeat(n)),
    ("doc comments", |n| "/// d\n".repeat(n)),
    ("values", |n| {
        let values: Vec<String> = (0..n).map(|n| format!("\"{n}\"")).collect();
        format!("vary d: {}", values.join(","))
    }),
];

/// Texts four times as long take about four times as long; quadratic would be sixteen times. Whoever
/// shares the machine may make any run slow, but not the best of several; what was quadratic here took
/// seconds for the longer text.
#[test]
fn no_part_of_a_text_takes_quadratic_time() {
    let mut quadratic = Vec::new();
    for (name, text) in TEXTS {
        let (short, long) = (text(1_000), text(4_000));
        let mut best: Option<(Duration, Duration)> = None;
        let fits = (0..4).any(|_| {
            let (a, b) = (time(&short), time(&long));
            let (a, b) = best.map_or((a, b), |(short, long)| (short.min(a), long.min(b)));
            best = Some((a, b));
            b < a * 9 + Duration::from_millis(600)
        });
        println!("{name}: {best:?}");
        if !fits {
            quadratic.push(format!("{name}: {best:?}"));
        }
    }
    assert!(quadratic.is_empty(), "1,000 and 4,000 take\n{}", quadratic.join("\n"));
}

/// The most that could be asked: every text at once has a bounded number of findings.
#[test]
fn findings_are_no_more_than_errors_are_worth() {
    for (name, text) in TEXTS {
        let checked = RuleSet::parse(&text(5_000));
        let errors = checked.findings.iter().filter(|f| f.is_error()).count();
        assert!(errors <= 1_001, "{name}: {errors} errors");
    }
}
