//! What is told of messages.

use invalidate::cache::Lost;
use invalidate::source::{Note, Skipped};
use serde_json::{Value, json};

use super::tell::Teller;
use crate::cli::log::Level::{Debug, Info, Warning};
use crate::cli::output::count;

impl Teller {
    pub fn note(&self, note: &Note) {
        match note {
            Note::Unreadable { place, why, shown, moved_to } => {
                let went = match moved_to {
                    Some(stream) => format!("; moved to `{stream}`"),
                    None => String::new(),
                };
                let text = format!("{place} {why}{went}: {shown}");
                let fields = json!({"place": place, "why": why.message, "help": why.help, "shown": shown, "moved_to": moved_to});
                self.print((Warning, "unreadable", text, fields));
            }
            Note::Ignored(table) => {
                let text = format!("the table `{table}` is no entity, and ignored");
                self.once(text.clone(), || (Info, "ignored", text, json!({"table": table.to_string()})));
            }
            Note::OldValuesUnsure(table) => {
                let text = format!(
                    "of the old values of `{table}` only the key is believed: Debezium fills up what Postgres does not send; where every table has REPLICA IDENTITY FULL, say so by `--full-before`, or `before: full` in invalidate.yaml"
                );
                self.print((Warning, "old-values", text, json!({"table": table.to_string()})));
            }
            Note::Lost(lost) => self.lost(*lost),
            Note::TakenOver(entries) => {
                let text = format!(
                    "took over {} that another consumer was given and did not acknowledge",
                    count(*entries, "entry", "entries")
                );
                self.print((Info, "taken-over", text, json!({"entries": entries})));
            }
            Note::GroupMade { again: false } => {
                self.print((Info, "set-up", "made the group of consumers".to_owned(), json!({})));
            }
            Note::GroupMade { again: true } => {
                let text = "the stream or its group was gone; it is made again, and read from its beginning";
                self.print((Warning, "group-gone", text.to_owned(), json!({})));
            }
            Note::ServerLost(why, wait) => {
                let text = format!("{why}; trying again after {} ms, then less often", wait.as_millis());
                self.print((Warning, "stream-lost", text, json!({})));
            }
            Note::ServerBack => {
                self.print((Info, "stream-back", "the stream's server answers again".to_owned(), json!({})));
            }
        }
    }

    /// Entries that nobody read: what they were about is stale until its TTL ends.
    fn lost(&self, lost: Lost) {
        let (text, entries) = match lost {
            Lost::None => return,
            Lost::Exactly(n) => (
                format!(
                    "{} of the stream were trimmed away before they were read",
                    count(n, "entry", "entries")
                ),
                Some(n),
            ),
            Lost::AtMost(n) => (
                format!(
                    "up to {} of the stream were trimmed away before they were read",
                    count(n, "entry", "entries")
                ),
                Some(n),
            ),
            Lost::Unknown => ("entries of the stream may be gone before they were read".to_owned(), None),
        };
        let text = format!(
            "{text}: what they were about may be stale; `invalidate watch … --drop-everything` once makes sure, and a longer MAXLEN keeps it from happening again"
        );
        self.print((Warning, "lost", text, json!({"entries": entries})));
    }

    pub fn following(&self, place: &str, consumer: &str) {
        let text = format!("following {place} as `{consumer}`; ctrl-c stops");
        self.print((Info, "following", text, json!({"source": place, "consumer": consumer})));
    }

    /// Messages that wrote nothing.
    pub fn skipped(&self, skipped: &Skipped) {
        let list: Vec<String> = skipped.iter().map(|(what, n)| format!("{n} × {what}")).collect();
        if list.is_empty() {
            return;
        }
        let fields: serde_json::Map<String, Value> =
            skipped.iter().map(|(what, n)| (what.replace(' ', "_"), json!(n))).collect();
        self.print((
            Debug,
            "skipped",
            format!("messages that write nothing: {}", list.join(", ")),
            Value::Object(fields),
        ));
    }
}
