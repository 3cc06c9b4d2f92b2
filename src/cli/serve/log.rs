//! What the server tells.

use invalidate::engine::WorkEvent;
use invalidate::server::Event;
use serde_json::json;

use crate::cli::log::{Entry, Level, Log};
use crate::cli::output;
use invalidate::model::micros;

/// Prints an event. Requests come often: they are not even put into words unless they are printed.
pub fn print(log: &Log, event: &Event<'_>) {
    if !log.is_verbose() && matches!(event, Event::Request { status: ..500, .. }) {
        return;
    }
    log.print(describe(event));
}

/// The level of an event, its stable word, what it says, and its fields.
pub fn describe(event: &Event<'_>) -> Entry {
    use Level::{Debug, Info, Warning};
    match event {
        Event::Listening(at) => (Info, "listening", format!("listening on {at}"), json!({"at": at})),
        Event::Request { id, method, route, status, took, token } => {
            let micros = micros(*took);
            let text = format!("{method} {route} {status} in {:.1} ms ({id})", took.as_secs_f64() * 1e3);
            let fields = json!({"request_id": id, "method": method, "route": route, "status": status,
                "took_us": micros, "token": token});
            (if *status >= 500 { Warning } else { Debug }, "request", text, fields)
        }
        Event::Reloaded { rules } => {
            let text = format!("the rules were read anew: {}", output::count(*rules as u64, "rule", "rules"));
            (Info, "rules-reloaded", text, json!({"rules": rules}))
        }
        Event::NotReloaded { errors } => {
            let first = errors.first().map_or("", String::as_str);
            let text = format!("the rules have errors, those of before stay in force: {first}");
            (Warning, "rules-refused", text, json!({"errors": errors}))
        }
        Event::CacheError(error) => (Warning, "cache-error", error.to_string(), json!({})),
        Event::Connection(why) => (Debug, "connection", format!("a connection ended: {why}"), json!({})),
        #[cfg(feature = "opentelemetry")]
        Event::Spans(why) => (Warning, "spans-lost", (*why).to_owned(), json!({})),
        Event::Stopping => (Info, "stopping", "stopping: finishing what has begun".to_owned(), json!({})),
        Event::CutOff(after) => {
            let text = format!("requests that took longer than {} s were cut off", after.as_secs());
            (Warning, "cut-off", text, json!({}))
        }
        Event::Worker(event) => worker(event),
    }
}

/// The same of the worker inside.
pub fn worker(event: &WorkEvent<'_>) -> Entry {
    use Level::{Debug, Info, Warning};
    match event {
        WorkEvent::Ready => (Debug, "worker-ready", "the worker takes what is queued".to_owned(), json!({})),
        WorkEvent::Batch(carried) => match carried.failed.first() {
            None => {
                let text = format!("the worker carried out {}", carried.done.total());
                (Debug, "worker-batch", text, json!({"items": carried.done.total()}))
            }
            Some((work, error)) => {
                let text = format!("`{}` failed, and will be tried again: {error}", work.member());
                (Warning, "worker-failed", text, json!({"failed": carried.failed.len()}))
            }
        },
        WorkEvent::Lost(error, wait) => {
            let text = format!("{error}; the worker tries again after {} ms", wait.as_millis());
            (Warning, "cache-lost", text, json!({}))
        }
        WorkEvent::Back => (Info, "cache-back", "the cache answers again".to_owned(), json!({})),
        WorkEvent::Stopping => {
            (Debug, "worker-stopping", "the worker finishes what it has begun".to_owned(), json!({}))
        }
        WorkEvent::HandedBack(items) => {
            let text = format!("{} handed back to the queue", output::count(*items, "item", "items"));
            (Info, "worker-handed-back", text, json!({"items": items}))
        }
    }
}
