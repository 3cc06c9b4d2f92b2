//! Whether the server takes writes.

use super::over_servers;
use crate::cache::Health;
use crate::engine::doctor::Finding;

pub fn look(health: &Health) -> Option<Finding> {
    over_servers(health, |server| {
        Some(match server.fact("role")? {
            "slave" | "replica" => Finding::problem("this is a replica: nothing can be stored or dropped")
                .help("give the address of its primary"),
            _ => Finding::fine("it takes writes"),
        })
    })
}
