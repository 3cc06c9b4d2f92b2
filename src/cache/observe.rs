//! What is told of the parts of a request to whoever traces it, with the feature `opentelemetry`.
//!
//! The one who observes is found through the task: nothing on the way needs to know of it. Without the
//! feature, or without an observer, everything here is nothing.

#[cfg(not(feature = "opentelemetry"))]
mod by {
    /// Carries out a part.
    pub fn within<F: Future>(_: &'static str, work: F) -> F {
        work
    }

    /// Carries out a part that waits for nothing.
    pub fn during<T>(_: &'static str, work: impl FnOnce() -> T) -> T {
        work()
    }

    /// Whether anybody observes this task.
    pub fn is_observed() -> bool {
        false
    }
}

#[cfg(feature = "opentelemetry")]
mod by {
    use std::sync::Arc;
    use std::time::SystemTime;

    /// Takes note of the parts of something.
    pub trait Observer: Send + Sync {
        /// A number for a part that begins.
        fn begins(&self) -> u64;

        /// A part is over.
        fn ended(&self, part: Part);
    }

    /// A part that is over.
    #[derive(Clone, Copy, Debug)]
    pub struct Part {
        pub name: &'static str,
        pub number: u64,
        /// The part that it is a part of.
        pub within: u64,
        pub began: SystemTime,
        pub ended: SystemTime,
    }

    #[derive(Clone)]
    struct Scope {
        observer: Arc<dyn Observer>,
        part: u64,
    }

    tokio::task_local! {
        static SCOPE: Scope;
    }

    /// Carries out the whole, whose number is given, with somebody who observes its parts.
    pub async fn observed<T>(observer: Arc<dyn Observer>, whole: u64, work: impl Future<Output = T>) -> T {
        SCOPE.scope(Scope { observer, part: whole }, work).await
    }

    /// Carries out a part.
    pub async fn within<T>(name: &'static str, work: impl Future<Output = T>) -> T {
        let Ok(outer) = SCOPE.try_with(Scope::clone) else { return work.await };
        let open = Open::new(name, outer);
        let inner = Scope { observer: Arc::clone(&open.outer.observer), part: open.number };
        SCOPE.scope(inner, work).await
    }

    /// Carries out a part that waits for nothing.
    pub fn during<T>(name: &'static str, work: impl FnOnce() -> T) -> T {
        let _open = SCOPE.try_with(Scope::clone).ok().map(|outer| Open::new(name, outer));
        work()
    }

    /// Whether anybody observes this task.
    pub fn is_observed() -> bool {
        SCOPE.try_with(|_| ()).is_ok()
    }

    /// A part that has begun, and ends with this, also where it is broken off.
    struct Open {
        name: &'static str,
        number: u64,
        outer: Scope,
        began: SystemTime,
    }

    impl Open {
        fn new(name: &'static str, outer: Scope) -> Self {
            Self { name, number: outer.observer.begins(), outer, began: SystemTime::now() }
        }
    }

    impl Drop for Open {
        fn drop(&mut self) {
            let Self { name, number, ref outer, began } = *self;
            let ended = SystemTime::now();
            outer.observer.ended(Part { name, number, within: outer.part, began, ended });
        }
    }
}

pub use by::*;
