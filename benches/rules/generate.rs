//! A rule set of any size, the same in every run.

use std::fmt::Write as _;

/// Entities that the rules are about.
const ENTITIES: usize = 50;

/// So many rules over fifty entities with keys, refs and relations, about 150 bytes each.
pub fn rules(count: usize) -> String {
    let mut out = String::from("language 1\n\ncontext { market: string }\n");
    for n in 0..ENTITIES {
        let _ = writeln!(
            out,
            "\nentity e{n} {{\n  fields {{ plan: string  seats: int  email: string }}\n  operations {{ login }}"
        );
        if n > 0 {
            let _ = writeln!(out, "  ref e{}", n / 2);
        }
        let _ = writeln!(out, "  key profile\n  key seats \"e{n}:{{id}}:seats:{{seats}}\"\n}}");
        if n > 0 {
            let _ = writeln!(out, "relation r{n}: e{} -> e{n}", n / 2);
        }
    }
    for n in 0..count {
        let entity = n % ENTITIES;
        let when = match n % 4 {
            0 => format!("changed(plan, email) and seats > {}", n % 90),
            1 => format!("plan in [\"pro\", \"team{n}\"]"),
            2 => format!("op == delete or context.market != \"m{n}\""),
            _ => format!("old.email != new.email and plan == \"p{n}\""),
        };
        let _ = writeln!(
            out,
            "\n/// Rule {n}.\nrule rule_{n} {{\n  on e{entity}.update, e{entity}.delete\n  when {when}\n  priority {}\n  \
             drop self, key \"page:{n}:{{id}}\"\n}}",
            n % 1000
        );
    }
    out
}
