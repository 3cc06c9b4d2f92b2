//! OpenTelemetry spans of requests, with the feature `opentelemetry`; without it nothing.
//!
//! A request is a span, and its parts, as [`crate::cache::observe`] tells them, are spans below it: check,
//! plan, cache with its round trips, and queue. The caller's `traceparent` is taken over.

#[cfg(feature = "opentelemetry")]
mod context;
#[cfg(feature = "opentelemetry")]
mod otlp;
#[cfg(feature = "opentelemetry")]
mod recorded;

#[cfg(feature = "opentelemetry")]
pub use context::Sampler;
#[cfg(feature = "opentelemetry")]
pub use otlp::{Collector, Exporter};
#[cfg(feature = "opentelemetry")]
pub(super) use recorded::Call;

#[cfg(not(feature = "opentelemetry"))]
mod none {
    use axum::extract::Request;
    use axum::response::Response;

    use crate::server::App;

    /// A request of which nothing is recorded.
    pub struct Call;

    impl Call {
        pub fn begin(_: &App, _: &Request, _: &str) -> Self {
            Self
        }

        pub fn carried_out<F: Future<Output = Response>>(self, work: F) -> F {
            work
        }
    }
}

#[cfg(not(feature = "opentelemetry"))]
pub(super) use none::Call;
