//! A stream of writes, a line each: planned and carried out together as they come, answered in order.
//!
//! Lines that are there together are submitted together, and equal targets among them are dropped
//! once. Memory is bounded: no more is read than was answered, but for one part.

use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt as _;
use http_body_util::channel::{Channel, Sender};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::writes::{How, plan};
use crate::cache::quiet;
use crate::check::RuleSet;
use crate::engine::{Report, ReportDocument, StepError, submit};
use crate::plan::Plan;
use crate::server::App;
use crate::server::problem::{Kind, Problem};

/// How many lines are carried out together at most.
const TOGETHER: usize = 4096;

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
    let stream = Stream { app, how, sender, number: 0, rest: Vec::new(), summary: Summary::default() };
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
}

/// Why a stream ends before its body does.
struct Over;

impl Stream {
    async fn run(mut self, body: Body) {
        self.summary.complete = self.read(body).await.is_ok();
        let summary = std::mem::take(&mut self.summary);
        // A client that is gone reads no summary.
        let _ = self.send(vec![Line { summary: Some(summary), ..Line::default() }]).await;
    }

    async fn read(&mut self, mut body: Body) -> Result<(), Over> {
        let time = self.app.limits().time;
        loop {
            match tokio::time::timeout(time, body.frame()).await {
                Ok(None) => break,
                Ok(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        self.take(&data).await?;
                    }
                }
                Ok(Some(Err(error))) => return self.broken(format!("the body broke off: {error}")).await,
                Err(_) => return self.broken(format!("no line within {} s", time.as_secs())).await,
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
        self.number += 1;
        self.summary.bad += 1;
        self.send(vec![self.failed(self.number, too_long(limit))]).await?;
        Err(Over)
    }

    async fn broken(&mut self, why: String) -> Result<(), Over> {
        let line = self.failed(self.number + 1, Problem::new(Kind::BAD_REQUEST, why));
        self.send(vec![line]).await?;
        Err(Over)
    }

    fn failed(&self, number: u64, problem: Problem) -> Line {
        Line { line: Some(number), error: Some(problem), ..Line::default() }
    }

    /// Carries out lines together.
    async fn lines(&mut self, lines: &[&[u8]]) -> Result<(), Over> {
        let app = self.app.clone();
        let loaded = app.rules().now();
        let mut plans = Vec::with_capacity(lines.len());
        // Of each line its number, and the problem where it has no plan.
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
        let start = Instant::now();
        let reports = submit(app.cache(), plans, quiet()).await;
        app.metrics().stage("apply", start.elapsed());
        app.events().carried_out(&reports, &loaded, true);
        let mut reports = reports.iter();
        let mut answers = Vec::with_capacity(taken.len());
        let mut is_gone = false;
        for (number, problem) in taken {
            answers.push(match problem {
                Some(problem) => {
                    self.summary.bad += 1;
                    self.failed(number, problem)
                }
                None => match reports.next() {
                    Some(report) => self.reported(number, report, loaded.program.rules(), &mut is_gone),
                    // One plan gives one report.
                    None => continue,
                },
            });
        }
        self.send(answers).await?;
        if is_gone { Err(Over) } else { Ok(()) }
    }

    fn reported(&mut self, number: u64, report: &Report, rules: &RuleSet, is_gone: &mut bool) -> Line {
        self.app.metrics().report(report);
        self.app.tally().add(report, rules);
        let figures = Line {
            line: Some(number),
            targets: Some(report.plan.steps.len() as u64),
            entries: Some(report.dropped().entries()),
            queued: Some(report.queued().count() as u64),
            unresolved: Some(report.plan.unresolved.len() as u64),
            report: self.full(&ReportDocument::new(report)),
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
                report: self.full(plan),
                ..Line::default()
            });
        }
        self.send(answers).await
    }

    fn full(&self, document: &impl Serialize) -> Option<Box<RawValue>> {
        self.how.full.then(|| serde_json::value::to_raw_value(document).ok()).flatten()
    }

    /// Sends lines of the answer; an error where nobody reads them, or not for too long.
    async fn send(&mut self, lines: Vec<Line>) -> Result<(), Over> {
        let mut bytes = Vec::new();
        for line in &lines {
            if serde_json::to_writer(&mut bytes, line).is_ok() {
                bytes.push(b'\n');
            }
        }
        if bytes.is_empty() {
            return Ok(());
        }
        let sent = tokio::time::timeout(self.app.limits().time, self.sender.send_data(bytes.into())).await;
        match sent {
            Ok(Ok(())) => Ok(()),
            _ => Err(Over),
        }
    }
}

fn too_long(limit: usize) -> Problem {
    Problem::new(Kind::TOO_LARGE, format!("the line is longer than {limit} bytes"))
}
