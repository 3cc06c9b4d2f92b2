//! What the server and the network answer, as errors that say what to do.

use std::io;
use std::time::Duration;

use pgwire_replication::PgWireError;
use pgwire_replication::protocol::ErrorFields;

use super::address::{Address, SslMode};
use crate::source::error::{SourceError, SourceErrorKind};

/// Nobody could be reached.
pub(super) fn dial_error(address: &Address, error: &io::Error) -> SourceError {
    let out = SourceError::new(
        SourceErrorKind::Unreachable,
        format!("the database at {} cannot be reached: {error}", address.place()),
    );
    match error.kind() {
        io::ErrorKind::ConnectionRefused => out.with_hint("is it running, and is this its port?"),
        io::ErrorKind::NotFound if address.is_socket() => {
            out.with_hint("is it running? `host` names the folder of its socket, often `/var/run/postgresql`")
        }
        io::ErrorKind::PermissionDenied => out.with_hint("this user may not open the socket"),
        _ => out.with_hint("check the host and the port of the URL"),
    }
}

/// None of the servers of an address can be used now; there is one at least.
pub(super) fn none_will_do(mut errors: Vec<SourceError>) -> SourceError {
    let Some(last) = errors.pop() else {
        return SourceError::new(SourceErrorKind::Unreachable, "the URL names no server");
    };
    if errors.is_empty() {
        return last;
    }
    let said: Vec<&str> = errors.iter().chain([&last]).map(SourceError::message).collect();
    let message = format!("none of {} servers will do: {}", said.len(), said.join("; "));
    let error = SourceError::new(last.kind(), message);
    match last.hint() {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

pub(super) fn timed_out(place: &str, limit: Duration) -> SourceError {
    let seconds = limit.as_secs_f64();
    SourceError::new(SourceErrorKind::Timeout, format!("the database at {place} has not answered within {seconds} s"))
        .with_hint("is something else at this port, or a firewall on the way? `?connect_timeout=30` waits longer to connect")
}

pub(super) fn protocol_error(place: &str) -> SourceError {
    SourceError::new(SourceErrorKind::Protocol, format!("what answers at {place} is not a Postgres server"))
        .with_hint("check the host and the port of the URL")
}

/// The connection broke, or what came over it is no message.
pub(super) fn wire_error(place: &str, error: &PgWireError) -> SourceError {
    match error {
        PgWireError::Io(io) => SourceError::new(
            SourceErrorKind::Unreachable,
            format!("the connection to the database at {place} broke: {io}"),
        ),
        PgWireError::MessageTooLarge { .. } | PgWireError::Protocol(_) => protocol_error(place),
        other => SourceError::new(SourceErrorKind::Protocol, format!("the database at {place}: {other}")),
    }
}

/// The server refuses the session.
pub(super) fn refused(address: &Address, payload: &[u8]) -> SourceError {
    let fields = ErrorFields::parse(payload);
    let error = server_error(&address.place(), payload);
    let message = fields.message.unwrap_or_default();
    let user = &address.user;
    match fields.code.as_deref() {
        Some("28P01") if address.password.is_some() => {
            error.with_hint(format!("the password of `{user}` is another one; PGPASSWORD and ~/.pgpass are read where the URL has none"))
        }
        Some("3D000") => error.with_hint("the last part of the URL names the database; `psql -l` lists them"),
        // One code for what pg_hba.conf does not allow, in whatever words.
        Some("28000") if message.contains("no encryption") && address.ssl_mode == SslMode::Disable => {
            let error = SourceError::new(SourceErrorKind::Tls, error.message()).with_code(fields.code);
            error.with_hint("it takes only encrypted connections: ask for one with `?sslmode=require`")
        }
        Some("28000") if message.contains("pg_hba") => {
            error.with_hint(format!("its pg_hba.conf has no line that lets `{user}` in from here"))
        }
        Some("28000") => error.with_hint(format!("is `{user}` a user of this server, with the right LOGIN?")),
        _ => error,
    }
}

/// The server refuses a query.
pub(super) fn server_error(place: &str, payload: &[u8]) -> SourceError {
    let fields = ErrorFields::parse(payload);
    let code = fields.code.as_deref().unwrap_or_default();
    let kind = match code {
        "28P01" | "28000" => SourceErrorKind::Auth,
        "42501" => SourceErrorKind::Permission,
        "53300" | "57P01" | "57P02" | "57P03" => SourceErrorKind::Busy,
        "57014" => SourceErrorKind::Timeout,
        _ => SourceErrorKind::Refused,
    };
    let said = fields.message.unwrap_or_else(|| "no reason".to_owned());
    let said = fields.detail.map_or(said.clone(), |detail| format!("{said} ({detail})"));
    let error = SourceError::new(kind, format!("the database at {place} says: {said}"))
        .with_code(fields.code.clone());
    match (fields.hint, code) {
        (Some(hint), _) => error.with_hint(hint),
        (None, "53300") => {
            error.with_hint("it has no connection left: try again later, or raise `max_connections`")
        }
        (None, "57P03") => error.with_hint("it is starting up or shutting down: try again in a moment"),
        (None, _) => error,
    }
}
