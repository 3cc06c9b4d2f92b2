//! Whether the user may run what is needed, on the keys that are needed.

use super::named;
use crate::cache::{Health, acl_line};
use crate::engine::doctor::Finding;

pub fn look(health: &Health) -> Option<Finding> {
    let server = health.server.as_ref()?;
    let user = server.user.as_ref().map_or_else(|| "the user".to_owned(), |name| format!("user `{name}`"));
    let rights = match &server.rights {
        Ok(rights) => rights,
        Err(error) => return Some(Finding::unseen(error)),
    };
    let mut lacks = Vec::new();
    if !rights.commands.is_empty() {
        lacks.push(format!("run {}", rights.commands.join(", ")));
    }
    if rights.keys.count > 0 {
        lacks.push(format!("touch the keys {}", named(&rights.keys)));
    }
    if lacks.is_empty() {
        return Some(Finding::fine(format!("{user} may run all that is needed")));
    }
    let mut found = Finding::problem(format!("{user} may not {}: operations fail", lacks.join(", nor ")));
    if rights.unknown {
        found = found.help("grant these, and look again for what else is missing");
    }
    Some(found.help(format!("what is needed and no more: {}", acl_line())).help(
        "instead of `~*`: a pattern for the keys of the layout, such as `~inv:*`, and patterns for all keys \
         of the applications' entries",
    ))
}
