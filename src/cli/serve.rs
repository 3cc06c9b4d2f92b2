//! `invalidate serve`: the engine behind HTTP.

pub mod log;
#[cfg(feature = "opentelemetry")]
mod otlp;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use invalidate::check::Files;
use invalidate::server::{App, At, Bound, Limits, Rules, Source, Tls, Tokens, serve};

use super::error::{CommandError, Exit};
use super::lint;
use super::log::{Log, LogFormat};
use super::runtime::{reload_signal, stop_signal};
use super::session::{RulesFrom, Session};

#[derive(Debug, Args)]
#[command(
    after_help = "A browser shows at `/` what the server does, live. `GET /openapi.json` describes what can be asked; docs/server.md \
shows it. The rules are read \
anew when a file of theirs changes, on SIGHUP, and by `POST /v1/rules/reload`; rules with errors leave those of before in \
force. SIGINT and SIGTERM stop the server: requests that have begun are finished, and what its worker cannot \
finish goes back into the queue.\n\nExamples:\n  \
invalidate serve --cache redis://localhost\n  \
invalidate serve --socket /run/invalidate.sock --no-listen\n  \
curl localhost:8370/v1/writes -d '{\"entity\": \"user\", \"id\": \"123\", \"op\": \"update\"}'"
)]
pub struct ServeArgs {
    /// The address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8370")]
    listen: SocketAddr,

    /// Listen on no port, but on the socket alone
    #[arg(long, requires = "socket")]
    no_listen: bool,

    /// A unix socket to listen on, for the user of this process
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,

    /// Take connections from other machines; needs tokens, and TLS or a proxy that adds it
    #[arg(long, help_heading = "Security")]
    allow_remote: bool,

    /// Who may do what: a line for each token, `NAME read,write,admin SECRET`
    #[arg(long, value_name = "FILE", help_heading = "Security")]
    token_file: Option<PathBuf>,

    /// A certificate chain in PEM, for TLS
    #[arg(long, value_name = "FILE", requires = "tls_key", help_heading = "Security")]
    tls_cert: Option<PathBuf>,

    /// The key of the certificate in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert", help_heading = "Security")]
    tls_key: Option<PathBuf>,

    /// The longest body, or line of a stream, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().body,
        value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..), help_heading = "Limits")]
    max_body: usize,

    /// How many seconds a request may take, or a stream stand still
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().time.as_secs(),
        value_parser = clap::value_parser!(u64).range(1..=3600), help_heading = "Limits")]
    timeout: u64,

    /// How many connections may be open at one time
    #[arg(long, value_name = "N", default_value_t = Limits::default().connections,
        value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1_000_000), help_heading = "Limits")]
    max_connections: usize,

    /// Leave batched and lazy work to other workers
    #[arg(long)]
    no_worker: bool,

    /// Serve no page at `/`
    #[arg(long)]
    no_page: bool,

    /// Leave the values of rows out of the page and `/v1/events`: templates stand for names, ids stay
    #[arg(long, help_heading = "Security")]
    hide_values: bool,

    /// How events are printed on stderr; requests only with `-v`
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log: LogFormat,

    #[cfg(feature = "opentelemetry")]
    #[command(flatten)]
    otlp: otlp::OtlpArgs,
}

pub fn run(session: &Session, args: &ServeArgs) -> Result<Exit, CommandError> {
    check(args)?;
    if session.cache_url().starts_with("memory:") && args.no_worker {
        return Err(CommandError::usage(
            "a memory cache lives in this process: no other worker can reach it",
        )
        .help("leave `--no-worker` out"));
    }
    let tokens = args.token_file.as_deref().map(read_tokens).transpose()?;
    let tls = match (&args.tls_cert, &args.tls_key) {
        (Some(cert), Some(key)) => Some(Tls::read(cert, key).map_err(CommandError::usage)?),
        _ => None,
    };
    let rules = rules(session)?;
    let limits = Limits {
        body: args.max_body,
        time: Duration::from_secs(args.timeout),
        connections: args.max_connections,
    };
    let log = Log::new(session, args.log);
    let mut app = App::new(rules, session.cache()?, tokens, limits, move |event| log::print(&log, event));
    if args.no_page {
        app = app.without_page();
    }
    if args.hide_values {
        app = app.hiding_values();
    }
    #[cfg(feature = "opentelemetry")]
    if let Some(exporter) = args.otlp.exporter()? {
        app.export_spans(exporter);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime
        .map_err(|error| CommandError::usage(format!("cannot start the server's threads: {error}")))?;
    runtime.block_on(listen(args, app, tls))
}

async fn listen(args: &ServeArgs, app: Arc<App>, tls: Option<Tls>) -> Result<Exit, CommandError> {
    let mut bound = Vec::new();
    let open = async |at: At, tls: Option<Tls>, shown: String| {
        Bound::open(&at, tls).await.map_err(|error| {
            CommandError::usage(format!("cannot listen on {shown}: {error}"))
                .help("another process may be there; choose with `--listen` or `--socket`")
        })
    };
    if !args.no_listen {
        bound.push(open(At::Tcp(args.listen), tls, args.listen.to_string()).await?);
    }
    if let Some(path) = &args.socket {
        #[cfg(unix)]
        bound.push(open(At::Unix(path.clone()), None, format!("`{}`", path.display())).await?);
        #[cfg(not(unix))]
        return Err(CommandError::usage(format!("there is no socket `{}` on this system", path.display())));
    }
    let stop = stop_signal()?;
    let reload = reload_signal()?;
    serve(app, bound, !args.no_worker, stop, reload).await;
    Ok(Exit::Clean)
}

/// What must not be served as it is asked for.
fn check(args: &ServeArgs) -> Result<(), CommandError> {
    if args.no_listen || args.listen.ip().is_loopback() {
        return Ok(());
    }
    if !args.allow_remote {
        return Err(CommandError::usage(format!("{} can be reached from other machines", args.listen))
            .help("listen on 127.0.0.1, or add `--allow-remote` with a `--token-file`"));
    }
    if args.token_file.is_none() {
        return Err(CommandError::usage("without tokens everybody on the network could drop your cache")
            .help("add `--token-file FILE`"));
    }
    Ok(())
}

fn read_tokens(path: &Path) -> Result<Tokens, CommandError> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| CommandError::usage(format!("cannot read the tokens `{shown}`: {error}")))?;
    Tokens::parse(&text).map_err(|error| {
        CommandError::usage(format!("`{shown}`, {error}"))
            .help("a line is `NAME SCOPES SECRET`, such as `shop read,write` and 32 random characters")
    })
}

/// The rules, which may be read anew.
pub fn rules(session: &Session) -> Result<Rules, CommandError> {
    let source = match session.rules_from() {
        RulesFrom::File(root) => Source { root, files: Files::Disk },
        RulesFrom::BuiltIn => {
            let (root, files) = Session::built_in();
            Source { root, files }
        }
    };
    Rules::load(source).map_err(|checked| {
        let errors: Vec<_> = checked.findings.iter().filter(|finding| finding.is_error()).collect();
        lint::print_on_stderr(&errors, &checked.sources);
        CommandError::usage("the rules have errors").help("`invalidate lint` prints all findings")
    })
}
