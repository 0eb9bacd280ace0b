//! The hetemu program: one file a command in [`commands`].

mod cli;
mod commands;
mod drive;
mod saving;

use std::process::ExitCode;
use std::time::Instant;

/// A fault of hetemu itself.
const OURS: u8 = 70;

fn main() -> ExitCode {
    let started = Instant::now();
    let run = || match cli::parse() {
        Ok((cli, matches)) => commands::dispatch(cli, &matches, started),
        Err(code) => code,
    };
    // A panic has printed itself and given the terminal back.
    let code = std::panic::catch_unwind(run).unwrap_or_else(|_| {
        commands::complain("this is a fault of hetemu itself, not of the machine or the guest");
        OURS
    });
    ExitCode::from(code)
}
