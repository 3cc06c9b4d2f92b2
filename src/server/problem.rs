//! Errors as problem details for HTTP APIs (RFC 9457).

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::cache::{CacheError, CacheErrorKind};
use crate::check::WriteError;
use crate::diagnostic::visible;

/// What went wrong, and the way out.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// A stable word for the kind of problem, such as `bad-write`.
    pub kind: &'static str,
    /// The kind in words.
    pub title: &'static str,
    pub status: u16,
    /// What happened here.
    pub detail: String,
    /// The way out, where one is known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub help: Vec<String>,
    /// The exit code of the command line for the same problem: 2 bad input, 3 the cache, 4 unresolved.
    pub exit: u8,
    /// What was done all the same: a report as of a success, with an `error` in each step that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub report: Option<Box<serde_json::value::RawValue>>,
}

/// A kind of problem: its word, its title, its status and its exit code.
#[derive(Clone, Copy, Debug)]
pub struct Kind(&'static str, &'static str, StatusCode, u8);

impl Kind {
    pub const BAD_REQUEST: Self =
        Self("bad-request", "the request cannot be read", StatusCode::BAD_REQUEST, 2);
    pub const BAD_WRITE: Self =
        Self("bad-write", "the rules do not understand the write", StatusCode::UNPROCESSABLE_ENTITY, 2);
    pub const UNRESOLVED: Self =
        Self("unresolved", "something stale could not be named", StatusCode::CONFLICT, 4);
    pub const UNAUTHORIZED: Self = Self("unauthorized", "a token is needed", StatusCode::UNAUTHORIZED, 2);
    pub const FORBIDDEN: Self = Self("forbidden", "the token does not allow this", StatusCode::FORBIDDEN, 2);
    pub const NOT_FOUND: Self = Self("not-found", "there is no such thing", StatusCode::NOT_FOUND, 1);
    pub const METHOD: Self =
        Self("method-not-allowed", "this cannot be asked of it", StatusCode::METHOD_NOT_ALLOWED, 2);
    pub const TOO_LARGE: Self =
        Self("too-large", "the request is larger than the server takes", StatusCode::PAYLOAD_TOO_LARGE, 2);
    pub const MEDIA_TYPE: Self =
        Self("media-type", "the body has another type than is taken", StatusCode::UNSUPPORTED_MEDIA_TYPE, 2);
    pub const FENCE_BROKEN: Self = Self(
        "fence-broken",
        "what was read is stale: something was dropped since the fence was taken",
        StatusCode::PRECONDITION_FAILED,
        1,
    );
    pub const BAD_RULES: Self =
        Self("bad-rules", "the rules have errors", StatusCode::UNPROCESSABLE_ENTITY, 2);
    pub const KEY_REUSED: Self = Self(
        "key-reused",
        "the idempotency key belongs to another request",
        StatusCode::UNPROCESSABLE_ENTITY,
        2,
    );
    pub const TOO_MANY: Self =
        Self("too-many", "too many ask for this at once", StatusCode::TOO_MANY_REQUESTS, 3);
    pub const TIMED_OUT: Self =
        Self("timed-out", "the request took too long", StatusCode::GATEWAY_TIMEOUT, 3);
    pub const NOT_DROPPED: Self =
        Self("not-dropped", "not everything was dropped", StatusCode::SERVICE_UNAVAILABLE, 3);
    const CACHE: Self = Self("cache", "the cache could not do it", StatusCode::SERVICE_UNAVAILABLE, 3);
    const QUEUE_FULL: Self =
        Self("queue-full", "the batch queue is full", StatusCode::SERVICE_UNAVAILABLE, 3);
    const INTERNAL: Self = Self("internal", "the server has a fault", StatusCode::INTERNAL_SERVER_ERROR, 3);
}

impl Problem {
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let Kind(word, title, status, exit) = kind;
        let detail = visible(&detail.into()).into_owned();
        Self { kind: word, title, status: status.as_u16(), detail, help: Vec::new(), exit, report: None }
    }

    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    #[must_use]
    pub fn report(mut self, report: &impl Serialize) -> Self {
        self.report = serde_json::value::to_raw_value(report).ok();
        self
    }

    pub fn internal(detail: impl Into<String>) -> Self {
        Self::new(Kind::INTERNAL, detail)
    }
}

impl From<CacheError> for Problem {
    fn from(error: CacheError) -> Self {
        let kind = match error.kind() {
            CacheErrorKind::Invalid => Kind::BAD_REQUEST,
            CacheErrorKind::QueueFull => Kind::QUEUE_FULL,
            _ => Kind::CACHE,
        };
        let mut problem = Self::new(kind, error.message());
        problem.help.extend(error.hint().map(str::to_owned));
        problem
    }
}

impl From<WriteError> for Problem {
    fn from(error: WriteError) -> Self {
        let mut problem = Self::new(Kind::BAD_WRITE, error.message);
        problem.help.extend(error.help);
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let kind = [(header::CONTENT_TYPE, "application/problem+json")];
        let mut response = (status, kind, body).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
        }
        response
    }
}
