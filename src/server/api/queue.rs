//! `POST /v1/flush` and `GET /v1/stats`: what waits, and what was done.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::cache::{Cache, WorkCounts, quiet};
use crate::engine::{self, Statistics, StatisticsDocument};
use crate::server::App;
use crate::server::answers::Answer;
use crate::server::problem::{Kind, Problem};

/// Items of the queue by their kind.
#[derive(Debug, Serialize, ToSchema)]
struct Items {
    tags: u64,
    keys: u64,
    matches: u64,
    tag_matches: u64,
    /// Tags that were dropped lazily, and whose entries are to be collected.
    collects: u64,
    /// Items that this version does not know.
    unknown: u64,
}

impl From<&WorkCounts> for Items {
    fn from(counts: &WorkCounts) -> Self {
        let WorkCounts { tags, keys, matches, tag_matches, collects, unknown, .. } = *counts;
        Self { tags, keys, matches, tag_matches, collects, unknown }
    }
}

/// What a flush came to.
#[derive(Debug, Serialize, ToSchema)]
pub struct Flushed {
    schema: u32,
    carried_out: Items,
    /// Entries gone, dependents not counted.
    removed: u64,
    dependents: u64,
    failed: Vec<Failed>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Failed {
    item: String,
    error: String,
}

/// Carry out everything that is in the queue, due or not
#[utoipa::path(post, path = "/v1/flush", tag = "queue", responses(
    (status = 200, description = "What was carried out", body = Flushed),
    (status = 503, description = "Not everything; what failed is in the queue again", body = Problem, content_type = "application/problem+json"),
), security(("token" = [])))]
pub async fn flush(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let carried = engine::flush(app.cache(), quiet()).await?;
    let failed = carried
        .failed
        .iter()
        .map(|(work, error)| Failed { item: work.member(), error: error.message().to_owned() });
    let document = Flushed {
        schema: 1,
        carried_out: Items::from(&carried.done),
        removed: carried.dropped.keys,
        dependents: carried.dropped.dependents,
        failed: failed.collect(),
    };
    match carried.failed.first() {
        None => Ok(Answer::json(StatusCode::OK, &document).into_response()),
        Some((work, error)) => {
            let detail = format!("`{}`: {error}", work.member());
            Err(Problem::new(Kind::NOT_DROPPED, detail).help("it is in the queue again").report(&document))
        }
    }
}

/// What was done on this cache, by all processes, and what waits
#[utoipa::path(get, path = "/v1/stats", tag = "queue", responses(
    (status = 200, description = "Counters and the queue", body = StatisticsDocument),
    (status = 503, description = "The cache could not do it", body = Problem, content_type = "application/problem+json"),
), security(("token" = [])))]
pub async fn stats(State(app): State<Arc<App>>) -> Result<Answer, Problem> {
    let (counters, pending) = tokio::try_join!(app.cache().statistics(), app.cache().pending())?;
    let loaded = app.rules().now();
    let document = StatisticsDocument::new(
        loaded.program.rules(),
        &Statistics::read(&counters, loaded.program.rules()),
        &pending,
    );
    Ok(Answer::json(StatusCode::OK, &document))
}
