//! `invalidate explain`: the pages of findings.

mod page;
mod text;

use clap::{Args, ValueEnum};
use invalidate::diagnostic::{Code, did_you_mean};
use serde::Serialize;

use super::error::{CommandError, Exit};
use super::output;
use super::session::Session;
use page::RuleFile;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
invalidate explain E010\n  \
invalidate explain dead-end unused-allow\n  \
invalidate explain --all --format json")]
pub struct ExplainArgs {
    /// The code or the name of a finding, such as E010 or unknown-name
    #[arg(value_name = "CODE", required_unless_present = "all", conflicts_with = "all")]
    codes: Vec<String>,

    /// Every finding
    #[arg(long)]
    all: bool,

    /// How the pages are printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: PageFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PageFormat {
    /// For people
    Text,
    /// For programs
    Json,
}

#[derive(Serialize)]
struct Document {
    schema: u32,
    codes: Vec<Explained>,
}

#[derive(Serialize)]
struct Explained {
    code: &'static str,
    slug: &'static str,
    severity: &'static str,
    summary: &'static str,
    /// The whole page, in Markdown.
    page: &'static str,
    /// Rule files that give the finding, the root last.
    example: Vec<RuleFile<'static>>,
    /// The same files without it.
    mended: Vec<RuleFile<'static>>,
}

pub fn run(args: &ExplainArgs) -> Result<Exit, CommandError> {
    let codes = if args.all { Code::ALL.to_vec() } else { named(&args.codes)? };
    match args.format {
        PageFormat::Json => {
            output::json(&Document { schema: 1, codes: codes.into_iter().map(explained).collect() })?;
        }
        PageFormat::Text => {
            let width = output::width();
            let pages: Vec<String> = codes.into_iter().map(|code| text::text(code, width)).collect();
            output::data(&pages.join("\n\n"))?;
        }
    }
    Ok(Exit::Clean)
}

/// Points to the page of the first finding that was printed.
pub fn offer(session: &Session, first: Option<Code>) {
    if let Some(code) = first {
        session.note(&format!("`invalidate explain {code}` says more"));
    }
}

/// The codes that were asked for, each once.
fn named(texts: &[String]) -> Result<Vec<Code>, CommandError> {
    let mut out = Vec::new();
    for text in texts {
        let code = find(text)?;
        if !out.contains(&code) {
            out.push(code);
        }
    }
    Ok(out)
}

/// The code of a number, a slug, or both as findings print them: `E010/unknown-name`.
fn find(text: &str) -> Result<Code, CommandError> {
    let (numbers, slugs) = (Code::ALL.iter().map(|c| c.number()), Code::ALL.iter().map(|c| c.slug()));
    let fits = |code: &&Code| {
        let (number, slug) = (code.number(), code.slug());
        [number, slug, &format!("{number}/{slug}")].iter().any(|name| name.eq_ignore_ascii_case(text))
    };
    Code::ALL.iter().find(fits).copied().ok_or_else(|| {
        let error = CommandError::usage(format!("no finding is called `{text}`"));
        let is_number = text.chars().nth(1).is_some_and(|c| c.is_ascii_digit());
        let near =
            if is_number { did_you_mean(text, numbers, "codes") } else { did_you_mean(text, slugs, "names") };
        let error = near.into_iter().fold(error, CommandError::help);
        error.help("`invalidate explain --all` prints every page")
    })
}

fn explained(code: Code) -> Explained {
    let page = code.page();
    let (example, mended) = page::examples(page);
    Explained {
        code: code.number(),
        slug: code.slug(),
        severity: code.severity().word(),
        summary: code.summary(),
        page,
        example,
        mended,
    }
}
