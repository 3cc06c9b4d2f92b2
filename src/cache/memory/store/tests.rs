//! Nothing of what is gone is kept.

use super::*;
use crate::cache::index_name::indexes_of;
use crate::model::Tag;

const NOW: u64 = 1_000_000;

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn tag() -> Tag {
    Tag::new("all").unwrap()
}

/// Ten entries of one tag, each built from the one before, the first from an entry that there is not; then one
/// dependency ahead of its entry. Every other entry expires.
fn filled() -> Store {
    let mut store = Store::default();
    for n in 0..10 {
        let stored = Stored { value: vec![0], expires: (n % 2 == 0).then_some(NOW + 10), stamps: None };
        let on = key(&n.to_string());
        store.put(&key(&(n + 1).to_string()), indexes_of(&[tag()], &[on]), stored, NOW);
    }
    store.add_dependency(&key("ahead"), IndexName::dependents_of(b"10"), NOW);
    store
}

fn assert_nothing_is_kept(store: &Store) {
    let left = (store.names.len(), store.indexes.len(), store.retired.len(), store.expiries.len());
    assert_eq!(left, (0, 0, 0, 0));
}

#[test]
fn a_deep_drop_of_a_tag_forgets_its_keys() {
    let mut store = filled();
    assert_eq!(store.names.len(), 12);
    let dropped = store.drop_target(&DropTarget::Tag(tag()), Reach::Transitive, NOW);
    assert_eq!((dropped.keys, dropped.dependents), (10, 0));
    // What the first entry was built from never was an entry, and names it still.
    store.drop_target(&DropTarget::Key(key("0")), Reach::Transitive, NOW);
    assert_nothing_is_kept(&store);
}

#[test]
fn a_drop_of_the_first_key_forgets_what_was_built_from_it() {
    let mut store = filled();
    let dropped = store.drop_target(&DropTarget::Key(key("0")), Reach::Transitive, NOW);
    assert_eq!(dropped.dependents, 10);
    store.drop_target(&DropTarget::Tag(tag()), Reach::Direct, NOW);
    assert_nothing_is_kept(&store);
}

#[test]
fn what_expires_is_forgotten() {
    let mut store = filled();
    let later = NOW + 10;
    while store.prune_some(4, later).0 > 0 {}
    store.drop_target(&DropTarget::Tag(tag()), Reach::Transitive, later);
    assert_nothing_is_kept(&store);
}

#[test]
fn an_index_that_was_set_aside_is_forgotten_with_its_last_member() {
    let mut store = filled();
    let name = IndexName::from(&tag());
    store.retire(name.clone());
    // A member of the new index has the score of its namesake that was set aside.
    let stored = Stored { value: vec![1], expires: Some(NOW + 10), stamps: None };
    store.put(&key("1"), vec![name.clone()], stored, NOW);
    let mut dropped = Dropped::default();
    while store.collect_some(&name, 3, NOW, &mut dropped) > 0 {}
    assert_eq!((dropped.entries(), dropped.journals), (10, 1));
    assert_eq!(store.indexes.get(&name).map(BTreeMap::len), Some(1));
    while store.prune_some(4, NOW + 10).0 > 0 {}
    store.drop_target(&DropTarget::Key(key("0")), Reach::Transitive, NOW);
    assert_nothing_is_kept(&store);
}
