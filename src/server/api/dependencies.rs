//! `/v1/dependencies/{key}`: which entries were built from which.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Json, KeyInPath, Params, keys};
use crate::cache::{Cache, Reach};
use crate::server::App;
use crate::server::answers::Answer;
use crate::server::problem::Problem;

/// How far to look.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Far {
    /// The dependents of dependents as well, and so on.
    #[serde(default)]
    transitive: bool,
}

/// What goes when a key goes.
#[derive(Debug, Serialize, ToSchema)]
pub struct Dependents {
    schema: u32,
    key: String,
    dependents: Vec<Dependent>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Dependent {
    key: String,
    /// 1 for a direct dependent.
    distance: u32,
}

/// What goes when a key goes
#[utoipa::path(get, path = "/v1/dependencies/{key}", tag = "entries", params(
    ("key" = String, Path, description = "The key, percent-encoded"), Far,
), responses(
    (status = 200, description = "Its dependents", body = Dependents),
    (status = 503, description = "The cache could not do it", body = Problem, content_type = "application/problem+json"),
), security(("token" = [])))]
pub async fn show(
    State(app): State<Arc<App>>,
    KeyInPath(name): KeyInPath,
    Params(far): Params<Far>,
) -> Result<Answer, Problem> {
    let reach = if far.transitive { Reach::Transitive } else { Reach::Direct };
    let found = app.cache().dependents(&name, reach).await?;
    let dependents =
        found.into_iter().map(|found| Dependent { key: found.key.to_string(), distance: found.distance });
    let document = Dependents { schema: 1, key: name.to_string(), dependents: dependents.collect() };
    Ok(Answer::json(StatusCode::OK, &document))
}

/// Keys that another one was built from.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BuiltFrom {
    on: Vec<String>,
}

/// Record that a key was built from others: dropping any of them drops it too
#[utoipa::path(put, path = "/v1/dependencies/{key}", tag = "entries", params(
    ("key" = String, Path, description = "The key, percent-encoded"),
), request_body = BuiltFrom, responses(
    (status = 204, description = "Recorded"),
    (status = 400, description = "No such names", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The cache could not do it", body = Problem, content_type = "application/problem+json"),
), security(("token" = [])))]
pub async fn add(
    State(app): State<Arc<App>>,
    KeyInPath(name): KeyInPath,
    Json(built): Json<BuiltFrom>,
) -> Result<StatusCode, Problem> {
    app.cache().add_dependency(&name, &keys(&built.on)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What was forgotten.
#[derive(Debug, Serialize, ToSchema)]
pub struct Forgotten {
    schema: u32,
    /// How many of them were recorded.
    forgotten: u64,
}

/// Forget that a key was built from others
#[utoipa::path(delete, path = "/v1/dependencies/{key}", tag = "entries", params(
    ("key" = String, Path, description = "The key, percent-encoded"),
), request_body = BuiltFrom, responses(
    (status = 200, description = "How many were forgotten", body = Forgotten),
    (status = 400, description = "No such names", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The cache could not do it", body = Problem, content_type = "application/problem+json"),
), security(("token" = [])))]
pub async fn remove(
    State(app): State<Arc<App>>,
    KeyInPath(name): KeyInPath,
    Json(built): Json<BuiltFrom>,
) -> Result<Answer, Problem> {
    let forgotten = app.cache().remove_dependency(&name, &keys(&built.on)?).await?;
    Ok(Answer::json(StatusCode::OK, &Forgotten { schema: 1, forgotten }))
}
