//! `invalidate watch -` and `invalidate watch redis-stream://…`: changes of tables that come as messages, on real servers.

#[path = "support/blocks.rs"]
mod blocks;
#[path = "support/cases.rs"]
mod cases;
#[path = "support/command.rs"]
mod command;
#[path = "support/postgres.rs"]
mod postgres;
#[path = "support/redis.rs"]
mod redis;

#[path = "watch_stream/debezium.rs"]
mod debezium;
#[path = "watch_stream/faults.rs"]
mod faults;
#[path = "watch_stream/group.rs"]
mod group;
#[path = "watch_stream/hostile.rs"]
mod hostile;
#[path = "watch_stream/lines.rs"]
mod lines;
#[path = "watch_stream/outbox.rs"]
mod outbox;
#[path = "watch_stream/watcher.rs"]
mod watcher;

const RULES: &str = r#"
entity org { fields { name: string } key page }
entity user {
  fields { email: string  plan: string  active: bool  balance: float  seen: time  bio: string }
  ref org
  key profile
  key sign_in "sign_in:{email}"
}
entity task { fields { board: string } key page  list "board:{board}:tasks" }
rule users { on user }
rule tasks { on task }
rule orgs { on org }
"#;
