//! W210: a regex that matches everything.

use super::super::regexes::Place;
use super::super::{Lint, Subject};
use crate::decide::regex::Reach;
use crate::diagnostic::{Code, Diagnostic, Fix};

pub const LINT: Lint = Lint { code: Code::UniversalRegex, check };

fn check(subject: &Subject<'_>, findings: &mut Vec<Diagnostic>) {
    for written in subject.regexes() {
        let regex = &written.regex.node;
        if written.reach != Ok(Reach::Everything) {
            continue;
        }
        let rule = &subject.rules.rule(written.rule).name;
        let at = |message: String| {
            Diagnostic::at(Code::UniversalRegex, written.regex.span, message, "matches everything")
        };
        findings.push(match &written.place {
            Place::Drop => {
                let what = match subject.rules.namespace() {
                    Some(name) => format!("every key of `{name}`"),
                    None => "every key of the cache".to_owned(),
                };
                at(format!("`/{regex}/` matches every key: `{rule}` drops {what}"))
                    .help("say how the keys begin, such as `/^search:/`, or let the entries carry a tag and drop that")
            }
            Place::Condition { value, whole, negated } => {
                let value = subject.rules.sources().text(*value);
                let op = if *negated { "==" } else { "!=" };
                let text = format!("{value} {op} null");
                at(format!("`/{regex}/` matches every text: only null does not match it"))
                    .help(format!("write `{text}` if that is meant"))
                    .fix(Fix::safe(format!("write `{text}`"), whole.span, text))
            }
        });
    }
}
