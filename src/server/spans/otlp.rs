//! Spans on their way to a collector: OTLP over HTTP, as JSON
//! (<https://opentelemetry.io/docs/specs/otlp/#otlphttp>).
//!
//! The protocol is two nested lists and a POST, which is not worth fifty crates. What a collector does
//! not take in time is lost, and said: spans must not slow down what they tell of.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::{Body, Bytes};
use axum::http::{Request, header};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::watch as signal;
use url::Url;

use super::context::Sampler;
use super::recorded::Trace;
use crate::server::App;
use crate::server::event::Event;

/// How many requests wait to be sent at most.
const WAITING: usize = 4096;

/// How many are sent together, and how long the first of them waits for others.
const TOGETHER: usize = 512;
const GATHERING: Duration = Duration::from_secs(1);

/// How long a collector may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where spans are sent, and as whose.
#[derive(Clone, Debug)]
pub struct Collector {
    /// The whole address, such as `http://localhost:4318/v1/traces`.
    url: Url,
    /// Such as what it asks for as authentication.
    headers: Vec<(String, String)>,
    /// What the spans are said to come from: `service.name` and the like.
    resource: Vec<(String, String)>,
}

impl Collector {
    /// # Errors
    /// What is wrong with the address.
    pub fn new(
        url: &str,
        headers: Vec<(String, String)>,
        resource: Vec<(String, String)>,
    ) -> Result<Self, String> {
        let url = Url::parse(url).map_err(|error| format!("`{url}` is no URL: {error}"))?;
        if url.scheme() != "http" || url.host_str().is_none() {
            return Err(format!("`{url}`: a collector is spoken to over http, best one beside the server"));
        }
        for (name, value) in &headers {
            if header::HeaderName::try_from(name).is_err() || header::HeaderValue::try_from(value).is_err() {
                return Err(format!("`{name}` and its value are no HTTP header"));
            }
        }
        Ok(Self { url, headers, resource })
    }
}

/// Takes requests that are over, and sends them from a task of its own.
pub struct Exporter {
    pub(super) sampler: Sampler,
    collector: Collector,
    sender: Sender<Trace>,
    /// Until the task takes it.
    receiver: Mutex<Option<Receiver<Trace>>>,
    lost: AtomicU64,
}

impl Exporter {
    pub fn new(collector: Collector, sampler: Sampler) -> Self {
        let (sender, receiver) = channel(WAITING);
        Self { sampler, collector, sender, receiver: Mutex::new(Some(receiver)), lost: AtomicU64::new(0) }
    }

    pub(super) fn take(&self, trace: Trace) {
        if self.sender.try_send(trace).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sends what comes until the server has stopped, and then what is left.
    pub(in crate::server) async fn run(&self, app: &App, mut stopped: signal::Receiver<bool>) {
        let receiver = self.receiver.lock().ok().and_then(|mut receiver| receiver.take());
        // Somebody else sends them.
        let Some(mut receiver) = receiver else { return };
        let mut is_over = false;
        while !is_over {
            let mut traces = Vec::new();
            tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => is_over = true,
                _ = receiver.recv_many(&mut traces, TOGETHER) => {}
            }
            if !is_over {
                // An error is that it has stopped.
                let over = tokio::time::timeout(GATHERING, stopped.wait_for(|stop| *stop)).await;
                is_over = over.is_ok();
            }
            if is_over {
                receiver.close();
            }
            while let Ok(trace) = receiver.try_recv() {
                traces.push(trace);
                if traces.len() >= TOGETHER {
                    self.send(app, std::mem::take(&mut traces)).await;
                }
            }
            self.send(app, traces).await;
        }
    }

    async fn send(&self, app: &App, traces: Vec<Trace>) {
        if !traces.is_empty() {
            let sending = tokio::time::timeout(PATIENCE, post(&self.collector, &traces));
            let outcome = sending.await.unwrap_or_else(|_| Err("it does not answer".to_owned()));
            if let Err(why) = outcome {
                self.lost.fetch_add(traces.len() as u64, Ordering::Relaxed);
                app.tell(&Event::Spans(&format!("the collector of spans: {why}")));
            }
        }
        match self.lost.swap(0, Ordering::Relaxed) {
            0 => {}
            lost => app.tell(&Event::Spans(&format!("the spans of {lost} requests are lost"))),
        }
    }
}

async fn post(collector: &Collector, traces: &[Trace]) -> Result<(), String> {
    let text = |error: &dyn std::error::Error| error.to_string();
    let (host, port) = (collector.url.host_str().unwrap_or_default(), collector.url.port().unwrap_or(80));
    // An IPv6 address stands in brackets in a URL, and without them here.
    let name = host.trim_matches(['[', ']']);
    let stream = TcpStream::connect((name, port)).await.map_err(|error| text(&error))?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| text(&error))?;
    let mut request = Request::post(collector.url.path())
        .header(header::HOST, format!("{host}:{port}"))
        .header(header::CONTENT_TYPE, "application/json");
    for (name, value) in &collector.headers {
        request = request.header(name, value);
    }
    let body = Bytes::from(document(collector, traces).to_string());
    let request = request.body(Body::from(body)).map_err(|error| text(&error))?;
    let answer = async { sender.send_request(request).await.map_err(|error| text(&error)) };
    let answer = tokio::select! {
        answer = answer => answer?,
        ended = connection => return Err(ended.map_or_else(|error| text(&error), |()| "it hung up".to_owned())),
    };
    match answer.status() {
        status if status.is_success() => Ok(()),
        status => Err(format!("it answers {status}")),
    }
}

/// An `ExportTraceServiceRequest`.
fn document(collector: &Collector, traces: &[Trace]) -> Value {
    let attributes = |of: &[(String, String)]| -> Vec<Value> {
        of.iter().map(|(name, value)| json!({"key": name, "value": {"stringValue": value}})).collect()
    };
    json!({"resourceSpans": [{
        "resource": {"attributes": attributes(&collector.resource)},
        "scopeSpans": [{
            "scope": {"name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION")},
            "spans": traces.iter().flat_map(spans).collect::<Vec<_>>(),
        }],
    }]})
}

/// The spans of one request: itself, and its parts.
fn spans(trace: &Trace) -> Vec<Value> {
    // SPAN_KIND_INTERNAL, _SERVER and _CLIENT; STATUS_CODE_ERROR.
    const INTERNAL: u8 = 1;
    const SERVER: u8 = 2;
    const CLIENT: u8 = 3;
    const FAILED: u8 = 2;
    let span = |name: &str, number: u64, parent: u64, kind: u8, began: SystemTime, ended: SystemTime| {
        json!({
            "traceId": format!("{:032x}", trace.context.trace), "spanId": format!("{number:016x}"),
            "parentSpanId": if parent == 0 { String::new() } else { format!("{parent:016x}") },
            "name": name, "kind": kind,
            "startTimeUnixNano": nanos(began), "endTimeUnixNano": nanos(ended),
        })
    };
    let name = format!("{} {}", trace.method, trace.route);
    let mut request = span(&name, trace.number, trace.context.parent, SERVER, trace.began, trace.ended);
    request["attributes"] = json!([
        {"key": "http.request.method", "value": {"stringValue": trace.method}},
        {"key": "http.route", "value": {"stringValue": trace.route}},
        {"key": "http.response.status_code", "value": {"intValue": trace.status.to_string()}},
    ]);
    if trace.status >= 500 {
        request["status"] = json!({"code": FAILED});
    }
    let parts = trace.parts.iter().map(|part| {
        let kind = if part.name == "round trip" { CLIENT } else { INTERNAL };
        span(part.name, part.number, part.within, kind, part.began, part.ended)
    });
    std::iter::once(request).chain(parts).collect()
}

/// As JSON writes a 64-bit number of protocol buffers.
fn nanos(time: SystemTime) -> String {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_string()
}
