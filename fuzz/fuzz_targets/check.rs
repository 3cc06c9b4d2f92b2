//! Any bytes as a rule set: checked and linted, its findings rendered.
#![no_main]

use std::path::Path;

use invalidate::check::{Files, check};
use invalidate::diagnostic::render;
use invalidate::lint::{Levels, lint};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let name = Path::new("rules.inv");
    let checked = check(name, &Files::Memory([(name.into(), bytes.to_vec())].into()));
    for finding in lint(&checked, &Levels::default()).iter().take(20) {
        let shown = render(finding, &checked.sources, false, Some(100));
        assert!(!shown.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{shown:?}");
    }
});
