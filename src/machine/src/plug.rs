//! What the machine asks of the host's ends of plugs.

use hetemu_hw::{Block, Folder};
use std::collections::BTreeMap;

/// The host's end of a serial plug. Calls never wait.
pub trait SerialPlug: Send {
    /// Bytes that the guest sent.
    fn send(&mut self, bytes: &[u8]);
    /// Takes what has come in for the guest.
    fn input(&mut self, into: &mut Vec<u8>);
    /// Whether input is there that [`SerialPlug::input`] would give now because of what was just
    /// sent: asked after each `send`, so that a script's answer comes at the same virtual time in
    /// every run.
    fn answers(&self) -> bool {
        false
    }
    /// Whether input may still come from outside. A machine that waits for nothing else has hung.
    fn live(&self) -> bool;
}

/// The host's end of a network plug: Ethernet frames without their check sequence. Calls never
/// wait.
pub trait NetPlug: Send {
    /// A frame that the guest sent.
    fn send(&mut self, frame: &[u8]);
    /// Takes the next frame for the guest.
    fn receive(&mut self) -> Option<Vec<u8>>;
    /// Whether [`NetPlug::receive`] would give a frame now because of what was just sent: asked
    /// after each `send`, so that an answer that needs nothing from outside comes at the same
    /// virtual time in every run.
    fn answers(&self) -> bool {
        false
    }
    /// Whether frames may still come from outside. A machine that waits for nothing else has hung.
    fn live(&self) -> bool;
}

/// The host's ends of a machine's plugs, by the plugs' names.
#[derive(Default)]
pub struct Hosts {
    /// Serial plugs.
    pub serial: BTreeMap<String, Box<dyn SerialPlug>>,
    /// Network plugs.
    pub net: BTreeMap<String, Box<dyn NetPlug>>,
    /// Disks.
    pub block: BTreeMap<String, Box<dyn Block>>,
    /// Shared folders.
    pub folder: BTreeMap<String, Box<dyn Folder>>,
}

/// Plugs that devices ask by themselves.
#[derive(Default)]
pub(crate) struct Stores {
    pub(crate) block: BTreeMap<String, Box<dyn Block>>,
    pub(crate) folder: BTreeMap<String, Box<dyn Folder>>,
}

impl Stores {
    pub(crate) fn has(&self, plug: &str) -> bool {
        self.block.contains_key(plug) || self.folder.contains_key(plug)
    }
}

impl From<BTreeMap<String, Box<dyn SerialPlug>>> for Hosts {
    fn from(serial: BTreeMap<String, Box<dyn SerialPlug>>) -> Hosts {
        Hosts { serial, ..Hosts::default() }
    }
}
