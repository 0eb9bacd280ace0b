//! The child bus `pci`: what a host bridge and a function on its bus say to each other (PCI Local
//! Bus Specification 2.2, chapters 3 and 6).
//!
//! Unit addresses are `device.function`, both hexadecimal (`0a.0`). A function is a
//! [`crate::Device`] that answers [`crate::Device::pci`].

use crate::cx::Cx;
use crate::device::BusError;

/// An address space of the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// I/O.
    Io,
    /// Memory.
    Memory,
}

/// A cycle in one of the address spaces: 1, 2, 4 or 8 bytes, aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cycle {
    /// The space.
    pub space: Space,
    /// Address on the bus.
    pub addr: u64,
    /// Bytes.
    pub size: u8,
    /// What is written; `None` reads. The byte at the lowest address is the lowest.
    pub write: Option<u64>,
}

/// A function on a PCI bus.
pub trait Function {
    /// Reads 1, 2 or 4 bytes of configuration space, aligned.
    fn config_read(&mut self, cx: &mut dyn Cx, offset: u64, size: u8) -> u64;
    /// Writes configuration space.
    fn config_write(&mut self, cx: &mut dyn Cx, offset: u64, size: u8, value: u64);
    /// The region of the device that answers an address now, as the command register and the base
    /// addresses say, and the offset in it. It is then read and written as by a bus, 1, 2 or 4
    /// bytes at a time.
    fn claims(&self, space: Space, addr: u64) -> Option<(u32, u64)> {
        let _ = (space, addr);
        None
    }
    /// For a bridge to another bus that takes what nobody claims (subtractive decoding): the bus
    /// port of its own through which a cycle goes on, at the same address.
    fn passes_on(&self, space: Space, addr: u64) -> Option<u32> {
        let _ = (space, addr);
        None
    }
}

/// What a host bridge does with a cycle on its bus: the function at one of these unit addresses
/// that claims it answers, else one that passes it on. `None`: nobody answers (master abort).
pub fn cycle(cx: &mut dyn Cx, units: &[String], cycle: Cycle) -> Option<Result<u64, BusError>> {
    let mut answer = None;
    for unit in units {
        cx.with_child(unit, &mut |dev, cx| {
            let claim = dev.pci().and_then(|f| f.claims(cycle.space, cycle.addr));
            let Some((region, offset)) = claim else { return };
            answer = Some(match cycle.write {
                Some(value) => dev.write(cx, region, offset, cycle.size, value).map(|()| 0),
                None => dev.read(cx, region, offset, cycle.size),
            });
        });
        if answer.is_some() {
            return answer;
        }
    }
    for unit in units {
        let mut port = None;
        cx.with_child(unit, &mut |dev, _| {
            port = dev.pci().and_then(|f| f.passes_on(cycle.space, cycle.addr));
        });
        // Not in its call: registers of its own may lie on that bus.
        let Some(port) = port else { continue };
        let Cycle { addr, size, .. } = cycle;
        return Some(match cycle.write {
            Some(value) => cx.child_bus_write(unit, port, addr, size, value).map(|()| 0),
            None => cx.child_bus_read(unit, port, addr, size),
        });
    }
    None
}

/// The unit address of a function.
pub fn unit(device: u32, function: u32) -> String {
    format!("{device:02x}.{function:x}")
}
