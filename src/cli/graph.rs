//! `invalidate graph`: the rules as a picture.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use invalidate::check::Undeclared;
use invalidate::draw::{self, MOST_BOXES, Overlay, Picture, Theme};
use invalidate::graph::{Edge, Graph};
use invalidate::model::RawWrite;
use invalidate::plan::{Program, Unfilled};

use super::error::{CommandError, Exit};
use super::output;
use super::session::Session;

/// What GitHub's renderer refuses to go beyond, by the defaults of Mermaid: lines, and characters.
const MERMAID_LINES: usize = 500;
const MERMAID_TEXT: usize = 50_000;

#[derive(Debug, Args)]
#[command(after_help = "Selectors:\n  \
user                what has that name; rule:user, tag:feed and file:shop.inv narrow it\n  \
user+, user+2       and everything behind it, or what is at most two edges behind it\n  \
+user, 1+user       and what is before it\n  \
'user* tag:feed+'   both together\n  \
'user+,+feed'       what both have in common\n\n\
Examples:\n  \
invalidate graph --format svg > rules.svg\n  \
invalidate graph --format html > rules.html\n  \
invalidate graph --format mermaid --select '1+user+2'\n  \
invalidate graph --format svg --write 'user 123 update plan=pro' > plan.svg\n  \
invalidate graph | dot -Tpdf > rules.pdf")]
pub struct GraphArgs {
    /// What to print
    #[arg(long, value_name = "FORMAT", default_value = "dot")]
    format: GraphFormat,

    /// Draw a part of the rules only; may be given several times
    #[arg(long, value_name = "SELECTOR")]
    select: Vec<String>,

    /// Leave these out
    #[arg(long, value_name = "SELECTOR")]
    exclude: Vec<String>,

    /// Light up what this write fires and drops, as `invalidate write` takes it
    #[arg(long, value_name = "WRITE")]
    write: Option<String>,

    /// Put what belongs together into a frame
    #[arg(long, value_name = "WHAT")]
    cluster_by: Option<ClusterBy>,

    /// The ground of an SVG or HTML page
    #[arg(long, value_name = "THEME", default_value = "auto")]
    theme: GraphTheme,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum GraphFormat {
    /// For Graphviz
    Dot,
    /// A picture for any browser or document
    Svg,
    /// A page to look around in: search, light up, type writes; needs no network
    Html,
    /// A diagram for Markdown: GitHub and GitLab draw it
    Mermaid,
    /// For programs; docs/graph.md describes it
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ClusterBy {
    /// By the file that declares it
    File,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum GraphTheme {
    /// As the reader's system has it
    Auto,
    Light,
    Dark,
}

pub fn run(session: &Session, args: &GraphArgs) -> Result<Exit, CommandError> {
    let program = session.program()?;
    let graph = Graph::of(program.rules());
    let mut picture = Picture::of(program.rules(), &graph);
    picture.by_file = args.cluster_by == Some(ClusterBy::File);
    if !args.select.is_empty() || !args.exclude.is_empty() {
        picture.selected = Some(draw::select(&graph, &args.select, &args.exclude)?);
    }
    if let Some(line) = &args.write {
        let overlay = overlay(&program, &graph, line)?;
        for unresolved in &overlay.unresolved {
            output::warning(&format!("unresolved: {unresolved}"));
        }
        picture.overlay = Some(overlay);
    }
    let boxes = picture.size();
    if boxes > MOST_BOXES && !matches!(args.format, GraphFormat::Dot | GraphFormat::Json) {
        return Err(too_large(&graph, boxes));
    }
    let theme = match args.theme {
        GraphTheme::Auto => Theme::Auto,
        GraphTheme::Light => Theme::Light,
        GraphTheme::Dark => Theme::Dark,
    };
    match args.format {
        GraphFormat::Dot => {
            if boxes > MOST_BOXES {
                session.note(&format!("{boxes} boxes: Graphviz may take hours; {}", way_out(&graph)));
            }
            output::data(&draw::dot(&picture))?;
        }
        GraphFormat::Svg => output::data(&draw::svg(&picture, theme))?,
        GraphFormat::Html => output::data(&draw::page(&picture, theme))?,
        GraphFormat::Json => output::json(&draw::json(&picture))?,
        GraphFormat::Mermaid => mermaid(session, &picture)?,
    }
    Ok(Exit::Clean)
}

fn overlay(program: &Program, graph: &Graph, line: &str) -> Result<Overlay, CommandError> {
    let raw = RawWrite::from_line(line).map_err(CommandError::usage)?;
    let write = program.rules().write(raw, Undeclared::Refuse)?;
    Ok(Overlay::of(graph, &program.plan(&write, Unfilled::Report), line))
}

fn mermaid(session: &Session, picture: &Picture<'_>) -> Result<(), CommandError> {
    let text = draw::mermaid(picture);
    let lines = draw::mermaid_lines(&text);
    if lines > MERMAID_LINES || text.len() > MERMAID_TEXT {
        session.note(&format!(
            "GitHub draws at most {MERMAID_LINES} lines and {MERMAID_TEXT} characters, and this is {lines} and {}; {}",
            text.len(),
            way_out(picture.graph)
        ));
    }
    output::data(&text)
}

fn too_large(graph: &Graph, boxes: usize) -> CommandError {
    CommandError::usage(format!("the picture would hold {boxes} boxes, and at most {MOST_BOXES} are drawn"))
        .help(way_out(graph))
        .help("`--format json` and `--format dot` print graphs of any size")
}

/// A selector that would show something: the entity that most hangs on.
fn way_out(graph: &Graph) -> String {
    let mut degrees: BTreeMap<&str, usize> = BTreeMap::new();
    for (id, entity) in graph.entities() {
        let near = graph.outgoing(id).iter().filter(|(_, e)| !matches!(e, Edge::Carries(_))).count();
        degrees.insert(&entity.name, near);
    }
    let busiest = degrees.iter().max_by_key(|(name, near)| (**near, std::cmp::Reverse(**name)));
    let name = busiest.map_or("NAME", |(name, _)| name);
    format!("draw a part of it, as with `--select '{name}+2'` or `--select file:PATH`")
}

impl From<draw::SelectError> for CommandError {
    fn from(error: draw::SelectError) -> Self {
        let mut out = Self::usage(error.message);
        out.help.extend(error.help);
        out
    }
}
