//! Reports added up, and written into the cache's counters once a second.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch as signal;

use super::App;
use super::event::Event;
use crate::check::RuleSet;
use crate::engine::{Report, Statistics};

/// How often the counters are written.
const EVERY: Duration = Duration::from_secs(1);

/// Counters that are not written yet.
#[derive(Default)]
pub struct Tally(Mutex<Statistics>);

impl Tally {
    pub fn add(&self, reports: &[Report], rules: &RuleSet) {
        let mut statistics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reports.iter().for_each(|report| statistics.count(report, rules));
    }

    fn take(&self) -> Statistics {
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
        if let Err(error) = app.tally().take().record(app.cache()).await {
            // Counters only inform: losing some loses no invalidation.
            app.tell(&Event::CacheError(&error));
        }
        if is_over {
            return;
        }
    }
}
