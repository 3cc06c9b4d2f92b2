//! The domain's own words: names, keys, tags, patterns, values, strategies and writes.
//!
//! Everything here is plain data whose constructors refuse what could not be meant. Nothing here
//! knows the language's syntax, a cache or the clock.

mod key;
mod pattern;

pub use key::{Key, MAX_NAME_BYTES, NameError, Tag};
pub use pattern::{Pattern, PatternError, quote_glob};
