//! A request and its parts, as they are recorded.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use axum::extract::Request;
use axum::response::Response;

use super::context::{Context, fresh};
use crate::cache::observe::{Observer, Part, observed};
use crate::server::App;

/// A request that is over, with its parts.
#[derive(Debug)]
pub struct Trace {
    pub context: Context,
    /// The request itself; its name is the method and the route.
    pub number: u64,
    pub method: String,
    pub route: String,
    pub status: u16,
    pub began: SystemTime,
    pub ended: SystemTime,
    pub parts: Vec<Part>,
}

/// The parts that are over, of a request that is not.
#[derive(Default)]
struct Parts(Mutex<Vec<Part>>);

impl Observer for Parts {
    fn begins(&self) -> u64 {
        fresh()
    }

    fn ended(&self, part: Part) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(part);
    }
}

/// A request that begins; it is recorded where its trace is sampled and somebody takes it.
pub struct Call<'a> {
    app: &'a App,
    recorded: Option<(Context, String, String)>,
}

impl<'a> Call<'a> {
    pub fn begin(app: &'a App, request: &Request, route: &str) -> Self {
        let context = app.exporter().map(|exporter| exporter.sampler.context(request.headers()));
        let recorded = context
            .filter(|context| context.is_sampled)
            .map(|context| (context, request.method().to_string(), route.to_owned()));
        Self { app, recorded }
    }

    pub async fn carried_out(self, work: impl Future<Output = Response>) -> Response {
        let Some((context, method, route)) = self.recorded else { return work.await };
        let (number, parts, began) = (fresh(), Arc::new(Parts::default()), SystemTime::now());
        let response = observed(parts.clone(), number, work).await;
        let parts = std::mem::take(&mut *parts.0.lock().unwrap_or_else(PoisonError::into_inner));
        let (status, ended) = (response.status().as_u16(), SystemTime::now());
        if let Some(exporter) = self.app.exporter() {
            exporter.take(Trace { context, number, method, route, status, began, ended, parts });
        }
        response
    }
}
