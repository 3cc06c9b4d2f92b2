//! The plan of a write: a target that several rules drop is dropped once.

use super::collect::{Collected, collect};
use super::program::Program;
use super::together::joined;
use super::{Assumed, Covered, Plan, SCHEMA, Step, Unfilled, chain};
use crate::check::Write;

/// The plan of a write.
pub fn plan(program: &Program, write: &Write, unfilled: Unfilled) -> Plan {
    let entity = program.entity(write.entity());
    let mut collected = Collected::new();
    // What other rules declare, these do not know.
    if let Some(operation) = entity.operation(write.operation()) {
        collect(program, entity, operation, write, unfilled, &mut collected);
        chain::fire(program, operation, write, unfilled, &mut collected);
    }
    // Taken from where it stands: the lists that are kept inline are large to move.
    let Collected { steps, hashes, covered, unresolved, assumed, unmoved, firings, .. } = &mut collected;
    let mut steps = std::mem::take(steps);
    let mut unresolved = std::mem::take(unresolved);
    let mut assumed = std::mem::take(assumed);
    assumed.extend(unmoved.iter().map(|(rule, slot)| Assumed {
        rule: rule.name.clone(),
        condition: entity.slots.list[*slot].unmoved.clone(),
        unmoved: true,
    }));
    let mut covered: Vec<Covered> = covered
        .iter()
        .map(|(template, by)| Covered { template: (*template).clone(), by: steps[*by].target.to_string() })
        .collect();
    match all_differ(hashes) {
        true => steps.sort_unstable_by(Step::order),
        false => steps = joined(&steps),
    }
    sort(&mut covered);
    sort(&mut unresolved);
    sort(&mut assumed);
    Plan {
        schema: SCHEMA,
        write: write.raw().clone(),
        steps,
        covered,
        unresolved,
        assumed,
        ignored: write.ignored().to_vec(),
        firings: std::mem::take(firings),
    }
}

fn sort<T: Ord>(list: &mut Vec<T>) {
    list.sort_unstable();
    list.dedup();
}

/// Steps that are held against each other rather than sorted.
const FEW: usize = 16;

/// Whether no two steps are certainly for one target; the usual case.
fn all_differ(hashes: &[u64]) -> bool {
    if hashes.len() <= FEW {
        return hashes.iter().enumerate().all(|(at, hash)| !hashes[..at].contains(hash));
    }
    let mut hashes = hashes.to_vec();
    hashes.sort_unstable();
    hashes.windows(2).all(|two| two[0] != two[1])
}
