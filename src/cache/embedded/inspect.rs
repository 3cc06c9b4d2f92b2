//! What an embedded cache tells about its contents.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::time::Duration;

use super::failure::Failure;
use super::layout::{self, COUNTER, ENTRY, INDEX, IndexRow, JOURNAL, JournalRow, NEVER, name_id, named};
use super::rows::View;
use crate::cache::index_name::IndexName;
use crate::cache::{
    Cursor, Dependent, DropTarget, EntryKind, EntrySummary, KeyDescription, Page, Reach, TagDescription,
    TagMember, TagSummary,
};
use crate::model::{Key, Pattern};

struct FoundIndex<'t> {
    name: IndexName,
    row: IndexRow,
    row_key: &'t [u8],
}

impl View<'_> {
    pub fn describe_key(&self, key: &Key) -> Result<Option<KeyDescription>, Failure> {
        let id = name_id(key.as_str().as_bytes());
        let Some(entry) = self.entry(&id)? else { return Ok(None) };
        let mut tags = Vec::new();
        let mut depends_on = Vec::new();
        for index in self.indexes(&[INDEX], None)? {
            let FoundIndex { name, row, .. } = index?;
            if row.index != 0 && self.score(row.index, &id)?.is_some() {
                tags.extend(name.tag());
                depends_on.extend(name.key().as_deref().and_then(text_key));
            }
        }
        depends_on.sort();
        tags.sort();
        Ok(Some(KeyDescription {
            kind: self.kind(&id)?,
            bytes: entry.value.len() as u64,
            ttl: self.ttl(entry.expires),
            tags,
            depends_on,
            dependents: self.dependents(key, Reach::Direct)?.len() as u64,
        }))
    }

    pub fn describe_tag(&self, name: &IndexName, limit: usize) -> Result<TagDescription, Failure> {
        let mut description = TagDescription::default();
        let Some(row) = self.index(name)? else { return Ok(description) };
        description.generation = (row.generation != 0).then_some(row.generation);
        description.journals = self.journals_of(row.serial)?.len() as u64;
        for member in self.members(row.index)? {
            let member = member?;
            let Some(entry) = self.entry(member.id)? else { continue };
            description.live += 1;
            if description.members.len() < limit
                && let Some(key) = text_key(member.name)
            {
                description.members.push(TagMember { key, ttl: self.ttl(entry.expires) });
            }
        }
        Ok(description)
    }

    pub fn list_entries(
        &self,
        pattern: Option<&Pattern>,
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<EntrySummary>, Failure> {
        let prefix = scan_start(ENTRY, pattern);
        let mut page = Page { items: Vec::new(), next: None };
        let mut last = None;
        for row in self.table.range(self.txn, &(start(&prefix, cursor), Bound::Unbounded))? {
            let (row_key, value) = row?;
            if !row_key.starts_with(&prefix) {
                break;
            }
            let (expires, kept, _) = layout::decode_entry(value)?;
            let name = layout::full_name(row_key.get(1..).unwrap_or_default(), kept);
            let Some(key) = text_key(name).filter(|_| expires > self.now) else { continue };
            if pattern.is_some_and(|pattern| !pattern.matches(key.as_str())) {
                continue;
            }
            if page.items.len() == limit.max(1) {
                page.next = last.map(Cursor);
                break;
            }
            let kind = self.kind(row_key.get(1..).unwrap_or_default())?;
            page.items.push(EntrySummary { key, kind, ttl: self.ttl(expires) });
            last = Some(row_key.to_vec());
        }
        Ok(page)
    }

    pub fn list_tags(
        &self,
        pattern: Option<&Pattern>,
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<TagSummary>, Failure> {
        let mut page = Page { items: Vec::new(), next: None };
        let mut last = None;
        for index in self.indexes(&scan_start(INDEX, pattern), cursor)? {
            let FoundIndex { name, row, row_key } = index?;
            let Some(tag) = name.tag().filter(|_| row.index != 0) else { continue };
            if pattern.is_some_and(|pattern| !pattern.matches(tag.as_str())) {
                continue;
            }
            let members = self.members(row.index)?.count() as u64;
            if members == 0 {
                continue;
            }
            if page.items.len() == limit.max(1) {
                page.next = last.map(Cursor);
                break;
            }
            page.items.push(TagSummary { tag, members });
            last = Some(row_key.to_vec());
        }
        Ok(page)
    }

    pub fn count(&self, target: &DropTarget) -> Result<u64, Failure> {
        let mut count = 0;
        match target {
            DropTarget::Key(key) => count = u64::from(self.is_live(&name_id(key.as_str().as_bytes()))?),
            DropTarget::Tag(tag) => {
                if let Some(row) = self.index(&tag.into())? {
                    count = self.count_members(&row)?;
                }
            }
            DropTarget::Match(pattern) => {
                let prefix = scan_start(ENTRY, Some(pattern));
                for row in self.table.prefix_iter(self.txn, &prefix)? {
                    let (row_key, value) = row?;
                    let (expires, kept, _) = layout::decode_entry(value)?;
                    let name = layout::full_name(row_key.get(1..).unwrap_or_default(), kept);
                    let matches = std::str::from_utf8(name).is_ok_and(|name| pattern.matches(name));
                    count += u64::from(matches && expires > self.now);
                }
            }
            DropTarget::TagsMatching(pattern) => {
                for index in self.indexes(&scan_start(INDEX, Some(pattern)), None)? {
                    let FoundIndex { name, row, .. } = index?;
                    if name.tag().is_some_and(|tag| pattern.matches(tag.as_str())) {
                        count += self.count_members(&row)?;
                    }
                }
            }
        }
        Ok(count)
    }

    pub fn dependents(&self, key: &Key, reach: Reach) -> Result<Vec<Dependent>, Failure> {
        let first = key.as_str().as_bytes().to_vec();
        let mut found = Vec::new();
        let mut visited = BTreeSet::from([first.clone()]);
        let mut queue = VecDeque::from([(first, 1)]);
        while let Some((on, distance)) = queue.pop_front() {
            let Some(row) = self.index(&IndexName::dependents_of(&on))? else { continue };
            for member in self.members(row.index)? {
                let member = member?;
                if visited.contains(member.name) || !(member.score == NEVER || self.is_live(member.id)?) {
                    continue;
                }
                visited.insert(member.name.to_vec());
                found.extend(text_key(member.name).map(|key| Dependent { key, distance }));
                if reach == Reach::Transitive {
                    queue.push_back((member.name.to_vec(), distance + 1));
                }
            }
        }
        Ok(found)
    }

    pub fn statistics(&self) -> Result<BTreeMap<String, u64>, Failure> {
        let mut counters = BTreeMap::new();
        for row in self.table.prefix_iter(self.txn, &[COUNTER])? {
            let (row_key, value) = row?;
            let (count, kept) = layout::number(value)?;
            let name = layout::full_name(row_key.get(1..).unwrap_or_default(), kept);
            counters.insert(String::from_utf8_lossy(name).into_owned(), count);
        }
        Ok(counters)
    }

    /// What a drop of the tag would remove: its members, and those that an unfinished drop left.
    fn count_members(&self, row: &IndexRow) -> Result<u64, Failure> {
        let mut count = 0;
        // A key filled anew between two drops stands in several of them, and counts once.
        let mut counted = Vec::new();
        for set in std::iter::once(row.index).chain(self.journals_of(row.serial)?) {
            for member in self.members(set)? {
                let id = member?.id;
                count += u64::from(self.is_live(id)? && !self.in_any(&counted, id)?);
            }
            counted.push(set);
        }
        Ok(count)
    }

    fn in_any(&self, sets: &[u64], id: &[u8]) -> Result<bool, Failure> {
        for set in sets {
            if self.score(*set, id)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The open journals of one index.
    fn journals_of(&self, serial: u64) -> Result<Vec<u64>, Failure> {
        let mut journals = Vec::new();
        for row in self.table.prefix_iter(self.txn, &[JOURNAL])? {
            let (row_key, value) = row?;
            if JournalRow::decode(value)?.serial == serial {
                journals.push(layout::number(row_key.get(9..).unwrap_or_default())?.0);
            }
        }
        journals.extend(self.retired_of(serial)?);
        Ok(journals)
    }

    /// The indexes that lazy drops of one index have set aside.
    pub(super) fn retired_of(&self, serial: u64) -> Result<Vec<u64>, Failure> {
        let rows = self.table.prefix_iter(self.txn, &layout::retired_of(serial))?;
        rows.map(|row| Ok(layout::number(row?.0.get(9..).unwrap_or_default())?.0)).collect()
    }

    fn kind(&self, id: &[u8]) -> Result<EntryKind, Failure> {
        Ok(if self.stamps(id)?.is_some() { EntryKind::Fenced } else { EntryKind::Plain })
    }

    /// The indexes whose rows start with a prefix, each with its row key.
    fn indexes(
        &self,
        prefix: &[u8],
        cursor: Option<&Cursor>,
    ) -> Result<impl Iterator<Item = Result<FoundIndex<'_>, Failure>>, Failure> {
        let rows = self.table.range(self.txn, &(start(prefix, cursor), Bound::Unbounded))?;
        let prefix = prefix.to_vec();
        let inside = move |row: &heed::Result<(&[u8], &[u8])>| match row {
            Ok((key, _)) => key.starts_with(&prefix),
            Err(_) => true,
        };
        Ok(rows.take_while(inside).map(|row| {
            let (row_key, value) = row?;
            let (row, kept) = IndexRow::decode(value)?;
            let name = layout::full_name(row_key.get(1..).unwrap_or_default(), kept);
            Ok(FoundIndex { name: IndexName::from_bytes(name.to_vec()), row, row_key })
        }))
    }

    fn ttl(&self, expires: u64) -> Option<Duration> {
        (expires != NEVER).then(|| Duration::from_millis(expires.saturating_sub(self.now)))
    }
}

/// What every row that a pattern can match starts with.
fn scan_start(table: u8, pattern: Option<&Pattern>) -> Vec<u8> {
    let prefix = pattern.map(|pattern| pattern.literal_prefix().as_bytes()).unwrap_or_default();
    named(table, layout::scan_prefix(prefix))
}

/// Where a listing goes on. A cursor that does not belong to it starts it anew.
fn start<'a>(prefix: &'a [u8], cursor: Option<&'a Cursor>) -> Bound<&'a [u8]> {
    match cursor {
        Some(Cursor(after)) if after.starts_with(prefix) && after.len() <= 500 => Bound::Excluded(after),
        _ => Bound::Included(prefix),
    }
}

fn text_key(name: &[u8]) -> Option<Key> {
    Key::new(std::str::from_utf8(name).ok()?).ok()
}
