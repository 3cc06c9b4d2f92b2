//! The scripts of the layout, each of bounded work and within one slot, named after the steps of the
//! protocol: [`Step`](crate::cache::Step).

use redis::Script;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScriptName {
    Token,
    Drop,
    Page,
}

/// The scripts with their digests.
pub(super) struct Scripts {
    token: Script,
    drop: Script,
    page: Script,
}

pub(super) struct Source {
    pub text: &'static str,
    /// What `EVALSHA` calls it by.
    pub digest: String,
}

const TOKEN: &str = include_str!("scripts/token.lua");
const DROP: &str = include_str!("scripts/drop.lua");
const PAGE: &str = include_str!("scripts/page.lua");

impl Scripts {
    pub fn new() -> Self {
        Self { token: Script::new(TOKEN), drop: Script::new(DROP), page: Script::new(PAGE) }
    }

    pub fn get(&self, name: ScriptName) -> Source {
        let (text, script) = match name {
            ScriptName::Token => (TOKEN, &self.token),
            ScriptName::Drop => (DROP, &self.drop),
            ScriptName::Page => (PAGE, &self.page),
        };
        Source { text, digest: script.get_hash().to_owned() }
    }
}

impl ScriptName {
    /// One bit for each script, to remember which of them a server knows.
    pub fn bit(self) -> u8 {
        match self {
            Self::Token => 1,
            Self::Drop => 2,
            Self::Page => 4,
        }
    }
}
