//! How full the file of an embedded cache is.

use crate::cache::Health;
use crate::engine::doctor::Finding;

pub fn look(health: &Health) -> Option<Finding> {
    let store = health.store.as_ref()?;
    Some(Finding::fine(format!(
        "{} of a map of {} are in use; it grows by itself",
        size(store.used),
        size(store.map_size)
    )))
}

/// `12 KiB`, `3 MiB`.
fn size(bytes: u64) -> String {
    match bytes {
        0..0x10_0000 => format!("{} KiB", bytes.div_ceil(1 << 10)),
        _ => format!("{} MiB", bytes.div_ceil(1 << 20)),
    }
}
