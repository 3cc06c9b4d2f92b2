//! What the server tells about itself, for a log.

use std::time::Duration;

use crate::cache::CacheError;
use crate::engine::WorkEvent;

/// Something worth a line in a log. Holds no secret: no token, no value of a row.
#[derive(Debug)]
pub enum Event<'e> {
    /// It takes connections here.
    Listening(&'e str),
    /// A request was answered.
    Request {
        /// As the caller gave it in `X-Request-Id`, or a fresh one.
        id: &'e str,
        method: &'e str,
        /// As the API lists it, such as `/v1/entries/{key}`: a key may be private.
        route: &'e str,
        status: u16,
        took: Duration,
        /// The name of the caller's token.
        token: Option<&'e str>,
    },
    /// The rules were read anew.
    Reloaded {
        rules: usize,
    },
    /// They have errors: the rules of before stay in force.
    NotReloaded {
        errors: &'e [String],
    },
    /// The cache refused something that no request waits for.
    CacheError(&'e CacheError),
    Worker(WorkEvent<'e>),
    /// A connection broke, or did not keep to its limits.
    Connection(&'e str),
    /// Spans could not be sent.
    #[cfg(feature = "opentelemetry")]
    Spans(&'e str),
    /// It was told to stop, and finishes what has begun.
    Stopping,
    /// Requests that took longer than this to end were cut off.
    CutOff(Duration),
}
