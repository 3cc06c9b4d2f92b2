//! A mapping that may become another while sources read by it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::Mapping;

/// The mapping in force.
#[derive(Debug)]
pub struct LiveMapping {
    now: RwLock<Arc<Mapping>>,
    generation: AtomicU64,
}

impl From<Mapping> for LiveMapping {
    fn from(mapping: Mapping) -> Self {
        Self { now: RwLock::new(Arc::new(mapping)), generation: AtomicU64::new(0) }
    }
}

impl LiveMapping {
    pub fn now(&self) -> Arc<Mapping> {
        // A lock is held for an assignment alone, which cannot leave anything half done.
        self.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another one in force: sources take it for what they read from then on.
    pub fn set(&self, mapping: Mapping) {
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(mapping);
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// How often it has become another. To be asked before [`LiveMapping::now`].
    pub(in crate::source) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }
}
