//! `invalidate serve`, over real connections and on real caches.

#[path = "support/cases.rs"]
mod cases;
#[path = "support/command.rs"]
mod command;
#[path = "support/http.rs"]
mod http;
#[path = "support/redis.rs"]
mod redis;

#[path = "server/api.rs"]
mod api;
#[path = "server/clients.rs"]
mod clients;
#[path = "server/events.rs"]
mod events;
#[path = "server/faults.rs"]
mod faults;
#[path = "server/languages.rs"]
mod languages;
#[path = "server/openapi.rs"]
mod openapi;
#[path = "server/reload.rs"]
mod reload;
#[path = "server/security.rs"]
mod security;
#[cfg(feature = "opentelemetry")]
#[path = "server/traces.rs"]
mod traces;

use command::Place;
use http::Server;

const RULES: &str = r#"
entity user {
  fields { plan: string }
  key profile
}
entity form {
  ref user
  key draft
  list "user:{user.id}:forms"
}
rule user_data {
  on       user
  priority 100
}
rule form_data {
  on       form
  strategy batched
  delay    5s
}
"#;

/// A server on an embedded cache, with the rules above.
fn server() -> Server {
    server_with(&[])
}

fn server_with(arguments: &[&str]) -> Server {
    let place = Place::new();
    place.file("rules/default.inv", RULES);
    Server::start(place, arguments)
}

const USER: &str = r#"{"entity": "user", "id": "1", "op": "update"}"#;
const FORM: &str = r#"{"entity": "form", "id": "7", "op": "update", "new": {"user": "1"}}"#;
