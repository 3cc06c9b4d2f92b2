//! The rules and writes that are planned, the same in every run.

use std::fmt::Write as _;

pub const DEFAULT_RULES: &str = include_str!("../../rules/default.inv");

/// One of each entity, as an application gives them: with the values that name something.
pub const SIX_WRITES: [&str; 6] = [
    r#"{"entity":"user","id":"123","op":"update","changed":["email"],"new":{"email":"ada@new.org"},"old":{"email":"ada@new.org"}}"#,
    r#"{"entity":"session","id":"s-5","op":"update","new":{"user":"123"}}"#,
    r#"{"entity":"record","id":"77","op":"update","new":{"collection":"news"}}"#,
    r#"{"entity":"job","id":"9001","op":"update","changed":["status"],"new":{"user":"123","status":"done"}}"#,
    r#"{"entity":"form","id":"41","op":"update","new":{"user":"123"}}"#,
    r#"{"entity":"widget","id":"w8","op":"update","new":{"record":"77"}}"#,
];

/// Writes of `row` that fire as many rules as [`one_entity`] was asked for: with all values, with one
/// of them, and a delete.
pub const ONE_ENTITY_WRITES: [&str; 3] = [
    r#"{"entity":"row","id":"1","op":"update","changed":["plan"],"new":{"plan":"p1","seats":0,"email":"a@b"},"old":{"plan":"p0","seats":0,"email":"a@b"},"context":{"market":"m1"}}"#,
    r#"{"entity":"row","id":"1","op":"update","changed":["email"],"new":{"email":"a@c","plan":"p1"},"context":{"market":"m1"}}"#,
    r#"{"entity":"row","id":"1","op":"delete","old":{"plan":"p1","seats":0,"email":"a@b"},"context":{"market":"m1"}}"#,
];

/// The default rules among `count` over fifty entities. Those that are added have conditions, and
/// [`SIX_WRITES`] fire none of them.
pub fn spread(count: usize) -> String {
    const ENTITIES: [&str; 6] = ["user", "session", "record", "job", "form", "widget"];
    let mut out = format!("{DEFAULT_RULES}\ncontext {{ market: string = \"none\"  level: int = 0 }}\n");
    for n in ENTITIES.len()..50 {
        let _ = writeln!(
            out,
            "entity e{n} {{ fields {{ plan: string }} ref user  key page  list \"e{n}:{{user.id}}\" }}"
        );
    }
    for n in ENTITIES.len()..count {
        let entity = ENTITIES.get(n % 50).map_or_else(|| format!("e{}", n % 50), |name| (*name).to_owned());
        let when = match n / 50 % 4 {
            0 => format!("context.market == \"m{n}\""),
            1 => format!("id in [\"x{n}\", \"y{n}\"]"),
            2 => format!("op == delete and context.market != \"m{n}\""),
            _ => format!("context.level > {n} or context.market == \"n{n}\""),
        };
        let _ =
            writeln!(out, "rule spread_{n} {{ on {entity}  when {when}  drop key \"spread:{n}:{{id}}\" }}");
    }
    out
}

/// So many rules with conditions on one entity, of which [`ONE_ENTITY_WRITES`] fire so many each.
pub fn one_entity(count: usize, firing: usize) -> String {
    let mut out = String::from(
        "context { market: string }\n\
         entity row { fields { plan: string  email: string  seats: int } }\n",
    );
    for n in 0..count {
        let when = if n < firing {
            "changed(plan, email) and plan == \"p1\"".to_owned()
        } else {
            match n % 6 {
                0 => format!("changed(plan, email) and plan in [\"a{n}\", \"b{n}\"]"),
                1 => format!("plan == \"c{n}\" and seats > {}", n % 90),
                2 => format!("(op == delete or changed(email)) and context.market == \"d{n}\""),
                3 => format!("plan == \"e{n}\" or context.market == \"e{n}\""),
                4 => format!("old.email == new.email and plan == \"f{n}\" and seats >= 0"),
                _ => format!("context.market == \"m1\" and plan == \"g{n}\""),
            }
        };
        let _ = writeln!(out, "rule rule_{n} {{ on row  when {when}  drop key \"page:{n}:{{id}}\" }}");
    }
    out
}
