//! The arguments that every command shares, and the list of commands.

mod lazy;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use lazy::Lazy;

/// Say once what every database write makes stale in the cache.
#[derive(Debug, Parser)]
#[command(name = "invalidate", version, max_term_width = 100, propagate_version = true)]
#[command(after_help = "Exit codes: 0 done and clean, 1 findings, 2 usage, configuration or rule error, \
3 the cache could not be reached or only part was applied, 4 unresolved.\n\
Configuration: flags, then INVALIDATE_* variables, then the nearest invalidate.yaml, then defaults.")]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// The root rule file [default: from invalidate.yaml, else rules/default.inv, else the built-in
    /// default rules]
    #[arg(long, global = true, value_name = "PATH", env = "INVALIDATE_RULES", hide_env_values = true)]
    pub rules: Option<String>,

    /// The cache: redis://, rediss://, redis-cluster://, redis+sentinel://, unix://, embedded:FOLDER or
    /// memory: [default: from
    /// invalidate.yaml, else embedded:.invalidate]
    #[arg(long, global = true, value_name = "URL", env = "INVALIDATE_CACHE", hide_env_values = true)]
    pub cache: Option<String>,

    /// When to use colours
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        env = "INVALIDATE_COLOR",
        hide_env_values = true
    )]
    pub color: Color,

    /// Say less: no notes and no progress
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Say more about what is done and why
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Drop from the cache what a database write makes stale
    Write(Lazy<super::write::WriteArgs>),
    /// Check rule files
    #[command(visible_alias = "check")]
    Lint(Lazy<super::lint::LintArgs>),
    /// Format rule files
    Fmt(Lazy<super::fmt::FmtArgs>),
    /// Say what a finding means, why it hurts and how to mend it
    Explain(Lazy<super::explain::ExplainArgs>),
    /// Compare what two rule sets mean
    Diff(Lazy<super::diff_rules::DiffArgs>),
    /// Draw the rules
    Graph(Lazy<super::graph::GraphArgs>),
    /// Run the tests that lie beside the rules
    Test(Lazy<super::test::TestArgs>),
    /// Say why a write drops a key or tag or does not, or which writes can drop it
    Why(Lazy<super::why::WhyArgs>),
    /// Print the keys and tags that an application must write for an instance
    Names(Lazy<super::names::NamesArgs>),
    /// Store, read, list and drop cache entries
    Cache(Lazy<super::cache::CacheArgs>),
    /// Record that a key was built from others
    Dep(Lazy<super::dep::DepArgs>),
    /// Carry out what waits in the batch queue, now
    Flush(Lazy<super::flush::FlushArgs>),
    /// Carry out batched drops when they are due, until told to stop
    Worker(Lazy<super::worker::WorkerArgs>),

    /// Answer writes over HTTP, with the batch worker inside
    Serve(Lazy<super::serve::ServeArgs>),
    /// Follow what is committed in a database, and drop what it makes stale
    Watch(Lazy<super::watch::WatchArgs>),
    /// Plan a recorded stream of writes, under one or two rule sets, and count what is dropped
    Replay(Lazy<super::replay::ReplayArgs>),
    /// Show what the rules hold and what they have dropped so far
    Stats(Lazy<super::stats::StatsArgs>),
    /// Look for what is wrong with the cache, and mend it
    Doctor(Lazy<super::doctor::DoctorArgs>),
    /// Write a first rule file and a commented invalidate.yaml
    Init(Lazy<super::init::InitArgs>),
    /// Print what tables a database has, for `lint --schema` and `init --from`
    Schema(Lazy<super::schema::SchemaArgs>),
    /// Show on a temporary cache what a write drops and what it leaves alone
    Demo(Lazy<super::demo::DemoArgs>),
    /// Print a completion script for a shell
    Completions(Lazy<super::completions::CompletionsArgs>),
    /// Print the manual page
    Man(Lazy<super::completions::ManArgs>),
}

/// The format of what a command prints as data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Table,
    /// For programs; sorted, stable, with a schema number
    Json,
}
