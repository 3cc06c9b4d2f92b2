//! Whether there is room for further readers of an embedded cache.

use crate::cache::Health;
use crate::engine::doctor::Finding;

pub fn look(health: &Health) -> Option<Finding> {
    let store = health.store.as_ref()?;
    let (taken, all) = (u64::from(store.readers), u64::from(store.max_readers));
    let text = format!("{taken} of {all} readers' places are taken");
    Some(if taken * 10 > all * 9 {
        Finding::warning(format!("{text}: further processes will be refused"))
            .help("end processes that keep the cache open")
    } else {
        Finding::fine(text)
    })
}
