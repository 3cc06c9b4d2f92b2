//! Runs one case.

use super::compare::{keys, problems};
use super::{Case, Mistake, Outcome, scenario};
use crate::check::{Undeclared, Write};
use crate::model::RawWrite;
use crate::plan::{Program, Unfilled};
use crate::trace::Trace;

/// Plans the case's write, carries it out on a cache in memory where the case has one, and compares.
///
/// # Errors
/// What the rules do not know: an entity, an operation, a name, or a value of the wrong type; a key
/// or tag that is none.
pub async fn run(program: &Program, case: &Case) -> Result<Outcome, Mistake> {
    let rules = program.rules();
    let write = held_against(program, &case.write).map_err(|m| Mistake { place: case.write_place, ..m })?;
    let plan = program.plan(&write, Unfilled::Report);
    let mut all = problems(rules, &write, &plan, case);
    let cache = match case.cache.as_slice() {
        [] => None,
        entries => Some(scenario::run(program, entries, plan.clone()).await?),
    };
    if let Some((left, gone)) = &cache {
        for (name, wanted, found) in [("left", &case.left, left), ("gone", &case.gone, gone)] {
            if let Some(wanted) = wanted {
                keys(name, wanted, found, &mut all);
            }
        }
    }
    Ok(Outcome { trace: Trace::of(rules, &write), plan, problems: all, cache })
}

/// A write as the rules understand it. The mistake has no place yet.
pub fn held_against(program: &Program, raw: &RawWrite) -> Result<Write, Mistake> {
    program.rules().write(raw.clone(), Undeclared::Refuse).map_err(|error| Mistake {
        place: super::Place::default(),
        message: error.message,
        help: error.help,
    })
}
