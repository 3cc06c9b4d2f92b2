//! `/v1/entries/{key}` and `/v1/fences`: entries, written and read as the layout asks.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Json, KeyInPath, Params, Whole, key, keys, tags};
use crate::cache::{Cache, Entry, Fence, FencedPut};
use crate::server::App;
use crate::server::answers::Answer;
use crate::server::problem::{Kind, Problem};

/// The header that carries a fence.
const FENCE: &str = "invalidate-fence";

/// The value of an entry
///
/// An entry that was dropped, be it lazily, is not there any more.
#[utoipa::path(get, path = "/v1/entries/{key}", tag = "entries", params(
    ("key" = String, Path, description = "The key, percent-encoded"),
), responses(
    (status = 200, description = "The value", body = [u8], content_type = "application/octet-stream"),
    (status = 404, description = "There is no such entry", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The cache could not do it", body = Problem, content_type = "application/problem+json"),
), security(("token" = [])))]
pub async fn get(State(app): State<Arc<App>>, KeyInPath(name): KeyInPath) -> Result<Response, Problem> {
    let value = app.cache().get(&name).await?;
    let value = value.ok_or_else(|| Problem::new(Kind::NOT_FOUND, format!("there is no entry `{name}`")))?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], value).into_response())
}

/// How an entry is stored.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Storing {
    /// How long it lives, in milliseconds. Without one it lives until it is dropped.
    ttl_ms: Option<u64>,
    /// Tags that it carries, with commas between them; a comma in a tag is `%2C` twice encoded: `%252C`.
    #[serde(default)]
    tags: String,
    /// Keys that it was built from, in the same way.
    #[serde(default)]
    depends_on: String,
}

/// Store an entry
///
/// With a fence, the entry is stored only if nothing that it was made from was dropped since the fence
/// was taken; its tags and dependencies are those of the fence.
#[utoipa::path(put, path = "/v1/entries/{key}", tag = "entries", params(
    ("key" = String, Path, description = "The key, percent-encoded"), Storing,
    ("Invalidate-Fence" = Option<String>, Header, description = "What `POST /v1/fences` gave"),
), request_body(content = [u8], content_type = "application/octet-stream"), responses(
    (status = 204, description = "Stored"),
    (status = 400, description = "No such names, or no fence", body = Problem, content_type = "application/problem+json"),
    (status = 412, description = "Not stored: what was read is stale", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The cache could not do it", body = Problem, content_type = "application/problem+json"),
), security(("token" = [])))]
pub async fn put(
    State(app): State<Arc<App>>,
    KeyInPath(name): KeyInPath,
    Params(storing): Params<Storing>,
    headers: HeaderMap,
    Whole(value): Whole,
) -> Result<StatusCode, Problem> {
    let ttl = storing.ttl_ms.map(Duration::from_millis);
    let (tagged, depends_on) = (tags(&list(&storing.tags)?)?, keys(&list(&storing.depends_on)?)?);
    let Some(fence) = headers.get(FENCE) else {
        let entry = Entry { key: &name, value: &value, tags: &tagged, ttl, depends_on: &depends_on };
        app.cache().put(&entry).await?;
        return Ok(StatusCode::NO_CONTENT);
    };
    if !tagged.is_empty() || !depends_on.is_empty() {
        return Err(Problem::new(Kind::BAD_REQUEST, "tags and dependencies stand in the fence")
            .help("give them to `POST /v1/fences` alone"));
    }
    let fence = fence.to_str().ok().and_then(|text| text.parse::<Fence>().ok());
    let fence = fence.ok_or_else(|| {
        Problem::new(Kind::BAD_REQUEST, "the header `Invalidate-Fence` holds no fence")
            .help("send what `POST /v1/fences` gave")
    })?;
    if *fence.key() != name {
        return Err(Problem::new(Kind::BAD_REQUEST, format!("the fence is of `{}`", fence.key())));
    }
    match app.cache().put_fenced(&fence, &value, ttl).await? {
        FencedPut::Stored => Ok(StatusCode::NO_CONTENT),
        _ => Err(Problem::new(Kind::FENCE_BROKEN, format!("`{name}` was not stored"))
            .help("take a fence, and read the database again")),
    }
}

/// Names with commas between them, each percent-encoded.
fn list(text: &str) -> Result<Vec<String>, Problem> {
    let decode = |name: &str| {
        let pairs = format!("={}", name.replace('+', "%2B").replace('&', "%26"));
        url::form_urlencoded::parse(pairs.as_bytes()).next().map(|(_, name)| name.into_owned())
    };
    let names = text.split(',').filter(|name| !name.is_empty());
    Ok(names.filter_map(decode).collect())
}

/// What an entry is to be made from.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FenceRequest {
    key: String,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    depends_on: Vec<String>,
}

/// A fence that was taken.
#[derive(Debug, Serialize, ToSchema)]
pub struct FenceTaken {
    schema: u32,
    fence: String,
}

/// Take a fence, before the database is read
#[utoipa::path(post, path = "/v1/fences", tag = "entries", request_body = FenceRequest, responses(
    (status = 200, description = "The fence, for `PUT /v1/entries/{key}`", body = FenceTaken),
    (status = 400, description = "No such names", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The cache could not do it", body = Problem, content_type = "application/problem+json"),
), security(("token" = [])))]
pub async fn fence(State(app): State<Arc<App>>, Json(asked): Json<FenceRequest>) -> Result<Answer, Problem> {
    let (tags, depends_on) = (tags(&asked.tags)?, keys(&asked.depends_on)?);
    let fence = app.cache().fence(&key(&asked.key)?, &tags, &depends_on).await?;
    Ok(Answer::json(StatusCode::OK, &FenceTaken { schema: 1, fence: fence.to_string() }))
}
