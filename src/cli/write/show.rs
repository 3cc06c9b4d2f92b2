//! Plans and reports, for people and for programs.

use invalidate::cache::Enqueued;
use invalidate::diagnostic::visible;
use invalidate::engine::Report;
use invalidate::plan::{Plan, Step, Strategy, Unresolved};

use crate::cli::outcome::cells;
use crate::cli::output::{bold, count};
use crate::cli::session::Session;
use crate::cli::table::{render, table};

/// A plan as a table, with what is behind it.
pub fn dry_run(plan: &Plan, live: Option<&[Option<u64>]>) -> String {
    let mut out = format!("{}\n\n", bold(&title(plan)));
    if plan.steps.is_empty() {
        out.push_str("nothing to drop\n");
    } else {
        let mut headings = vec!["drop", "target"];
        headings.extend(live.is_some().then_some("#live keys"));
        headings.extend(["when", "#priority", "rule", "why"]);
        let mut rows = table(&headings);
        for (index, step) in plan.steps.iter().enumerate() {
            let mut row = vec![step.kind.word().replace('_', " "), visible(&step.target).into_owned()];
            if let Some(live) = live {
                row.push(
                    live.get(index).copied().flatten().map_or_else(|| "?".to_owned(), |n| n.to_string()),
                );
            }
            row.extend([when(step), step.priority.to_string(), step.rules.join(", "), why(plan, step)]);
            rows.add_row(row);
        }
        out.push_str(&render(&rows));
    }
    out.push_str(&remarks(plan));
    out
}

/// What was done, as a table.
pub fn report(report: &Report, verbose: bool) -> String {
    let plan = &report.plan;
    let mut out = String::new();
    if plan.steps.is_empty() {
        return format!("{}: nothing to drop\n", title(plan));
    }
    let mut rows = table(&["dropped", "target", "#keys", "#dependents", "rule", "why"]);
    for (step, outcome) in plan.steps.iter().zip(&report.steps) {
        let [keys, dependents] = cells(outcome, step.strategy == Strategy::Lazy);
        rows.add_row([
            step.kind.word().replace('_', " "),
            visible(&step.target).into_owned(),
            keys,
            dependents,
            step.rules.join(", "),
            why(plan, step),
        ]);
    }
    out.push_str(&render(&rows));
    let dropped = report.dropped();
    let queued = match report.queued().count() as u64 {
        0 => String::new(),
        n => format!(", {} queued", count(n, "target", "targets")),
    };
    out.push_str(&format!(
        "\n{}: {} gone, {} by dependency{queued}\n",
        title(plan),
        count(dropped.entries(), "entry", "entries"),
        dropped.dependents
    ));
    if dropped.journals > 0 {
        let journals = count(dropped.journals, "drop", "drops");
        out.push_str(&format!("{journals} that an earlier process left unfinished completed too\n"));
    }
    if verbose {
        out.push_str(&remarks(plan));
    }
    out
}

/// Who carries out what was queued, and whether anything else waits in vain.
pub fn queue_notes(queued: u64, queue: &Enqueued, session: &Session) {
    if queued > 0 {
        let targets = count(queued, "target is", "targets are");
        session.note(&match queue.workers {
            0 => format!(
                "{targets} queued and no worker is alive: `invalidate worker` or `invalidate flush` \
                 carries them out"
            ),
            _ => format!("{targets} queued; a worker carries them out when they are due"),
        });
    }
    if queue.overdue > 0 {
        let items = count(queue.overdue, "item", "items");
        session.note(&format!("{items} of the queue overdue: `invalidate flush` carries them out"));
    }
}

fn title(plan: &Plan) -> String {
    let write = &plan.write;
    let changed = match &write.changed {
        Some(names) if !names.is_empty() => format!(" (changed {})", names.join(", ")),
        _ => String::new(),
    };
    visible(&format!("{} {} {}{changed}", write.entity, write.id, write.op)).into_owned()
}

fn when(step: &Step) -> String {
    match step.strategy {
        Strategy::Immediate => "now".to_owned(),
        Strategy::Batched => format!("batched, {} ms", step.delay_ms),
        Strategy::Lazy => "lazily".to_owned(),
    }
}

/// Why a target is dropped: the row itself, a way along relations, or a tag before it.
fn why(plan: &Plan, step: &Step) -> String {
    match &step.trigger {
        Some(tag) => format!("because tag {} goes", visible(tag)),
        None if step.via.is_empty() => format!("the {} written", plan.write.entity),
        None => {
            let hops = if step.hop > 1 { format!(", {} hops", step.hop) } else { String::new() };
            format!("along {}{hops}", step.via.join(" > "))
        }
    }
}

/// What a plan covers, could not resolve, took for granted and passed over.
fn remarks(plan: &Plan) -> String {
    let mut out = String::new();
    let mut section = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            out.push_str(&format!("\n{title}\n"));
            out.extend(lines.into_iter().map(|line| format!("  {}\n", visible(&line))));
        }
    };
    section(
        "covered: these keys cannot be named, and go with a tag that all their entries carry",
        plan.covered.iter().map(|c| format!("{} by tag {}", c.template, c.by)).collect(),
    );
    section("unresolved: stale unless somebody acts", plan.unresolved.iter().map(unresolved_line).collect());
    let assumed = |unmoved: bool| {
        plan.assumed
            .iter()
            .filter(|a| a.unmoved == unmoved)
            .map(|a| format!("{} (rule {})", a.condition, a.rule))
            .collect::<Vec<_>>()
    };
    section("assumed true: not known, so the rule fires; a needless miss at worst", assumed(false));
    section("assumed unmoved: stale if it did move; pass old.NAME=… or --changed", assumed(true));
    section("ignored: the rules do not declare these", plan.ignored.clone());
    out
}

/// The names whose old values were taken as unmoved, where that could leave something stale.
pub fn unmoved(plan: &Plan) -> Vec<&str> {
    let mut names: Vec<&str> = plan
        .assumed
        .iter()
        .filter(|a| a.unmoved)
        .filter_map(|a| a.condition.split_once(" == ").map(|(_, name)| name))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// `user:{user.id}:orders (rule orders): pass user=…`.
pub fn unresolved_line(unresolved: &Unresolved) -> String {
    let what = match &unresolved.reason {
        Some(reason) => reason.clone(),
        None => {
            let names: Vec<String> = unresolved.missing.iter().map(|name| pass(name)).collect();
            format!("pass {}", names.join(" and "))
        }
    };
    format!("{} (rule {}): {what}", unresolved.template, unresolved.rule)
}

fn pass(name: &str) -> String {
    match name {
        "id" => "the id of each row instead of `*`".to_owned(),
        name => format!("{name}=…"),
    }
}
