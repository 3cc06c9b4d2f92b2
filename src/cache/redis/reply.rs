//! Taking replies apart. A reply of an unexpected form is an error, never a panic.

use redis::{ServerError, Value};

/// Why a command has no usable reply.
#[derive(Debug)]
pub(super) enum ReplyError {
    Server(ServerError),
    /// The server answered something that the protocol does not allow here.
    Unexpected,
}

pub(super) type Reply<T> = Result<T, ReplyError>;

/// Any reply but an error.
pub(super) fn done(value: &Value) -> Reply<()> {
    match value {
        Value::ServerError(error) => Err(ReplyError::Server(error.clone())),
        // What a transaction holds are replies in turn.
        Value::Array(values) => values.iter().try_for_each(done),
        _ => Ok(()),
    }
}

pub(super) fn integer(value: &Value) -> Reply<i64> {
    match value {
        Value::Int(number) => Ok(*number),
        _ => text(value)?.parse().map_err(|_| ReplyError::Unexpected),
    }
}

/// A count; a negative one is read as zero.
pub(super) fn count(value: &Value) -> Reply<u64> {
    Ok(u64::try_from(integer(value)?).unwrap_or(0))
}

pub(super) fn bytes(value: &Value) -> Reply<Vec<u8>> {
    optional_bytes(value)?.ok_or(ReplyError::Unexpected)
}

pub(super) fn optional_bytes(value: &Value) -> Reply<Option<Vec<u8>>> {
    match value {
        Value::Nil => Ok(None),
        Value::BulkString(bytes) => Ok(Some(bytes.clone())),
        Value::SimpleString(text) => Ok(Some(text.clone().into_bytes())),
        Value::Okay => Ok(Some(b"OK".to_vec())),
        Value::Int(number) => Ok(Some(number.to_string().into_bytes())),
        Value::Double(number) => Ok(Some(number.to_string().into_bytes())),
        Value::ServerError(error) => Err(ReplyError::Server(error.clone())),
        _ => Err(ReplyError::Unexpected),
    }
}

pub(super) fn text(value: &Value) -> Reply<String> {
    Ok(String::from_utf8_lossy(&bytes(value)?).into_owned())
}

pub(super) fn array(value: &Value) -> Reply<&[Value]> {
    match value {
        Value::Array(values) | Value::Set(values) => Ok(values),
        Value::Nil => Ok(&[]),
        Value::ServerError(error) => Err(ReplyError::Server(error.clone())),
        _ => Err(ReplyError::Unexpected),
    }
}

pub(super) fn list(value: &Value) -> Reply<Vec<Vec<u8>>> {
    array(value)?.iter().map(bytes).collect()
}

/// Where the next step of a scan starts (`None`: it is through), and what this one found.
pub(super) type Scanned = (Option<Vec<u8>>, Vec<Vec<u8>>);

/// The reply of a `SCAN` or `HSCAN`.
pub(super) fn scan(value: &Value) -> Reply<Scanned> {
    match array(value)? {
        [cursor, found] => {
            let cursor = bytes(cursor)?;
            Ok(((cursor != b"0").then_some(cursor), list(found)?))
        }
        _ => Err(ReplyError::Unexpected),
    }
}
