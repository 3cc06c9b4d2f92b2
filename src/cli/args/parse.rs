//! The arguments as the process was given them.
//!
//! clap describes every command to itself before it looks at a word, and gives each of them the arguments
//! that all share; for `write`, which runs behind every database write, that would be a third of its time.
//! So a call with the word `write` in it is first held against that command alone. What does not fit is
//! held against all of them, so that help, errors and everything else are what they always are.

use std::ffi::OsString;

use clap::error::Error;
use clap::{Args, Command, CommandFactory, FromArgMatches};

use super::{Cli, Global};
use crate::cli::write::WriteArgs;

/// # Errors
/// What clap has to say instead: help, the version, or what is wrong.
pub fn parse(words: &[OsString]) -> Result<Cli, Error> {
    match only_write(words) {
        Some(cli) => Ok(cli),
        None => Cli::from_arg_matches(&Cli::command().try_get_matches_from(words)?),
    }
}

/// The call, where it is one of `write` and asks for nothing but the write.
fn only_write(words: &[OsString]) -> Option<Cli> {
    if !words.iter().any(|word| word == "write") {
        return None;
    }
    let write = WriteArgs::augment_args(Command::new("write")).disable_help_flag(true);
    let all = Global::augment_args(Command::new("invalidate"))
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .subcommand(write);
    Cli::from_arg_matches(&all.try_get_matches_from(words).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    fn all(words: &[OsString]) -> Result<Cli, Error> {
        Cli::from_arg_matches(&Cli::command().try_get_matches_from(words)?)
    }

    #[test]
    fn a_write_is_the_same_alone_and_among_all_commands() {
        for line in [
            "invalidate write user 123 update",
            "invalidate write user -5 update email=a old.email=b --changed email,plan",
            "invalidate --cache memory: write user 1 update -q --rules a.inv",
            "invalidate -v write - --summary --color never --format json",
            "invalidate write lint 1 update --dry-run --no-count",
            "invalidate write write write write",
            "invalidate --rules write write user * delete --settle=2s --no-wait --widen",
            "invalidate write -- user 1 update",
        ] {
            let words = words(line);
            let alone = only_write(&words).unwrap_or_else(|| panic!("{line}"));
            let among = all(&words).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(format!("{alone:?}"), format!("{among:?}"), "{line}");
        }
    }

    #[test]
    fn what_is_no_plain_write_is_for_all_commands_to_answer() {
        for line in [
            "invalidate",
            "invalidate write",
            "invalidate write --help",
            "invalidate write -h",
            "invalidate write --version",
            "invalidate --version write",
            "invalidate help write",
            "invalidate write user 1 update --widen --strict",
            "invalidate write user 1 update --forma json",
            "invalidate write user 1 update -q -v",
            "invalidate --cache write",
            "invalidate lint write",
            "invalidate names write 1",
            "invalidate Write user 1 update",
        ] {
            let words = words(line);
            assert!(only_write(&words).is_none(), "{line}");
            let parsed = parse(&words).map(|cli| format!("{cli:?}")).map_err(|error| error.to_string());
            let among = all(&words).map(|cli| format!("{cli:?}")).map_err(|error| error.to_string());
            assert_eq!(parsed, among, "{line}");
        }
    }
}
