//! Names that nobody else chooses: of journals, of tickets, and of who carries out queued work.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// A number that is new for every call in any process.
pub(super) fn nonce() -> u128 {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    // The standard library seeds `RandomState` from the system's randomness, once for each thread.
    let seed = (CALLS.fetch_add(1, Ordering::Relaxed), std::process::id(), SystemTime::now());
    let random = || u128::from(RandomState::new().hash_one(seed));
    random() << 64 | random()
}

/// The same as 32 hexadecimal digits.
pub(super) fn nonce_text() -> String {
    format!("{:032x}", nonce())
}
