//! Targets that are named on the command line.

use clap::Args;
use invalidate::cache::DropTarget;
use invalidate::model::{Key, Pattern, Tag};

use super::cache::{key, pattern, tag};

#[derive(Debug, Args)]
pub struct Targets {
    /// A tag; may be given several times
    #[arg(long, value_name = "TAG", value_parser = tag)]
    tag: Vec<Tag>,

    /// A key; may be given several times
    #[arg(long, value_name = "KEY", value_parser = key)]
    key: Vec<Key>,

    /// A glob as Redis has it, or /REGEX/, over live keys; may be given several times
    #[arg(long = "match", value_name = "PATTERN", value_parser = pattern)]
    pattern: Vec<Pattern>,
}

impl Targets {
    /// Tags first, then keys, then patterns, each in the order in which they were given.
    pub fn into_list(self) -> Vec<DropTarget> {
        let tags = self.tag.into_iter().map(DropTarget::Tag);
        let keys = self.key.into_iter().map(DropTarget::Key);
        tags.chain(keys).chain(self.pattern.into_iter().map(DropTarget::Match)).collect()
    }
}
