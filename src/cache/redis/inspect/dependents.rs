//! What was built from a key, from what was built from it, and so on.
//!
//! Breadth first: all that depends on one level is asked for together, so that round trips grow with the
//! depth, and with the keys only by the thousand.

use rustc_hash::FxHashSet;

use super::printable_key;
use crate::cache::error::CacheError;
use crate::cache::index_name::IndexName;
use crate::cache::redis::RedisCache;
use crate::cache::redis::batch::{Batch, command};
use crate::cache::redis::connection::Repeat;
use crate::cache::redis::reply;
use crate::cache::redis::store::AHEAD;
use crate::cache::{Dependent, Reach};
use crate::model::Key;

/// How many indexes one round trip reads, and how many members of each.
const INDEXES: usize = 1024;
const MEMBERS: usize = 128;

/// How many entries one round trip asks for.
const ENTRIES: usize = 4096;

/// A member of an index, and whether it was recorded before its entry existed.
type Member = (Vec<u8>, bool);

impl RedisCache {
    pub(in crate::cache::redis) async fn all_dependents(
        &self,
        key: &Key,
        reach: Reach,
    ) -> Result<Vec<Dependent>, CacheError> {
        let first = key.as_str().as_bytes().to_vec();
        let mut found = Vec::new();
        let mut met = FxHashSet::from_iter([first.clone()]);
        let mut level = vec![first];
        let mut distance = 1;
        while !level.is_empty() {
            let mut below = Vec::new();
            for part in level.chunks(INDEXES) {
                self.add_dependents(part, &mut met, &mut below).await?;
            }
            found.extend(below.iter().filter_map(|member| {
                let key = printable_key(member)?;
                Some(Dependent { key, distance })
            }));
            level = if reach == Reach::Transitive { below } else { Vec::new() };
            distance += 1;
        }
        Ok(found)
    }

    /// Adds the direct dependents of some keys that exist, or that were recorded before they did.
    async fn add_dependents(
        &self,
        on: &[Vec<u8>],
        met: &mut FxHashSet<Vec<u8>>,
        live: &mut Vec<Vec<u8>>,
    ) -> Result<(), CacheError> {
        let names = on.iter().map(|on| IndexName::dependents_of(on));
        let mut indexes: Vec<Vec<u8>> = names.map(|name| self.layout.index(&name)).collect();
        let mut offset = 0;
        while !indexes.is_empty() {
            let (from, to) = (offset.to_string(), (offset + MEMBERS - 1).to_string());
            let mut batch = Batch::default();
            for index in &indexes {
                batch.add(command("ZRANGE", &[index, from.as_bytes(), to.as_bytes(), b"WITHSCORES"]));
            }
            let replies = self.connection.run(&batch, Repeat::Safe).await?;
            let mut longer = Vec::new();
            let mut members = Vec::new();
            for (position, index) in indexes.into_iter().enumerate() {
                let page = self.connection.read(&replies, position, reply::list)?;
                if page.len() >= 2 * MEMBERS {
                    longer.push(index);
                }
                let mut words = page.into_iter();
                while let (Some(member), Some(score)) = (words.next(), words.next()) {
                    if !met.contains(&member) {
                        // The server writes infinity without the sign that it was given.
                        members.push((member, score == b"inf" || score == AHEAD));
                    }
                }
            }
            self.add_live(members, met, live).await?;
            indexes = longer;
            offset += MEMBERS;
        }
        Ok(())
    }

    async fn add_live(
        &self,
        members: Vec<Member>,
        met: &mut FxHashSet<Vec<u8>>,
        live: &mut Vec<Vec<u8>>,
    ) -> Result<(), CacheError> {
        let mut members = members.into_iter();
        loop {
            let some: Vec<Member> = members.by_ref().take(ENTRIES).collect();
            if some.is_empty() {
                return Ok(());
            }
            let mut batch = Batch::default();
            for (member, _) in some.iter().filter(|(_, is_ahead)| !is_ahead) {
                batch.add(command("EXISTS", &[member]));
            }
            let replies = self.connection.run(&batch, Repeat::Safe).await?;
            let mut asked = 0..replies.len();
            for (member, is_ahead) in some {
                let is_there = is_ahead || {
                    let position = asked.next().unwrap_or_default();
                    self.connection.read(&replies, position, reply::count)? > 0
                };
                if is_there && met.insert(member.clone()) {
                    live.push(member);
                }
            }
        }
    }
}
