//! Every lint, one file each, in the order of their codes.

use super::Lint;

/// The lints that look at a finished rule set.
pub const LINTS: &[Lint] = &[];
