//! `invalidate`: the compiler and the engine of a small language that says what every database
//! write makes stale in the cache.

pub mod cache;
pub mod check;
pub mod diagnostic;
pub mod graph;
pub mod model;
pub mod plan;
pub mod span;
pub mod syntax;
