//! Files that several roots share: what is unused in one rule set may be used in another.

use std::collections::HashMap;

use invalidate::diagnostic::Diagnostic;
use invalidate::span::Sources;

/// Takes out what says that something in a shared file is unused, where not every root says so. A
/// root with an error says nothing, because there no lint has run.
pub fn agree(mut found: Vec<(&Sources, &mut Vec<Diagnostic>)>) {
    if found.len() < 2 {
        return;
    }
    let mut roots: HashMap<String, usize> = HashMap::new();
    let mut said: HashMap<Said, usize> = HashMap::new();
    for (sources, findings) in &found {
        for (_, source) in sources.iter() {
            *roots.entry(source.name.clone()).or_default() += 1;
        }
        for said_here in findings.iter().filter_map(|finding| said_of(sources, finding)) {
            *said.entry(said_here).or_default() += 1;
        }
    }
    for (sources, findings) in &mut found {
        findings.retain(|finding| match said_of(sources, finding) {
            Some(here) => said.get(&here) == roots.get(&here.file),
            None => true,
        });
    }
}

#[derive(PartialEq, Eq, Hash)]
struct Said {
    file: String,
    start: u32,
    message: String,
}

/// `None` for what another root cannot refute: everything but `unused-…`.
fn said_of(sources: &Sources, finding: &Diagnostic) -> Option<Said> {
    let span = finding.primary.as_ref()?.span;
    let file = sources.get(span.file).name.clone();
    let is_unused = finding.code.slug().starts_with("unused-");
    is_unused.then(|| Said { file, start: span.start, message: finding.message.clone() })
}
