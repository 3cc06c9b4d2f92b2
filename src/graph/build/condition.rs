//! Conditions back to the language's words.

use crate::check::condition::Condition;

/// A condition as one would write it. `and` and `or` may not be mixed without parentheses, so
/// whatever is nested is set in them.
pub fn text(condition: &Condition) -> String {
    match condition {
        Condition::And(all) => all.iter().map(nested).collect::<Vec<_>>().join(" and "),
        Condition::Or(all) => all.iter().map(nested).collect::<Vec<_>>().join(" or "),
        Condition::Not(inner) => format!("not {}", nested(inner)),
        // Line by line: spaces inside a string literal mean something, and no string has a line end.
        Condition::Atom(atom) => atom.text.lines().map(str::trim).collect::<Vec<_>>().join(" "),
    }
}

fn nested(condition: &Condition) -> String {
    match condition {
        Condition::And(_) | Condition::Or(_) => format!("({})", text(condition)),
        Condition::Not(_) | Condition::Atom(_) => text(condition),
    }
}
