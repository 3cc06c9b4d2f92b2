//! A stream of writes, a line each: planned and carried out together as they come, answered in order.
//!
//! Lines that are there together are submitted together, and equal targets among them are dropped
//! once. Some windows are under way at a time, so that the next is planned while the cache works.
//! Memory is bounded: no more is read than was answered, but for these windows.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt as _;
use http_body_util::channel::{Channel, Sender};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::writes::{How, plan};
use crate::engine::{Pipeline, Report, ReportDocument, StepError, Window};
use crate::plan::Plan;
use crate::server::App;
use crate::server::metrics::Stage;
use crate::server::problem::{Kind, Problem};
use crate::server::rules::Loaded;

/// How many lines are carried out together at most: more would hold up the other requests of a thread.
const TOGETHER: usize = 1024;

/// How many windows are under way at a time: one is planned, one on its way and one being answered.
const UNDER_WAY: usize = 3;

/// Parts of the answer that wait for a slow reader.
const WAITING: usize = 4;

/// What came of a line; the last line of the answer is the `summary`.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Line {
    /// The number of the line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    /// Targets of the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    targets: Option<u64>,
    /// Entries gone, dependents included.
    #[serde(skip_serializing_if = "Option::is_none")]
    entries: Option<u64>,
    /// Targets that wait in the queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    queued: Option<u64>,
    /// Templates that could not be filled.
    #[serde(skip_serializing_if = "Option::is_none")]
    unresolved: Option<u64>,
    /// The report, or the plan under `dry_run`, where `full` was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    report: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<Summary>,
}

/// How long the rest of a body is passed over after a stream has ended early: where a connection closes on data that
/// nobody has read, the client's system throws away the answer too.
const LINGER: Duration = Duration::from_secs(2);

/// What a stream came to.
#[derive(Debug, Default, Serialize, ToSchema)]
struct Summary {
    /// Writes that were planned and carried out.
    writes: u64,
    targets: u64,
    entries: u64,
    queued: u64,
    unresolved: u64,
    /// Lines that could not be read or understood.
    bad: u64,
    /// Writes of which not everything was dropped.
    failed: u64,
    /// Whether every line was taken. Where not, the cache was gone: send the lines again from the first
    /// one that failed.
    complete: bool,
}

/// The answer, which goes on for as long as the body does.
pub fn answer(app: Arc<App>, how: How, body: Body) -> Response {
    let (sender, channel) = Channel::<Bytes>::new(WAITING);
    let pipeline = Pipeline::over(app.clone(), |app| app.cache(), UNDER_WAY, Arc::new(|_| {}));
    let stream = Stream {
        app,
        how,
        sender,
        number: 0,
        rest: Vec::new(),
        summary: Summary::default(),
        pipeline,
        taken: VecDeque::new(),
        is_unread: false,
    };
    tokio::spawn(stream.run(body));
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
    (StatusCode::OK, kind, Body::new(channel)).into_response()
}

struct Stream {
    app: Arc<App>,
    how: How,
    sender: Sender<Bytes>,
    number: u64,
    /// The beginning of a line whose end has not come.
    rest: Vec<u8>,
    summary: Summary,
    pipeline: Pipeline,
    /// The lines of the windows that are under way.
    taken: VecDeque<Taken>,
    /// Whether nobody reads the answer any more.
    is_unread: bool,
}

/// The lines of a window.
struct Taken {
    /// Of each its number, and the problem where it has no plan.
    lines: Vec<(u64, Option<Problem>)>,
    loaded: Arc<Loaded>,
    began: Instant,
}

/// Why a stream ends before its body does.
struct Over;

impl Stream {
    async fn run(mut self, mut body: Body) {
        let mut outcome = self.read(&mut body).await;
        // What is under way is carried out, and told where somebody listens.
        while !self.pipeline.is_empty() {
            outcome = outcome.and(self.settle().await);
        }
        self.summary.complete = outcome.is_ok();
        let summary = std::mem::take(&mut self.summary);
        // A client that is gone reads no summary.
        let _ = self.send(vec![Line { summary: Some(summary), ..Line::default() }]).await;
        if outcome.is_err() {
            let pass_over = async { while let Some(Ok(_)) = body.frame().await {} };
            let _ = tokio::time::timeout(LINGER, pass_over).await;
        }
    }

    async fn read(&mut self, body: &mut Body) -> Result<(), Over> {
        let time = self.app.limits().time;
        loop {
            let frame = tokio::select! {
                biased;
                window = self.pipeline.next(), if !self.pipeline.is_empty() => {
                    self.answer(window).await?;
                    continue;
                }
                frame = body.frame() => frame,
                // Who waits for the answers to what is under way is not standing still.
                () = tokio::time::sleep(time), if self.pipeline.is_empty() => {
                    return self.broken(format!("no line within {} s", time.as_secs())).await;
                }
            };
            match frame {
                None => break,
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.take(&data).await?;
                    }
                }
                Some(Err(error)) => return self.broken(format!("the body broke off: {error}")).await,
            }
        }
        let last = std::mem::take(&mut self.rest);
        self.lines(&[&last]).await
    }

    async fn take(&mut self, data: &[u8]) -> Result<(), Over> {
        let Some(end) = data.iter().rposition(|byte| *byte == b'\n') else {
            self.rest.extend_from_slice(data);
            return self.check_rest().await;
        };
        let mut whole = std::mem::take(&mut self.rest);
        whole.extend_from_slice(&data[..end]);
        self.rest.extend_from_slice(&data[end + 1..]);
        let lines: Vec<&[u8]> = whole.split(|byte| *byte == b'\n').collect();
        for part in lines.chunks(TOGETHER) {
            self.lines(part).await?;
        }
        self.check_rest().await
    }

    /// A line without an end is not waited for.
    async fn check_rest(&mut self) -> Result<(), Over> {
        let limit = self.app.limits().body;
        if self.rest.len() <= limit {
            return Ok(());
        }
        self.settle().await?;
        self.number += 1;
        self.summary.bad += 1;
        self.send(vec![self.failed(self.number, too_long(limit))]).await?;
        Err(Over)
    }

    async fn broken(&mut self, why: String) -> Result<(), Over> {
        self.settle().await?;
        let line = self.failed(self.number + 1, Problem::new(Kind::BAD_REQUEST, why));
        self.send(vec![line]).await?;
        Err(Over)
    }

    fn failed(&self, number: u64, problem: Problem) -> Line {
        Line { line: Some(number), error: Some(problem), ..Line::default() }
    }

    /// Sends lines out together.
    async fn lines(&mut self, lines: &[&[u8]]) -> Result<(), Over> {
        let app = self.app.clone();
        let loaded = app.rules().now();
        let mut plans = Vec::with_capacity(lines.len());
        let mut taken: Vec<(u64, Option<Problem>)> = Vec::with_capacity(lines.len());
        for line in lines {
            self.number += 1;
            if line.len() > app.limits().body {
                taken.push((self.number, Some(too_long(app.limits().body))));
                continue;
            }
            let text = std::str::from_utf8(line).map(str::trim);
            let planned = match text {
                Ok("") => {
                    // Where nothing follows the last line end there is no line.
                    continue;
                }
                Ok(text) => plan(&app, &loaded, self.how, text),
                Err(error) => Err(Problem::new(Kind::BAD_REQUEST, format!("the line is no UTF-8: {error}"))),
            };
            match planned {
                Ok(plan) => {
                    plans.push(plan);
                    taken.push((self.number, None));
                }
                Err(problem) => taken.push((self.number, Some(problem))),
            }
        }
        if self.how.dry_run {
            return self.planned(plans, taken).await;
        }
        while !self.pipeline.has_room() {
            let window = self.pipeline.next().await;
            self.answer(window).await?;
        }
        self.taken.push_back(Taken { lines: taken, loaded, began: Instant::now() });
        self.pipeline.begin(plans);
        Ok(())
    }

    /// Answers everything that is under way.
    async fn settle(&mut self) -> Result<(), Over> {
        while !self.pipeline.is_empty() {
            let window = self.pipeline.next().await;
            self.answer(window).await?;
        }
        Ok(())
    }

    /// Answers the lines of the oldest window.
    async fn answer(&mut self, window: Window) -> Result<(), Over> {
        // One is put there with each window.
        let Some(Taken { lines, loaded, began }) = self.taken.pop_front() else { return Ok(()) };
        let app = self.app.clone();
        app.metrics().stage(Stage::Apply, began.elapsed());
        app.carried_out(&window.reports, &loaded, true);
        let mut reports = window.reports.iter();
        let mut answers = Vec::with_capacity(lines.len());
        let mut is_gone = false;
        for (number, problem) in lines {
            answers.push(match problem {
                Some(problem) => {
                    self.summary.bad += 1;
                    self.failed(number, problem)
                }
                None => match reports.next() {
                    Some(report) => self.reported(number, report, &mut is_gone),
                    // One plan gives one report.
                    None => continue,
                },
            });
        }
        self.send(answers).await?;
        if is_gone { Err(Over) } else { Ok(()) }
    }

    fn reported(&mut self, number: u64, report: &Report, is_gone: &mut bool) -> Line {
        let figures = Line {
            line: Some(number),
            targets: Some(report.plan.steps.len() as u64),
            entries: Some(report.dropped().entries()),
            queued: Some(report.queued().count() as u64),
            unresolved: Some(report.plan.unresolved.len() as u64),
            report: self.full(|| ReportDocument::new(report)),
            ..Line::default()
        };
        self.summary.writes += 1;
        self.summary.targets += figures.targets.unwrap_or_default();
        self.summary.entries += figures.entries.unwrap_or_default();
        self.summary.queued += figures.queued.unwrap_or_default();
        self.summary.unresolved += figures.unresolved.unwrap_or_default();
        let error = report.failures().next().map(|(step, error)| {
            self.summary.failed += 1;
            if let StepError::Cache(error) = error {
                self.app.metrics().cache_error(error.kind());
                *is_gone |= error.kind().is_transient();
            }
            Problem::new(Kind::NOT_DROPPED, format!("`{}`: {error}", step.target))
                .help("send the line again: what is done harms nothing")
        });
        Line { error, ..figures }
    }

    async fn planned(&mut self, plans: Vec<Plan>, taken: Vec<(u64, Option<Problem>)>) -> Result<(), Over> {
        let mut plans = plans.iter();
        let mut answers = Vec::with_capacity(taken.len());
        for (number, problem) in taken {
            let Some(plan) = (if problem.is_none() { plans.next() } else { None }) else {
                self.summary.bad += 1;
                answers.push(Line { line: Some(number), error: problem, ..Line::default() });
                continue;
            };
            self.summary.writes += 1;
            self.summary.targets += plan.steps.len() as u64;
            self.summary.unresolved += plan.unresolved.len() as u64;
            answers.push(Line {
                line: Some(number),
                targets: Some(plan.steps.len() as u64),
                unresolved: Some(plan.unresolved.len() as u64),
                report: self.full(|| plan),
                ..Line::default()
            });
        }
        self.send(answers).await
    }

    fn full<D: Serialize>(&self, document: impl FnOnce() -> D) -> Option<Box<RawValue>> {
        self.how.full.then(|| serde_json::value::to_raw_value(&document()).ok()).flatten()
    }

    /// Sends lines of the answer; an error where nobody reads them, or not for too long.
    async fn send(&mut self, lines: Vec<Line>) -> Result<(), Over> {
        let mut bytes = Vec::new();
        let is_wanted = |line: &&Line| !self.how.summary || line.error.is_some() || line.summary.is_some();
        for line in lines.iter().filter(is_wanted) {
            if serde_json::to_writer(&mut bytes, line).is_ok() {
                bytes.push(b'\n');
            }
        }
        if bytes.is_empty() {
            return Ok(());
        }
        if self.is_unread {
            return Err(Over);
        }
        let sent = tokio::time::timeout(self.app.limits().time, self.sender.send_data(bytes.into())).await;
        match sent {
            Ok(Ok(())) => Ok(()),
            _ => {
                self.is_unread = true;
                Err(Over)
            }
        }
    }
}

fn too_long(limit: usize) -> Problem {
    Problem::new(Kind::TOO_LARGE, format!("the line is longer than {limit} bytes"))
}
