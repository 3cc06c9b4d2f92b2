//! The atomic steps of the cache protocol, under the names that its model in the tests uses too.

/// A step that the server carries out at one go, whoever takes it. Everything that a drop, a fill or
/// a worker does is a sequence of these, and may break off or be overtaken between any two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Sets the marker that some dependency was ever recorded.
    Mark,
    /// Reads the generation of a tag, created from the server's clock when missing.
    Token,
    /// Reads the ticket of an entry, or leaves one; a plain entry goes.
    Ticket,
    /// Enters a key in the index of a tag, if the tag still has the generation that was read.
    Index,
    /// Stores a fenced entry, if its ticket is still there; on one node it enters the indexes too.
    Publish,
    /// Enters a key in the index of a tag, for a plain entry.
    Enter,
    /// Stores a plain entry; on one node in one transaction with its indexes.
    Store,
    /// Reads an entry.
    Read,
    /// Reads the generation of a tag that a fenced entry bears a stamp of.
    Compare,
    /// Raises the generation of a tag and removes all that carries it, if that is little and nothing else
    /// hangs on it.
    Clear,
    /// Raises the generation of a tag, sets its index aside as a journal, names the open journals.
    Drop,
    /// Names the open journals of a tag.
    Open,
    /// Reads a page of a journal; an empty journal closes.
    Page,
    /// Removes an entry unless it was made since; one that stays loses its ticket.
    Reap,
    /// Removes an entry, whatever it is.
    Unlink,
    /// Looks whether any dependency was ever recorded.
    Marker,
    /// Looks whether anything was ever built from a key: a generation, an index or an open journal.
    Look,
    /// Removes members that are dealt with from a journal, by name.
    Remove,
    /// The same for a page that is still whole, given by its ends.
    Trim,
    /// Reads members of a journal by rank, while those before them are still in it.
    Range,
    /// Removes a journal in one piece, if it has as many members as at the start.
    Close,
    /// Moves members whose entries expired to a journal of their own.
    Prune,
    /// Looks whether the entry of a member is still there.
    Exists,
    /// Moves members whose entries were not there to a journal of their own.
    Missing,
    /// Puts work into the queue, or makes it due earlier.
    Enqueue,
    /// Moves due work to the lease, under a fresh token.
    Claim,
    /// Ends a lease, if it is still under the token of its claim.
    Settle,
}

/// What carries a step out on a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// The script of this name, without `.lua`.
    Script(&'static str),
    /// A plain command.
    Command(&'static str),
}

impl Step {
    /// Every step, in the order in which they are declared.
    pub const ALL: [Self; 27] = [
        Self::Mark,
        Self::Token,
        Self::Ticket,
        Self::Index,
        Self::Publish,
        Self::Enter,
        Self::Store,
        Self::Read,
        Self::Compare,
        Self::Clear,
        Self::Drop,
        Self::Open,
        Self::Page,
        Self::Reap,
        Self::Unlink,
        Self::Marker,
        Self::Look,
        Self::Remove,
        Self::Trim,
        Self::Range,
        Self::Close,
        Self::Prune,
        Self::Exists,
        Self::Missing,
        Self::Enqueue,
        Self::Claim,
        Self::Settle,
    ];

    /// What carries the step out.
    pub const fn carrier(self) -> Carrier {
        match self {
            Self::Mark => Carrier::Command("SET"),
            Self::Token => Carrier::Script("token"),
            Self::Ticket => Carrier::Script("ticket"),
            Self::Index => Carrier::Script("index"),
            Self::Publish => Carrier::Script("publish"),
            Self::Enter => Carrier::Command("ZADD"),
            Self::Store => Carrier::Command("SET"),
            Self::Read => Carrier::Command("HGETALL"),
            Self::Compare => Carrier::Command("GET"),
            Self::Clear => Carrier::Script("clear"),
            Self::Drop => Carrier::Script("drop"),
            Self::Open => Carrier::Script("open"),
            Self::Page => Carrier::Script("page"),
            Self::Reap => Carrier::Script("reap"),
            Self::Unlink => Carrier::Command("UNLINK"),
            Self::Marker | Self::Look | Self::Exists => Carrier::Command("EXISTS"),
            Self::Remove => Carrier::Command("ZREM"),
            Self::Trim => Carrier::Script("trim"),
            Self::Range => Carrier::Command("ZRANGE"),
            Self::Close => Carrier::Script("close"),
            Self::Prune => Carrier::Script("prune"),
            Self::Missing => Carrier::Script("missing"),
            Self::Enqueue => Carrier::Script("enqueue"),
            Self::Claim => Carrier::Script("claim"),
            Self::Settle => Carrier::Script("settle"),
        }
    }

    /// The name of the script that carries the step out, without `.lua`; `None` for a plain command.
    pub const fn script(self) -> Option<&'static str> {
        match self.carrier() {
            Carrier::Script(name) => Some(name),
            Carrier::Command(_) => None,
        }
    }
}
