//! Flags of `run` that look into the machine.

use super::duration;
use clap::{Args, ValueEnum};
use std::time::Duration;

#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Looking inside")]
pub(crate) struct Look {
    /// Trace events: exec, mem, mmio, irq, trap, wait, plug, state; with filters, several with
    /// commas; to a file, or to standard error
    #[arg(long, value_name = "KIND[:FILTER],...[=FILE]")]
    pub(crate) trace: Option<String>,
    /// Form of the trace; without it by the file's name (.json, .perfetto: perfetto)
    #[arg(long, value_enum, value_name = "FORM")]
    pub(crate) trace_format: Option<TraceFormat>,
    /// Trace this core only; may be given several times
    #[arg(long, value_name = "CORE")]
    pub(crate) trace_core: Vec<String>,
    /// Events that a trace has at most (100, 10k, 1M)
    #[arg(long, value_name = "N", value_parser = count)]
    pub(crate) trace_limit: Option<u64>,
    /// Begin the trace at this virtual time
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) trace_start: Option<Duration>,
    /// End it before this virtual time
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) trace_end: Option<Duration>,
    /// Write where the guest spends its instructions: stacks of functions, folded for flame graphs;
    /// `-`: a table of functions on standard error. With the name of a profile (see `hetemu
    /// profiles`): put it above the machine
    #[arg(long = "profile", value_name = "FILE|PROFILE")]
    pub(crate) profiles: Vec<String>,
    /// The file of `profiles`.
    #[arg(skip)]
    pub(crate) profile: Option<String>,
    /// Instructions of a core between two samples
    #[arg(long, value_name = "N", value_parser = count, default_value = "10007")]
    pub(crate) profile_every: u64,
    /// Further symbols: an ELF file, or a list (System.map), moved to an address
    #[arg(long, value_name = "FILE[@ADDR]")]
    pub(crate) symbols: Vec<String>,
    /// Write what of the programs has run
    #[arg(long, value_name = "FILE")]
    pub(crate) coverage: Option<String>,
    /// Form of the coverage; without it by the file's name (.info, .lcov: lcov, else drcov)
    #[arg(long, value_enum, value_name = "FORM")]
    pub(crate) coverage_format: Option<CoverageFormat>,
    /// Write /tmp/perf-PID.map, so that `perf report` names compiled code
    #[arg(long)]
    pub(crate) perf_map: bool,
}

/// Forms of a trace.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TraceFormat {
    /// A line an event
    Text,
    /// JSON trace events, for ui.perfetto.dev
    Perfetto,
}

/// Forms of coverage.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CoverageFormat {
    /// Blocks by module
    Drcov,
    /// Lines of the source
    Lcov,
}

/// `100`, `10k`, `1M`; not 0.
fn count(text: &str) -> Result<u64, String> {
    hetemu_machine::number(text)
        .filter(|n| *n > 0)
        .ok_or_else(|| format!("`{text}` is no number: 100, 10k, 1M"))
}
