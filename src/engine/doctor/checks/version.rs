//! Whether the server has the commands that the layout rests on.

use super::{Server, over_servers};
use crate::cache::Health;
use crate::engine::doctor::Finding;

/// `ZADD GT` and `LT`, and `ZMSCORE`, came with it.
const OLDEST: (u32, u32) = (6, 2);

pub fn look(health: &Health) -> Option<Finding> {
    over_servers(health, judge)
}

fn judge(server: &Server<'_>) -> Option<Finding> {
    let info = server.info;
    let mut parts = info.version.split('.').map_while(|part| part.parse::<u32>().ok());
    let version = (parts.next()?, parts.next().unwrap_or(0));
    Some(if info.kind == "valkey" || version >= OLDEST {
        Finding::fine("all that is needed is there")
    } else {
        Finding::problem(format!("{} {} lacks commands that drops and fills need", info.kind, info.version))
            .help("take Redis 6.2 or newer, or any Valkey")
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::of_server;
    use super::*;
    use crate::engine::doctor::Severity;

    #[test]
    fn versions() {
        for (kind, version, fine) in [
            ("redis", "7.0.15", true),
            ("redis", "6.2.0", true),
            ("redis", "6.0.16", false),
            ("valkey", "8.1.0", true),
        ] {
            let mut health = of_server(&[]);
            if let Ok(info) = &mut health.info {
                (info.kind, info.version) = (kind.to_owned(), version.to_owned());
            }
            let found = look(&health).expect("a server");
            assert_eq!(found.severity == Severity::Fine, fine, "{kind} {version}");
        }
    }
}
