//! What every request can reach.

use std::sync::Arc;
use std::time::Duration;

use super::answers::Answers;
use super::combine::Combiner;
use super::event::Event;
use super::events::Events;
use super::metrics::Metrics;
use super::rules::{Failure, Loaded, Look, Rules};
use super::tally::Tally;
use super::tokens::Tokens;
use crate::cache::AnyCache;
use crate::engine::Report;

/// What one request may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest body, or line of a stream, in bytes.
    pub body: usize,
    /// How long a request may take; of a stream, how long it may stand still.
    pub time: Duration,
    /// Open connections at one time, of each listener.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body: 1 << 20, time: Duration::from_secs(30), connections: 4096 }
    }
}

/// The server without its listeners.
pub struct App {
    rules: Rules,
    cache: AnyCache,
    tokens: Option<Tokens>,
    limits: Limits,
    answers: Answers,
    combiner: Combiner,
    metrics: Metrics,
    tally: Tally,
    events: Events,
    has_page: bool,
    tell: Box<dyn Fn(&Event<'_>) + Send + Sync>,
    #[cfg(feature = "opentelemetry")]
    exporter: std::sync::OnceLock<super::spans::Exporter>,
}

impl App {
    /// `tokens` is `None` where everybody who can connect may do everything. `tell` is called for
    /// every event, and must not wait.
    pub fn new(
        rules: Rules,
        cache: AnyCache,
        tokens: Option<Tokens>,
        limits: Limits,
        tell: impl Fn(&Event<'_>) + Send + Sync + 'static,
    ) -> Arc<Self> {
        let metrics = Metrics::new(rules.now().program.rules());
        let (answers, tally, events) = Default::default();
        Arc::new(Self {
            rules,
            cache,
            tokens,
            limits,
            answers,
            combiner: Combiner::default(),
            metrics,
            tally,
            events,
            has_page: true,
            tell: Box::new(tell),
            #[cfg(feature = "opentelemetry")]
            exporter: std::sync::OnceLock::new(),
        })
    }

    /// Serves no page. To be said before the server is.
    #[must_use]
    pub fn without_page(mut self: Arc<Self>) -> Arc<Self> {
        if let Some(app) = Arc::get_mut(&mut self) {
            app.has_page = false;
        }
        self
    }

    /// Leaves the values of rows out of the page and its events: names are those of templates then.
    #[must_use]
    pub fn hiding_values(self: Arc<Self>) -> Arc<Self> {
        self.events.hide_values();
        self
    }

    /// Sends spans of the requests from now on; only the first exporter counts.
    #[cfg(feature = "opentelemetry")]
    pub fn export_spans(&self, exporter: super::spans::Exporter) {
        let _ = self.exporter.set(exporter);
    }

    #[cfg(feature = "opentelemetry")]
    pub(super) fn exporter(&self) -> Option<&super::spans::Exporter> {
        self.exporter.get()
    }

    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    pub fn cache(&self) -> &AnyCache {
        &self.cache
    }

    pub fn tokens(&self) -> Option<&Tokens> {
        self.tokens.as_ref()
    }

    pub fn limits(&self) -> Limits {
        self.limits
    }

    pub(super) fn answers(&self) -> &Answers {
        &self.answers
    }

    pub(super) fn combiner(&self) -> &Combiner {
        &self.combiner
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    pub(super) fn events(&self) -> &Events {
        &self.events
    }

    pub(super) fn has_page(&self) -> bool {
        self.has_page
    }

    /// Counts writes that were carried out together, planned by the same rules.
    pub(super) fn carried_out(&self, reports: &[Report], loaded: &Arc<Loaded>, streamed: bool) {
        self.metrics.reports(reports);
        self.tally.add(reports, loaded.program.rules());
        self.events.carried_out(reports, loaded, streamed);
    }

    pub(super) fn tell(&self, event: &Event<'_>) {
        if let Event::CacheError(error) | Event::Worker(crate::engine::WorkEvent::Lost(error, _)) = event {
            self.metrics.cache_error(error.kind());
        }
        self.events.heard(event);
        (self.tell)(event);
    }

    /// Reads the rules anew, and tells what came of it: of a failure once, until it is another.
    pub(super) async fn reload(self: &Arc<Self>) {
        self.read_anew(|rules| Some(rules.reload())).await;
    }

    /// As [`App::reload`], unless the files have come to look otherwise.
    pub(super) async fn reload_as(self: &Arc<Self>, look: Look) {
        self.read_anew(move |rules| rules.reload_as(&look)).await;
    }

    async fn read_anew(
        self: &Arc<Self>,
        read: impl FnOnce(&Rules) -> Option<Result<Arc<Loaded>, Arc<Failure>>> + Send + 'static,
    ) {
        let app = self.clone();
        let before = self.rules.failure();
        // Reading and checking would hold up the requests of this thread.
        let outcome = tokio::task::spawn_blocking(move || read(&app.rules)).await;
        match outcome {
            Ok(None) => {}
            Ok(Some(Ok(loaded))) => {
                let rules = loaded.program.rules();
                self.metrics.rules(rules, true);
                self.tell(&Event::Reloaded { rules: rules.rules().len() });
            }
            Ok(Some(Err(failure))) => {
                self.metrics.rules(self.rules.now().program.rules(), false);
                if before.is_none_or(|before| before.errors != failure.errors) {
                    self.tell(&Event::NotReloaded { errors: &failure.errors });
                }
            }
            // The check panicked, and the rules of before stand.
            Err(error) => self.tell(&Event::NotReloaded { errors: &[error.to_string()] }),
        }
    }
}
