//! The arguments of `invalidate lint`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::config::FailLevel;
use crate::cli::schema::SchemaNames;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
invalidate lint rules --format github\n  \
invalidate lint --format sarif --output-file lint.sarif\n  \
invalidate lint --diff; invalidate lint --fix\n  \
invalidate lint --deny all --allow dead-end\n  \
invalidate lint --schema postgres://app@db/shop\n  \
git show :rules/shop.inv | invalidate lint - --stdin-filename rules/shop.inv")]
pub struct LintArgs {
    /// Rule files, folders in which every root file is checked, or `-` for stdin [default: the
    /// configured rules, else rules/, else the built-in default rules]
    pub paths: Vec<PathBuf>,

    /// How findings are printed; notes go to stderr
    #[arg(long, value_name = "FORMAT", default_value = "full")]
    pub format: LintFormat,

    /// Write the findings into a file, whole or not at all
    #[arg(long, value_name = "FILE")]
    pub output_file: Option<PathBuf>,

    /// The name of what comes on stdin, for its imports and in the findings
    #[arg(long, value_name = "FILE", default_value = "<stdin>")]
    pub stdin_filename: PathBuf,

    /// Print every code with its level and meaning, as a table or `--format json`
    #[arg(long, group = "instead")]
    pub list: bool,

    /// Print the level of every lint and who gave it, as a table or `--format json`
    #[arg(long, group = "instead")]
    pub show_config: bool,

    /// Print which rules every write can fire, by entity, operation and column, as a table or
    /// `--format json`
    #[arg(long, group = "instead")]
    pub coverage: bool,

    /// Hold the rules against the tables of a database: postgres://USER@HOST:PORT/DATABASE, or a file that
    /// `invalidate schema` wrote
    #[arg(long, value_name = "SOURCE", conflicts_with_all = ["list", "show_config", "coverage", "diff"])]
    pub schema: Option<String>,

    #[command(flatten)]
    pub schema_names: SchemaNames,

    #[command(flatten)]
    pub weight: WeightArgs,

    #[command(flatten)]
    pub baseline: BaselineArgs,

    #[command(flatten)]
    pub fix: FixArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Levels")]
pub struct WeightArgs {
    /// The weakest finding that makes the exit code 1 [default: from invalidate.yaml, else warning]
    #[arg(long, value_name = "LEVEL")]
    pub fail_level: Option<FailLevel>,

    /// Count every warning as an error
    #[arg(long)]
    pub deny_warnings: bool,

    /// Do not report a lint, by slug or code; `all` is every lint that no flag names
    #[arg(long, value_name = "LINT", value_delimiter = ',')]
    pub allow: Vec<String>,

    /// Report a lint as a warning
    #[arg(long, value_name = "LINT", value_delimiter = ',')]
    pub warn: Vec<String>,

    /// Report a lint as an error
    #[arg(long, value_name = "LINT", value_delimiter = ',')]
    pub deny: Vec<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Baseline")]
pub struct BaselineArgs {
    /// Hide the findings that this file knows [default: from invalidate.yaml, else none]
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,

    /// Write all present findings but errors into the baseline
    #[arg(long, group = "instead")]
    pub write_baseline: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Fixes")]
pub struct FixArgs {
    /// Apply the fixes that change no meaning, then report what is left
    #[arg(long, group = "instead")]
    pub fix: bool,

    /// Print the fixes as a unified diff instead of findings; the exit code is 1 if there are any
    #[arg(long, group = "instead", conflicts_with = "format")]
    pub diff: bool,

    /// With --fix or --diff: guesses, too, such as a name for a misspelt one
    #[arg(long)]
    pub unsafe_fixes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LintFormat {
    /// With the source beneath
    Full,
    /// One line each
    Concise,
    /// For programs
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations of GitHub Actions
    Github,
    /// A code quality report of GitLab
    Gitlab,
    /// JUnit XML, a suite for each file
    Junit,
}
