//! Stops that a debugger asked for.

/// Why a core stopped for a debugger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DebugWhy {
    /// It did the one instruction that it was told to do.
    Step,
    /// It stands before an instruction with a breakpoint.
    Breakpoint,
    /// It accessed memory that is watched.
    Watch {
        /// The watched address that was touched.
        addr: u64,
        /// It was written, not read.
        write: bool,
    },
}

/// A core that stopped for a debugger. All others stand still, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DebugStop {
    /// Number of its cluster in the graph.
    pub cluster: usize,
    /// Number of the core in its cluster.
    pub core: usize,
    /// Why.
    pub why: DebugWhy,
}
