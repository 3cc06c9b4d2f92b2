//! W211: a regex that says no more than a plain text.

use super::super::regexes::{Place, Written};
use super::super::spelling::{from_keyword, string, template};
use super::super::{Lint, Subject};
use crate::decide::regex::{Plain, plain};
use crate::diagnostic::{Code, Diagnostic, Fix};
use crate::model::quote_glob;

pub const LINT: Lint = Lint { code: Code::LiteralRegex, check };

fn check(subject: &Subject<'_>, findings: &mut Vec<Diagnostic>) {
    for written in subject.regexes() {
        findings.extend(match (&written.place, plain(&written.regex.node)) {
            (Place::Condition { value, whole, negated }, Some(Plain::Equals(text))) => {
                let op = if *negated { "!=" } else { "==" };
                let value = subject.rules.sources().text(*value);
                string(&text).map(|text| {
                    let text = format!("{value} {op} {text}");
                    finding(written, "one text", "", &text).fix(Fix::safe(
                        format!("write `{text}`"),
                        whole.span,
                        text,
                    ))
                })
            }
            (Place::Drop, Some(Plain::Equals(text))) => {
                let why = ": it looks at every key of the cache for the sake of one";
                template(&text).map(|text| in_drop(subject, written, "one key", why, &format!("key {text}")))
            }
            (Place::Drop, Some(Plain::StartsWith(text))) => {
                let why = ": a server can evaluate a glob by itself, and hands out all its keys for a regex";
                template(&format!("{}*", quote_glob(&text))).map(|text| {
                    in_drop(subject, written, "the beginning of keys", why, &format!("match {text}"))
                })
            }
            // Nothing else in the language says so.
            _ => None,
        });
    }
}

fn in_drop(subject: &Subject<'_>, written: &Written<'_>, what: &str, why: &str, text: &str) -> Diagnostic {
    let out = finding(written, what, why, text);
    match from_keyword(subject.rules.sources(), "match", written.regex.span) {
        Some(span) => out.fix(Fix::safe(format!("write `{text}`"), span, text)),
        None => out,
    }
}

fn finding(written: &Written<'_>, what: &str, why: &str, text: &str) -> Diagnostic {
    Diagnostic::at(
        Code::LiteralRegex,
        written.regex.span,
        format!("`/{}/` says no more than {what}{why}", written.regex.node),
        "no pattern",
    )
    .help(format!("write `{text}`"))
}
