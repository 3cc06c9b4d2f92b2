//! Whether this machine's clock agrees with the server's. The server's own decides everything but the
//! scores that plain writers give.

use crate::cache::Health;
use crate::engine::doctor::Finding;

/// How far clocks may be apart, in milliseconds: far more than a slow answer.
const AHEAD: i64 = 5000;
const BEHIND: i64 = -AHEAD;

pub fn look(health: &Health) -> Option<Finding> {
    let ahead = match &health.server.as_ref()?.clock_ahead_ms {
        Ok(ahead) => *ahead,
        Err(error) => return Some(Finding::unseen(error)),
    };
    let seconds = ahead.unsigned_abs().div_ceil(1000);
    Some(match ahead {
        ..BEHIND => Finding::warning(format!(
            "this machine's clock is {seconds} s behind the server's: a sweep removes entries that are \
             written from here as much too early"
        ))
        .help("let both follow a time service"),
        AHEAD.. => Finding::note(format!(
            "this machine's clock is {seconds} s ahead of the server's: indexes keep members of entries that \
             are written from here as much longer"
        )),
        _ => Finding::fine("this machine's clock agrees with the server's"),
    })
}
