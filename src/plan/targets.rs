//! The names that one plan's templates are filled to: one text for all of them, so that only those
//! that end up in a step are allocated by themselves.

use std::hash::Hasher as _;
use std::ops::Range;

use rustc_hash::FxHasher;
use smallvec::SmallVec;

use super::StepKind;
use crate::model::{Pattern, Tag};

/// A filled name, by its place in [`Targets`].
pub type TargetId = usize;

#[derive(Debug, Default)]
pub struct Targets {
    text: String,
    /// Where each name ends in the text; the next one starts there.
    ends: SmallVec<[usize; 16]>,
}

impl Targets {
    /// With room for the names of a usual plan.
    pub fn new() -> Self {
        Self { text: String::with_capacity(512), ends: SmallVec::new() }
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn get(&self, id: TargetId) -> &str {
        &self.text[self.start(id)..self.ends[id]]
    }

    /// The bytes of a name, by which names are ordered too.
    pub fn bytes(&self, id: TargetId) -> &[u8] {
        &self.text.as_bytes()[self.start(id)..self.ends[id]]
    }

    /// A hash of a name and what it is the name of.
    pub fn hash(&self, kind: StepKind, id: TargetId) -> u64 {
        let mut hasher = FxHasher::default();
        hasher.write(self.bytes(id));
        hasher.write_u8(kind as u8);
        hasher.finish()
    }

    fn start(&self, id: TargetId) -> usize {
        if id == 0 { 0 } else { self.ends[id - 1] }
    }

    /// The name that is being written: what was added since the last one ended.
    pub fn open(&mut self) -> &mut String {
        &mut self.text
    }

    /// Ends the name that is being written, and gives its length in bytes.
    pub fn end(&mut self) -> usize {
        let length = self.open_len();
        self.ends.push(self.text.len());
        length
    }

    pub fn add(&mut self, name: &str) -> TargetId {
        self.text.push_str(name);
        self.end();
        self.ends.len() - 1
    }

    /// How many bytes were written of the name.
    pub fn open_len(&self) -> usize {
        self.text.len() - self.start(self.ends.len())
    }

    /// Takes back what was written of a name.
    pub fn abandon(&mut self) {
        self.text.truncate(self.start(self.ends.len()));
    }

    /// Takes back every name from this one on.
    pub fn truncate(&mut self, id: TargetId) {
        self.text.truncate(self.start(id));
        self.ends.truncate(id);
    }

    /// Puts filled names into the form in which steps name them.
    pub fn finish(&mut self, kind: StepKind, names: Range<TargetId>) {
        let is_plain = |id| match kind {
            StepKind::Tag => self.text.as_bytes().get(self.start(id)) != Some(&b'='),
            StepKind::Match => !self.get(id).contains('/'),
            StepKind::Key | StepKind::TagMatch => true,
        };
        if names.clone().all(is_plain) {
            return;
        }
        let filled: Vec<String> = names.clone().map(|id| self.get(id).to_owned()).collect();
        self.truncate(names.start);
        for name in filled {
            let name = if kind == StepKind::Tag { Tag::text_of(name) } else { Pattern::glob_text(name) };
            self.add(&name);
        }
    }
}
