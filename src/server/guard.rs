//! What every request passes: its ID, its token, its time, and its line in the log.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::App;
use super::event::Event;
use super::problem::{Kind, Problem};
use super::spans::Call;
use super::tokens::Scope;

const REQUEST_ID: &str = "x-request-id";

/// The name of the token that a request came with.
#[derive(Clone)]
pub struct Caller(pub Arc<str>);

/// Gives the request an ID and a time, and tells of it when it is answered.
pub async fn observe(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let id = request_id(request.headers());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("unknown", MatchedPath::as_str);
    let call = Call::begin(&app, &request, route);
    let answer = async {
        if is_stream(request.headers()) {
            // A stream lasts as long as it moves.
            return next.run(request).await;
        }
        match tokio::time::timeout(app.limits().time, next.run(request)).await {
            Ok(response) => response,
            Err(_) => {
                Problem::new(Kind::TIMED_OUT, format!("no answer within {} s", app.limits().time.as_secs()))
                    .help("what was asked may have been done in part; asking again is safe")
                    .into_response()
            }
        }
    };
    let mut response = call.carried_out(answer).await;
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    let (status, took) = (response.status().as_u16(), start.elapsed());
    let caller = response.extensions().get::<Caller>().cloned();
    app.metrics().request(method.as_str(), route, status, took);
    app.tell(&Event::Request {
        id: &id,
        method: method.as_str(),
        route,
        status,
        took,
        token: caller.as_ref().map(|caller| &*caller.0),
    });
    response
}

/// Whether a body is lines that come one by one.
pub fn is_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let lines = ["application/x-ndjson", "application/jsonl", "application/jsonlines"];
    lines.iter().any(|lines| kind.eq_ignore_ascii_case(lines))
}

/// The caller's, where it is fit for a log; else one that no other request has.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let is_fit = |id: &&str| (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
    given.filter(is_fit).map_or_else(fresh_id, str::to_owned)
}

fn fresh_id() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("{:016x}", RandomState::new().hash_one(number))
}

/// Lets a request pass whose token has a scope, or any where no tokens are asked for.
pub async fn allow(
    State((app, scope)): State<(Arc<App>, Scope)>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(tokens) = app.tokens() else { return next.run(request).await };
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let secret = given.and_then(|value| {
        let (scheme, secret) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
    });
    let Some(secret) = secret else {
        return Problem::new(Kind::UNAUTHORIZED, "the request has no bearer token")
            .help("send `Authorization: Bearer TOKEN`")
            .into_response();
    };
    match tokens.find(secret, scope) {
        None => Problem::new(Kind::UNAUTHORIZED, "the token is not known").into_response(),
        Some((name, false)) => {
            let detail = format!("the token `{name}` lacks the scope `{}`", scope.word());
            Problem::new(Kind::FORBIDDEN, detail).into_response()
        }
        Some((name, true)) => {
            let caller = Caller(name.into());
            request.extensions_mut().insert(caller.clone());
            let mut response = next.run(request).await;
            response.extensions_mut().insert(caller);
            response
        }
    }
}
