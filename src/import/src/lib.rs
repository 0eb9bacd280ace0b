//! Machines of other tools as `.hm` texts: QMP scripts, QEMU command lines, Renode `.repl` files,
//! device trees and CMSIS-SVD files.
//!
//! Each importer reads one form into a [`draft::Draft`], which knows how a machine is written and
//! wired and drops what the checker would refuse. An importer never guesses silently: what it does
//! not carry, what it adds and what it stands in for are diagnostics with their places
//! ([`codes`]). Which type answers to which foreign name is data: `alias` and `compatible` of the
//! schemas.

pub mod codes;
pub mod draft;
pub mod fdt;
mod finish;
mod names;
pub mod qemu;
pub mod qmp;
pub mod qom;
pub mod repl;
pub mod svd;
mod write;

use hetemu_lang::{Diagnostic, Severity};

/// An imported machine.
#[derive(Debug, Clone, Default)]
pub struct Imported {
    /// The machine's text; empty if nothing could be made of the input.
    pub text: String,
    /// What was left out, added and assumed, in the order of the input.
    pub diagnostics: Vec<Diagnostic>,
    /// Parts, rows and wires of the machine.
    pub counts: (usize, usize, usize),
}

impl Imported {
    /// How many things were not carried.
    pub fn left_out(&self) -> usize {
        self.diagnostics.iter().filter(|d| d.severity != Severity::Note).count()
    }
}

/// What the command line adds to an input.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Name of the machine; the input's own, or that of its file, if unset.
    pub name: Option<String>,
    /// The core that the input leaves to QEMU's `-cpu`.
    pub cpu: Option<String>,
}
