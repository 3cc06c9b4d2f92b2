//! Which of several servers will do: libpq's `target_session_attrs`.

use super::connect::Session;
use super::error::protocol_error;
use super::reader::LIMIT;
use crate::source::error::{SourceError, SourceErrorKind};

/// What a server has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Any,
    /// Takes writes: no standby, and not set to `default_transaction_read_only`.
    ReadWrite,
    ReadOnly,
    Primary,
    Standby,
    /// A standby where there is one, else any.
    PreferStandby,
}

impl Target {
    pub(super) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "any" => Self::Any,
            "read-write" => Self::ReadWrite,
            "read-only" => Self::ReadOnly,
            "primary" => Self::Primary,
            "standby" => Self::Standby,
            "prefer-standby" => Self::PreferStandby,
            _ => return None,
        })
    }

    /// What is looked for among all servers, one after the other.
    pub(super) fn rounds(self) -> &'static [Self] {
        match self {
            Self::Any => &[Self::Any],
            Self::ReadWrite => &[Self::ReadWrite],
            Self::ReadOnly => &[Self::ReadOnly],
            Self::Primary => &[Self::Primary],
            Self::Standby => &[Self::Standby],
            Self::PreferStandby => &[Self::Standby, Self::Any],
        }
    }

    /// Whether the server at the other end will do.
    ///
    /// # Errors
    /// [`SourceErrorKind::Busy`] where it will not: it may do so later, after a failover.
    pub(super) async fn check(self, session: &mut Session) -> Result<(), SourceError> {
        if self == Self::Any {
            return Ok(());
        }
        let sql =
            "select pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('transaction_read_only')";
        let rows = session.query(sql, LIMIT).await?;
        let [Some(standby), Some(read_only)] = rows.first().map(Vec::as_slice).unwrap_or_default() else {
            return Err(protocol_error(session.place()));
        };
        let (is_standby, is_read_only) = (standby == "t", read_only == "on");
        let is = match self {
            Self::ReadWrite if is_standby => "is a standby",
            Self::ReadWrite if is_read_only => "takes no writes",
            Self::ReadOnly if !is_read_only => "takes writes",
            Self::Primary if is_standby => "is a standby",
            Self::Standby if !is_standby => "is no standby",
            _ => return Ok(()),
        };
        let message = format!("the database at {} {is}", session.place());
        Err(SourceError::new(SourceErrorKind::Busy, message)
            .with_hint("`target_session_attrs` asks for another: name that server too, in `postgres://USER@A:PORT,B:PORT/DATABASE`"))
    }
}
