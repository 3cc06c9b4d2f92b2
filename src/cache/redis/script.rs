//! The scripts of the layout, each of bounded work and within one slot, named after the steps of the
//! protocol: [`Step`](crate::cache::Step).

use redis::Script;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScriptName {
    Token,
    Clear,
    Drop,
    Page,
    Ticket,
    Publish,
    Index,
    Open,
    Strip,
    Trim,
    Close,
    Reap,
    Prune,
    Missing,
    Forget,
    Enqueue,
    Claim,
    Settle,
    Announce,
}

/// Every script, with its text.
const TEXTS: [(ScriptName, &str); 19] = [
    (ScriptName::Token, include_str!("scripts/token.lua")),
    (ScriptName::Clear, include_str!("scripts/clear.lua")),
    (ScriptName::Drop, include_str!("scripts/drop.lua")),
    (ScriptName::Page, include_str!("scripts/page.lua")),
    (ScriptName::Ticket, include_str!("scripts/ticket.lua")),
    (ScriptName::Publish, include_str!("scripts/publish.lua")),
    (ScriptName::Index, include_str!("scripts/index.lua")),
    (ScriptName::Open, include_str!("scripts/open.lua")),
    (ScriptName::Strip, include_str!("scripts/strip.lua")),
    (ScriptName::Trim, include_str!("scripts/trim.lua")),
    (ScriptName::Close, include_str!("scripts/close.lua")),
    (ScriptName::Reap, include_str!("scripts/reap.lua")),
    (ScriptName::Prune, include_str!("scripts/prune.lua")),
    (ScriptName::Missing, include_str!("scripts/missing.lua")),
    (ScriptName::Forget, include_str!("scripts/forget.lua")),
    (ScriptName::Enqueue, include_str!("scripts/enqueue.lua")),
    (ScriptName::Claim, include_str!("scripts/claim.lua")),
    (ScriptName::Settle, include_str!("scripts/settle.lua")),
    (ScriptName::Announce, include_str!("scripts/announce.lua")),
];

/// The scripts with their digests, each made when it is first called.
#[derive(Default)]
pub(super) struct Scripts {
    digests: [std::sync::OnceLock<String>; TEXTS.len()],
}

pub(super) struct Source<'s> {
    pub text: &'static str,
    /// What `EVALSHA` calls it by.
    pub digest: &'s str,
}

impl Scripts {
    pub fn get(&self, name: ScriptName) -> Source<'_> {
        // The table has the order of the names, as its test requires.
        let (_, text) = TEXTS[name as usize];
        let digest = self.digests[name as usize].get_or_init(|| Script::new(text).get_hash().to_owned());
        Source { text, digest }
    }
}

impl ScriptName {
    /// One bit for each script, to remember which of them a server knows.
    pub fn bit(self) -> u32 {
        1 << self as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_stands_at_its_name() {
        for (position, (name, text)) in TEXTS.iter().enumerate() {
            assert_eq!(*name as usize, position);
            assert_eq!(Scripts::default().get(*name).text, *text);
            let title = format!("{name:?}").to_uppercase();
            assert!(text.lines().next().is_some_and(|line| line.contains(&title)), "{title}");
        }
    }
}
