//! The scripts of the layout, each of bounded work and within one slot, named after the steps of the
//! protocol: [`Step`](crate::cache::Step).

use redis::Script;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScriptName {
    Token,
    Drop,
    Page,
    Enqueue,
    Claim,
    Settle,
    Announce,
}

/// The scripts with their digests.
pub(super) struct Scripts {
    token: Script,
    drop: Script,
    page: Script,
    enqueue: Script,
    claim: Script,
    settle: Script,
    announce: Script,
}

pub(super) struct Source {
    pub text: &'static str,
    /// What `EVALSHA` calls it by.
    pub digest: String,
}

const TOKEN: &str = include_str!("scripts/token.lua");
const DROP: &str = include_str!("scripts/drop.lua");
const PAGE: &str = include_str!("scripts/page.lua");
const ENQUEUE: &str = include_str!("scripts/enqueue.lua");
const CLAIM: &str = include_str!("scripts/claim.lua");
const SETTLE: &str = include_str!("scripts/settle.lua");
const ANNOUNCE: &str = include_str!("scripts/announce.lua");

impl Scripts {
    pub fn new() -> Self {
        Self {
            token: Script::new(TOKEN),
            drop: Script::new(DROP),
            page: Script::new(PAGE),
            enqueue: Script::new(ENQUEUE),
            claim: Script::new(CLAIM),
            settle: Script::new(SETTLE),
            announce: Script::new(ANNOUNCE),
        }
    }

    pub fn get(&self, name: ScriptName) -> Source {
        let (text, script) = match name {
            ScriptName::Token => (TOKEN, &self.token),
            ScriptName::Drop => (DROP, &self.drop),
            ScriptName::Page => (PAGE, &self.page),
            ScriptName::Enqueue => (ENQUEUE, &self.enqueue),
            ScriptName::Claim => (CLAIM, &self.claim),
            ScriptName::Settle => (SETTLE, &self.settle),
            ScriptName::Announce => (ANNOUNCE, &self.announce),
        };
        Source { text, digest: script.get_hash().to_owned() }
    }
}

impl ScriptName {
    /// One bit for each script, to remember which of them a server knows.
    pub fn bit(self) -> u32 {
        match self {
            Self::Token => 1,
            Self::Drop => 2,
            Self::Page => 4,
            Self::Enqueue => 8,
            Self::Claim => 16,
            Self::Settle => 32,
            Self::Announce => 64,
        }
    }
}
