//! Any text in its canonical form, which is its own.
#![no_main]

use invalidate::span::Sources;
use invalidate::syntax::format::{FormatError, format};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut sources = Sources::default();
    let file = sources.add("rules.inv", text);
    match format(file, &sources) {
        Ok(once) => {
            let again = sources.add("again.inv", once.as_str());
            assert_eq!(format(again, &sources).ok(), Some(once));
        }
        Err(FormatError::Refused(_)) => {}
        Err(FormatError::Unproven) => panic!("what would be written is not what was read"),
    }
});
