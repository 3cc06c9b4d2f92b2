//! Postgres: its URLs, sessions and catalog, and its log of committed transactions.

mod address;
mod assemble;
mod authenticate;
mod catalog;
mod connect;
mod error;
mod pass_file;
mod pgoutput;
mod position;
mod reader;
mod setup;
mod spool;
mod stream;
mod streams;
mod tables;
mod target;
mod tls;
mod value;

pub use address::{Address, Environment, Server, SslMode};
pub use catalog::read_catalog;
pub use connect::{Mode, Row, Session};
pub use position::Position;
pub use setup::{Prepared, PreparedTable, Setup, SlotState, prepare, slot_state};
pub use stream::{Postgres, PostgresEvent, PostgresOptions};
pub use target::Target;
