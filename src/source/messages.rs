//! Messages as writes of the rules' entities.

mod row;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustc_hash::FxHashMap;

use super::change::{Before, ChangeOp, Says, TableChange, TableName, Unreadable};
use super::row::Change;
use super::{Catalog, LiveMapping, Mapping, Reading, SourceWrite, Table, TableMap};
use crate::cache::Lost;
use crate::model::{RawId, RawWrite};
use row::JsonRow;

/// How many forms of tables are kept ready. A stream that has more makes them again.
const KEPT: usize = 1024;

/// What is told of messages while they are read.
#[derive(Clone, Debug)]
pub enum Note {
    /// A message that nobody can make sense of: where it was, why, how it begins, and where it went.
    Unreadable {
        place: String,
        why: Unreadable,
        shown: String,
        moved_to: Option<String>,
    },
    /// Changes of a table that is no entity. Told once for each.
    Ignored(TableName),
    /// Changes come without the old values that they seem to have. Told once.
    OldValuesUnsure(TableName),
    /// Messages were gone before they could be read: what they were about may be stale.
    Lost(Lost),
    /// So many were taken over from a consumer that has not been heard of.
    TakenOver(u64),
    /// A group of consumers was made, or made again after it was gone with all that it knew.
    GroupMade {
        again: bool,
    },
    /// The server does not answer; it is asked again after this time.
    ServerLost(String, Duration),
    ServerBack,
}

/// Is told what happens while messages are read.
pub type NoteFn = Arc<dyn Fn(Note) + Send + Sync>;

/// Messages that write nothing, by what they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped(BTreeMap<&'static str, u64>);

impl Skipped {
    fn add(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    pub(super) fn append(&mut self, more: Self) {
        for (what, n) in more.0 {
            *self.0.entry(what).or_default() += n;
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(what, n)| (*what, *n))
    }
}

/// What a message came to.
pub(super) struct Taken {
    pub writes: Vec<SourceWrite>,
    pub transaction: Option<String>,
    pub at: Option<SystemTime>,
}

/// Reads messages, and makes writes of them.
pub(super) struct Messages {
    reading: Reading,
    live: Arc<LiveMapping>,
    mapping: Arc<Mapping>,
    /// Which of the live ones it is.
    generation: u64,
    /// How rows of a table with these columns become writes, or why they cannot.
    forms: FxHashMap<Form, Result<Arc<Known>, String>>,
    ignored: BTreeSet<TableName>,
    warned: bool,
    pub skipped: Skipped,
    pub note: NoteFn,
}

/// A table as messages show it.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Form {
    table: TableName,
    columns: Vec<String>,
    /// How many of the columns are the key.
    key: usize,
}

struct Known {
    columns: Vec<String>,
    map: TableMap,
}

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Messages({:?})", self.reading)
    }
}

impl Messages {
    pub fn new(reading: Reading, live: Arc<LiveMapping>, note: NoteFn) -> Self {
        let (forms, ignored) = (FxHashMap::default(), BTreeSet::new());
        let (generation, mapping) = (live.generation(), live.now());
        let skipped = Skipped::default();
        Self { reading, live, mapping, generation, forms, ignored, warned: false, skipped, note }
    }

    /// Takes the mapping in force.
    fn renew(&mut self) {
        let generation = self.live.generation();
        if generation != self.generation {
            (self.generation, self.mapping) = (generation, self.live.now());
            self.forms.clear();
            self.ignored.clear();
        }
    }

    /// Makes writes of a message. `place` is where it stands, for people.
    ///
    /// # Errors
    /// Why nobody can make sense of it.
    pub fn take(
        &mut self,
        text: &str,
        key: Option<&str>,
        place: &dyn fmt::Display,
    ) -> Result<Taken, Unreadable> {
        self.renew();
        let message = self.reading.read(text, key)?;
        let mut writes = Vec::new();
        match message.says {
            Says::Nothing(what) => self.skipped.add(what.word()),
            Says::Write(raw) => {
                writes.push(SourceWrite { raw: *raw, doubt: None, origin: place.to_string().into() });
            }
            Says::Change(change) => self.change(*change, place, &mut writes),
        }
        let at = message.at.and_then(|millis| u64::try_from(millis).ok());
        let at = at.and_then(|millis| SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis)));
        Ok(Taken { writes, transaction: message.transaction, at })
    }

    fn change(&mut self, change: TableChange, place: &dyn fmt::Display, out: &mut Vec<SourceWrite>) {
        let TableName { schema, name } = &change.table;
        let Some(entity) = self.mapping.entity(schema, name) else {
            self.skipped.add("change of a table that is no entity");
            if self.ignored.len() < KEPT && self.ignored.insert(change.table.clone()) {
                (self.note)(Note::Ignored(change.table));
            }
            return;
        };
        if change.before == Before::Key && !self.warned && change.old.len() > change.key.len().max(1) {
            self.warned = true;
            (self.note)(Note::OldValuesUnsure(change.table.clone()));
        }
        let origin: Arc<str> = format!("{place}, `{}`", change.table).into();
        let op = change.op.operation();
        let whole = || RawWrite { entity: entity.clone(), op: op.to_owned(), ..RawWrite::default() };
        let first = out.len();
        if change.op == ChangeOp::Truncate {
            out.push(SourceWrite {
                raw: RawWrite { id: RawId::Many, ..whole() },
                doubt: None,
                origin: Arc::clone(&origin),
            });
        } else {
            match self.known(&change, &entity) {
                Ok(known) => known.writes(&change, out),
                // Everything of the entity goes, so that nothing stays stale.
                Err(doubt) => {
                    out.push(SourceWrite { raw: whole(), doubt: Some(doubt), origin: Arc::clone(&origin) })
                }
            }
        }
        for write in &mut out[first..] {
            write.origin = Arc::clone(&origin);
            write.raw.context.extend(change.context.clone());
        }
    }

    /// How rows like this one become writes.
    fn known(&mut self, change: &TableChange, entity: &str) -> Result<Arc<Known>, String> {
        let mut columns: Vec<String> = change.key.keys().cloned().collect();
        let key = columns.len();
        for column in change.new.keys().chain(change.old.keys()) {
            if !columns.contains(column) {
                columns.push(column.clone());
            }
        }
        let form = Form { table: change.table.clone(), columns, key };
        if let Some(known) = self.forms.get(&form) {
            return known.clone();
        }
        let (schema, name) = (form.table.schema.as_str(), form.table.name.as_str());
        let table = Table {
            schema: schema.to_owned(),
            name: name.to_owned(),
            columns: Vec::new(),
            primary_key: form.columns[..key].to_vec(),
            unique: Vec::new(),
            foreign_keys: Vec::new(),
            replica_identity: super::ReplicaIdentity::default(),
        };
        let columns: Vec<&str> = form.columns.iter().map(String::as_str).collect();
        let map = self.mapping.table((schema, name), entity, &columns, Some(&table), &Catalog::default());
        let known = match map.check_id() {
            Ok(()) => Ok(Arc::new(Known { columns: form.columns.clone(), map })),
            Err(error) => Err(match error.hint() {
                Some(hint) => format!("{error} ({hint})"),
                None => error.to_string(),
            }),
        };
        if self.forms.len() >= KEPT {
            self.forms.clear();
        }
        self.forms.insert(form, known.clone());
        known
    }
}

impl Known {
    fn writes(&self, change: &TableChange, out: &mut Vec<SourceWrite>) {
        let row = |image| JsonRow { columns: &self.columns, image, key: &change.key };
        let (old, new) = (row(&change.old), row(&change.new));
        let has_old = !change.old.is_empty();
        match (change.op, change.before) {
            (ChangeOp::Insert, _) => self.map.writes(Change::Create(&new), out),
            (ChangeOp::Delete, Before::Key) => {
                let mut key = change.old.clone();
                key.retain(|column, _| self.map.id_columns().any(|id| id == column));
                self.map.writes(Change::Delete(&row(&key)), out);
            }
            (ChangeOp::Delete, _) => self.map.writes(Change::Delete(&old), out),
            (ChangeOp::Update, Before::Whole) if has_old => {
                self.map.writes(Change::Update { whole: Some(&old), key: None, new: &new }, out);
            }
            (ChangeOp::Update, Before::Part) if has_old => self.partly(change, &old, &new, out),
            (ChangeOp::Update, _) => {
                let key = has_old
                    .then_some(&old)
                    .filter(|old| self.map.id_columns().all(|id| old.image.contains_key(id)));
                let first = out.len();
                self.map.writes(Change::Update { whole: None, key, new: &new }, out);
                if let [write] = &mut out[first..] {
                    write.raw.changed = self.changed(change);
                }
            }
            (ChangeOp::Truncate, _) => self.map.writes(Change::<JsonRow<'_>>::Truncate, out),
        }
    }

    /// An update with some old values: those that were not given count as unmoved, unless the message lists what changed.
    fn partly(&self, change: &TableChange, old: &JsonRow<'_>, new: &JsonRow<'_>, out: &mut Vec<SourceWrite>) {
        let id = self.map.id_columns().all(|id| old.image.contains_key(id));
        // The old row's identity where the message does not say otherwise.
        let merged = match id {
            true => change.old.clone(),
            false => {
                let mut merged = change.old.clone();
                for id in self.map.id_columns().filter(|id| !change.old.contains_key(*id)) {
                    if let Some(value) = change.new.get(id).or_else(|| change.key.get(id)) {
                        merged.insert(id.to_owned(), value.clone());
                    }
                }
                merged
            }
        };
        let (mut before, mut after) = (Vec::new(), Vec::new());
        self.map.writes(Change::Delete(&JsonRow { image: &merged, ..*old }), &mut before);
        self.map.writes(Change::Create(new), &mut after);
        match (before.pop(), after.pop()) {
            (Some(before), Some(mut after)) if before.raw.id == after.raw.id => {
                after.raw.op = ChangeOp::Update.operation().to_owned();
                after.raw.old = before.raw.old;
                after.raw.changed = self.changed(change);
                out.push(after);
            }
            (before, after) => out.extend(before.into_iter().chain(after)),
        }
    }

    /// The names of what the message lists as changed. A name that no column holds may stand for what any other holds.
    fn changed(&self, change: &TableChange) -> Option<Vec<String>> {
        let columns = change.changed.as_ref()?;
        let mut out = Vec::new();
        let mut is_other = false;
        for column in columns {
            let held = self.map.named.iter().find(|named| self.columns.get(named.place) == Some(column));
            match held {
                Some(named) => out.push(named.name.clone()),
                None => is_other = true,
            }
        }
        if is_other {
            out.extend(self.map.missing.iter().cloned());
        }
        Some(out)
    }
}
