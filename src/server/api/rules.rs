//! `/v1/rules` and `/v1/graph`: what is in force.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Params;
use crate::check::RuleSet;
use crate::draw::{MOST_BOXES, Picture, Theme, dot, inline, json, svg};
use crate::graph::Graph;
use crate::model::millis;
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
    /// The attributes that any write may carry, with their types.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    context: Vec<ContextInForce>,
    /// Why the files as they are now are not in force.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct RuleInForce {
    name: String,
    priority: u16,
}

#[derive(Debug, Serialize, ToSchema)]
struct ContextInForce {
    name: String,
    #[serde(rename = "type")]
    ty: String,
}

fn in_force(app: &App) -> RulesInForce {
    let loaded = app.rules().now();
    let rules = loaded.program.rules();
    let read_at = loaded.at.duration_since(UNIX_EPOCH).unwrap_or_default();
    RulesInForce {
        schema: 1,
        generation: loaded.generation,
        read_at_ms: millis(read_at),
        entities: rules.entities().iter().map(|entity| entity.name.to_string()).collect(),
        rules: rules
            .rules()
            .iter()
            .map(|rule| RuleInForce { name: rule.name.to_string(), priority: rule.priority })
            .collect(),
        context: rules
            .context()
            .iter()
            .map(|attribute| ContextInForce { name: attribute.name.clone(), ty: attribute.ty.to_string() })
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
    /// Of an SVG: without title, legend and colours, for a page that brings its own.
    #[serde(default)]
    bare: bool,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Drawing {
    /// For `dot -Tsvg`.
    #[default]
    Dot,
    Json,
    /// A picture for any browser.
    Svg,
}

/// The rules as a graph
#[utoipa::path(get, path = "/v1/graph", tag = "rules", params(Drawn), responses(
    (status = 200, description = "Graphviz text, the document of `invalidate graph --format json`, or a picture", content(
        (String = "text/vnd.graphviz"), (Object = "application/json"), (String = "image/svg+xml"),
    )),
    (status = 400, description = "No such format, or too many boxes for a picture", body = Problem, content_type = "application/problem+json"),
), security(("token" = [])))]
pub async fn graph(State(app): State<Arc<App>>, Params(drawn): Params<Drawn>) -> Result<Response, Problem> {
    let loaded = app.rules().now();
    // Laying out a large picture would hold up the requests of this thread.
    let drawn = tokio::task::spawn_blocking(move || draw(loaded.program.rules(), &drawn)).await;
    drawn.unwrap_or_else(|error| Err(Problem::internal(error.to_string())))
}

fn draw(rules: &RuleSet, drawn: &Drawn) -> Result<Response, Problem> {
    let graph = Graph::of(rules);
    let picture = Picture::of(rules, &graph);
    let text = |kind: &'static str, text: String| Ok(([(header::CONTENT_TYPE, kind)], text).into_response());
    match drawn.format {
        Drawing::Dot => text("text/vnd.graphviz", dot(&picture)),
        Drawing::Json => Ok(Answer::json(StatusCode::OK, &json(&picture)).into_response()),
        Drawing::Svg if picture.size() > MOST_BOXES => {
            let boxes = picture.size();
            let detail = format!("the picture would hold {boxes} boxes, and at most {MOST_BOXES} are drawn");
            Err(Problem::new(Kind::BAD_REQUEST, detail).help("ask for `format=dot` or `format=json`"))
        }
        Drawing::Svg if drawn.bare => text("image/svg+xml", inline(&picture)),
        Drawing::Svg => text("image/svg+xml", svg(&picture, Theme::Auto)),
    }
}
