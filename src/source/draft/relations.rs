//! Foreign keys as relations, from the row that is pointed to down to those that point.

use std::collections::BTreeMap;

use super::names::{Taken, plural};
use super::shape::{Entity, Shape};
use crate::model::Kind;

pub struct Relation {
    pub name: String,
    pub source: usize,
    pub target: usize,
    pub kind: Kind,
    /// The ref it goes over, where there are others between the two.
    pub via: Option<String>,
    pub both_ways: bool,
    /// The database deletes the target's rows together with the source's.
    pub cascades: bool,
}

pub fn relations(shape: &Shape<'_>) -> Vec<Relation> {
    // How many refs there are between two entities, in either direction.
    let mut between: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for (at, entity) in shape.entities.iter().enumerate() {
        for (_, target, _) in entity.refs() {
            *between.entry((at.min(target), at.max(target))).or_default() += 1;
        }
    }
    let mut taken = Taken::with(["all".to_owned()]);
    let mut out = Vec::new();
    for (at, entity) in shape.entities.iter().enumerate() {
        for (drafted, target, key) in entity.refs() {
            let parent = &shape.entities[target];
            let several = between.get(&(at.min(target), at.max(target))).is_some_and(|n| *n > 1);
            // A join table has a row of its own for each pair: an entity shows what the pair is of.
            let (source, target, kind) = if entity.is_join {
                (at, target, Kind::ManyToOne)
            } else if entity.table.is_unique(&key.columns) {
                (target, at, Kind::OneToOne)
            } else if key.cascades {
                (target, at, Kind::ParentChild)
            } else {
                (target, at, Kind::OneToMany)
            };
            out.push(Relation {
                name: taken.take(&name(entity, parent, &drafted.name, kind)),
                source,
                target,
                kind,
                via: several.then(|| drafted.name.clone()),
                both_ways: false,
                cascades: key.cascades,
            });
        }
        out.extend(entity.others.iter().map(|&source| Relation {
            name: taken.take(&format!("{}_{}", shape.entities[source].name, plural(&entity.name))),
            source,
            target: at,
            kind: Kind::ManyToMany,
            via: None,
            both_ways: false,
            cascades: false,
        }));
        if entity.is_join {
            out.extend(pair(shape, entity, &mut taken));
        }
    }
    out
}

fn name(entity: &Entity<'_>, parent: &Entity<'_>, reference: &str, kind: Kind) -> String {
    match kind {
        Kind::ManyToOne => format!("{}_{reference}", entity.name),
        Kind::OneToOne if reference == parent.name => format!("{}_{}", parent.name, entity.name),
        Kind::OneToOne => format!("{}_{reference}_{}", parent.name, entity.name),
        _ if reference == parent.name => format!("{}_{}", parent.name, plural(&entity.name)),
        _ => format!("{}_{reference}_{}", parent.name, plural(&entity.name)),
    }
}

/// The two that a join table joins. Neither has a ref to the other.
fn pair(shape: &Shape<'_>, entity: &Entity<'_>, taken: &mut Taken) -> Option<Relation> {
    let ends: Vec<usize> = entity.refs().map(|(_, target, _)| target).collect();
    let &[source, target] = ends.as_slice() else { return None };
    let points = |from: usize, to: usize| shape.entities[from].refs().any(|(_, target, _)| target == to);
    // Between these the refs say what a pair means, and a tree is related to itself by its own ref.
    let names = |at: usize, name: &str| shape.entities[at].columns.iter().any(|drafted| drafted.name == name);
    let (a, b) = (&shape.entities[source].name, &shape.entities[target].name);
    // Without a ref it takes the names of the two for one.
    let is_taken = names(source, b) || names(target, a);
    if source == target || is_taken || points(source, target) || points(target, source) {
        return None;
    }
    Some(Relation {
        name: taken.take(&format!("{}_{}", plural(a), plural(b))),
        source,
        target,
        kind: Kind::ManyToMany,
        via: None,
        both_ways: true,
        cascades: false,
    })
}
