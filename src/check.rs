//! Syntax trees to a checked [`RuleSet`]: names resolved, types held together, templates bound,
//! relations held against refs. The only maker of a `RuleSet`.

mod collide;
pub mod condition;
mod conditions;
mod entities;
mod errors;
mod load;
mod names;
mod relations;
mod rules;
pub mod ruleset;
mod scoped;
pub mod shape;
pub mod stored;
pub mod template;
mod templates;
pub mod walk;
mod workspace;
mod write;

use std::path::Path;
use std::sync::Arc;

pub use load::{Files, normalize, slashed};
pub use ruleset::RuleSet;
pub use workspace::{Work, Workspace};
pub use write::{Undeclared, Write, WriteError, WriteErrorKind};

use errors::ErrorCount;
use rustc_hash::FxHashMap;
use walk::Steps;
use workspace::Known;

use crate::diagnostic::{self, Code, Diagnostic};
use crate::span::Sources;
use crate::syntax::ast::File;

/// The deepest cascade a relation may ask for.
pub const MAX_DEPTH: u32 = 16;

/// The range of priorities, higher first.
pub const PRIORITIES: std::ops::RangeInclusive<i64> = 0..=1000;

/// The range of delays, in milliseconds.
pub const DELAYS: std::ops::RangeInclusive<u64> = 10..=5000;

/// What checking gives: the rules, where there was no error, and everything found on the way.
#[derive(Debug)]
pub struct Checked {
    pub rules: Option<RuleSet>,
    pub sources: Sources,
    /// What was written, the root file first.
    pub files: Vec<Arc<File>>,
    /// Sorted by place. Nothing is taken back by an `@allow` yet: that is [`crate::lint::lint`]'s.
    pub findings: Vec<Diagnostic>,
}

impl Checked {
    pub fn has_errors(&self) -> bool {
        self.rules.is_none()
    }
}

impl RuleSet {
    /// Reads and checks a rule file and its imports.
    pub fn load(path: impl AsRef<Path>) -> Checked {
        check(path.as_ref(), &Files::Disk)
    }

    /// Checks a rule text that imports nothing.
    ///
    /// ```
    /// use invalidate::RuleSet;
    ///
    /// let checked = RuleSet::parse("entity user { key profile }  rule user_data { on usr }");
    /// assert!(checked.rules.is_none());
    /// let finding = &checked.findings[0];
    /// assert_eq!((finding.code.number(), finding.help[0].as_str()), ("E010", "did you mean `user`?"));
    /// ```
    pub fn parse(text: &str) -> Checked {
        let name = "rules.inv";
        check(Path::new(name), &Files::Memory([(name.into(), text.as_bytes().to_vec())].into()))
    }
}

/// Reads and checks a root file and its imports.
pub fn check(root: &Path, files: &Files) -> Checked {
    check_loaded(root, load::load(root, files, &mut Known::default()))
}

fn check_loaded(root: &Path, loaded: load::Loaded) -> Checked {
    let load::Loaded { sources, files, mut findings } = loaded;
    let names = names::collect(&files, &mut findings);
    let mut entities = entities::declare(&names, &mut findings);
    let (relations, links) = relations::check(&names, &mut entities, &mut findings);
    let scope = templates::Scope::new(&names, &entities.by_name, &entities.broken);
    let mut errors = ErrorCount::default();
    entities::templates(&names, &mut entities.table, &scope, &mut errors, &mut findings);
    let (mut rules, mut cascades) = (Vec::new(), FxHashMap::default());
    // With so many errors the rest would be guesswork, and no rule set comes out of it anyway.
    if relations.len() == names.relations.len() && !errors.is_exceeded(&findings) {
        let links_from = relations::by_source(&links, entities.table.len());
        let mut steps = Steps::default();
        scoped::imply(
            &mut entities.table,
            &relations,
            &links_from,
            names.prefix(),
            &mut steps,
            &mut findings,
        );
        rules = rules::check(&names, &entities, &relations, &scope, &sources, &mut errors, &mut findings);
        collide::check(&entities.table, &names.varies, &mut errors, &mut findings);
        cascades =
            scoped::cascades(&rules, &entities.table, &relations, &links_from, &mut steps, &mut findings);
    }
    // Only a file that could be read and has no rules is worth the remark.
    if rules.is_empty() && !findings.iter().any(Diagnostic::is_error) {
        let message = format!("`{}` has no rule: no write would invalidate anything", root.display());
        findings.push(
            Diagnostic::nowhere(Code::NoRules, message)
                .help("`invalidate init` writes a rule file to start from"),
        );
    }
    diagnostic::sort(&mut findings);
    errors::cut(&mut findings);
    let (namespace, context, varies) =
        (names.namespace.map(|n| n.text.to_string()), names.context, names.varies);
    let rules = (!findings.iter().any(Diagnostic::is_error)).then(|| RuleSet {
        sources: sources.clone(),
        namespace,
        context,
        varies,
        entity_names: entities.by_name,
        entities: entities.table,
        relations,
        links,
        rules,
        cascades,
    });
    Checked { rules, sources, files, findings }
}
