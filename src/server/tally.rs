//! Reports added up, and written into the cache's counters once a second.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch as signal;

use super::App;
use super::event::Event;
use crate::cache::Cache;
use crate::engine::Report;

/// How often the counters are written.
const EVERY: Duration = Duration::from_secs(1);

/// Counters that are not written yet.
#[derive(Default)]
pub struct Tally(Mutex<BTreeMap<String, u64>>);

impl Tally {
    pub fn add(&self, report: &Report) {
        let mut sum = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, n) in report.counters() {
            *sum.entry(name).or_default() += n;
        }
    }

    fn take(&self) -> BTreeMap<String, u64> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Writes the counters until the server has stopped.
pub async fn keep(app: Arc<App>, mut stopped: signal::Receiver<bool>) {
    loop {
        let is_over = tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => true,
            () = tokio::time::sleep(EVERY) => false,
        };
        let sum = app.tally().take();
        let counters: Vec<(&str, u64)> = sum.iter().map(|(name, n)| (name.as_str(), *n)).collect();
        if !counters.is_empty()
            && let Err(error) = app.cache().record(&counters).await
        {
            // Counters only inform: losing some loses no invalidation.
            app.tell(&Event::CacheError(&error));
        }
        if is_over {
            return;
        }
    }
}
