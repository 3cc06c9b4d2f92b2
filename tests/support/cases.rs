//! How many random cases a property is tried with, and which.

use proptest::prelude::ProptestConfig;
use proptest::test_runner::RngSeed;

/// `PROPTEST_CASES` overrides how many cases a property is tried with.
pub fn cases(usual: u32) -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(usual);
    // The same cases each time, so that a change is what makes a difference; FUZZ=1 looks at new ones.
    let rng_seed = match std::env::var_os("FUZZ") {
        Some(_) => RngSeed::Random,
        None => RngSeed::Fixed(1),
    };
    ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: 4000,
        rng_seed,
        ..ProptestConfig::default()
    }
}
