//! What is told of the server as it works, as documents.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::plan::{StepKind, Strategy};

/// Everything there is to know at the beginning.
#[derive(Debug, Serialize, ToSchema)]
pub struct Hello {
    pub schema: u32,
    /// Of the program.
    pub version: &'static str,
    /// How often frames come, in milliseconds.
    pub frame_ms: u64,
    /// Whether values of rows are left out.
    pub values_hidden: bool,
    /// Writes that were shown before, the newest last.
    pub recent: Vec<WriteSeen>,
}

/// What happened since the last frame. A frame in which nothing happened is not sent.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct FrameSeen {
    /// How long the frame took.
    pub ms: u64,
    pub writes: u64,
    /// Tags, keys and matches of their plans.
    pub targets: u64,
    /// Entries gone at once, dependents included.
    pub entries: u64,
    /// Targets that were left to the queue, and how many of them were waiting there already.
    pub queued: u64,
    pub coalesced: u64,
    /// Templates that could not be filled.
    pub unresolved: u64,
    /// Writes of which not everything was dropped.
    pub failed: u64,
    /// Targets that were dropped by name, or queued.
    pub drops: u64,
    /// Items of the queue that the worker has carried out, and what went with them.
    pub worked: u64,
    pub worked_entries: u64,
    pub requests: u64,
    /// Requests that were refused: what they asked for was wrong, or not allowed.
    pub refused: u64,
    /// Requests that failed, and errors of the cache that no request waits for.
    pub errors: u64,
    /// How many writes there were of each entity.
    pub entities: BTreeMap<String, u64>,
    /// How often each rule fired.
    pub rules: BTreeMap<String, u64>,
    /// How many targets were reached along each relation.
    pub relations: BTreeMap<String, u64>,
    /// Some of the writes: all of them where there are few.
    pub sample: Vec<WriteSeen>,
    /// Some of the targets that were dropped by name.
    pub dropped: Vec<TargetSeen>,
}

/// A write that was carried out.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WriteSeen {
    /// By which `GET /v1/events/{id}` says more, for as long as it is kept.
    pub id: u64,
    /// In milliseconds since 1970.
    pub at_ms: u64,
    pub entity: String,
    /// The id of the row; `*` for many.
    pub row: String,
    pub op: String,
    /// Whether it came as a line of a stream.
    pub streamed: bool,
    pub targets: u64,
    pub entries: u64,
    pub queued: u64,
    pub unresolved: u64,
    /// How long dropping took; of writes that were carried out together an equal share.
    pub took_us: u64,
    /// Why not everything was dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The first of its targets.
    pub steps: Vec<TargetSeen>,
}

/// A target that was dropped or queued.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TargetSeen {
    pub kind: StepKind,
    pub target: String,
    pub strategy: Strategy,
    pub rules: Vec<String>,
    pub via: Vec<String>,
}

/// How things stand; comes every second.
#[derive(Debug, Serialize, ToSchema)]
pub struct StateSeen {
    pub at_ms: u64,
    pub rules: RulesSeen,
    /// `None` where the cache does not tell.
    pub queue: Option<QueueSeen>,
    pub cache: CacheSeen,
    /// The drops that took longest in the last ten minutes, the slowest first.
    pub slowest: Vec<WriteSeen>,
    /// How many listen to these events.
    pub listeners: usize,
}

/// The rules in force; `GET /v1/rules` says more.
#[derive(Debug, Serialize, ToSchema)]
pub struct RulesSeen {
    /// How often the rules were read with success since the server started.
    pub generation: u64,
    pub read_at_ms: u64,
    pub rules: usize,
    /// Why the files as they are now are not in force.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct QueueSeen {
    pub waiting: u64,
    /// Items that somebody is carrying out.
    pub leased: u64,
    /// How long the oldest item has been due; negative when it is not due yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_overdue_ms: Option<i64>,
    pub workers: u64,
}

#[derive(Debug, Default, Serialize, ToSchema)]
pub struct CacheSeen {
    /// How long it took to answer; `None` where it does not.
    pub ping_us: Option<u64>,
    /// Why it does not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// `memory`, `embedded`, `redis` or `valkey`, its version, and where it is, without any password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The last error of it, and when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<ErrorSeen>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ErrorSeen {
    pub at_ms: u64,
    pub message: String,
}

/// Frames that a listener was too slow for.
#[derive(Debug, Serialize, ToSchema)]
pub struct Lost {
    pub events: u64,
}
