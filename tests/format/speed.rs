//! Time grows with the size of a file, not faster.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::formatted;

fn time(text: &str) -> Duration {
    let times = (0..2).map(|_| {
        let start = Instant::now();
        formatted(text).unwrap();
        start.elapsed()
    });
    times.min().unwrap()
}

/// Texts that are long in one place only, each eight times as long as the other.
#[test]
fn no_part_of_a_text_takes_quadratic_time() {
    type Text = fn(usize) -> String;
    let texts: [(&str, Text); 7] = [
        ("rules", |n| {
            (0..n / 10).fold(String::new(), |mut out, n| {
                let _ = writeln!(out, "// r\nrule r{n} {{ drop self // d\n when changed(a, b)\n on e }}");
                out
            })
        }),
        ("events", |n| format!("rule r {{ on {} }}", vec!["user.update"; n].join(", "))),
        ("operands", |n| format!("rule r {{ on u when {} }}", vec!["changed(a)"; n].join(" and "))),
        ("negations", |n| format!("rule r {{ on u when {} a }}", "not ".repeat(n))),
        ("fields", |n| format!("entity e {{ fields {{ {} }} }}", "f: string ".repeat(n))),
        ("comments", |n| format!("rule r {{ {} on u }}", "// c\n".repeat(n))),
        ("notes", |n| format!("entity e {{ {} }}", "key k // c\n".repeat(n))),
    ];
    for (name, text) in texts {
        let (short, long) = (text(1_000), text(8_000));
        // Quadratic would be 64 times, whenever it is tried; a machine with other work is slow now and then.
        let mut tries = (0..6).map(|_| (time(&short), time(&long)));
        let is_linear = tries.any(|(short, long)| long < short * 24 + Duration::from_millis(50));
        assert!(
            is_linear,
            "{name}: eight times as much takes more than 24 times as long, whenever it is tried"
        );
    }
}
