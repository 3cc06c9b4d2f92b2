//! A write carried out on a cache in memory: what is left, and what is gone.

use std::collections::BTreeMap;

use super::{CacheEntry, Mistake, Place, run::held_against};
use crate::cache::{AnyCache, Cache, CacheOptions, Entry};
use crate::engine::Engine;
use crate::model::{Key, Tag};
use crate::plan::{Plan, Program};

/// An entry to put into the cache.
struct Put {
    key: Key,
    tags: Vec<Tag>,
    depends_on: Vec<Key>,
}

/// The keys that are left and those that are gone, each sorted. Batched and lazy drops are carried
/// out too, without waiting until they are due.
pub async fn run(
    program: &Program,
    entries: &[CacheEntry],
    plan: Plan,
) -> Result<(Vec<String>, Vec<String>), Mistake> {
    let puts = puts(program, entries)?;
    let failed = |error: &dyn std::fmt::Display| {
        Mistake::at(place(&entries[0]), format!("the cache in memory failed: {error}"))
    };
    let cache = AnyCache::open("memory:", CacheOptions::default()).map_err(|e| failed(&e))?;
    let engine = Engine::new(Program::new(program.rules().clone()), cache);
    for put in puts.values() {
        let Put { key, tags, depends_on } = put;
        let entry = Entry { key, value: b"", tags, ttl: None, depends_on };
        engine.cache().put(&entry).await.map_err(|e| failed(&e))?;
    }
    let report = engine.submit(plan, &|_| {}).await;
    if let Some((step, error)) = report.failures().next() {
        return Err(failed(&format!("{} {}: {error}", step.kind.word(), step.target)));
    }
    let carried = engine.flush().await.map_err(|e| failed(&e))?;
    if let Some((_, error)) = carried.failed.first() {
        return Err(failed(error));
    }
    let (mut left, mut gone) = (Vec::new(), Vec::new());
    for put in puts.values() {
        let value = engine.cache().get(&put.key).await.map_err(|e| failed(&e))?;
        let list = if value.is_some() { &mut left } else { &mut gone };
        list.push(put.key.as_str().to_owned());
    }
    Ok((left, gone))
}

fn place(entry: &CacheEntry) -> Place {
    match entry {
        CacheEntry::Entry { place, .. } | CacheEntry::Instance { place, .. } => *place,
    }
}

/// The entries by key. One that is there twice carries the tags of both.
fn puts(program: &Program, entries: &[CacheEntry]) -> Result<BTreeMap<String, Put>, Mistake> {
    let mut out: BTreeMap<String, Put> = BTreeMap::new();
    for entry in entries {
        let at = place(entry);
        let bad = |error: &dyn std::fmt::Display| Mistake::at(at, error.to_string());
        let keys_of = |texts: &[String]| -> Result<Vec<Key>, Mistake> {
            texts.iter().map(|text| Key::new(text.as_str()).map_err(|e| bad(&e))).collect()
        };
        let tags_of = |texts: &[String]| -> Result<Vec<Tag>, Mistake> {
            texts.iter().map(|text| Tag::new(text.as_str()).map_err(|e| bad(&e))).collect()
        };
        let (keys, tags, depends_on) = match entry {
            CacheEntry::Entry { key, tags, depends_on, .. } => {
                (keys_of(std::slice::from_ref(key))?, tags_of(tags)?, keys_of(depends_on)?)
            }
            CacheEntry::Instance { write, .. } => {
                let write = held_against(program, write).map_err(|m| Mistake { place: at, ..m })?;
                let names = program.names(&write);
                let missing: Vec<&str> = names
                    .keys
                    .iter()
                    .chain(&names.tags)
                    .flat_map(|c| &c.missing)
                    .map(String::as_str)
                    .collect();
                if !missing.is_empty() {
                    let message = format!("the names of this instance need {}", missing.join(", "));
                    return Err(
                        Mistake::at(at, message).help("give the values: `instance: session 5 user=123`")
                    );
                }
                let texts = |list: &[crate::plan::Carried]| -> Vec<String> {
                    list.iter().flat_map(|c| c.names.clone()).collect()
                };
                let keys = keys_of(&texts(&names.keys))?;
                if keys.is_empty() {
                    let entity = &program.rules().entity(write.entity()).name;
                    let message = format!("`{entity}` has no key that could be named");
                    return Err(Mistake::at(at, message).help("give the entry a `key` and `tags`"));
                }
                (keys, tags_of(&texts(&names.tags))?, Vec::new())
            }
        };
        for key in keys {
            let put = Put { key: key.clone(), tags: tags.clone(), depends_on: depends_on.clone() };
            match out.entry(key.as_str().to_owned()) {
                std::collections::btree_map::Entry::Vacant(free) => drop(free.insert(put)),
                std::collections::btree_map::Entry::Occupied(mut known) => {
                    known.get_mut().tags.extend(put.tags);
                    known.get_mut().depends_on.extend(put.depends_on);
                }
            }
        }
    }
    Ok(out)
}
