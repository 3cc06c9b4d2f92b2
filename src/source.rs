//! Databases as the origin of writes: what they hold, and what is committed there.

mod change;
mod debezium;
mod envelope;
mod message;

pub use change::{Change, ChangeOp, Message, Nothing, Says, TableName, Unreadable};
pub use debezium::PLACEHOLDER;
pub use message::Reading;
