//! `POST /v1/writes`: what a write makes stale, dropped.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use rustc_hash::FxHasher;
use serde::Deserialize;
use std::hash::{Hash, Hasher};
use utoipa::IntoParams;

use super::{Params, bulk, whole};
use crate::cache::observe;
use crate::check::Undeclared;
use crate::engine::{ReportDocument, StepError};
use crate::model::RawWrite;
use crate::plan::{Plan, Unfilled};
use crate::server::App;
use crate::server::answers::{Answer, HEADER};
use crate::server::guard::{Caller, is_stream};
use crate::server::metrics::Stage;
use crate::server::problem::{Kind, Problem};
use crate::server::rules::Loaded;

/// How a write is taken.
#[derive(Clone, Copy, Debug, Default, Deserialize, Hash, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct How {
    /// Answer with the plan, and touch nothing.
    pub dry_run: bool,
    /// Drop nothing where something stale could not be named.
    pub strict: bool,
    /// Drop by a glob what could not be named.
    pub widen: bool,
    /// Of a stream: answer with the whole report of each write, not with its figures alone.
    pub full: bool,
    /// Of a stream: answer only with the lines that failed, and the summary.
    pub summary: bool,
}

/// Drop what a write makes stale
///
/// The body is one write; or, as `application/x-ndjson`, a write a line, and the answer is a line for
/// each, and last a summary. A line that cannot be read or understood does not stop the rest. Batched
/// and lazy steps are in the cache's queue when the answer comes: nothing that was answered is lost.
#[utoipa::path(post, path = "/v1/writes", tag = "writes", params(How,
    ("Idempotency-Key" = Option<String>, Header, description = "A request that is sent again with the same key gets the first answer, for ten minutes"),
), request_body(content(
    (RawWrite = "application/json"), (String = "application/x-ndjson"),
)), responses(
    (status = 200, description = "The report; the plan under `dry_run`; a line for each line of a stream", content(
        (ReportDocument = "application/json"), (bulk::Line = "application/x-ndjson"),
    )),
    (status = 400, description = "No write", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "Something stale could not be named, under `strict`", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "The rules do not understand the write", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not everything was dropped; the report says what", body = Problem, content_type = "application/problem+json"),
), security(("token" = [])))]
pub async fn write(
    State(app): State<Arc<App>>,
    Params(how): Params<How>,
    request: Request,
) -> Result<Response, Box<Problem>> {
    let headers = request.headers();
    if is_stream(headers) {
        return Ok(bulk::answer(app, how, request.into_body()));
    }
    let key = idempotency_key(headers)?.map(str::to_owned);
    let caller = request.extensions().get::<Caller>().cloned();
    let body = whole(request.into_body(), app.limits().body).await?;
    let answer = match key {
        None => one(&app, how, body).await,
        Some(key) => {
            let mut hasher = FxHasher::default();
            (how, "writes", &body).hash(&mut hasher);
            // One caller's keys are nothing to another.
            let key = format!("{} {key}", caller.as_ref().map_or("", |caller| &caller.0));
            let ask = Box::pin(one(&app, how, body));
            app.answers().once(key, hasher.finish(), ask).await
        }
    };
    answer.map(IntoResponse::into_response)
}

pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(key) = headers.get(HEADER) else { return Ok(None) };
    let key = key.to_str().ok().filter(|key| (1..=255).contains(&key.len()));
    key.map(Some)
        .ok_or_else(|| Problem::new(Kind::BAD_REQUEST, "an idempotency key has 1 to 255 visible characters"))
}

async fn one(app: &App, how: How, body: Bytes) -> Result<Answer, Box<Problem>> {
    let text = std::str::from_utf8(&body)
        .map_err(|error| Problem::new(Kind::BAD_REQUEST, format!("the body is no UTF-8: {error}")))?;
    let loaded = app.rules().now();
    let plan = plan(app, &loaded, how, text)?;
    if how.dry_run {
        return Ok(Answer::json(StatusCode::OK, &plan));
    }
    // What the connection was read into is free while the cache is waited for.
    drop(body);
    let start = Instant::now();
    let report = app.combiner().submit(app, loaded, plan).await;
    app.metrics().stage(Stage::Apply, start.elapsed());
    let document = ReportDocument::new(&report);
    match report.failures().next() {
        None => Ok(Answer::text(StatusCode::OK, document.to_json())),
        Some((step, error)) => {
            let mut problem = Problem::new(Kind::NOT_DROPPED, format!("`{}`: {error}", step.target));
            if let StepError::Cache(error) = error {
                app.metrics().cache_error(error.kind());
                problem.help.extend(error.hint().map(str::to_owned));
            }
            Err(Box::new(problem.help("send the write again: what is done harms nothing").report(&document)))
        }
    }
}

/// The plan of a write that is to be carried out.
pub fn plan(app: &App, loaded: &Loaded, how: How, text: &str) -> Result<Plan, Problem> {
    let start = Instant::now();
    let bad = |why: String| {
        app.metrics().bad_write();
        Problem::new(Kind::BAD_REQUEST, format!("the body {why}"))
            .help("a write is an object: {\"entity\": \"user\", \"id\": \"123\", \"op\": \"update\"}")
    };
    let check = || {
        let raw = RawWrite::from_json(text).map_err(bad)?;
        loaded.program.rules().write(raw, Undeclared::Ignore).map_err(|error| {
            app.metrics().bad_write();
            Problem::from(error)
        })
    };
    let write = observe::during("check", check)?;
    let unfilled = if how.widen { Unfilled::Widen } else { Unfilled::Report };
    let plan = observe::during("plan", || loaded.program.plan(&write, unfilled));
    app.metrics().stage(Stage::Plan, start.elapsed());
    match plan.unresolved.first() {
        Some(first) if how.strict && !how.dry_run => {
            let what = match &first.reason {
                Some(reason) => reason.clone(),
                None => format!("the write lacks {}", first.missing.join(", ")),
            };
            let detail =
                format!("`{}` of rule `{}`: {what}; nothing was dropped", first.template, first.rule);
            Err(Problem::new(Kind::UNRESOLVED, detail).report(&plan))
        }
        _ => Ok(plan),
    }
}
