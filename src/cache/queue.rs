//! The batch queue: what is to be dropped, by when, and who is at it.
//!
//! The queue lies in the cache itself, so it outlives every process. An item is a [`Work`]; equal
//! work is one item, due at the earliest time that anybody asked for. Whoever carries items out
//! *claims* them: they leave the queue for a lease under a fresh [`LeaseToken`], and are removed for
//! good when the holder says that they are done. A lease that runs out puts them back. An item that
//! is enqueued again while it is carried out waits beside its lease, and is carried out again.

use std::fmt;
use std::time::Duration;

use super::error::{CacheError, CacheErrorKind};
use super::{DropRequest, DropTarget, Reach};
use crate::model::{Key, Pattern, Tag};

/// The longest time that work may wait in the queue: what was enqueued before is due within it.
pub const MAX_DELAY: Duration = Duration::from_secs(5);

/// The most items that one script or transaction handles.
pub(super) const AT_ONCE: usize = 1000;

/// How late an item is when nobody seems to be about to carry it out.
pub(super) const OVERDUE_MS: u64 = 1000;

/// Something that waits to be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    Drop(DropRequest),
    /// What an earlier drop of the tag has left to do.
    Collect(Tag),
}

impl From<DropRequest> for Work {
    fn from(request: DropRequest) -> Self {
        Self::Drop(request)
    }
}

/// What the members of the queue begin with: one letter and a colon. The capital is the same work
/// without the dependents of dependents.
const LETTERS: [(WorkKind, u8); 6] = [
    (WorkKind::Tag, b't'),
    (WorkKind::Key, b'k'),
    (WorkKind::Match, b'm'),
    (WorkKind::TagMatch, b'g'),
    // A glob over tags whose `*` stays within a segment.
    (WorkKind::TagMatch, b's'),
    (WorkKind::Collect, b'c'),
];

impl Work {
    /// Dropping with everything that depends on it.
    pub fn drop(target: impl Into<DropTarget>) -> Self {
        Self::Drop(DropRequest::new(target, Reach::Transitive))
    }

    pub fn kind(&self) -> WorkKind {
        match self {
            Self::Drop(DropRequest { target: DropTarget::Tag(_), .. }) => WorkKind::Tag,
            Self::Drop(DropRequest { target: DropTarget::Key(_), .. }) => WorkKind::Key,
            Self::Drop(DropRequest { target: DropTarget::Match(_), .. }) => WorkKind::Match,
            Self::Drop(DropRequest { target: DropTarget::TagsMatching(_), .. }) => WorkKind::TagMatch,
            Self::Collect(_) => WorkKind::Collect,
        }
    }

    /// The drop that does this work. Collecting is a drop as well: it finishes what earlier drops of
    /// the tag have left.
    pub fn request(&self) -> DropRequest {
        match self {
            Self::Drop(request) => request.clone(),
            Self::Collect(tag) => DropRequest::new(tag.clone(), Reach::Transitive),
        }
    }

    /// The member that stands for it in the queue, such as `t:user:1`. Equal work has equal members.
    pub fn member(&self) -> String {
        let (letter, text) = match self {
            Self::Collect(tag) => return format!("c:{tag}"),
            Self::Drop(DropRequest { target, .. }) => match target {
                DropTarget::Tag(tag) => ('t', tag.to_string()),
                DropTarget::Key(key) => ('k', key.to_string()),
                DropTarget::Match(pattern) => ('m', readable(pattern)),
                DropTarget::TagsMatching(pattern) if pattern.is_segmented() => {
                    ('s', pattern.as_str().to_owned())
                }
                DropTarget::TagsMatching(pattern) => ('g', readable(pattern)),
            },
        };
        let shallow = matches!(self, Self::Drop(DropRequest { reach: Reach::Direct, .. }));
        let letter = if shallow { letter.to_ascii_uppercase() } else { letter };
        format!("{letter}:{text}")
    }

    /// The work that a member stands for; `None` for one that this version does not know.
    pub(super) fn from_member(member: &[u8]) -> Option<Self> {
        let member = std::str::from_utf8(member).ok()?;
        let (letter, text) = member.split_once(':')?;
        let target = match letter {
            "c" => return Tag::new(text).ok().map(Self::Collect),
            "t" | "T" => DropTarget::Tag(Tag::new(text).ok()?),
            "k" | "K" => DropTarget::Key(Key::new(text).ok()?),
            "m" | "M" => DropTarget::Match(Pattern::parse(text).ok()?),
            "g" | "G" => DropTarget::TagsMatching(Pattern::parse(text).ok()?),
            "s" | "S" => DropTarget::TagsMatching(Pattern::segments(text).ok()?),
            _ => return None,
        };
        let shallow = letter.bytes().all(|b| b.is_ascii_uppercase());
        let reach = if shallow { Reach::Direct } else { Reach::Transitive };
        Some(Self::Drop(DropRequest { target, reach }))
    }
}

/// A pattern as [`Pattern::parse`] reads it again.
fn readable(pattern: &Pattern) -> String {
    let text = pattern.as_str().to_owned();
    if pattern.is_glob() { Pattern::glob_text(text) } else { text }
}

/// What sort of work an item is, for counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkKind {
    Tag,
    Key,
    Match,
    TagMatch,
    Collect,
    /// Written by a newer version of this program, or by somebody else.
    Unknown,
}

impl WorkKind {
    /// The kind of a member, by how it begins.
    pub(super) fn of_member(member: &[u8]) -> Self {
        let letter = match member {
            [letter, b':', ..] => letter.to_ascii_lowercase(),
            _ => return Self::Unknown,
        };
        LETTERS.iter().find(|(_, known)| *known == letter).map_or(Self::Unknown, |(kind, _)| *kind)
    }
}

/// How many items there are of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkCounts {
    pub tags: u64,
    pub keys: u64,
    /// Patterns over live keys.
    pub matches: u64,
    /// Patterns over tags.
    pub tag_matches: u64,
    /// Drops that are to be finished.
    pub collects: u64,
    /// Items that this version of the program does not know, and leaves alone.
    pub unknown: u64,
}

impl WorkCounts {
    pub fn total(&self) -> u64 {
        self.tags + self.keys + self.matches + self.tag_matches + self.collects + self.unknown
    }

    pub fn count(&mut self, kind: WorkKind) {
        *self.of(kind) += 1;
    }

    pub(super) fn of(&mut self, kind: WorkKind) -> &mut u64 {
        match kind {
            WorkKind::Tag => &mut self.tags,
            WorkKind::Key => &mut self.keys,
            WorkKind::Match => &mut self.matches,
            WorkKind::TagMatch => &mut self.tag_matches,
            WorkKind::Collect => &mut self.collects,
            WorkKind::Unknown => &mut self.unknown,
        }
    }
}

/// What came of putting work into the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Enqueued {
    /// Items that were not in the queue.
    pub new: u64,
    /// Items that equal one that was waiting already, or another of the same call.
    pub coalesced: u64,
    /// How many items wait now.
    pub waiting: u64,
    /// How many workers are alive. With none, nobody but the caller will carry the items out.
    pub workers: u64,
    /// Items that have been due for more than a second: nobody seems to see to them.
    pub overdue: u64,
}

/// Which items to claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim<'c> {
    /// Those that are due by a time, the oldest first.
    Due {
        /// In milliseconds from now; negative for the past, `i64::MAX` for all.
        by: i64,
    },
    /// These, due or not, and also where somebody else holds them: his lease ends. What is neither
    /// waiting nor leased has been carried out.
    These(&'c [Work]),
}

impl Claim<'_> {
    /// What is due now.
    pub const DUE: Self = Self::Due { by: 0 };
}

/// What a claim gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claimed {
    pub items: Vec<Work>,
    /// Members that this version does not know. They are leased, and go back when the lease ends.
    pub unknown: u64,
    /// How long until the next waiting item is due; `None` when none waits.
    pub next_due: Option<Duration>,
}

/// What becomes of claimed items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settle {
    /// They are done: they leave the cache.
    Done,
    /// They go back into the queue, due after this time.
    Again(Duration),
    /// They stay with the holder for this time from now.
    Longer(Duration),
}

/// What waits in the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// The items that wait, by kind.
    pub waiting: WorkCounts,
    /// The items that somebody is carrying out, or was when he died.
    pub leased: u64,
    /// When the oldest waiting item is due, in milliseconds from now; negative when it is overdue.
    pub oldest_due_ms: Option<i64>,
    /// Workers that are alive.
    pub workers: u64,
}

/// The right to settle the items of one claim.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseToken(u128);

/// A worker, for as long as its process lives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(u128);

impl LeaseToken {
    /// A token that nobody else has.
    pub fn fresh() -> Self {
        Self(nonce())
    }

    pub(super) fn bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

impl WorkerId {
    pub fn fresh() -> Self {
        Self(nonce())
    }

    pub(super) fn bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

impl fmt::Display for LeaseToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for LeaseToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn nonce() -> u128 {
    use std::hash::{BuildHasher, RandomState};
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::SystemTime;
    static CALLS: AtomicU64 = AtomicU64::new(0);
    // The standard library seeds `RandomState` from the system's randomness, once for each thread.
    let seed = (CALLS.fetch_add(1, Ordering::Relaxed), std::process::id(), SystemTime::now());
    let random = || u128::from(RandomState::new().hash_one(seed));
    random() << 64 | random()
}

/// A delay in whole milliseconds.
///
/// # Errors
/// [`CacheErrorKind::Invalid`] for one that is too long.
pub(super) fn delay_ms(delay: Duration) -> Result<u64, CacheError> {
    if delay > MAX_DELAY {
        return Err(CacheError::new(
            CacheErrorKind::Invalid,
            format!("work may wait {} ms at most, not {} ms", MAX_DELAY.as_millis(), delay.as_millis()),
        ));
    }
    Ok(ms(delay))
}

/// A time in whole milliseconds, rounded up.
pub(super) fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// The members of a call with their delays, equal ones together with the shortest delay, sorted.
pub(super) fn coalesce(
    items: &[(Work, Duration)],
) -> Result<std::collections::BTreeMap<String, u64>, CacheError> {
    let mut members = std::collections::BTreeMap::new();
    for (work, delay) in items {
        let delay = delay_ms(*delay)?;
        let earliest = members.entry(work.member()).or_insert(delay);
        *earliest = delay.min(*earliest);
    }
    Ok(members)
}

/// The queue at `place` has no room for what was to be added.
pub(super) fn full(place: &str, waiting: u64, limit: u64) -> CacheError {
    CacheError::new(
        CacheErrorKind::QueueFull,
        format!("the queue of {place} holds {waiting} items and takes {limit} at most: nothing was added"),
    )
    .with_hint(
        "start `invalidate worker`, or run `invalidate flush`; `queue_limit` under `cache:` in \
         invalidate.yaml sets the bound",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_work_comes_back_from_its_member() {
        let tag = |t: &str| Tag::new(t).unwrap();
        let works = [
            (Work::drop(tag("user:1")), "t:user:1", WorkKind::Tag),
            (Work::drop(Key::new("a\nb").unwrap()), "k:a\nb", WorkKind::Key),
            (Work::drop(Pattern::parse("x:*").unwrap()), "m:x:*", WorkKind::Match),
            (Work::drop(Pattern::parse("shop:/^a/").unwrap()), "m:shop:/^a/", WorkKind::Match),
            (Work::drop(Pattern::glob("/a/").unwrap()), "m:\\/a/", WorkKind::Match),
            (
                Work::drop(DropTarget::TagsMatching(Pattern::glob("u:*").unwrap())),
                "g:u:*",
                WorkKind::TagMatch,
            ),
            (
                Work::drop(DropTarget::TagsMatching(Pattern::segments("u:*").unwrap())),
                "s:u:*",
                WorkKind::TagMatch,
            ),
            (Work::Collect(tag("user:1")), "c:user:1", WorkKind::Collect),
        ];
        for (work, member, kind) in works {
            assert_eq!(work.member(), member);
            assert_eq!((work.kind(), WorkKind::of_member(member.as_bytes())), (kind, kind));
            let again = Work::from_member(member.as_bytes()).unwrap();
            assert_eq!(again.member(), member);
            if let (Work::Drop(request), true) = (&work, member.starts_with(['t', 'k', 'm', 'g', 's'])) {
                let shallow = Work::Drop(DropRequest { reach: Reach::Direct, ..request.clone() });
                assert_ne!(shallow.member(), member);
                let again = Work::from_member(shallow.member().as_bytes()).unwrap();
                assert!(matches!(again, Work::Drop(DropRequest { reach: Reach::Direct, .. })));
                assert_eq!(again.kind(), kind);
            }
        }
        for member in ["", "t", "t:", "x:y", "t:{", "tt:a", "m:[", "c:"] {
            assert_eq!(Work::from_member(member.as_bytes()), None, "{member}");
        }
        assert_eq!(WorkKind::of_member(b"x:y"), WorkKind::Unknown);
        assert_eq!(Work::from_member(b"k:\xff"), None);
    }

    #[test]
    fn tokens_are_not_repeated() {
        let tokens: std::collections::BTreeSet<LeaseToken> = (0..1000).map(|_| LeaseToken::fresh()).collect();
        assert_eq!(tokens.len(), 1000);
    }
}
