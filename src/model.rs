//! The domain's own words: names, keys, tags, patterns, values, strategies and writes.
//!
//! Everything here is plain data whose constructors refuse what could not be meant. Nothing here
//! knows the language's syntax, a cache or the clock.

mod assign;
mod duration;
mod escape;
mod key;
mod line;
mod pattern;
mod regex;
mod types;
mod value;
mod write;

pub use assign::AssignError;
pub use duration::{micros, millis};
pub use escape::{escape_into, escape_tag_text, needs_no_escape, unescape};
pub use key::{Key, MAX_NAME_BYTES, NameError, Tag};
pub use pattern::{Pattern, PatternError, quote_glob};
pub use regex::Regex;
pub use types::{Comparison, Kind, Scalar, Timing, Type};
pub use value::{Instant, Value, parse_scalar};
pub use write::{RawId, RawWrite};
