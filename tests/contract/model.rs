//! Every cache, under any sequence of operations, does what a naive model does.

use std::collections::{BTreeMap, BTreeSet};

use invalidate::cache::{AnyCache, Cache, DropRequest, DropTarget, Dropped, Reach, quiet};
use proptest::prelude::*;

use crate::caches::{every_cache, key, left, pattern, put, run, tag};

const KEYS: [&str; 6] = ["a", "b", "c:1", "c:2", "{d}", "=a"];
const TAGS: [&str; 4] = ["t", "u", "u:1", "v"];
const PATTERNS: [&str; 4] = ["c:*", "?", "/^[ab]$/", "*"];
const TAG_PATTERNS: [&str; 3] = ["u*", "t", "*"];

#[derive(Clone, Debug)]
enum Step {
    Put { key: usize, tags: Vec<usize>, on: Vec<usize> },
    Depend { key: usize, on: usize },
    Forget { key: usize, on: usize },
    Drop(Vec<(Target, bool)>),
}

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
    prop_oneof![
        6 => (keys.clone(), prop::collection::vec(tags, 0..3), prop::collection::vec(keys.clone(), 0..3))
            .prop_map(|(key, tags, on)| Step::Put { key, tags, on }),
        2 => (keys.clone(), keys.clone()).prop_map(|(key, on)| Step::Depend { key, on }),
        1 => (keys.clone(), keys).prop_map(|(key, on)| Step::Forget { key, on }),
        4 => prop::collection::vec((target, any::<bool>()), 1..4).prop_map(Step::Drop),
    ]
}

/// Entries, and the members of tags and of dependencies. Members stay when their entry goes.
#[derive(Default)]
struct Model {
    entries: BTreeSet<&'static str>,
    tags: BTreeMap<&'static str, BTreeSet<&'static str>>,
    dependents: BTreeMap<&'static str, BTreeSet<&'static str>>,
}

impl Model {
    /// Removes an entry with what depends on it, `levels` deep; returns how many were there.
    fn remove(&mut self, key: &'static str, levels: u32) -> u64 {
        let mut removed = u64::from(self.entries.remove(key));
        if levels > 1 {
            for dependent in self.dependents.remove(key).unwrap_or_default() {
                removed += self.remove(dependent, levels - 1);
            }
        }
        removed
    }

    fn drop(&mut self, target: &Target, shallow: bool) -> u64 {
        let levels = if shallow { 2 } else { u32::MAX };
        let of_tag = |model: &mut Self, name| {
            let members = model.tags.remove(name).unwrap_or_default();
            members.into_iter().map(|key| model.remove(key, levels)).sum::<u64>()
        };
        match target {
            Target::Tag(n) => of_tag(self, TAGS[*n]),
            Target::Key(n) => self.remove(KEYS[*n], levels),
            Target::Match(n) => {
                let pattern = pattern(PATTERNS[*n]);
                let keys: Vec<_> = self.entries.iter().copied().filter(|key| pattern.matches(key)).collect();
                keys.into_iter().map(|key| self.remove(key, levels)).sum()
            }
            Target::Tags(n) => {
                let pattern = pattern(TAG_PATTERNS[*n]);
                TAGS.iter().filter(|name| pattern.matches(name)).map(|name| of_tag(self, name)).sum()
            }
        }
    }
}

async fn carry_out(cache: &AnyCache, model: &mut Model, step: &Step) {
    match step {
        Step::Put { key, tags, on } => {
            let (key, tags) = (KEYS[*key], tags.iter().map(|n| TAGS[*n]).collect::<Vec<_>>());
            let on: Vec<&str> = on.iter().map(|n| KEYS[*n]).collect();
            put(cache, key, &tags, &on).await;
            model.entries.insert(key);
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
        }
        Step::Forget { key: name, on } => {
            let removed = cache.remove_dependency(&key(KEYS[*name]), &[key(KEYS[*on])]).await;
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
            assert_eq!(total.entries(), expected, "{step:?}");
        }
    }
    let there: Vec<&str> = KEYS.into_iter().filter(|key| model.entries.contains(key)).collect();
    assert_eq!(left(cache, &KEYS).await, there, "after {step:?}");
    for name in TAGS {
        let live = model.tags.get(name).map_or(0, |keys| keys.intersection(&model.entries).count());
        assert_eq!(cache.count_tag(&tag(name)).await, Ok(live as u64), "{name} after {step:?}");
    }
}

#[test]
fn every_cache_does_what_the_model_does() {
    let caches = every_cache();
    let config = ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(steps in prop::collection::vec(step(), 1..25))| {
        for fresh in &caches {
            run(async {
                wipe(&fresh.cache).await;
                let mut model = Model::default();
                for step in &steps {
                    carry_out(&fresh.cache, &mut model, step).await;
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
