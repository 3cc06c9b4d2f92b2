//! The `invalidate` command.

mod cli;

fn main() {
    // Everything is printed and closed by now: what is left would only be given back piece by piece
    // to a system that takes it back at once.
    std::process::exit(cli::main());
}
