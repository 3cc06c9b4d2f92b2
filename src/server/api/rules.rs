//! `/v1/rules` and `/v1/graph`: what is in force.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Params;
use crate::draw::{Picture, dot, json};
use crate::graph::Graph;
use crate::server::App;
use crate::server::answers::Answer;
use crate::server::problem::{Kind, Problem};

/// The rules in force.
#[derive(Debug, Serialize, ToSchema)]
pub struct RulesInForce {
    schema: u32,
    /// How often the rules were read with success since the server started.
    generation: u64,
    /// When they were read, in milliseconds since 1970.
    read_at_ms: u64,
    entities: Vec<String>,
    rules: Vec<RuleInForce>,
    /// Why the files as they are now are not in force.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct RuleInForce {
    name: String,
    priority: u16,
}

fn in_force(app: &App) -> RulesInForce {
    let loaded = app.rules().now();
    let rules = loaded.program.rules();
    let read_at = loaded.at.duration_since(UNIX_EPOCH).unwrap_or_default();
    RulesInForce {
        schema: 1,
        generation: loaded.generation,
        read_at_ms: u64::try_from(read_at.as_millis()).unwrap_or(u64::MAX),
        entities: rules.entities().iter().map(|entity| entity.name.to_string()).collect(),
        rules: rules
            .rules()
            .iter()
            .map(|rule| RuleInForce { name: rule.name.to_string(), priority: rule.priority })
            .collect(),
        errors: app.rules().failure().map(|failure| failure.errors.clone()).unwrap_or_default(),
    }
}

/// The rules in force, and why newer ones are not
#[utoipa::path(get, path = "/v1/rules", tag = "rules", responses(
    (status = 200, description = "The rules", body = RulesInForce),
), security(("token" = [])))]
pub async fn rules(State(app): State<Arc<App>>) -> Answer {
    Answer::json(StatusCode::OK, &in_force(&app))
}

/// Read the rules anew
#[utoipa::path(post, path = "/v1/rules/reload", tag = "rules", responses(
    (status = 200, description = "The rules, as they are in force now", body = RulesInForce),
    (status = 422, description = "They have errors; those of before stay in force", body = Problem, content_type = "application/problem+json"),
), security(("token" = [])))]
pub async fn reload(State(app): State<Arc<App>>) -> Result<Answer, Problem> {
    app.reload().await;
    match app.rules().failure() {
        None => Ok(Answer::json(StatusCode::OK, &in_force(&app))),
        Some(failure) => {
            let mut problem = Problem::new(Kind::BAD_RULES, "the rules of before stay in force");
            problem.help.extend(failure.errors.iter().cloned());
            Err(problem)
        }
    }
}

/// How the graph is written.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Drawn {
    #[serde(default)]
    #[param(inline)]
    format: Drawing,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Drawing {
    /// For `dot -Tsvg`.
    #[default]
    Dot,
    Json,
}

/// The rules as a graph
#[utoipa::path(get, path = "/v1/graph", tag = "rules", params(Drawn), responses(
    (status = 200, description = "Graphviz text, or the document of `invalidate graph --format json`", content(
        (String = "text/vnd.graphviz"), (Object = "application/json"),
    )),
    (status = 400, description = "No such format", body = Problem, content_type = "application/problem+json"),
), security(("token" = [])))]
pub async fn graph(State(app): State<Arc<App>>, Params(drawn): Params<Drawn>) -> Response {
    let loaded = app.rules().now();
    let rules = loaded.program.rules();
    let graph = Graph::of(rules);
    let picture = Picture::of(rules, &graph);
    match drawn.format {
        Drawing::Dot => ([(header::CONTENT_TYPE, "text/vnd.graphviz")], dot(&picture)).into_response(),
        Drawing::Json => Answer::json(StatusCode::OK, &json(&picture)).into_response(),
    }
}
