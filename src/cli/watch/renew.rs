//! Rules that are read anew while a source is followed.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use invalidate::plan::Program;
use invalidate::server::{Event, Failure, Loaded, Rules, change};
use invalidate::source::{LiveMapping, Mapping, TableSettings};
use tokio::sync::watch;

use super::tell::Teller;
use crate::cli::error::CommandError;
use crate::cli::serve;
use crate::cli::session::Session;

/// The rules in force, and what depends on them.
pub struct InForce {
    rules: Arc<Rules>,
    settings: BTreeMap<String, TableSettings>,
    pub mapping: Arc<LiveMapping>,
    programs: watch::Sender<Arc<Program>>,
}

impl InForce {
    /// Reads the rules, and maps tables to their entities.
    pub fn read(session: &Session, settings: &BTreeMap<String, TableSettings>) -> Result<Self, CommandError> {
        let rules = serve::rules(session)?;
        session.note_verbose(&format!("rules: {}", session.rules_name()));
        let program = Arc::clone(&rules.now().program);
        let mapping = Mapping::new(program.rules(), settings)?;
        let (programs, _) = watch::channel(program);
        Ok(Self {
            rules: Arc::new(rules),
            settings: settings.clone(),
            mapping: Arc::new(mapping.into()),
            programs,
        })
    }

    pub fn program(&self) -> Arc<Program> {
        Arc::clone(&self.programs.borrow())
    }

    /// The programs that take over, as they come.
    pub fn programs(&self) -> watch::Receiver<Arc<Program>> {
        self.programs.subscribe()
    }

    /// Reads the rules anew whenever a file of theirs changes, and on SIGHUP, for ever. Rules with errors, or that do not
    /// fit what the configuration says of tables, leave those of before in force.
    pub async fn renew(&self, teller: &Teller, mut hangup: impl AsyncFnMut()) -> Infallible {
        let mut said: Vec<String> = Vec::new();
        loop {
            let of = Arc::clone(&self.rules);
            let look = tokio::select! {
                () = hangup() => None,
                look = change(move || of.changed()) => Some(look),
            };
            let rules = Arc::clone(&self.rules);
            // Reading and checking would hold up what else the thread does.
            let read = tokio::task::spawn_blocking(move || match look {
                Some(look) => rules.reload_as(&look),
                None => Some(rules.reload()),
            });
            let errors = match read.await {
                // Whoever writes them is in the middle of it.
                Ok(None) => continue,
                Ok(Some(read)) => self.settle(read),
                // The check panicked.
                Err(error) => vec![error.to_string()],
            };
            if errors.is_empty() {
                let rules = self.program().rules().rules().len();
                teller.server(&Event::Reloaded { rules });
            } else if errors != said {
                teller.server(&Event::NotReloaded { errors: &errors });
            }
            said = errors;
        }
    }

    /// Puts rules in force; gives what speaks against it.
    fn settle(&self, read: Result<Arc<Loaded>, Arc<Failure>>) -> Vec<String> {
        let loaded = match read {
            Ok(loaded) => loaded,
            Err(failure) => return failure.errors.clone(),
        };
        match Mapping::new(loaded.program.rules(), &self.settings) {
            Ok(mapping) => {
                // In this order: a mapping must name nothing that the rules do not know.
                self.programs.send_replace(Arc::clone(&loaded.program));
                self.mapping.set(mapping);
                Vec::new()
            }
            Err(error) => vec![error.to_string()],
        }
    }
}
