//! Chores of the project: `cargo run -p xtask -- COMMAND`.

mod book;
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
    /// Writes the generated pages of the book.
    Book,
    /// Compares random programs on hetemu and QEMU.
    Difftest(difftest::Arguments),
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Book => {
            let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
            match book::write(&root) {
                Ok(changed) => {
                    println!("{changed} pages changed");
                    ExitCode::SUCCESS
                }
                Err(e) => {
                    eprintln!("{e}");
                    ExitCode::FAILURE
                }
            }
        }
        Command::Difftest(arguments) => difftest::main(&arguments),
    }
}
