//! The hetemu program: one file a command in [`commands`].

mod cli;
mod commands;
mod console;
mod drive;

use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let started = Instant::now();
    let code = match cli::parse() {
        Ok((cli, matches)) => commands::dispatch(cli, &matches, started),
        Err(code) => code,
    };
    ExitCode::from(code)
}
