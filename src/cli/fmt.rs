//! `invalidate fmt`: rule files in their canonical form.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use invalidate::check::Files;
use invalidate::diagnostic::Diagnostic;
use invalidate::span::Sources;
use invalidate::syntax::MAX_FILE_BYTES;
use invalidate::syntax::format::{FormatError, format};

use super::diff;
use super::error::{CommandError, Exit};
use super::lint::{print_on_stderr, roots};
use super::output;
use super::replace::replace_text;
use super::session::{RulesFrom, Session};

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  invalidate fmt\n  invalidate fmt --check rules\n  \
invalidate fmt --diff rules/shop.inv\n  invalidate fmt - < rules/shop.inv")]
pub struct FmtArgs {
    /// Rule files, or folders in which every .inv file is formatted, or `-` for stdin to stdout
    /// [default: the configured rules, else rules/]
    paths: Vec<PathBuf>,

    /// Write nothing: name the files that would change; exit code 1 when there are any
    #[arg(long)]
    check: bool,

    /// Write nothing: show what would change; exit code 1 when there is anything
    #[arg(long, conflicts_with = "check")]
    diff: bool,

    /// What findings about stdin call it
    #[arg(long, value_name = "NAME", default_value = "<stdin>")]
    stdin_filename: String,
}

/// How a file was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// As it should be.
    Formatted,
    Different,
    /// Not touched, and the reason was said.
    Refused,
}

pub fn run(session: &Session, args: &FmtArgs) -> Result<Exit, CommandError> {
    if args.paths.iter().any(|path| path.as_os_str() == "-") {
        if args.paths.len() > 1 {
            return Err(CommandError::usage("`-` stands for the only input")
                .help("name files and folders, or `-` alone"));
        }
        return stdin(args);
    }
    let mut found = Vec::new();
    for path in files(session, &args.paths)? {
        found.push(file(&path, args)?);
    }
    let count = |wanted| found.iter().filter(|found| **found == wanted).count() as u64;
    let (different, refused) = (count(Found::Different), count(Found::Refused));
    let files = |n| output::count(n, "file", "files");
    let done = if args.check || args.diff { "would change" } else { "changed" };
    let mut note = format!("{} {done}, {} as it should be", files(different), count(Found::Formatted));
    if refused > 0 {
        note.push_str(&format!(", {refused} refused"));
    }
    session.note(&note);
    Ok(exit(args, different > 0, refused > 0))
}

fn exit(args: &FmtArgs, is_different: bool, is_refused: bool) -> Exit {
    match (is_refused, is_different && (args.check || args.diff)) {
        (true, _) => Exit::Usage,
        (false, true) => Exit::Findings,
        (false, false) => Exit::Clean,
    }
}

/// The files that the paths name, each once; else those of the configured rules.
fn files(session: &Session, paths: &[PathBuf]) -> Result<Vec<PathBuf>, CommandError> {
    if paths.is_empty() {
        let folder = Path::new("rules");
        let is_configured = session.global.rules.is_some() || session.config.rules.is_some();
        return match session.rules_from() {
            _ if !is_configured && folder.is_dir() => files(session, &[folder.to_path_buf()]),
            RulesFrom::File(path) => Ok(vec![path]),
            RulesFrom::BuiltIn => Err(CommandError::usage("there are no rule files here")
                .help("name files or folders, or run `invalidate init` to get some")),
        };
    }
    let mut seen = BTreeSet::new();
    let mut out = Vec::new();
    for path in paths {
        let below = if path.is_dir() { roots::files(path)? } else { [path.clone()].into() };
        if below.is_empty() {
            return Err(CommandError::usage(format!("`{}` holds no .inv file", path.display()))
                .help("name the folder of the rules, or run `invalidate init` to get some"));
        }
        // What cannot be found is reported when it is read.
        let is_new = |path: &PathBuf| seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone()));
        out.extend(below.into_iter().filter(is_new));
    }
    Ok(out)
}

/// Formats a file, or says what it would become.
fn file(path: &Path, args: &FmtArgs) -> Result<Found, CommandError> {
    let name = path.display().to_string();
    let text = match Files::Disk.text(path, None) {
        Ok(text) => text,
        Err(finding) => return Ok(refuse(&[*finding], &Sources::default())),
    };
    let Some(formatted) = formatted(&name, &text) else { return Ok(Found::Refused) };
    if formatted == text {
        return Ok(Found::Formatted);
    }
    if args.diff {
        output::raw(diff::unified(&name, &text, &formatted).as_bytes())?;
    } else if args.check {
        output::data(&format!("{name}\n"))?;
    } else if let Err(error) = replace_text(path, &text, &formatted) {
        error.print();
        return Ok(Found::Refused);
    } else {
        output::data(&format!("formatted {name}\n"))?;
    }
    Ok(Found::Different)
}

fn stdin(args: &FmtArgs) -> Result<Exit, CommandError> {
    let name = args.stdin_filename.as_str();
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(MAX_FILE_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| CommandError::usage(format!("cannot read stdin: {error}")))?;
    if bytes.len() > MAX_FILE_BYTES {
        let most = MAX_FILE_BYTES / (1024 * 1024);
        return Err(CommandError::usage(format!("stdin holds more than the {most} MiB that are taken")));
    }
    let text = match Files::Memory([(name.into(), bytes)].into()).text(Path::new(name), None) {
        Ok(text) => text,
        Err(finding) => {
            refuse(&[*finding], &Sources::default());
            return Ok(Exit::Usage);
        }
    };
    let Some(formatted) = formatted(name, &text) else { return Ok(Exit::Usage) };
    let is_different = formatted != text;
    if args.diff {
        output::raw(diff::unified(name, &text, &formatted).as_bytes())?;
    } else if !args.check {
        output::raw(formatted.as_bytes())?;
    } else if is_different {
        output::data(&format!("{name}\n"))?;
    }
    Ok(exit(args, is_different, false))
}

/// The canonical form of a text; without one, the reason is printed.
fn formatted(name: &str, text: &str) -> Option<String> {
    let mut sources = Sources::default();
    let id = sources.add(name, text.strip_prefix('\u{feff}').unwrap_or(text));
    match format(id, &sources) {
        Ok(formatted) => return Some(formatted),
        Err(FormatError::Refused(findings)) => {
            refuse(&findings, &sources);
        }
        Err(FormatError::Unproven) => {
            CommandError::usage(format!(
                "`{name}` is left as it is: its formatted text would say something else"
            ))
            .help("this is a mistake of `invalidate`, not of the file; please report it with the file")
            .print();
        }
    }
    None
}

fn refuse(findings: &[Diagnostic], sources: &Sources) -> Found {
    print_on_stderr(&findings.iter().collect::<Vec<_>>(), sources);
    Found::Refused
}
