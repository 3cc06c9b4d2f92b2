//! Writes and plans as the lines in which the specification and the language reference write them.

use invalidate::model::{RawId, RawWrite};
use invalidate::plan::Step;

/// A step with everything that an example may say of it: `KIND TARGET`, two spaces, attributes.
pub fn step_line(step: &Step) -> String {
    let mut out =
        format!("{} {}  @{} {}", step.kind.word(), step.target, step.priority, step.strategy.word());
    if step.delay_ms > 0 {
        out.push_str(&format!(" delay={}ms", step.delay_ms));
    }
    out.push_str(&format!(" hop={}", step.hop));
    if !step.via.is_empty() {
        out.push_str(&format!(" via={}", step.via.join(",")));
    }
    out.push_str(&format!(" by={}", step.rules.join(",")));
    if step.cascade {
        out.push_str(" cascade");
    }
    if let Some(trigger) = &step.trigger {
        out.push_str(&format!(" trigger={trigger}"));
    }
    out
}

/// Whether a line says what was found; it may leave attributes out.
pub fn same_line(found: &str, wanted: &str) -> bool {
    let Some((target, attributes)) = found.split_once("  ") else { return found == wanted };
    let (wanted_target, wanted_attributes) = wanted.split_once("  ").unwrap_or((wanted, ""));
    target == wanted_target
        && wanted_attributes.split_whitespace().all(|a| attributes.split(' ').any(|f| f == a))
}

/// A write as the command line takes it: words, single quotes around what has spaces.
pub fn from_words(line: &str) -> Result<RawWrite, String> {
    let mut words: Vec<String> = Vec::new();
    let mut quoted = false;
    let mut open = false;
    for c in line.chars() {
        match c {
            '\'' => {
                quoted = !quoted;
                if !open {
                    words.push(String::new());
                    open = true;
                }
            }
            ' ' if !quoted => open = false,
            c => {
                if !open {
                    words.push(String::new());
                    open = true;
                }
                words.last_mut().unwrap().push(c);
            }
        }
    }
    let mut words = words.into_iter();
    let mut next = || words.next().unwrap_or_default();
    let mut write = RawWrite { entity: next(), id: RawId::parse(&next()), op: next(), ..RawWrite::default() };
    while let Some(word) = words.next() {
        if word == "--changed" {
            let list = words.next().unwrap_or_default();
            write.changed = Some(list.split(',').filter(|n| !n.is_empty()).map(str::to_owned).collect());
        } else {
            write.assign(&word).map_err(|e| e.to_string())?;
        }
    }
    Ok(write)
}
