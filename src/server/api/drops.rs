//! `POST /v1/drops`: tags, keys and patterns, dropped by name.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Json, keys, pattern, tags};
use crate::cache::{AnyCache, Cache, CacheError, DropRequest, DropTarget, Dropped, Reach, Work, quiet};
use crate::check::DELAYS;
use crate::engine::{Outcome, StepError, StepReport};
use crate::model::Tag;
use crate::plan::Strategy;
use crate::server::App;
use crate::server::answers::Answer;
use crate::server::problem::{Kind, Problem};

/// What is to be dropped.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Drop {
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    keys: Vec<String>,
    /// Globs, or `/regexes/`, over live keys.
    #[serde(default)]
    matches: Vec<String>,
    #[serde(default)]
    when: When,
    /// Of a batched drop, in milliseconds: 10 to 5000.
    #[serde(default = "usual_delay")]
    delay_ms: u64,
    /// Leave what was built from dropped entries where it is, but for what was built from them directly.
    #[serde(default)]
    shallow: bool,
}

/// When something is dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum When {
    /// Before the answer comes.
    #[default]
    Immediate,
    /// From the queue, after `delay_ms`.
    Batched,
    /// Tags alone: gone at once for fenced readers, collected later.
    Lazy,
}

impl When {
    fn strategy(self) -> Strategy {
        match self {
            Self::Immediate => Strategy::Immediate,
            Self::Batched => Strategy::Batched,
            Self::Lazy => Strategy::Lazy,
        }
    }
}

fn usual_delay() -> u64 {
    100
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct DropReport {
    schema: u32,
    targets: Vec<TargetReport>,
}

#[derive(Debug, Serialize, ToSchema)]
struct TargetReport {
    /// `tag`, `key` or `match`.
    kind: &'static str,
    target: String,
    #[serde(flatten)]
    outcome: Outcome,
}

/// Drop tags, keys and patterns by name
#[utoipa::path(post, path = "/v1/drops", tag = "writes", request_body = Drop, responses(
    (status = 200, description = "What came of each target", body = DropReport),
    (status = 400, description = "No such names", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not everything was dropped; the report says what", body = Problem, content_type = "application/problem+json"),
), security(("token" = [])))]
pub async fn drop(State(app): State<Arc<App>>, Json(asked): Json<Drop>) -> Result<Response, Problem> {
    let tags = tags(&asked.tags)?;
    let keys = keys(&asked.keys)?;
    let patterns = asked.matches.iter().map(|text| pattern(text)).collect::<Result<Vec<_>, _>>()?;
    if tags.is_empty() && keys.is_empty() && patterns.is_empty() {
        return Err(Problem::new(Kind::BAD_REQUEST, "there is nothing to drop")
            .help("name `tags`, `keys` or `matches`"));
    }
    let kinds = [("tag", tags.len()), ("key", keys.len()), ("match", patterns.len())];
    let kinds = kinds.into_iter().flat_map(|(kind, n)| std::iter::repeat_n(kind, n));
    let names = asked.tags.iter().chain(&asked.keys).chain(&asked.matches).cloned();
    let named: Vec<(&'static str, String)> = kinds.zip(names).collect();
    let reach = if asked.shallow { Reach::Direct } else { Reach::Transitive };
    let targets: Vec<DropTarget> = tags
        .iter()
        .cloned()
        .map(DropTarget::Tag)
        .chain(keys.iter().cloned().map(DropTarget::Key))
        .chain(patterns.into_iter().map(DropTarget::Match))
        .collect();
    let outcomes = match asked.when {
        When::Immediate => now(app.cache(), targets, reach).await,
        When::Batched if !DELAYS.contains(&asked.delay_ms) => {
            let (least, most) = (DELAYS.start(), DELAYS.end());
            return Err(Problem::new(Kind::BAD_REQUEST, format!("`delay_ms` is {least} to {most}")));
        }
        When::Batched => batched(app.cache(), targets, reach, Duration::from_millis(asked.delay_ms)).await,
        When::Lazy if tags.len() < named.len() || asked.shallow => {
            return Err(Problem::new(
                Kind::BAD_REQUEST,
                "only tags can be dropped lazily, and with all that depends on them",
            ));
        }
        When::Lazy => lazily(app.cache(), &tags).await,
    };
    app.events().dropped(&named, &outcomes, asked.when.strategy());
    let targets = named.into_iter().zip(&outcomes).map(|((kind, target), report)| {
        if let Err(StepError::Cache(error)) = &report.outcome {
            app.metrics().cache_error(error.kind());
        }
        TargetReport { kind, target, outcome: report.into() }
    });
    let report = DropReport { schema: 1, targets: targets.collect() };
    match outcomes.iter().find_map(|report| report.outcome.as_ref().err()) {
        None => Ok(Answer::json(StatusCode::OK, &report).into_response()),
        Some(why) => Err(Problem::new(Kind::NOT_DROPPED, why.to_string())
            .help("send the request again: what is done harms nothing")
            .report(&report)),
    }
}

async fn now(cache: &AnyCache, targets: Vec<DropTarget>, reach: Reach) -> Vec<StepReport> {
    let requests: Vec<_> = targets.into_iter().map(|target| DropRequest::new(target, reach)).collect();
    let outcomes = cache.drop_many(&requests, quiet()).await;
    outcomes.into_iter().map(|outcome| done(outcome, None)).collect()
}

async fn batched(
    cache: &AnyCache,
    targets: Vec<DropTarget>,
    reach: Reach,
    delay: Duration,
) -> Vec<StepReport> {
    let items = targets.into_iter().map(|target| (Work::Drop(DropRequest::new(target, reach)), delay));
    let items: Vec<_> = items.collect();
    let answer = cache.enqueue(&items).await.map(|_| Dropped::default());
    items.iter().map(|_| done(answer.clone(), Some(delay))).collect()
}

async fn lazily(cache: &AnyCache, tags: &[Tag]) -> Vec<StepReport> {
    let items: Vec<_> = tags.iter().cloned().map(|tag| (Work::Collect(tag), Duration::ZERO)).collect();
    let (retired, answer) = cache.retire_and_enqueue(tags, &items).await;
    let answer = answer.map(|_| Dropped::default());
    let one = |retired: Result<_, _>| done(retired.and_then(|_| answer.clone()), Some(Duration::ZERO));
    retired.into_iter().map(one).collect()
}

fn done(outcome: Result<Dropped, CacheError>, queued: Option<Duration>) -> StepReport {
    let queued = queued.filter(|_| outcome.is_ok());
    StepReport { outcome: outcome.map_err(StepError::Cache), queued }
}
