//! The live cache.
