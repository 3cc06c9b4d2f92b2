//! Which of the rights that are needed a user lacks, without making use of any of them.
//!
//! A server checks a user's rights when a command is queued in a transaction, and never carries out a
//! transaction in which a command was refused. So the commands are asked for behind one that is always
//! refused, for its number of words: all are checked, and none is run.
//!
//! In a cluster that holds on one node alone: everything is asked of the node that has the layout's probe
//! key, and nothing about keys of other nodes, which would be asked for outside of the transaction there.

use redis::Value;

use crate::cache::Rights;
use crate::cache::error::CacheError;
use crate::cache::redis::RedisCache;
use crate::cache::redis::batch::{Batch, command};
use crate::cache::redis::connection::Repeat;
use crate::cache::redis::grant::GRANTS;

impl RedisCache {
    /// The rights that are lacking; `sample` are keys that a drop would have to remove.
    pub(super) async fn rights(&self, sample: &[Vec<u8>]) -> Result<Rights, CacheError> {
        let mut lacking = Rights::default();
        let own = self.layout.probe();
        let sample = if self.connection.is_cluster() { &[] } else { sample };
        for name in ["EXEC", "MULTI"] {
            // Alone, the one fails harmlessly; the other is asked for once the one is known to be allowed.
            let mut batch = Batch::default();
            let asked = batch.add_beside(&own, redis::cmd(name));
            if name == "MULTI" {
                batch.add_beside(&own, redis::cmd("GET"));
                batch.add_beside(&own, redis::cmd("EXEC"));
            }
            let replies = self.connection.run(&batch, Repeat::Safe).await?;
            if replies.get(asked).is_none_or(is_denied) {
                lacking.commands.push(name);
                lacking.unknown = true;
                return Ok(lacking);
            }
        }

        let mut batch = Batch::default();
        batch.add_beside(&own, redis::cmd("MULTI"));
        batch.add_beside(&own, redis::cmd("GET"));
        let first = batch.len();
        for grant in &GRANTS[2..] {
            let mut call = redis::cmd(grant.command);
            for word in grant.call {
                call.arg(if *word == "K" { own.as_slice() } else { word.as_bytes() });
            }
            batch.add_beside(&own, call);
        }
        let keys = batch.len();
        for key in std::iter::once(&own).chain(sample) {
            batch.add_beside(&own, command("UNLINK", &[key]));
        }
        batch.add_beside(&own, redis::cmd("EXEC"));
        let replies = self.connection.run(&batch, Repeat::Safe).await?;
        for (grant, reply) in GRANTS[2..].iter().zip(replies.iter().skip(first)) {
            if is_denied(reply) && !is_about_keys(reply) {
                lacking.commands.push(grant.command);
            }
        }
        for (key, reply) in std::iter::once(&own).chain(sample).zip(replies.iter().skip(keys)) {
            if is_denied(reply) && is_about_keys(reply) {
                lacking.keys.add(String::from_utf8_lossy(key));
            }
        }
        Ok(lacking)
    }
}

fn is_denied(reply: &Value) -> bool {
    matches!(reply, Value::ServerError(error) if error.code() == "NOPERM")
}

/// Whether the command is allowed, and the key is not.
fn is_about_keys(reply: &Value) -> bool {
    // Redis 6: "no permissions to access one of the keys"; later: "No permissions to access a key".
    matches!(reply, Value::ServerError(error)
        if error.details().is_some_and(|text| text.contains("to access")))
}
