//! The texts that are mutated, and how each of them is read: with the files beside it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use invalidate::check::{Checked, Files, check};

/// A rule file, by its path from the project's folder, among the others.
pub struct Corpus {
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Corpus {
    /// The rule files below these folders.
    pub fn of(folders: &[&str]) -> Self {
        let mut files = BTreeMap::new();
        for folder in folders {
            collect(Path::new(folder), &mut files);
        }
        Self { files }
    }

    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.keys().map(PathBuf::as_path)
    }

    /// The text of a file; of one that is no UTF-8, what can be read of it.
    pub fn text(&self, path: &Path) -> String {
        String::from_utf8_lossy(&self.files[path]).into_owned()
    }

    /// Checks a root file with another text in the place of one of the files.
    pub fn check_with(&mut self, root: &Path, changed: &Path, text: &[u8]) -> Checked {
        let before = self.files.insert(changed.to_path_buf(), text.to_vec());
        let Self { files } = self;
        let all = Files::Memory(std::mem::take(files));
        let checked = check(root, &all);
        if let Files::Memory(map) = all {
            *files = map;
        }
        files.insert(changed.to_path_buf(), before.unwrap_or_default());
        checked
    }
}

fn collect(folder: &Path, out: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = folder.join(entry.file_name());
        if entry.path().is_dir() {
            collect(&path, out);
        } else if path.extension().is_some_and(|e| e == "inv") {
            out.insert(path, std::fs::read(entry.path()).unwrap());
        }
    }
}

/// Numbers that are the same in every run.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % most.max(1) as u64) as usize
    }
}
