//! `POST /v1/flush` and `GET /v1/stats`: what waits, and what was done.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::cache::{Cache, quiet};
use crate::engine::{self, FlushDocument, Statistics, StatisticsDocument};
use crate::server::App;
use crate::server::answers::Answer;
use crate::server::problem::{Kind, Problem};

/// Carry out everything that is in the queue, due or not
#[utoipa::path(post, path = "/v1/flush", tag = "queue", responses(
    (status = 200, description = "What was carried out", body = FlushDocument),
    (status = 503, description = "Not everything; what failed is in the queue again", body = Problem, content_type = "application/problem+json"),
), security(("token" = [])))]
pub async fn flush(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let carried = engine::flush(app.cache(), quiet()).await?;
    let document = FlushDocument::from(&carried);
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
