//! Findings that a project lives with: known ones, which only count when they become more.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Identity;

/// The version of the written form.
const SCHEMA: u32 = 1;

/// How often each finding is known. Nothing in it moves when lines do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    known: BTreeMap<Identity, usize>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema: u32,
    findings: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    lint: String,
    file: String,
    item: String,
    message: String,
    count: usize,
}

impl Baseline {
    /// # Errors
    /// Why the text is no baseline.
    pub fn parse(text: &str) -> Result<Self, String> {
        let document: Document = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if document.schema != SCHEMA {
            return Err(format!("it has schema {}, and this build knows {SCHEMA}", document.schema));
        }
        let mut known = BTreeMap::new();
        for Entry { lint, file, item, message, count } in document.findings {
            *known.entry(Identity { lint, file, item, message }).or_default() += count;
        }
        Ok(Self { known })
    }

    /// As JSON, sorted, an entry for each identity, with a line end.
    pub fn to_json(&self) -> String {
        let entry = |(identity, count): (&Identity, &usize)| {
            let Identity { lint, file, item, message } = identity.clone();
            Entry { lint, file, item, message, count: *count }
        };
        let document = Document { schema: SCHEMA, findings: self.known.iter().map(entry).collect() };
        // A document of strings and whole numbers can always be written.
        serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
    }

    /// How many findings it holds.
    pub fn len(&self) -> usize {
        self.known.values().sum()
    }

    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Counts one more finding.
    pub fn add(&mut self, identity: Identity) {
        *self.known.entry(identity).or_default() += 1;
    }

    /// Takes one finding out; whether it was in.
    pub fn take(&mut self, identity: &Identity) -> bool {
        match self.known.get_mut(identity) {
            Some(1) => self.known.remove(identity).is_some(),
            Some(count) if *count > 1 => {
                *count -= 1;
                true
            }
            _ => false,
        }
    }

    /// The entries about files that `is_looked_at` does not take, which nobody can say anything of.
    pub fn elsewhere(&self, is_looked_at: impl Fn(&str) -> bool) -> Self {
        let known = self.known.iter().filter(|(identity, _)| !is_looked_at(&identity.file));
        Self { known: known.map(|(identity, count)| (identity.clone(), *count)).collect() }
    }
}
