//! `POST /v1/flush` and `GET /v1/stats`: what waits, and what was done.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::cache::{Cache, WorkCounts, quiet};
use crate::engine;
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

/// What the cache counts.
#[derive(Debug, Serialize, ToSchema)]
pub struct Statistics {
    schema: u32,
    entities: usize,
    relations: usize,
    rules: usize,
    /// Counters by their name, such as `rule.user_data.targets`.
    counters: BTreeMap<String, u64>,
    waiting: Items,
    /// Items that are being carried out, or were when their worker died.
    leased: u64,
    /// In milliseconds from now, negative when it is overdue; null when nothing waits.
    oldest_due_in_ms: Option<i64>,
    workers: u64,
}

/// What was done on this cache, by all processes, and what waits
#[utoipa::path(get, path = "/v1/stats", tag = "queue", responses(
    (status = 200, description = "Counters and the queue", body = Statistics),
    (status = 503, description = "The cache could not do it", body = Problem, content_type = "application/problem+json"),
), security(("token" = [])))]
pub async fn stats(State(app): State<Arc<App>>) -> Result<Answer, Problem> {
    let (counters, pending) = tokio::try_join!(app.cache().statistics(), app.cache().pending())?;
    let loaded = app.rules().now();
    let rules = loaded.program.rules();
    let document = Statistics {
        schema: 1,
        entities: rules.entities().len(),
        relations: rules.relations().len(),
        rules: rules.rules().len(),
        counters,
        waiting: Items::from(&pending.waiting),
        leased: pending.leased,
        oldest_due_in_ms: pending.oldest_due_ms,
        workers: pending.workers,
    };
    Ok(Answer::json(StatusCode::OK, &document))
}
