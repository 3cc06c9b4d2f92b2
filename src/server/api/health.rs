//! `/healthz`, `/readyz` and `/metrics`: for whoever watches the server.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::cache::Cache;
use crate::server::App;
use crate::server::answers::Answer;

/// How long the cache may take to show that it is there.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether the process answers
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "It does", body = String)))]
pub async fn alive() -> &'static str {
    "ok\n"
}

/// Whether writes can be carried out now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    ready: bool,
    /// `ok`, or why the cache cannot be used.
    cache: String,
    /// `ok`, or that newer rules have errors: those of before are in force then, and the server is ready.
    rules: &'static str,
    /// Whether the server was told to stop.
    stopping: bool,
}

/// Whether writes can be carried out now
#[utoipa::path(get, path = "/readyz", tag = "health", responses(
    (status = 200, description = "They can", body = Readiness),
    (status = 503, description = "They cannot", body = Readiness),
))]
pub async fn ready(State(app): State<Arc<App>>) -> Answer {
    let cache = match tokio::time::timeout(PATIENCE, app.cache().ping()).await {
        Ok(Ok(_)) => None,
        // Where the cache is, and what it says, is for those who may ask.
        Ok(Err(error)) => Some(format!("{:?}", error.kind())),
        Err(_) => Some("Timeout".to_owned()),
    };
    let stopping = app.metrics().is_stopping();
    let ready = cache.is_none() && !stopping;
    let document = Readiness {
        ready,
        cache: cache.unwrap_or_else(|| "ok".to_owned()),
        rules: if app.rules().failure().is_none() { "ok" } else { "newer ones have errors" },
        stopping,
    };
    Answer::json(if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, &document)
}

/// Counters and histograms in the Prometheus text format
#[utoipa::path(get, path = "/metrics", tag = "health", responses(
    (status = 200, description = "The metrics", body = String, content_type = "application/openmetrics-text"),
), security(("token" = [])))]
pub async fn metrics(State(app): State<Arc<App>>) -> Response {
    let pending = tokio::time::timeout(PATIENCE, app.cache().pending()).await;
    let text = app.metrics().text(pending.ok().and_then(Result::ok).as_ref());
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
