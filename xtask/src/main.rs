//! Chores of the project: `cargo run -p xtask -- COMMAND`.

mod difftest;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(about = "Chores of the project")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Compares random programs on hetemu and QEMU.
    Difftest(difftest::Arguments),
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Difftest(arguments) => difftest::main(&arguments),
    }
}
