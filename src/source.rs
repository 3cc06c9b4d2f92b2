//! Databases as the origin of writes: what they hold, and what is committed there.

mod catalog;
mod error;
pub mod postgres;

pub use catalog::{Catalog, Column, ForeignKey, ReplicaIdentity, Table};
pub use error::{SourceError, SourceErrorKind};
