//! The way out of a syntax error, by what stands there and what could.

use crate::diagnostic::{Diagnostic, Fix, nearest};
use crate::span::Span;

/// Words that begin an item, and so never stand inside one.
pub const ITEMS: [&str; 8] =
    ["namespace", "import", "context", "defaults", "vary", "entity", "relation", "rule"];

/// Adds the way out. `found` is the word or character at `span`, `rest` the text from there on,
/// `expected` what the grammar could take, as it is shown.
pub fn way_out(error: Diagnostic, span: Span, found: &str, rest: &str, expected: &[&str]) -> Diagnostic {
    let could_be = |what: &str| expected.contains(&what);
    let is_word = found.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    if could_be("`}`") && ITEMS.contains(&found) {
        return error.help(format!(
            "`{found}` begins an item: the block before it is not closed, is a `}}` missing?"
        ));
    }
    if could_be("`string`") {
        let meant = match found.to_lowercase().as_str() {
            "str" | "text" | "varchar" | "char" | "uuid" => "string",
            "integer" | "bigint" | "number" | "long" | "i64" => "int",
            "double" | "decimal" | "real" => "float",
            "boolean" => "bool",
            "datetime" | "timestamp" | "date" => "time",
            _ => "",
        };
        if !meant.is_empty() {
            return error.help(format!("the type is called `{meant}`")).fix(Fix::guess(
                format!("write `{meant}`"),
                span,
                meant,
            ));
        }
    }
    if is_word {
        let keywords = expected.iter().filter_map(|e| e.strip_prefix('`')?.strip_suffix('`'));
        let keywords = keywords.filter(|keyword| keyword.starts_with(|c: char| c.is_alphabetic()));
        let items = ITEMS.iter().copied().filter(|_| could_be("an item") || could_be("`entity`"));
        let could = keywords.chain(items);
        if nearest(found, could.clone()).is_some() {
            return error.did_you_mean(found, span, could, "");
        }
    }
    if found == "=" && could_be("a comparison operator") && !rest.starts_with("==") && !rest.starts_with("=>")
    {
        return error.help("equality is written `==`").fix(Fix::guess("write `==`", span, "=="));
    }
    error.maybe_help(sentence(found, rest, expected))
}

/// The way out where an event's entity and operation stand side by side: `user update`, `update user`.
pub fn event(error: Diagnostic, before: (Span, &str), found: (Span, &str), expected: &[&str]) -> Diagnostic {
    let is_operation = |word: &str| ["create", "update", "delete"].contains(&word);
    let (entity, operation) = match (before.1, found.1) {
        _ if !expected.contains(&"`.`") => return error,
        (operation, entity) if is_operation(operation) => (entity, operation),
        (entity, operation) if is_operation(operation) => (entity, operation),
        _ => return error,
    };
    let meant = format!("{entity}.{operation}");
    let place = Span { end: found.0.end, ..before.0 };
    error.help("an operation stands behind its entity and a dot").fix(Fix::guess(
        format!("write `{meant}`"),
        place,
        meant,
    ))
}

/// What is said of a character or word that is no slip of another.
fn sentence(found: &str, rest: &str, expected: &[&str]) -> Option<String> {
    let could_be = |what: &str| expected.contains(&what);
    let say = |text: &str| Some(text.to_owned());
    match found {
        "and" | "or" | "not" | "in" | "matches" | "true" | "false" | "null" => {
            Some(format!("`{found}` is reserved; it cannot stand here as a name"))
        }
        "\"" if could_be("`self`") => say("say what it is: `key \"…\"`, `tag \"…\"` or `match \"…\"`"),
        "\"" => say("a string ends on the line it begins on; inside it a quote is written `\\\"`"),
        "'" => say("strings are double-quoted"),
        _ if could_be("`\"`") && could_be("text") => {
            say("the string is not closed; inside it, braces are written `{{` and `}}`")
        }
        _ if could_be("`\"`") || could_be("a template") || could_be("a string") => {
            say("this stands in double quotes")
        }
        "=" if rest.starts_with("=>") && could_be("`->`") => say("write `->`"),
        "=" => say("equality is written `==`"),
        ";" => say("nothing stands between clauses but blanks or line ends"),
        "#" => say("comments begin with `//`"),
        "*" if could_be("an event") || could_be("a name") => {
            say("`on ENTITY` is every operation of the entity")
        }
        "&" | "|" => say("write `and` and `or`"),
        "!" => say("write `not`, or `!=` between two values"),
        "-" => say("names have letters, digits and `_`"),
        _ if could_be("a duration, such as `100ms` or `2s`") => {
            say("a duration is digits and `ms` or `s`, 10ms to 5s")
        }
        _ if could_be("`(`") && expected.len() == 1 => {
            say("names stand in parentheses: `changed(email, plan)`")
        }
        _ => None,
    }
}
