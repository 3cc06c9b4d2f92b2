//! The page at `/`: what the server does, live. It holds no data: all of it comes by the API, with the token
//! of whoever looks on.

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::App;
use crate::draw::{VIEWER, viewer_style};

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
/// After the viewer of the picture, which is that of `graph --format html`.
const SCRIPT: [&str; 9] = [
    include_str!("page/glow.js"),
    include_str!("page/figures.js"),
    include_str!("page/writes.js"),
    include_str!("page/explain.js"),
    include_str!("page/form.js"),
    include_str!("page/state.js"),
    include_str!("page/stream.js"),
    include_str!("page/keys.js"),
    include_str!("page/start.js"),
];

/// Nothing but what this server itself serves may be loaded or asked, and nothing inline is run.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Adds the page to the routes. It asks for no token: there is no data in it.
pub fn add(routes: Router<Arc<App>>) -> Router<Arc<App>> {
    let style: Arc<str> = format!("{}{STYLE}", viewer_style()).into();
    let script: Arc<str> =
        format!("(() => {{\n'use strict';\n{}{}}})();\n", VIEWER.concat(), SCRIPT.concat()).into();
    let text = |kind: &'static str, text: Arc<str>| get(move || async move { part(kind, &text) });
    routes
        .route("/", text("text/html; charset=utf-8", PAGE.into()))
        .route("/page.css", text("text/css; charset=utf-8", style))
        .route("/page.js", text("text/javascript; charset=utf-8", script))
}

fn part(kind: &'static str, text: &str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    (headers, text.to_owned()).into_response()
}
