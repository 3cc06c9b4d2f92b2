//! What makes a finding the same finding after lines have moved.

use std::collections::BTreeMap;

use crate::check::Checked;
use crate::diagnostic::{Diagnostic, visible};
use crate::span::Sources;
use crate::syntax::ast::ItemKind;

use super::Project;

/// A finding without its line: what it says, of which item of which file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// The slug of its code.
    pub lint: String,
    /// From the project's folder; the root file for what has no place.
    pub file: String,
    /// The item it stands in, e.g. `rule users`; empty for none with a name.
    pub item: String,
    /// With hidden characters made visible.
    pub message: String,
}

impl Identity {
    /// A hash in hexadecimal digits; `nth` tells findings of one identity apart, from 0.
    pub fn fingerprint(&self, nth: usize) -> String {
        let parts = [&self.lint, &self.file, &self.item, &self.message];
        let mut text = String::new();
        for part in parts {
            // Lengths, so that no two lists of parts give one text.
            text.push_str(&format!("{}:{part}", part.len()));
        }
        text.push_str(&nth.to_string());
        let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The items of checked files, to name findings by.
pub struct Identities {
    sources: Sources,
    /// Where the named items of each file start and end, and what they are called.
    items: BTreeMap<crate::span::FileId, Vec<(u32, u32, String)>>,
}

impl Identities {
    pub fn of(checked: &Checked) -> Self {
        let mut items: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for file in &checked.files {
            for item in &file.items {
                let name = match &item.kind {
                    ItemKind::Namespace(_) | ItemKind::Import(_) | ItemKind::Defaults(_) => continue,
                    ItemKind::Context(_) => "context".to_owned(),
                    ItemKind::Vary(vary) => format!("vary {}", vary.name.text),
                    ItemKind::Entity(entity) => format!("entity {}", entity.name.text),
                    ItemKind::Relation(relation) => format!("relation {}", relation.name.text),
                    ItemKind::Rule(rule) => format!("rule {}", rule.name.text),
                };
                items.entry(item.span.file).or_default().push((item.span.start, item.span.end, name));
            }
        }
        Self { sources: checked.sources.clone(), items }
    }

    /// The identity of a finding; `root` is the reported name of the root file.
    pub fn identity(&self, finding: &Diagnostic, root: &str, project: &Project) -> Identity {
        let span = finding.primary.as_ref().map(|label| label.span);
        let file = span.map_or(root, |span| self.sources.get(span.file).name.as_str());
        let item = span.and_then(|span| {
            let items = self.items.get(&span.file)?;
            // The last item that starts before; an `@allow` stands in front of its item.
            let at = items.partition_point(|(start, ..)| *start <= span.start);
            let within = at.checked_sub(1).filter(|at| span.start < items[*at].1);
            within.or((at < items.len()).then_some(at)).map(|at| items[at].2.clone())
        });
        Identity {
            lint: finding.code.slug().to_owned(),
            file: project.file(file),
            item: item.unwrap_or_default(),
            message: visible(&finding.message).into_owned(),
        }
    }
}
