//! Flags of `run` about saved states and recordings, and the commands of `hetemu snapshot`.

use super::{Format, Run, duration};
use clap::{ArgAction, Args, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Saved states and recordings")]
pub(crate) struct State {
    /// Go on from a saved state instead of power-on; images must be those that it was saved with
    #[arg(long, value_name = "FILE")]
    pub(crate) snapshot: Option<PathBuf>,
    /// Save the state at this virtual time, and go on; several can be given
    #[arg(long, value_name = "TIME=FILE", value_parser = save_at, action = ArgAction::Append)]
    pub(crate) save_at: Vec<(Duration, PathBuf)>,
    /// Save only what differs from the state before: of the --save-at before, or of --snapshot;
    /// whoever reads the file needs that one beside it
    #[arg(long)]
    pub(crate) incremental: bool,
    /// Save what images hold as well, so that the state can be read without them
    #[arg(long)]
    pub(crate) whole: bool,
    /// The run ends when all of it is saved (`hetemu snapshot save`).
    #[arg(skip)]
    pub(crate) save_only: bool,
    /// Record all that comes from outside: serial input, network frames, folders, the clock
    #[arg(long, value_name = "FILE", conflicts_with_all = ["replay", "parallel"])]
    pub(crate) record: Option<PathBuf>,
    /// Run with what was recorded, without the outside world
    #[arg(long, value_name = "FILE", conflicts_with = "parallel")]
    pub(crate) replay: Option<PathBuf>,
}

/// `TIME=FILE`.
fn save_at(text: &str) -> Result<(Duration, PathBuf), String> {
    let Some((time, file)) = text.split_once('=').filter(|(_, file)| !file.is_empty()) else {
        return Err("write TIME=FILE, as in 2s=booted.hms".into());
    };
    Ok((duration(time)?, PathBuf::from(file)))
}

#[derive(Subcommand, Debug)]
pub(crate) enum Snapshot {
    /// Run a machine to a virtual time and save its state there
    Save {
        /// When, in virtual time
        #[arg(long, value_name = "TIME", value_parser = duration)]
        at: Duration,
        /// The file
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
        #[command(flatten)]
        run: Box<Run>,
    },
    /// Run a machine from a saved state on: what `hetemu run --snapshot FILE` does
    Load {
        /// The file
        file: PathBuf,
        #[command(flatten)]
        run: Box<Run>,
    },
    /// Show what a file holds
    Inspect {
        /// The file
        file: PathBuf,
        /// Form of the output
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Compare two saved states: machines, registers, memory
    Diff {
        /// The older one
        old: PathBuf,
        /// The newer one
        new: PathBuf,
    },
}
