//! Commands that go to the server together, in one round trip.

use redis::{Cmd, Pipeline, Value};

use super::script::{ScriptName, Scripts};

/// A command, or the call of a script.
#[derive(Clone)]
enum Command {
    Plain(Cmd),
    Script { name: ScriptName, keys: Vec<Vec<u8>>, arguments: Vec<Vec<u8>> },
}

/// Commands in the order in which the server carries them out.
#[derive(Clone, Default)]
pub(super) struct Batch {
    commands: Vec<Command>,
}

impl Batch {
    /// Adds a command; returns the position of its reply.
    pub fn add(&mut self, command: Cmd) -> usize {
        self.commands.push(Command::Plain(command));
        self.commands.len() - 1
    }

    pub fn call(&mut self, name: ScriptName, keys: Vec<Vec<u8>>, arguments: Vec<Vec<u8>>) -> usize {
        self.commands.push(Command::Script { name, keys, arguments });
        self.commands.len() - 1
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
            if is_forgotten && matches!(command, Command::Script { .. }) {
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
            match command {
                Command::Plain(command) => {
                    pipeline.add_command(command.clone());
                }
                Command::Script { name, keys, arguments } => {
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

/// A command of words and binary arguments.
pub(super) fn command(name: &str, arguments: &[&[u8]]) -> Cmd {
    let mut command = redis::cmd(name);
    for argument in arguments {
        command.arg(*argument);
    }
    command
}
