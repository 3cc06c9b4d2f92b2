//! Postgres: its URLs, sessions and catalog.

mod address;
mod authenticate;
mod catalog;
mod connect;
mod error;
mod tls;

pub use address::{Address, Environment, SslMode};
pub use catalog::read_catalog;
pub use connect::{Mode, Row, Session};
