//! `POST /v1/names`: the keys and tags of an instance.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Json;
use crate::check::Undeclared;
use crate::model::{RawId, RawWrite};
use crate::plan::InstanceNames;
use crate::server::App;
use crate::server::answers::Answer;
use crate::server::problem::{Kind, Problem};

/// An instance.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    entity: String,
    #[schema(value_type = Value)]
    id: RawId,
    /// Values of the row, by name; dotted names look behind a ref.
    #[serde(default)]
    #[schema(value_type = Object)]
    values: Map<String, Value>,
}

/// What an application writes on the entries of an instance.
#[derive(Debug, Serialize, ToSchema)]
pub struct Names<'a> {
    schema: u32,
    entity: &'a str,
    #[schema(value_type = Value)]
    id: &'a RawId,
    #[serde(flatten)]
    names: &'a InstanceNames,
}

/// The keys and tags of an instance
#[utoipa::path(post, path = "/v1/names", tag = "rules", request_body = Instance, responses(
    (status = 200, description = "Its names, and what could not be filled", body = Names),
    (status = 422, description = "The rules do not know it", body = Problem, content_type = "application/problem+json"),
), security(("token" = [])))]
pub async fn names(State(app): State<Arc<App>>, Json(instance): Json<Instance>) -> Result<Answer, Problem> {
    if instance.id == RawId::Many {
        return Err(Problem::new(Kind::BAD_REQUEST, "null is no instance").help("give one row's id"));
    }
    let raw = RawWrite {
        entity: instance.entity.clone(),
        id: instance.id.clone(),
        // One image: the instance as it is.
        op: "create".to_owned(),
        new: instance.values,
        ..RawWrite::default()
    };
    let loaded = app.rules().now();
    let write = loaded.program.rules().write(raw, Undeclared::Ignore)?;
    let names = loaded.program.names(&write);
    let document = Names { schema: 1, entity: &instance.entity, id: &instance.id, names: &names };
    Ok(Answer::json(StatusCode::OK, &document))
}
