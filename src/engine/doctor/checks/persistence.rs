//! What a restart of the server keeps of the queue, and whether it brings back what was dropped.

use super::{Server, over_servers};
use crate::cache::Health;
use crate::engine::doctor::Finding;

pub fn look(health: &Health) -> Option<Finding> {
    over_servers(health, |server| {
        let is_on = |name| server.fact(name).map(|value| value == "1");
        Some(if is_on("aof_enabled")? { append_only(server) } else { snapshots(server) })
    })
}

fn append_only(server: &Server<'_>) -> Finding {
    if server.fact("aof_last_write_status").is_some_and(|status| status != "ok") {
        return Finding::problem(
            "the append-only file cannot be written: a restart forgets drops and the queue",
        )
        .help("see the server's log; its disk may be full");
    }
    match server.fact("appendfsync") {
        Some("always") => {
            Finding::fine("append-only file, synced with every write: a restart keeps the queue")
        }
        Some("no") => Finding::note(
            "append-only file, synced when the system likes: a crash of the machine may forget drops, whose \
             entries come back, and queued work",
        )
        .help("`CONFIG SET appendfsync everysec` bounds that to about a second"),
        _ => Finding::fine(
            "append-only file: a restart keeps the queue; a crash of the machine forgets about a second",
        ),
    }
}

fn snapshots(server: &Server<'_>) -> Finding {
    // Without the right to ask for the setting, a snapshot that was made tells.
    let made = server.number("rdb_last_save_time");
    match server.fact("save") {
        Some("") => Finding::fine(
            "nothing is kept on disk: a restart begins with no entries and no queue, and nothing is stale",
        ),
        None => Finding::note(format!(
            "no append-only file; whether snapshots are made is not known{}",
            if made > 0 { ", since the user may not run `CONFIG GET`" } else { "" }
        ))
        .help("with snapshots alone, a restart brings back entries that were dropped since the last one"),
        Some(_) => {
            let failed = server.fact("rdb_last_bgsave_status").is_some_and(|status| status != "ok");
            let last = if failed { "; the last one failed" } else { "" };
            Finding::warning(format!(
                "snapshots alone{last}: a restart brings back entries that were dropped since the last one, \
                 and forgets what was queued since"
            ))
            .help("`CONFIG SET appendonly yes` keeps both")
            .help("or `CONFIG SET save \"\"`: a cache that begins empty holds nothing stale")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::of_server;
    use super::*;
    use crate::engine::doctor::Severity;

    #[test]
    fn what_a_restart_keeps() {
        let of = |facts: &[(&str, &str)]| look(&of_server(facts)).expect("a setting").severity;
        assert_eq!(of(&[("aof_enabled", "1"), ("appendfsync", "everysec")]), Severity::Fine);
        assert_eq!(of(&[("aof_enabled", "1"), ("appendfsync", "no")]), Severity::Note);
        assert_eq!(of(&[("aof_enabled", "1"), ("aof_last_write_status", "err")]), Severity::Problem);
        assert_eq!(of(&[("aof_enabled", "0"), ("save", "")]), Severity::Fine);
        assert_eq!(of(&[("aof_enabled", "0"), ("save", "3600 1")]), Severity::Warning);
        assert_eq!(of(&[("aof_enabled", "0")]), Severity::Note);
        assert_eq!(look(&of_server(&[])), None);
    }
}
