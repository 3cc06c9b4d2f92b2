//! The default rules as a program that knows nothing else: the floor. No conditions, no escaping, no
//! values that are missing, null or moved.

/// What a hand-written program says of a drop.
#[expect(dead_code, reason = "for whoever carries it out")]
pub struct Drop {
    pub kind: Kind,
    pub target: String,
    pub rule: &'static str,
    pub via: &'static str,
    pub priority: u16,
    pub delay_ms: u64,
}

pub enum Kind {
    Key,
    Tag,
}

/// The same writes as `workload::SIX_WRITES`.
pub enum Write {
    User { id: &'static str, email: &'static str },
    Session { id: &'static str, user: &'static str },
    Record { id: &'static str, collection: &'static str },
    Job { id: &'static str, user: &'static str },
    Form { id: &'static str, user: &'static str },
    Widget { id: &'static str, record: &'static str },
}

pub const WRITES: [Write; 6] = [
    Write::User { id: "123", email: "ada@new.org" },
    Write::Session { id: "s-5", user: "123" },
    Write::Record { id: "77", collection: "news" },
    Write::Job { id: "9001", user: "123" },
    Write::Form { id: "41", user: "123" },
    Write::Widget { id: "w8", record: "77" },
];

/// In the order of the planner: by kind and target for each rule and hop.
pub fn plan(write: &Write) -> Vec<Drop> {
    let key = |priority, delay_ms, rule, target| Drop {
        kind: Kind::Key,
        target,
        rule,
        via: "",
        priority,
        delay_ms,
    };
    let tag =
        |priority, delay_ms, rule, target| Drop { kind: Kind::Tag, ..key(priority, delay_ms, rule, target) };
    match write {
        Write::User { id, email } => {
            let along = |via, target| Drop { via, ..tag(100, 0, "user_data", target) };
            vec![
                key(100, 0, "user_data", ["sign_in:", email].concat()),
                key(100, 0, "user_data", ["user:", id, ":profile"].concat()),
                tag(100, 0, "user_data", ["user:", id].concat()),
                along("user_work", ["user:", id, ":form"].concat()),
                along("user_work", ["user:", id, ":forms"].concat()),
                along("user_work", ["user:", id, ":job"].concat()),
                along("user_work", ["user:", id, ":jobs"].concat()),
                along("user_sessions", ["user:", id, ":session"].concat()),
                along("user_sessions", ["user:", id, ":sessions"].concat()),
            ]
        }
        Write::Session { id, user } => vec![
            key(90, 0, "session", ["session:", id, ":data"].concat()),
            tag(90, 0, "session", ["session:", id].concat()),
            tag(90, 0, "session", ["user:", user, ":sessions"].concat()),
        ],
        Write::Record { id, collection } => vec![
            key(70, 0, "data_change", ["record:", id, ":data"].concat()),
            tag(70, 0, "data_change", ["collection:", collection, ":records"].concat()),
            tag(70, 0, "data_change", ["record:", id].concat()),
            Drop { via: "record_widgets", ..tag(70, 0, "data_change", ["record:", id, ":widget"].concat()) },
            Drop { via: "record_widgets", ..tag(70, 0, "data_change", ["record:", id, ":widgets"].concat()) },
        ],
        Write::Job { id, user } => vec![
            key(60, 0, "job_result", ["job:", id, ":result"].concat()),
            tag(60, 0, "job_result", ["job:", id].concat()),
            tag(60, 0, "job_result", ["user:", user, ":jobs"].concat()),
        ],
        Write::Form { id, user } => vec![
            key(50, 1_000, "form_data", ["form:", id, ":draft"].concat()),
            tag(50, 1_000, "form_data", ["form:", id].concat()),
            tag(50, 1_000, "form_data", ["user:", user, ":forms"].concat()),
        ],
        Write::Widget { id, record } => vec![
            key(30, 2_000, "widget_state", ["widget:", id, ":state"].concat()),
            tag(30, 2_000, "widget_state", ["record:", record, ":widgets"].concat()),
            tag(30, 2_000, "widget_state", ["widget:", id].concat()),
        ],
    }
}
