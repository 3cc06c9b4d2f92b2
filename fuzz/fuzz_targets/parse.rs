//! Any bytes as a rule file: parsed, and its findings rendered.
#![no_main]

use invalidate::diagnostic::render;
use invalidate::span::Sources;
use invalidate::syntax::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut sources = Sources::default();
    let file = sources.add("rules.inv", text);
    let (_, findings) = parse(file, &sources);
    for finding in findings.iter().take(20) {
        let shown = render(finding, &sources, false, Some(100));
        assert!(!shown.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{shown:?}");
    }
});
