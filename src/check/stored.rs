//! Checked rules as bytes, in parts: what a write of one entity needs is read without the rest, so that
//! a process that makes one write need not read all rules.
//!
//! | part | what it holds |
//! |---|---|
//! | prelude | `MAGIC`, length and checksum of the header |
//! | header | a key that says what the rules were made of and by what, a [`Seen`] list of their files, and where the other parts stand, each with its checksum |
//! | core | context, dimensions, entities with their templates, relations |
//! | chained | the rules on tags |
//! | one for each entity | the rules on its writes, and their cascades |
//!
//! Nothing in it is trusted: a part is read only where its checksum holds, every place in a table is held
//! against the table, and bytes that nobody wrote are an [`Unusable`], never a panic.

mod codec;
mod files;
mod types;

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::xxh3_64;

pub use files::{Freshness, Seen};

use super::ruleset::{
    Attribute, Entity, EntityId, Follow, Relation, Rule, RuleSet, Trigger, Vary, WriteTrigger,
};
use super::walk::Touch;
use crate::span::Sources;
use codec::{Limits, Reader, Stored, Writer, stored};

/// What the bytes begin with.
const MAGIC: [u8; 16] = *b"invalidate rules";

/// Magic, length of the header, its checksum.
const PRELUDE: usize = MAGIC.len() + 8 + 8;

/// The sources of the checker that made or reads stored rules: another one could mean something else.
pub const BUILD: &str = env!("INVALIDATE_CHECKER");

/// Why stored rules cannot be used.
#[derive(Debug)]
pub enum Unusable {
    /// Made of other rules, or by another build.
    Other,
    /// Not as they were written.
    Damaged,
    Io(io::Error),
}

impl From<io::Error> for Unusable {
    fn from(error: io::Error) -> Self {
        // Shorter than it says.
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::Damaged } else { Self::Io(error) }
    }
}

/// Where a part stands behind the header.
#[derive(Clone, Copy)]
struct Place {
    start: u64,
    length: u64,
    checksum: u64,
}

stored!(struct Place { start, length, checksum });

struct Header {
    key: String,
    seen: Vec<Seen>,
    core: Place,
    chained: Place,
    entities: Vec<(String, Place)>,
}

stored!(struct Header { key, seen, core, chained, entities });

/// A rule and its place among all rules.
type Placed = Vec<(u32, Rule)>;

/// The whole rule set as bytes. `key` says what it was made of, see [`StoredRules::open`].
pub fn store(rules: &RuleSet, key: &str, seen: Vec<Seen>) -> Vec<u8> {
    let mut parts = Parts::default();
    let core = parts.add(|out| {
        for count in [rules.context.len(), rules.varies.len(), rules.entities.len(), rules.relations.len()] {
            out.number(count as u64);
        }
        rules.namespace.put(out);
        rules.context.put(out);
        rules.varies.put(out);
        rules.entities.put(out);
        rules.relations.put(out);
    });
    let mut chained: Vec<(u32, &Rule)> = Vec::new();
    let mut of_entity: Vec<Vec<(u32, &Rule, &WriteTrigger)>> = vec![Vec::new(); rules.entities.len()];
    for (place, rule) in (0..).zip(&rules.rules) {
        match &rule.trigger {
            Trigger::Tags(_) => chained.push((place, rule)),
            Trigger::Writes(triggers) => {
                for trigger in triggers {
                    of_entity[trigger.entity.index()].push((place, rule, trigger));
                }
            }
        }
    }
    let chained = parts.add(|out| {
        out.number(chained.len() as u64);
        for (place, rule) in &chained {
            place.put(out);
            rule.put(out);
        }
    });
    let entities = (0..).map(EntityId::at).zip(&rules.entities).zip(of_entity);
    let entities = entities
        .map(|((id, entity), own)| {
            let mut follows: Vec<&Follow> = own.iter().map(|(_, rule, _)| &rule.follow).collect();
            follows.sort_unstable();
            follows.dedup();
            let cascades: Vec<(Follow, Vec<Touch>)> = follows
                .into_iter()
                .filter_map(|follow| rules.cascades.get_key_value(&(id, follow.clone())))
                .map(|((_, follow), touches)| (follow.clone(), touches.to_vec()))
                .collect();
            let place = parts.add(|out| {
                out.number(own.len() as u64);
                for (place, rule, trigger) in &own {
                    place.put(out);
                    types::put_rule_of(rule, trigger, out);
                }
                cascades.put(out);
            });
            (entity.name.clone(), place)
        })
        .collect();
    with_header(&Header { key: key.to_owned(), seen, core, chained, entities }, &parts.bytes)
}

#[derive(Default)]
struct Parts {
    bytes: Vec<u8>,
}

impl Parts {
    fn add(&mut self, put: impl FnOnce(&mut Writer)) -> Place {
        let mut out = Writer::default();
        put(&mut out);
        let part = out.into_bytes();
        let start = self.bytes.len() as u64;
        self.bytes.extend_from_slice(&part);
        Place { start, length: part.len() as u64, checksum: xxh3_64(&part) }
    }
}

fn with_header(header: &Header, parts: &[u8]) -> Vec<u8> {
    let mut out = Writer::default();
    header.put(&mut out);
    let header = out.into_bytes();
    let mut bytes = Vec::with_capacity(PRELUDE + header.len() + parts.len());
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&(header.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&xxh3_64(&header).to_le_bytes());
    bytes.extend_from_slice(&header);
    bytes.extend_from_slice(parts);
    bytes
}

/// Stored rules of which only the header was read.
pub struct StoredRules<R> {
    from: R,
    header: Header,
    /// Where the parts start, and all ends.
    parts: u64,
    end: u64,
}

impl<R: Read + Seek> StoredRules<R> {
    /// Reads the header of rules that were stored under this key.
    ///
    /// # Errors
    /// [`Unusable::Other`] for another key, [`Unusable::Damaged`] for what [`store`] did not write.
    pub fn open(mut from: R, key: &str) -> Result<Self, Unusable> {
        let end = from.seek(SeekFrom::End(0))?;
        let prelude = read(&mut from, 0, PRELUDE as u64, end)?;
        let (magic, numbers) = prelude.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(Unusable::Damaged);
        }
        let [length, checksum] = [0, 8].map(|at| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&numbers[at..at + 8]);
            u64::from_le_bytes(bytes)
        });
        let bytes = checked(read(&mut from, PRELUDE as u64, length, end)?, checksum)?;
        // The key comes first: whatever else another build writes is its own business.
        if String::get(&mut Reader::new(&bytes, Limits::default())).is_some_and(|other| other != key) {
            return Err(Unusable::Other);
        }
        let header: Header = whole(&bytes, Limits::default())?;
        Ok(Self { from, header, parts: PRELUDE as u64 + length, end })
    }

    /// The files that the rules were read from, the root first.
    pub fn seen(&self) -> &[Seen] {
        &self.header.seen
    }

    /// What a write of this entity needs of the rule set: a plan made with it is the plan made with the
    /// whole. `None` where the rules declare no such entity.
    ///
    /// # Errors
    /// [`Unusable::Damaged`] for what [`store`] did not write.
    pub fn of_entity(&mut self, entity: &str) -> Result<Option<RuleSet>, Unusable> {
        let Some((_, place)) = self.header.entities.iter().find(|(name, _)| name == entity) else {
            return Ok(None);
        };
        let (core, chained, own) = (self.header.core, self.header.chained, *place);
        let (mut rules, limits) = self.core(core)?;
        let placed: Placed = whole(&self.part(chained)?, limits)?;
        let (own, cascades): (Placed, Vec<(Follow, Vec<Touch>)>) = whole(&self.part(own)?, limits)?;
        let Some(id) = rules.entity_named(entity) else { return Err(Unusable::Damaged) };
        rules.cascades =
            cascades.into_iter().map(|(follow, touches)| ((id, follow), Arc::from(touches))).collect();
        let mut placed: Placed = own.into_iter().chain(placed).collect();
        placed.sort_by_key(|(place, _)| *place);
        rules.rules = placed.into_iter().map(|(_, rule)| rule).collect();
        Ok(Some(rules))
    }

    fn core(&mut self, place: Place) -> Result<(RuleSet, Limits), Unusable> {
        let bytes = self.part(place)?;
        let mut from = Reader::new(&bytes, Limits::default());
        core(&mut from).filter(|_| from.is_at_end()).ok_or(Unusable::Damaged)
    }

    fn part(&mut self, Place { start, length, checksum }: Place) -> Result<Vec<u8>, Unusable> {
        let start = self.parts.checked_add(start).ok_or(Unusable::Damaged)?;
        checked(read(&mut self.from, start, length, self.end)?, checksum)
    }

    /// The same rules, with another list of their files.
    ///
    /// # Errors
    /// Whatever keeps the rest from being read.
    pub fn seen_again(mut self, seen: Vec<Seen>) -> Result<Vec<u8>, Unusable> {
        let parts = read(&mut self.from, self.parts, self.end - self.parts, self.end)?;
        Ok(with_header(&Header { seen, ..self.header }, &parts))
    }
}

/// The rule set without its rules.
fn core(from: &mut Reader<'_>) -> Option<(RuleSet, Limits)> {
    // Each stands there with at least a byte.
    let [context, varies, entities, relations] = [from.count()?, from.count()?, from.count()?, from.count()?];
    let limits = Limits { entities, relations, context, varies, holes: 0 };
    from.limits = limits;
    let namespace = Stored::get(from)?;
    let context = Vec::<Attribute>::get(from)?;
    let varies = Vec::<Vary>::get(from)?;
    let entities = Vec::<Entity>::get(from)?;
    let relations = Vec::<Relation>::get(from)?;
    let counts = [context.len(), varies.len(), entities.len(), relations.len()];
    if counts != [limits.context, limits.varies, limits.entities, limits.relations] {
        return None;
    }
    let entity_names: FxHashMap<String, EntityId> =
        (0..).map(EntityId::at).zip(&entities).map(|(id, entity)| (entity.name.clone(), id)).collect();
    let mut sources = Sources::default();
    // What has no place of its own stands here.
    sources.add("<stored rules>", "");
    let rules = RuleSet {
        sources,
        namespace,
        context,
        varies,
        entities,
        relations,
        links: Vec::new(),
        rules: Vec::new(),
        entity_names,
        cascades: FxHashMap::default(),
    };
    Some((rules, limits))
}

fn read(from: &mut (impl Read + Seek), start: u64, length: u64, end: u64) -> Result<Vec<u8>, Unusable> {
    // Before there is memory for it.
    if start.checked_add(length).is_none_or(|last| last > end) {
        return Err(Unusable::Damaged);
    }
    let mut bytes = vec![0; usize::try_from(length).map_err(|_| Unusable::Damaged)?];
    from.seek(SeekFrom::Start(start))?;
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn checked(bytes: Vec<u8>, checksum: u64) -> Result<Vec<u8>, Unusable> {
    if xxh3_64(&bytes) == checksum { Ok(bytes) } else { Err(Unusable::Damaged) }
}

fn whole<T: Stored>(bytes: &[u8], limits: Limits) -> Result<T, Unusable> {
    let mut from = Reader::new(bytes, limits);
    T::get(&mut from).filter(|_| from.is_at_end()).ok_or(Unusable::Damaged)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::check::Undeclared;
    use crate::model::RawWrite;
    use crate::plan::{Program, Unfilled};

    const RULES: &str = r#"namespace shop
        context { tenant: string = "a"  bulk: bool }
        vary locale: "en", "de"
        vary device
        entity user { fields { email: string  at: time  tags: [string] } operations { login } key profile
            key avatar "img:{id}:{email}:{locale}" list "of:{context.tenant}:users" }
        entity session { ref user  key data }
        entity group { ref users: [user] }
        relation sessions: user -> session { depth 2 }
        relation groups: user <-> group
        rule users { on user.update, user.login, session.create  when (op == update or not context.bulk)
            strategy batched cascade  delay 200ms  drop self, match "search:{id}:*", match /^x[0-9]+$/ }
        rule mails { on user  when changed(email) and old.email matches /@x/ and at > "2026-01-01T00:00:00Z"
            and email in ["a", null]  follow sessions }
        rule chained { on tag "user:{x}:session"  when x != "1" and op == delete  strategy lazy
            drop key "home:{x}", tag "t:{x}" }"#;

    fn stored() -> Vec<u8> {
        let checked = RuleSet::parse(RULES);
        store(&checked.rules.expect("the rules are clean"), "key", Vec::new())
    }

    fn plans(rules: RuleSet) -> usize {
        let program = Program::new(rules);
        let mut steps = 0;
        for entity in ["user", "session", "group"] {
            let raw = RawWrite { entity: entity.to_owned(), op: "update".to_owned(), ..RawWrite::default() };
            let given = serde_json::json!({"email": "a", "user": "7", "at": "2026-05-01T00:00:00Z"});
            let new = given.as_object().expect("an object").clone();
            let raw = RawWrite { id: crate::model::RawId::parse("1"), new, ..raw };
            if let Ok(write) = program.rules().write(raw, Undeclared::Ignore) {
                for unfilled in [Unfilled::Report, Unfilled::Widen] {
                    steps += program.plan(&write, unfilled).steps.len();
                }
                program.names(&write);
            }
        }
        steps
    }

    #[test]
    fn bytes_that_were_damaged_are_refused() {
        let bytes = stored();
        let whole = |bytes: &[u8]| -> Result<usize, Unusable> {
            let mut stored = StoredRules::open(Cursor::new(bytes), "key")?;
            let mut steps = 0;
            for entity in ["user", "session", "group"] {
                steps += stored.of_entity(entity)?.map_or(0, plans);
            }
            Ok(steps)
        };
        assert!(whole(&bytes).is_ok_and(|steps| steps > 10));
        for length in 0..bytes.len() {
            assert!(matches!(whole(&bytes[..length]), Err(Unusable::Damaged)), "of {length} bytes");
        }
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1 << (at % 8);
            assert!(matches!(whole(&bytes), Err(Unusable::Damaged)), "byte {at}");
        }
        assert!(matches!(StoredRules::open(Cursor::new(&bytes), "other"), Err(Unusable::Other)));
    }

    /// As [`bytes_that_were_damaged_are_refused`], by somebody who knows how checksums are made.
    #[test]
    fn bytes_that_nobody_stored_never_panic() {
        let bytes = stored();
        let places = |bytes: &[u8]| {
            let StoredRules { header, parts, .. } =
                StoredRules::open(Cursor::new(bytes), "key").expect("it was stored");
            let places = [header.core, header.chained]
                .into_iter()
                .chain(header.entities.iter().map(|(_, place)| *place));
            (places.collect::<Vec<Place>>(), parts as usize)
        };
        let (all, parts) = places(&bytes);
        let mut understood = 0;
        for (index, place) in all.iter().enumerate() {
            let range = parts + place.start as usize..parts + (place.start + place.length) as usize;
            for at in range.clone() {
                for change in [1, 0x80, 0xFF] {
                    let mut bytes = bytes.clone();
                    bytes[at] ^= change;
                    let checksum = xxh3_64(&bytes[range.clone()]);
                    let mut stored =
                        StoredRules::open(Cursor::new(&bytes[..]), "key").expect("the header is whole");
                    match index {
                        0 => stored.header.core.checksum = checksum,
                        1 => stored.header.chained.checksum = checksum,
                        _ => stored.header.entities[index - 2].1.checksum = checksum,
                    }
                    for entity in ["user", "session", "group"] {
                        if let Ok(Some(rules)) = stored.of_entity(entity) {
                            understood += 1;
                            plans(rules);
                        }
                    }
                }
            }
        }
        assert!(understood > 500, "only {understood} still meant something");
    }

    #[test]
    fn nesting_without_end_is_refused() {
        let deep = vec![2; 100_000];
        assert!(whole::<crate::check::condition::Condition>(&deep, Limits::default()).is_err());
    }
}
