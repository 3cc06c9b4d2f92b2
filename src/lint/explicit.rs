//! The tags that rules drop by name, to be found by what entries carry.
