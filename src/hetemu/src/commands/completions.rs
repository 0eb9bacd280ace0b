//! `hetemu completions SHELL`

use super::OK;
use crate::cli::Cli;
use clap::CommandFactory;

pub(crate) fn run(shell: clap_complete::Shell) -> u8 {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "hetemu", &mut text);
    super::print(&String::from_utf8_lossy(&text));
    OK
}
