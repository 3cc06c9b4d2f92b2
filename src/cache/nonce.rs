//! Names that nobody else chooses: of journals and of tickets.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// 32 hexadecimal digits, new for every call in any process.
pub(super) fn nonce() -> String {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    // The standard library seeds `RandomState` from the system's randomness, once for each thread.
    let seed = (CALLS.fetch_add(1, Ordering::Relaxed), std::process::id(), SystemTime::now());
    let random = || RandomState::new().hash_one(seed);
    format!("{:016x}{:016x}", random(), random())
}
