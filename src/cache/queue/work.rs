//! What waits in the queue, and how it is written there.

use crate::cache::{DropRequest, DropTarget, Reach};
use crate::model::{Key, Pattern, Tag};

/// Something that waits to be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    Drop(DropRequest),
    /// What a lazy drop of the tag, or one that was broken off, has set aside.
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

    /// The drop that this work is; `None` for a collection.
    pub fn request(&self) -> Option<DropRequest> {
        if let Self::Drop(request) = self { Some(request.clone()) } else { None }
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
    pub(in crate::cache) fn from_member(member: &[u8]) -> Option<Self> {
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
    pub(in crate::cache) fn of_member(member: &[u8]) -> Self {
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

    pub(in crate::cache) fn of(&mut self, kind: WorkKind) -> &mut u64 {
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
}
