//! What every cache does, checked on all of them, and what is special about each.

#[path = "support/caches.rs"]
mod caches;
#[path = "support/cases.rs"]
mod cases;
#[path = "support/cluster.rs"]
mod cluster;
#[path = "support/redis.rs"]
mod redis;
#[path = "support/sentinel.rs"]
mod sentinel;

#[path = "contract/clocks.rs"]
mod clocks;
#[path = "contract/cluster_faults.rs"]
mod cluster_faults;
#[path = "contract/dependencies.rs"]
mod dependencies;
#[path = "contract/drops.rs"]
mod drops;
#[path = "contract/embedded.rs"]
mod embedded;
#[path = "contract/entries.rs"]
mod entries;
#[path = "contract/fences.rs"]
mod fences;
#[path = "contract/inspection.rs"]
mod inspection;
#[path = "contract/layout.rs"]
mod layout;
#[path = "contract/model.rs"]
mod model;
#[path = "contract/network.rs"]
mod network;
#[path = "contract/queue.rs"]
mod queue;
#[path = "contract/redis_failures.rs"]
mod redis_failures;
#[path = "contract/redis_load.rs"]
mod redis_load;
#[path = "contract/restarts.rs"]
mod restarts;
#[path = "contract/sentinels.rs"]
mod sentinels;
#[path = "contract/sweep.rs"]
mod sweep;
