//! Sessions with a Postgres server: over TCP, TLS or a unix socket, of SQL or for replication.

use std::time::Duration;

use pgwire_replication::PgWireError;
use pgwire_replication::protocol::framing::{
    BackendMessage, MessageReader, write_copy_data, write_copy_done, write_query, write_ssl_request,
    write_startup_message,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::address::{Address, SslMode};
use super::authenticate::authenticate;
use super::error::{dial_error, none_will_do, protocol_error, refused, timed_out, wire_error};
use super::target::Target;
use super::tls;
use crate::source::error::{SourceError, SourceErrorKind};

/// What a session may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// SQL, by any user who may connect.
    Sql,
    /// SQL and replication commands, by a user with the right `REPLICATION`.
    Replication,
}

/// One row of an answer, as text; `None` is NULL.
pub type Row = Vec<Option<String>>;

/// Bytes to and from a server, whatever carries them.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Version 3.0 of the protocol, as the startup message writes it.
const PROTOCOL: i32 = 3 << 16;

/// A server sends changes in messages of some hundred bytes; one read takes many of them.
const BUFFER: usize = 128 * 1024;

/// An open session. Dropping it ends it.
pub struct Session {
    stream: BufReader<Box<dyn Stream>>,
    reader: MessageReader,
    place: String,
}

impl Session {
    /// Opens a session with the first server of the address that can be reached and will do. One that refuses the user
    /// ends the search, as in libpq: the others would as well.
    ///
    /// # Errors
    /// Any kind but [`SourceErrorKind::BadUrl`]; each says what to do about it.
    pub async fn connect(address: &Address, mode: Mode) -> Result<Self, SourceError> {
        let mut errors = Vec::new();
        for target in address.target.rounds() {
            errors.clear();
            for server in address.each() {
                match Self::open(&server, *target, mode).await {
                    Err(error) if error.kind().is_transient() => errors.push(error),
                    opened => return opened,
                }
            }
        }
        Err(none_will_do(errors))
    }

    async fn open(address: &Address, target: Target, mode: Mode) -> Result<Self, SourceError> {
        let connecting = async {
            let stream = dial(address).await?;
            let mut session = Self {
                stream: BufReader::with_capacity(BUFFER, stream),
                reader: MessageReader::new(),
                place: address.place(),
            };
            session.begin(address, mode).await?;
            match target.check(&mut session).await {
                Ok(()) => Ok(session),
                Err(error) => {
                    session.close().await;
                    Err(error)
                }
            }
        };
        tokio::time::timeout(address.connect_timeout, connecting)
            .await
            .map_err(|_| timed_out(&address.place(), address.connect_timeout))?
    }

    async fn begin(&mut self, address: &Address, mode: Mode) -> Result<(), SourceError> {
        let mut parameters = vec![
            ("user", address.user.as_str()),
            ("database", address.database.as_str()),
            ("client_encoding", "UTF8"),
            ("application_name", address.application_name.as_str()),
        ];
        if mode == Mode::Replication {
            parameters.push(("replication", "database"));
        }
        if let Some(options) = &address.options {
            parameters.push(("options", options));
        }
        let sent = write_startup_message(&mut self.stream, PROTOCOL, &parameters).await;
        self.wire(sent)?;
        authenticate(self, address).await?;
        loop {
            let message = self.read().await?;
            match message.tag {
                b'Z' => return Ok(()),
                b'E' => return Err(refused(address, &message.payload)),
                _ => {}
            }
        }
    }

    /// Where the server is, as messages call it.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Runs SQL, or a replication command, and gives its rows. What the server refuses leaves the session usable;
    /// after any other error it is of no more use.
    ///
    /// # Errors
    /// [`SourceErrorKind::Timeout`] after `limit`; then the session is of no more use either.
    pub async fn query(&mut self, sql: &str, limit: Duration) -> Result<Vec<Row>, SourceError> {
        let place = self.place.clone();
        tokio::time::timeout(limit, self.query_at_leisure(sql)).await.map_err(|_| timed_out(&place, limit))?
    }

    async fn query_at_leisure(&mut self, sql: &str) -> Result<Vec<Row>, SourceError> {
        self.send_query(sql).await?;
        let mut rows = Vec::new();
        let mut error = None;
        loop {
            let message = self.read().await?;
            match message.tag {
                b'D' => rows.push(data_row(&message.payload).ok_or_else(|| protocol_error(&self.place))?),
                b'E' => error = Some(super::error::server_error(&self.place, &message.payload)),
                b'Z' => return error.map_or(Ok(rows), Err),
                // What the columns are called, how many rows there were, notices.
                _ => {}
            }
        }
    }

    /// Sends a query whose answer the caller reads message by message, such as `START_REPLICATION`.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn send_query(&mut self, sql: &str) -> Result<(), SourceError> {
        if sql.contains('\0') {
            return Err(SourceError::new(SourceErrorKind::Invalid, "a query cannot hold a NUL byte"));
        }
        let sent = write_query(&mut self.stream, sql).await;
        self.wire(sent)
    }

    /// The next message. Giving up while it waits loses nothing.
    ///
    /// # Errors
    /// When the connection is gone, or what comes is no message.
    pub async fn read(&mut self) -> Result<BackendMessage, SourceError> {
        let read = self.reader.read(&mut self.stream).await;
        self.wire(read)
    }

    /// Whether bytes have arrived that no message was made of yet: the next one will hardly wait.
    pub fn has_buffered(&self) -> bool {
        !self.stream.buffer().is_empty()
    }

    /// Sends a piece of a copy stream, such as a standby's status.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn send_copy(&mut self, payload: &[u8]) -> Result<(), SourceError> {
        let sent = write_copy_data(&mut self.stream, payload).await;
        self.wire(sent)
    }

    /// Ends a copy stream from this side.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn end_copy(&mut self) -> Result<(), SourceError> {
        let sent = write_copy_done(&mut self.stream).await;
        self.wire(sent)
    }

    pub(super) async fn send_password(&mut self, payload: &[u8]) -> Result<(), SourceError> {
        let sent =
            pgwire_replication::protocol::framing::write_password_message(&mut self.stream, payload).await;
        self.wire(sent)
    }

    /// Says goodbye, so that the server logs no broken connection.
    pub async fn close(mut self) {
        // Nobody waits for an answer, and a broken connection is closed as well.
        let _ = self.stream.write_all(&[b'X', 0, 0, 0, 4]).await;
        let _ = self.stream.flush().await;
    }

    fn wire<T>(&self, result: Result<T, PgWireError>) -> Result<T, SourceError> {
        result.map_err(|error| wire_error(&self.place, &error))
    }
}

/// The bytes' way to the server, encrypted as the address asks.
async fn dial(address: &Address) -> Result<Box<dyn Stream>, SourceError> {
    if address.is_socket() {
        return dial_socket(address).await;
    }
    let failed = |error: std::io::Error| dial_error(address, &error);
    let mut tcp = TcpStream::connect((address.host.as_str(), address.port)).await.map_err(failed)?;
    tcp.set_nodelay(true).map_err(failed)?;
    if address.ssl_mode == SslMode::Disable {
        return Ok(Box::new(tcp));
    }
    write_ssl_request(&mut tcp).await.map_err(|error| wire_error(&address.place(), &error))?;
    match tcp.read_u8().await.map_err(failed)? {
        b'S' => Ok(Box::new(tls::upgrade(tcp, address).await?)),
        b'N' if address.ssl_mode == SslMode::Prefer => Ok(Box::new(tcp)),
        b'N' => Err(SourceError::new(
            SourceErrorKind::Tls,
            format!("the database at {} takes no encrypted connections", address.place()),
        )
        .with_hint("turn `ssl` on in its postgresql.conf, or ask for less: `?sslmode=prefer`")),
        _ => Err(protocol_error(&address.place())),
    }
}

#[cfg(unix)]
async fn dial_socket(address: &Address) -> Result<Box<dyn Stream>, SourceError> {
    if !matches!(address.ssl_mode, SslMode::Disable | SslMode::Prefer) {
        return Err(SourceError::new(
            SourceErrorKind::Tls,
            format!("the socket {} cannot be encrypted", address.place()),
        )
        .with_hint("it is as private as its folder: leave `sslmode` out, or name a host"));
    }
    let stream = tokio::net::UnixStream::connect(address.place()).await;
    Ok(Box::new(stream.map_err(|error| dial_error(address, &error))?))
}

#[cfg(not(unix))]
async fn dial_socket(address: &Address) -> Result<Box<dyn Stream>, SourceError> {
    Err(SourceError::new(
        SourceErrorKind::BadUrl,
        format!("there is no socket {} here: name a host", address.place()),
    ))
}

/// The values of a `DataRow`.
fn data_row(payload: &[u8]) -> Option<Row> {
    let (count, mut rest) = payload.split_first_chunk::<2>()?;
    let count = usize::try_from(i16::from_be_bytes(*count)).ok()?;
    let mut row = Vec::with_capacity(count);
    for _ in 0..count {
        let (length, after) = rest.split_first_chunk::<4>()?;
        match usize::try_from(i32::from_be_bytes(*length)) {
            Err(_) => {
                row.push(None);
                rest = after;
            }
            Ok(length) => {
                let (value, after) = after.split_at_checked(length)?;
                row.push(Some(String::from_utf8_lossy(value).into_owned()));
                rest = after;
            }
        }
    }
    Some(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_and_torn_ones_refused() {
        let whole = [0, 2, 0, 0, 0, 1, b'a', 0xff, 0xff, 0xff, 0xff];
        assert_eq!(data_row(&whole), Some(vec![Some("a".to_owned()), None]));
        for end in 0..whole.len() {
            assert_eq!(data_row(&whole[..end]), None, "{end}");
        }
    }
}
