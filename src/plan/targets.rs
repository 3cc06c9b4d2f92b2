//! The names that one plan's templates are filled to. Those that end up in a step are taken out of here.

use std::hash::Hasher as _;

use compact_str::CompactString;
use rustc_hash::FxHasher;
use smallvec::SmallVec;

use super::StepKind;
use crate::model::{Pattern, Tag};

/// A filled name, by its place in [`Targets`].
pub type TargetId = usize;

#[derive(Debug)]
pub struct Targets {
    names: SmallVec<[CompactString; 16]>,
    /// The name that is being written.
    open: String,
}

impl Default for Targets {
    fn default() -> Self {
        // With room for a usual name.
        Self { names: SmallVec::new(), open: String::with_capacity(96) }
    }
}

impl Targets {
    pub fn len(&self) -> usize {
        self.names.len()
    }

    pub fn get(&self, id: TargetId) -> &str {
        &self.names[id]
    }

    /// Takes a name out, and leaves nothing in its place.
    pub fn take(&mut self, id: TargetId) -> CompactString {
        std::mem::take(&mut self.names[id])
    }

    /// A hash of a name and what it is the name of.
    pub fn hash(&self, kind: StepKind, id: TargetId) -> u64 {
        let mut hasher = FxHasher::default();
        hasher.write(self.names[id].as_bytes());
        hasher.write_u8(kind as u8);
        hasher.finish()
    }

    /// An empty text, to write a name to.
    pub fn open(&mut self) -> &mut String {
        self.open.clear();
        &mut self.open
    }

    /// Adds the name that was written to [`Self::open`].
    pub fn add_open(&mut self) -> TargetId {
        self.add(self.open.as_str().into())
    }

    pub fn add(&mut self, name: CompactString) -> TargetId {
        self.names.push(name);
        self.names.len() - 1
    }

    /// Takes back every name from this one on.
    pub fn truncate(&mut self, id: TargetId) {
        self.names.truncate(id);
    }

    /// Puts a filled name into the form in which steps name it.
    pub fn finish(&mut self, kind: StepKind, id: TargetId) {
        let name = &mut self.names[id];
        match kind {
            StepKind::Tag if name.starts_with('=') => *name = Tag::text_of(name.to_string()).into(),
            StepKind::Match if name.contains('/') => *name = Pattern::glob_text(name.to_string()).into(),
            StepKind::Key | StepKind::Tag | StepKind::Match | StepKind::TagMatch => {}
        }
    }
}
