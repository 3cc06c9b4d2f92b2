//! Whether the server takes writes.

use super::server;
use crate::cache::Health;
use crate::engine::doctor::Finding;

pub fn look(health: &Health) -> Option<Finding> {
    Some(match server(health)?.fact("role")? {
        "slave" | "replica" => Finding::problem("this is a replica: nothing can be stored or dropped")
            .help("give the address of its primary"),
        _ => Finding::fine("it takes writes"),
    })
}
