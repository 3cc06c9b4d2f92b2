//! The resources, a file each; and how their bodies and parameters are read.

pub mod dependencies;
pub mod drops;
pub mod entries;
pub mod events;
pub mod health;
pub mod names;
pub mod queue;
pub mod rules;
pub mod writes;

mod bulk;

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use super::App;
use super::problem::{Kind, Problem};
use crate::model::{Key, Pattern, Tag};

/// A whole body, no longer than the server takes.
pub struct Whole(pub Bytes);

impl FromRequest<Arc<App>> for Whole {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        whole(request.into_body(), app.limits().body).await.map(Self)
    }
}

pub async fn whole(body: Body, limit: usize) -> Result<Bytes, Problem> {
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Problem::new(Kind::TOO_LARGE, format!("the body is longer than {limit} bytes"))
                .help("send many writes as `application/x-ndjson`: each line may be that long"))
        }
        Err(error) => Err(Problem::new(Kind::BAD_REQUEST, format!("the body broke off: {error}"))),
    }
}

/// A JSON body.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let Whole(bytes) = Whole::from_request(request, app).await?;
        let read = serde_json::from_slice(&bytes);
        read.map(Self)
            .map_err(|error| Problem::new(Kind::BAD_REQUEST, format!("the body is not as asked: {error}")))
    }
}

/// The parameters behind the `?`.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<App>> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        match Query::<T>::from_request_parts(parts, app).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(error) => Err(Problem::new(Kind::BAD_REQUEST, error.body_text())),
        }
    }
}

/// The key at the end of a path.
pub struct KeyInPath(pub Key);

impl FromRequestParts<Arc<App>> for KeyInPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        match Path::<String>::from_request_parts(parts, app).await {
            Ok(Path(text)) => key(&text).map(Self),
            Err(error) => Err(Problem::new(Kind::BAD_REQUEST, error.body_text())),
        }
    }
}

pub fn key(text: &str) -> Result<Key, Problem> {
    Key::new(text).map_err(|error| Problem::new(Kind::BAD_REQUEST, format!("`{text}` is no key: {error}")))
}

pub fn tag(text: &str) -> Result<Tag, Problem> {
    Tag::new(text).map_err(|error| Problem::new(Kind::BAD_REQUEST, format!("`{text}` is no tag: {error}")))
}

pub fn pattern(text: &str) -> Result<Pattern, Problem> {
    Pattern::parse(text)
        .map_err(|error| Problem::new(Kind::BAD_REQUEST, format!("`{text}` is no pattern: {error}")))
}

pub fn keys(texts: &[String]) -> Result<Vec<Key>, Problem> {
    texts.iter().map(|text| key(text)).collect()
}

pub fn tags(texts: &[String]) -> Result<Vec<Tag>, Problem> {
    texts.iter().map(|text| tag(text)).collect()
}
