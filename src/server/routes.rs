//! What there is to ask for, and the OpenAPI document of it: both from the handlers themselves.

use std::sync::Arc;

use axum::Router;
use axum::http::{Method, Uri, header};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa::OpenApi as _;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::problem::{Kind, Problem};
use super::tokens::Scope;
use super::{App, api, guard, page};

#[derive(utoipa::OpenApi)]
#[openapi(info(
    title = "invalidate",
    description = "Says what a database write makes stale in the cache, and drops it.",
    license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
))]
struct Document;

type Routes = OpenApiRouter<Arc<App>>;

/// The routes with everything that a request passes on its way, and their description.
pub fn router(app: &Arc<App>) -> (Router, OpenApi) {
    let (routes, document) = parts(|routes, scope| match app.tokens() {
        // Whoever can connect may do everything.
        None => routes,
        Some(_) => routes.route_layer(from_fn_with_state((app.clone(), scope), guard::allow)),
    });
    let text: axum::body::Bytes = document.to_json().unwrap_or_default().into();
    let json = move || async { ([(header::CONTENT_TYPE, "application/json")], text) };
    let routes = if app.has_page() { page::add(routes) } else { routes };
    let routes = routes
        .route("/openapi.json", get(json))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(map_response(hardened))
        .layer(from_fn_with_state(app.clone(), guard::observe))
        .with_state(app.clone());
    (routes, document)
}

/// The OpenAPI document.
pub fn openapi() -> OpenApi {
    parts(|routes, _| routes).1
}

/// The routes by the scope that they ask for.
fn parts(guarded: impl Fn(Routes, Scope) -> Routes) -> (Router<Arc<App>>, OpenApi) {
    let open = Routes::new().routes(routes!(api::health::alive)).routes(routes!(api::health::ready));
    let read = Routes::new()
        .routes(routes!(api::entries::get))
        .routes(routes!(api::names::names))
        .routes(routes!(api::dependencies::show))
        .routes(routes!(api::queue::stats))
        .routes(routes!(api::rules::rules))
        .routes(routes!(api::rules::graph))
        .routes(routes!(api::events::events))
        .routes(routes!(api::events::event))
        .routes(routes!(api::events::explain))
        .routes(routes!(api::health::metrics));
    let write = Routes::new()
        .routes(routes!(api::writes::write))
        .routes(routes!(api::drops::drop))
        .routes(routes!(api::entries::put))
        .routes(routes!(api::entries::fence))
        .routes(routes!(api::dependencies::add))
        .routes(routes!(api::dependencies::remove));
    let admin = Routes::new().routes(routes!(api::queue::flush)).routes(routes!(api::rules::reload));
    let mut document = Document::openapi();
    document.components = Some(
        ComponentsBuilder::new()
            .security_scheme("token", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)))
            .build(),
    );
    OpenApiRouter::with_openapi(document)
        .merge(open)
        .merge(guarded(read, Scope::Read))
        .merge(guarded(write, Scope::Write))
        .merge(guarded(admin, Scope::Admin))
        .split_for_parts()
}

async fn not_found(uri: Uri) -> Response {
    Problem::new(Kind::NOT_FOUND, format!("there is no `{}`", uri.path()))
        .help("`GET /openapi.json` lists what there is")
        .into_response()
}

async fn method_not_allowed(method: Method, uri: Uri) -> Response {
    Problem::new(Kind::METHOD, format!("`{}` takes no {method}", uri.path()))
        .help("`GET /openapi.json` lists what there is")
        .into_response()
}

/// No browser may guess at a type, keep an answer, or show it inside another page.
async fn hardened(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let mut set = |name, value| headers.insert(name, header::HeaderValue::from_static(value));
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::CACHE_CONTROL, "no-store");
    set(header::X_FRAME_OPTIONS, "DENY");
    response
}
