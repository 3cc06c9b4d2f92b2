//! How things stand: the rules, the queue and the cache, looked at while somebody listens.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::document::{CacheSeen, QueueSeen, RulesSeen, StateSeen};
use super::{STATE, millis};
use crate::cache::{Cache, ServerInfo};
use crate::server::App;

/// How long a cache may take for an answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Tells how things stand until it is aborted.
pub async fn tell(app: Arc<App>) {
    // What a cache is does not change while it is there.
    let mut info: Option<ServerInfo> = None;
    loop {
        let state = look(&app, &mut info).await;
        app.events().send("state", &state);
        tokio::time::sleep(STATE).await;
    }
}

async fn look(app: &App, info: &mut Option<ServerInfo>) -> StateSeen {
    let cache = app.cache();
    let (slowest, last_error) = app.events().slowest();
    let mut seen = CacheSeen { last_error, ..CacheSeen::default() };
    let mut queue = None;
    match tokio::time::timeout(PATIENCE, cache.ping()).await {
        Ok(Ok(took)) => {
            seen.ping_us = Some(crate::model::micros(took));
            if info.is_none() {
                *info = tokio::time::timeout(PATIENCE, cache.server_info()).await.ok().and_then(Result::ok);
            }
            let pending = tokio::time::timeout(PATIENCE, cache.pending()).await;
            queue = pending.ok().and_then(Result::ok).map(|pending| QueueSeen {
                waiting: pending.waiting.total(),
                leased: pending.leased,
                oldest_overdue_ms: pending.oldest_due_ms.map(|due| -due),
                workers: pending.workers,
            });
        }
        Ok(Err(error)) => {
            *info = None;
            seen.error = Some(error.to_string());
        }
        Err(_) => {
            *info = None;
            seen.error = Some(format!("no answer within {} s", PATIENCE.as_secs()));
        }
    }
    if let Some(ServerInfo { kind, version, address, .. }) = info {
        seen.kind = Some(kind.clone());
        seen.version = Some(version.clone());
        seen.address = Some(address.clone());
    }
    StateSeen {
        at_ms: millis(SystemTime::now()),
        rules: rules(app),
        queue,
        cache: seen,
        slowest,
        listeners: app.events().sender.receiver_count(),
    }
}

fn rules(app: &App) -> RulesSeen {
    let loaded = app.rules().now();
    RulesSeen {
        generation: loaded.generation,
        read_at_ms: millis(loaded.at),
        rules: loaded.program.rules().rules().len(),
        errors: app.rules().failure().map(|failure| failure.errors.clone()).unwrap_or_default(),
    }
}
