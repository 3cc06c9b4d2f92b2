//! Every cache, under any sequence of operations, does what a naive model does.

use std::collections::{BTreeMap, BTreeSet};

use invalidate::cache::{
    AnyCache, Cache, DropRequest, DropTarget, Dropped, Fence, FencedPut, Rate, Reach, quiet,
};
use proptest::prelude::*;

use crate::caches::{every_cache, key, left, pattern, put, run, tag};
use crate::cases::cases;

const KEYS: [&str; 6] = ["a", "b", "c:1", "c:2", "{d}", "=a"];
const TAGS: [&str; 4] = ["t", "u", "u:1", "v"];
const PATTERNS: [&str; 4] = ["c:*", "?", "/^[ab]$/", "*"];
const TAG_PATTERNS: [&str; 3] = ["u*", "t", "*"];

#[derive(Clone, Debug)]
enum Step {
    Put {
        key: usize,
        tags: Vec<usize>,
        on: Vec<usize>,
    },
    Depend {
        key: usize,
        on: usize,
    },
    Forget {
        key: usize,
        on: usize,
    },
    Drop(Vec<(Target, bool)>),
    /// Takes a fence and keeps it in a slot, over what was there.
    Fence {
        slot: usize,
        key: usize,
        tags: Vec<usize>,
        on: Vec<usize>,
    },
    /// Stores under the fence of a slot, which may be used again.
    Publish {
        slot: usize,
    },
    Retire {
        tag: usize,
    },
    Collect {
        tag: usize,
    },
    Sweep,
}

const SLOTS: usize = 3;

#[derive(Clone, Debug)]
enum Target {
    Tag(usize),
    Key(usize),
    Match(usize),
    Tags(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let keys = 0..KEYS.len();
    let tags = 0..TAGS.len();
    let target = prop_oneof![
        4 => tags.clone().prop_map(Target::Tag),
        4 => keys.clone().prop_map(Target::Key),
        1 => (0..PATTERNS.len()).prop_map(Target::Match),
        1 => (0..TAG_PATTERNS.len()).prop_map(Target::Tags),
    ];
    let fence = (
        0..SLOTS,
        keys.clone(),
        prop::collection::vec(tags.clone(), 0..3),
        prop::collection::vec(keys.clone(), 0..2),
    );
    prop_oneof![
        5 => fence.prop_map(|(slot, key, tags, on)| Step::Fence { slot, key, tags, on }),
        5 => (0..SLOTS).prop_map(|slot| Step::Publish { slot }),
        2 => tags.clone().prop_map(|tag| Step::Retire { tag }),
        2 => tags.clone().prop_map(|tag| Step::Collect { tag }),
        1 => Just(Step::Sweep),
        6 => (keys.clone(), prop::collection::vec(tags, 0..3), prop::collection::vec(keys.clone(), 0..3))
            .prop_map(|(key, tags, on)| Step::Put { key, tags, on }),
        2 => (keys.clone(), keys.clone()).prop_map(|(key, on)| Step::Depend { key, on }),
        1 => (keys.clone(), keys).prop_map(|(key, on)| Step::Forget { key, on }),
        4 => prop::collection::vec((target, any::<bool>()), 1..4).prop_map(Step::Drop),
    ]
}

/// What a fenced entry was filled under: tags, keys it was built from, and their generations then.
type Stamps = BTreeMap<(char, &'static str), u64>;

/// A fence: its key, the ticket that stood there, and the stamps.
#[derive(Clone)]
struct Taken {
    key: &'static str,
    ticket: u64,
    stamps: Stamps,
}

/// Entries, and the members of tags and of dependencies. Members stay when their entry goes.
#[derive(Default)]
struct Model {
    /// `None` for plain ones.
    entries: BTreeMap<&'static str, Option<Stamps>>,
    tags: BTreeMap<&'static str, BTreeSet<&'static str>>,
    dependents: BTreeMap<&'static str, BTreeSet<&'static str>>,
    /// Dependencies recorded before the entry existed, as pairs of key depended on and dependent.
    ahead: BTreeSet<(&'static str, &'static str)>,
    /// Members that lazy drops have set aside.
    retired: BTreeMap<&'static str, BTreeSet<&'static str>>,
    generations: BTreeMap<(char, &'static str), u64>,
    tickets: BTreeMap<&'static str, u64>,
    numbers: u64,
    slots: [Option<Taken>; SLOTS],
}

impl Model {
    /// Collects everything, and forgets members whose entries are gone, until nothing changes.
    fn sweep(&mut self) {
        for tag in TAGS {
            self.collect(tag);
        }
        loop {
            let tags = self.tags.iter().flat_map(|(tag, keys)| keys.iter().map(|key| ('t', *tag, *key)));
            let on = self.dependents.iter().flat_map(|(on, keys)| keys.iter().map(|key| ('=', *on, *key)));
            let is_missing = |(kind, on, key): &(char, &str, &str)| {
                let ahead = *kind == '=' && self.ahead.contains(&(*on, *key));
                !ahead && !self.entries.contains_key(key) && !self.tickets.contains_key(key)
            };
            let Some((kind, name, key)) = tags.chain(on).find(is_missing) else { return };
            let indexes = if kind == 't' { &mut self.tags } else { &mut self.dependents };
            indexes.entry(name).or_default().remove(key);
            self.remove(key, u32::MAX);
        }
    }

    /// The members of the index of what depends on a key, taken away.
    fn take_dependents(&mut self, key: &'static str) -> BTreeSet<&'static str> {
        self.ahead.retain(|(on, _)| *on != key);
        self.dependents.remove(key).unwrap_or_default()
    }

    /// What a contract reader sees.
    fn readable(&self, key: &str) -> bool {
        let stamps = self.entries.get(key);
        stamps.is_some_and(|stamps| stamps.as_ref().is_none_or(|stamps| self.is_current(stamps)))
    }

    fn is_current(&self, stamps: &Stamps) -> bool {
        stamps.iter().all(|(name, stamp)| self.generations.get(name).unwrap_or(&0) == stamp)
    }

    fn raise(&mut self, name: (char, &'static str)) {
        *self.generations.entry(name).or_default() += 1;
    }

    fn fence(&mut self, key: &'static str, tags: &[&'static str], on: &[&'static str]) -> Taken {
        if self.entries.get(key).is_some_and(Option::is_none) {
            self.entries.remove(key);
            self.tickets.remove(key);
        }
        self.numbers += 1;
        let ticket = *self.tickets.entry(key).or_insert(self.numbers);
        let names = tags.iter().map(|tag| ('t', *tag)).chain(on.iter().map(|on| ('=', *on)));
        let stamps = names.map(|name| (name, *self.generations.get(&name).unwrap_or(&0))).collect();
        Taken { key, ticket, stamps }
    }

    fn publish(&mut self, taken: &Taken) -> bool {
        if self.tickets.get(taken.key) != Some(&taken.ticket) || !self.is_current(&taken.stamps) {
            return false;
        }
        self.entries.insert(taken.key, Some(taken.stamps.clone()));
        for (kind, name) in taken.stamps.keys() {
            let indexes = if *kind == 't' { &mut self.tags } else { &mut self.dependents };
            indexes.entry(name).or_default().insert(taken.key);
        }
        true
    }

    fn retire(&mut self, tag: &'static str) {
        self.raise(('t', tag));
        let members = self.tags.remove(tag).unwrap_or_default();
        self.retired.entry(tag).or_default().extend(members);
    }

    fn collect(&mut self, tag: &'static str) -> u64 {
        let generation = *self.generations.get(&('t', tag)).unwrap_or(&0);
        let mut removed = 0;
        for key in self.retired.remove(tag).unwrap_or_default() {
            let stamps = self.entries.get(key).and_then(Option::as_ref);
            let stays = stamps.is_some_and(|s| s.get(&('t', tag)).is_none_or(|stamp| *stamp == generation));
            if stays {
                self.tickets.remove(key);
                self.raise(('=', key));
                for dependent in self.take_dependents(key) {
                    removed += self.remove(dependent, u32::MAX);
                }
            } else {
                removed += self.remove(key, u32::MAX);
            }
        }
        removed
    }

    /// Removes an entry with what depends on it, `levels` deep; returns how many were there.
    fn remove(&mut self, key: &'static str, levels: u32) -> u64 {
        self.tickets.remove(key);
        let mut removed = u64::from(self.entries.remove(key).is_some());
        if levels > 1 {
            self.raise(('=', key));
            for dependent in self.take_dependents(key) {
                removed += self.remove(dependent, levels - 1);
            }
        }
        removed
    }

    fn drop(&mut self, target: &Target, shallow: bool) -> u64 {
        let levels = if shallow { 2 } else { u32::MAX };
        let of_tag = |model: &mut Self, name| {
            model.raise(('t', name));
            let mut members = model.tags.remove(name).unwrap_or_default();
            let set_aside = model.retired.remove(name).unwrap_or_default();
            let levels = if set_aside.is_empty() { levels } else { u32::MAX };
            members.extend(set_aside);
            members.into_iter().map(|key| model.remove(key, levels)).sum::<u64>()
        };
        match target {
            Target::Tag(n) => of_tag(self, TAGS[*n]),
            Target::Key(n) => self.remove(KEYS[*n], levels),
            Target::Match(n) => {
                let pattern = pattern(PATTERNS[*n]);
                let keys = self.entries.keys().chain(self.tickets.keys()).copied();
                let keys: Vec<_> = keys.filter(|key| pattern.matches(key)).collect();
                keys.into_iter().map(|key| self.remove(key, levels)).sum()
            }
            Target::Tags(n) => {
                let pattern = pattern(TAG_PATTERNS[*n]);
                TAGS.iter().filter(|name| pattern.matches(name)).map(|name| of_tag(self, name)).sum()
            }
        }
    }
}

async fn carry_out(cache: &AnyCache, model: &mut Model, fences: &mut [Option<Fence>; SLOTS], step: &Step) {
    // On a server a key that is being filled counts as an entry.
    let filling = model.tickets.keys().filter(|key| !model.entries.contains_key(*key)).count() as u64;
    match step {
        Step::Put { key, tags, on } => {
            let (key, tags) = (KEYS[*key], tags.iter().map(|n| TAGS[*n]).collect::<Vec<_>>());
            let on: Vec<&str> = on.iter().map(|n| KEYS[*n]).collect();
            put(cache, key, &tags, &on).await;
            model.entries.insert(key, None);
            model.tickets.remove(key);
            for tag in tags {
                model.tags.entry(tag).or_default().insert(key);
            }
            for on in KEYS.iter().filter(|name| on.contains(name)) {
                model.dependents.entry(on).or_default().insert(key);
            }
        }
        Step::Depend { key: name, on } => {
            cache.add_dependency(&key(KEYS[*name]), &[key(KEYS[*on])]).await.expect("recorded");
            model.dependents.entry(KEYS[*on]).or_default().insert(KEYS[*name]);
            if !model.entries.contains_key(KEYS[*name]) {
                model.ahead.insert((KEYS[*on], KEYS[*name]));
            }
        }
        Step::Forget { key: name, on } => {
            let removed = cache.remove_dependency(&key(KEYS[*name]), &[key(KEYS[*on])]).await;
            model.ahead.remove(&(KEYS[*on], KEYS[*name]));
            let was = model.dependents.get_mut(KEYS[*on]).is_some_and(|keys| keys.remove(KEYS[*name]));
            assert_eq!(removed, Ok(u64::from(was)));
        }
        Step::Drop(drops) => {
            let requests: Vec<DropRequest> = drops
                .iter()
                .map(|(target, shallow)| {
                    let target = match target {
                        Target::Tag(n) => DropTarget::Tag(tag(TAGS[*n])),
                        Target::Key(n) => DropTarget::Key(key(KEYS[*n])),
                        Target::Match(n) => DropTarget::Match(pattern(PATTERNS[*n])),
                        Target::Tags(n) => DropTarget::TagsMatching(pattern(TAG_PATTERNS[*n])),
                    };
                    DropRequest { target, reach: if *shallow { Reach::Direct } else { Reach::Transitive } }
                })
                .collect();
            let outcomes = cache.drop_many(&requests, quiet()).await;
            let total: Dropped = outcomes.into_iter().map(|outcome| outcome.expect("dropped")).sum();
            // Among themselves, drops of one reach may come in any order.
            let (shallow, deep): (Vec<_>, Vec<_>) = drops.iter().partition(|(_, shallow)| *shallow);
            let in_order = deep.into_iter().chain(shallow);
            let expected: u64 = in_order.map(|(target, shallow)| model.drop(target, *shallow)).sum();
            assert!(
                (expected..=expected + filling).contains(&total.entries()),
                "{expected} {total:?} {step:?}"
            );
        }
        Step::Fence { slot, key: name, tags, on } => {
            let tags: BTreeSet<&'static str> = tags.iter().map(|n| TAGS[*n]).collect();
            let on: BTreeSet<&'static str> = on.iter().map(|n| KEYS[*n]).collect();
            let (tags, on) = (Vec::from_iter(tags), Vec::from_iter(on));
            model.slots[*slot] = Some(model.fence(KEYS[*name], &tags, &on));
            let tags: Vec<_> = tags.into_iter().map(tag).collect();
            let on: Vec<_> = on.into_iter().map(key).collect();
            let fence = cache.fence(&key(KEYS[*name]), &tags, &on).await.expect("fenced");
            // Through its text, as another process would take it.
            fences[*slot] = Some(fence.to_string().parse().expect("a fence"));
        }
        Step::Publish { slot } => {
            let Some(taken) = model.slots[*slot].clone() else { return };
            let fence = fences[*slot].as_ref().expect("a fence");
            let ttl = Some(std::time::Duration::from_secs(600));
            let outcome = cache.put_fenced(fence, taken.key.as_bytes(), ttl).await.expect("answered");
            assert_eq!(outcome == FencedPut::Stored, model.publish(&taken), "{step:?}");
        }
        Step::Retire { tag: n } => {
            let retired = cache.retire(&tag(TAGS[*n])).await.expect("retired");
            model.retire(TAGS[*n]);
            let set_aside = model.retired.get(TAGS[*n]).is_some_and(|members| !members.is_empty());
            // Members whose entries are gone are set aside as well.
            assert!(retired.to_collect || !set_aside, "{step:?}");
        }
        Step::Collect { tag: n } => {
            let dropped = cache.collect(&tag(TAGS[*n]), Rate::UNLIMITED, quiet()).await.expect("collected");
            let expected = model.collect(TAGS[*n]);
            assert!((expected..=expected + filling).contains(&dropped.entries()), "{dropped:?} {step:?}");
        }
        Step::Sweep => {
            // Members that were set aside are collected; nothing has expired here. What is missing may
            // have dependents, which go with it.
            loop {
                let swept = cache.sweep(Rate::UNLIMITED).await.expect("swept");
                // What is collected last may stand in an index that was looked at first.
                if swept.missing == 0 && swept.collected.entries() == 0 {
                    break;
                }
            }
            model.sweep();
        }
    }
    let there: Vec<&str> = KEYS.into_iter().filter(|key| model.readable(key)).collect();
    assert_eq!(left(cache, &KEYS).await, there, "after {step:?}");
    for name in TAGS {
        let members: BTreeSet<_> = [&model.tags, &model.retired]
            .into_iter()
            .flat_map(|indexes| indexes.get(name))
            .flatten()
            .collect();
        let live = members.iter().filter(|key| model.entries.contains_key(**key)).count() as u64;
        let filling = members.iter().filter(|key| model.tickets.contains_key(**key)).count() as u64;
        let count = cache.count_tag(&tag(name)).await.expect("counted");
        assert!((live..=live + filling).contains(&count), "{name}: {count}, not {live}, after {step:?}");
    }
}

#[test]
fn every_cache_does_what_the_model_does() {
    let caches = every_cache();
    proptest!(cases(60), |(steps in prop::collection::vec(step(), 1..25))| {
        for fresh in &caches {
            run(async {
                wipe(&fresh.cache).await;
                let mut model = Model::default();
                let mut fences = [const { None }; SLOTS];
                for step in &steps {
                    carry_out(&fresh.cache, &mut model, &mut fences, step).await;
                }
            });
        }
    });
}

/// Leaves nothing of an earlier case: entries, tags, or dependencies recorded ahead.
async fn wipe(cache: &AnyCache) {
    for name in KEYS {
        let on: Vec<_> = KEYS.iter().map(|on| key(on)).collect();
        cache.remove_dependency(&key(name), &on).await.expect("forgotten");
    }
    let all = pattern("*");
    cache.drop_tags_matching(&all, Reach::Transitive, quiet()).await.expect("dropped");
    cache.drop_matching(&all, Reach::Transitive, quiet()).await.expect("dropped");
}
