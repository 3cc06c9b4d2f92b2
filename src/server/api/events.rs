//! `/v1/events` and `/v1/explain`: what the server does as it does it, and why.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::channel::{Channel, Sender};
use serde::Serialize;
use utoipa::ToSchema;

use super::Whole;
use crate::model::RawWrite;
use crate::server::App;
use crate::server::answers::Answer;
use crate::server::events::document::{FrameSeen, Hello, Lost, StateSeen};
use crate::server::events::{Events, Listener};
use crate::server::explain::Explanation;
use crate::server::problem::{Kind, Problem};

/// Parts of the answer that wait for a slow reader, beside what the events keep for all.
const WAITING: usize = 4;

/// The data of one event, by its name.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "it describes what is sent")]
pub enum EventData {
    /// `hello`: the first.
    Hello(Hello),
    /// `frame`: what has happened since the last one.
    Frame(FrameSeen),
    /// `state`: how things stand, every second.
    State(StateSeen),
    /// `lost`: so many events were not sent, because they were not read.
    Lost(Lost),
}

/// Watch what the server does
///
/// Server-sent events: `hello`, then `frame` where something has happened, `state` every second, `lost`
/// where they were not read in time, and `stopping` last. The data of each is a JSON object. Whoever
/// connects again begins with `hello`, which holds the writes shown last.
#[utoipa::path(get, path = "/v1/events", tag = "events", responses(
    (status = 200, description = "Events, until the connection or the server ends", body = EventData, content_type = "text/event-stream"),
    (status = 429, description = "Too many are listening", body = Problem, content_type = "application/problem+json"),
), security(("token" = [])))]
pub async fn events(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let Some(listener) = Events::listen(&app) else {
        return Err(Problem::new(Kind::TOO_MANY, "too many are listening to events")
            .help("close a page, or read `/metrics`"));
    };
    let (sender, channel) = Channel::<Bytes>::new(WAITING);
    tokio::spawn(tell(app, listener, sender));
    Ok(([(header::CONTENT_TYPE, "text/event-stream")], Body::new(channel)).into_response())
}

async fn tell(app: Arc<App>, mut listener: Listener, mut sender: Sender<Bytes>) {
    while let Some(message) = listener.next().await {
        // Who reads nothing for so long is gone.
        let sent = tokio::time::timeout(app.limits().time, sender.send_data(message.text)).await;
        if !matches!(sent, Ok(Ok(()))) || message.is_last {
            return;
        }
    }
}

/// Say more of a write that an event told of
#[utoipa::path(get, path = "/v1/events/{id}", tag = "events", params(("id" = u64, Path)), responses(
    (status = 200, description = "Its plan, and what every rule made of it", body = Explanation),
    (status = 404, description = "It is not kept any more", body = Problem, content_type = "application/problem+json"),
), security(("token" = [])))]
pub async fn event(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Answer, Problem> {
    let gone = || {
        Problem::new(Kind::NOT_FOUND, "the write is not kept any more")
            .help("the last 256 that were shown are; `POST /v1/explain` takes any write")
    };
    let id: u64 = id.parse().map_err(|_| gone())?;
    let explained = offload(move || app.events().find(id)).await?;
    Ok(Answer::json(StatusCode::OK, &explained.ok_or_else(gone)?))
}

/// Plan a write and say why, without touching anything
#[utoipa::path(post, path = "/v1/explain", tag = "rules", request_body = RawWrite, responses(
    (status = 200, description = "Its plan, and what every rule made of it", body = Explanation),
    (status = 400, description = "No write", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "The rules do not understand the write", body = Problem, content_type = "application/problem+json"),
), security(("token" = [])))]
pub async fn explain(State(app): State<Arc<App>>, Whole(body): Whole) -> Result<Answer, Problem> {
    let bad = |why: String| Problem::new(Kind::BAD_REQUEST, format!("the body {why}"));
    let text = std::str::from_utf8(&body).map_err(|error| bad(format!("is no UTF-8: {error}")))?;
    let raw = RawWrite::from_json(text).map_err(bad)?;
    let loaded = app.rules().now();
    let explained = offload(move || Explanation::of(&loaded.program, raw)).await??;
    Ok(Answer::json(StatusCode::OK, &explained))
}

/// A trace looks at every rule of an entity: many of them would hold up the requests of this thread.
async fn offload<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Problem::internal(error.to_string()))
}
