//! Commands that go to the server together, in one round trip.

use redis::{Arg, Cmd, Pipeline, Value};

use super::script::{ScriptName, Scripts};
use crate::model::Key;

/// A command, and where in a cluster it goes.
#[derive(Clone)]
pub(super) struct Command {
    pub what: What,
    pub place: Place,
}

#[derive(Clone)]
pub(super) enum What {
    Plain(Cmd),
    /// Lets the next command through to a node that is taking its slot over.
    Asking,
    /// A command that takes one key.
    One {
        name: &'static str,
        key: Key,
    },
    /// A command that takes nothing but keys.
    Keys {
        name: &'static str,
        keys: Vec<Vec<u8>>,
    },
    Scan {
        cursor: Vec<u8>,
        glob: Vec<u8>,
        count: usize,
    },
    Script {
        name: ScriptName,
        keys: Vec<Vec<u8>>,
        arguments: Vec<Vec<u8>>,
    },
}

/// Which node of a cluster carries a command out. One node alone carries out everything.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// The one that has its first key.
    Key,
    /// The one that has this key.
    Beside(Vec<u8>),
    /// For each of its keys the one that has it. The replies are counts, and are added up.
    EachKey,
    /// The one that its cursor names.
    Cursor,
    /// Every primary; the first of their replies counts, or the first error.
    All,
    /// Whichever.
    Any,
}

/// Commands in the order in which a server carries them out. The nodes of a cluster work side by side:
/// there, only those that go to one node keep their order, and all keep to the [stages](Batch::then).
#[derive(Clone, Default)]
pub(super) struct Batch {
    commands: Vec<Command>,
    /// Where stages begin, but the first.
    stages: Vec<usize>,
}

impl Batch {
    /// Adds a command whose first argument is a key; returns the position of its reply.
    pub fn add(&mut self, command: Cmd) -> usize {
        self.push(What::Plain(command), Place::Key)
    }

    /// Adds a command without a key, for the node that has this one.
    pub fn add_beside(&mut self, key: &[u8], command: Cmd) -> usize {
        self.push(What::Plain(command), Place::Beside(key.to_vec()))
    }

    /// Adds a command without a key, for every node.
    pub fn add_for_all(&mut self, command: Cmd) -> usize {
        self.push(What::Plain(command), Place::All)
    }

    /// Adds a command without a key, for whichever node.
    pub fn add_for_any(&mut self, command: Cmd) -> usize {
        self.push(What::Plain(command), Place::Any)
    }

    /// Adds a command that takes one key.
    pub fn one(&mut self, name: &'static str, key: Key) -> usize {
        self.push(What::One { name, key }, Place::Key)
    }

    /// Adds a command that takes nothing but keys, of any slots, and answers with a count.
    pub fn each(&mut self, name: &'static str, keys: Vec<Vec<u8>>) -> usize {
        self.push(What::Keys { name, keys }, Place::EachKey)
    }

    /// Adds one step of a scan over all keys.
    pub fn scan(&mut self, cursor: &[u8], glob: &str, count: usize) -> usize {
        let (cursor, glob) = (cursor.to_vec(), glob.as_bytes().to_vec());
        self.push(What::Scan { cursor, glob, count }, Place::Cursor)
    }

    /// Adds the call of a script whose keys share a slot.
    pub fn call(&mut self, name: ScriptName, keys: Vec<Vec<u8>>, arguments: Vec<Vec<u8>>) -> usize {
        self.push(What::Script { name, keys, arguments }, Place::Key)
    }

    /// Adds the call of a script that takes keys of any slots and answers with a count.
    pub fn call_each(&mut self, name: ScriptName, keys: Vec<Vec<u8>>, arguments: Vec<Vec<u8>>) -> usize {
        self.push(What::Script { name, keys, arguments }, Place::EachKey)
    }

    pub fn push(&mut self, what: What, place: Place) -> usize {
        self.commands.push(Command { what, place });
        self.commands.len() - 1
    }

    /// What follows is carried out after everything before it, also where other nodes do it.
    pub fn then(&mut self) {
        self.stages.push(self.commands.len());
    }

    /// The commands of each stage, with the position of the first one.
    pub fn stages(&self) -> impl Iterator<Item = (usize, &[Command])> {
        let ends = self.stages.iter().copied().chain([self.commands.len()]);
        let begins = [0].into_iter().chain(self.stages.iter().copied());
        let stages = begins.zip(ends).map(|(begin, end)| (begin, &self.commands[begin..end]));
        stages.filter(|(_, commands)| !commands.is_empty())
    }

    pub fn len(&self) -> usize {
        self.commands.len()
    }

    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// The script calls that failed because the server has forgotten the script, and where they were.
    pub fn forgotten(&self, replies: &[Value]) -> Option<(Self, Vec<usize>)> {
        let mut again = Self::default();
        let mut positions = Vec::new();
        for (position, (command, reply)) in self.commands.iter().zip(replies).enumerate() {
            let is_forgotten = matches!(reply, Value::ServerError(error) if error.code() == "NOSCRIPT");
            if is_forgotten && matches!(command.what, What::Script { .. }) {
                let before = position.checked_sub(1).and_then(|before| self.commands.get(before));
                if let Some(asking) = before.filter(|before| matches!(before.what, What::Asking)) {
                    again.commands.push(asking.clone());
                    positions.push(position - 1);
                }
                again.commands.push(command.clone());
                positions.push(position);
            }
        }
        (!positions.is_empty()).then_some((again, positions))
    }

    /// The commands on the wire. The first call of a script that the server may not know carries its
    /// text, which makes the server know it; all others carry its digest. `known` is updated.
    pub fn encode(&self, scripts: &Scripts, known: &mut u32) -> Pipeline {
        let mut pipeline = Pipeline::with_capacity(self.commands.len());
        for command in &self.commands {
            match &command.what {
                What::Plain(command) => {
                    pipeline.add_command(command.clone());
                }
                What::Asking => {
                    pipeline.add_command(redis::cmd("ASKING"));
                }
                What::One { name, key } => {
                    let key = key.as_str();
                    let mut command = Cmd::with_capacity(2, name.len() + key.len());
                    command.arg(*name).arg(key);
                    pipeline.add_command(command);
                }
                What::Keys { name, keys } => {
                    let mut command = redis::cmd(name);
                    command.arg(keys);
                    pipeline.add_command(command);
                }
                What::Scan { cursor, glob, count } => {
                    let mut scan = redis::cmd("SCAN");
                    scan.arg(cursor).arg("MATCH").arg(glob).arg("COUNT").arg(count);
                    pipeline.add_command(scan);
                }
                What::Script { name, keys, arguments } => {
                    let script = scripts.get(*name);
                    let mut call = if *known & name.bit() == 0 {
                        let mut call = redis::cmd("EVAL");
                        call.arg(script.text);
                        call
                    } else {
                        let mut call = redis::cmd("EVALSHA");
                        call.arg(script.digest);
                        call
                    };
                    *known |= name.bit();
                    call.arg(keys.len()).arg(keys).arg(arguments);
                    pipeline.add_command(call);
                }
            }
        }
        pipeline
    }
}

impl What {
    /// The first key, where there is any.
    pub fn key(&self) -> Option<&[u8]> {
        match self {
            Self::Plain(command) => command.args_iter().nth(1).and_then(|argument| match argument {
                Arg::Simple(key) => Some(key),
                _ => None,
            }),
            Self::One { key, .. } => Some(key.as_str().as_bytes()),
            Self::Keys { keys, .. } | Self::Script { keys, .. } => keys.first().map(Vec::as_slice),
            Self::Scan { .. } | Self::Asking => None,
        }
    }

    /// The same with some of its keys.
    pub fn with_keys(&self, some: Vec<Vec<u8>>) -> Self {
        let mut part = self.clone();
        if let Self::Keys { keys, .. } | Self::Script { keys, .. } = &mut part {
            *keys = some;
        }
        part
    }
}

/// A command of words and binary arguments.
pub(super) fn command(name: &str, arguments: &[&[u8]]) -> Cmd {
    let mut command = redis::cmd(name);
    for argument in arguments {
        command.arg(*argument);
    }
    command
}
