//! The `invalidate` command.
#![cfg_attr(all(target_os = "linux", target_env = "gnu", not(test)), no_main)]

mod cli;
#[cfg(all(target_os = "linux", target_env = "gnu", not(test)))]
mod entry;

fn main() {
    // Everything is printed and closed by now: what is left would only be given back piece by piece
    // to a system that takes it back at once.
    std::process::exit(cli::main());
}
