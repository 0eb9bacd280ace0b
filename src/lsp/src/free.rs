//! What is still free in a machine: addresses of a bus, lines of an input.

use hetemu_graph::{Bus, Graph, PartId};
use hetemu_schema::units;

/// A free stretch of a bus: where it begins, and how long it is in words.
pub(crate) struct Gap {
    pub(crate) start: u64,
    pub(crate) size: String,
}

/// More than anybody picks from.
const MOST: usize = 40;
/// Where blocks usually begin.
const STEP: u64 = 0x1000;

/// Free stretches of a bus from multiples of 4 KiB on (of 16 bytes on small buses).
pub(crate) fn addresses(bus: &Bus) -> Vec<Gap> {
    let top = match bus.addr_bits {
        64.. => u64::MAX,
        bits => (1u64 << bits) - 1,
    };
    let step = if bus.addr_bits <= 16 { 16 } else { STEP };
    let mut rows: Vec<(u64, u64)> =
        bus.rows.iter().map(|r| (r.base, r.base.saturating_add(r.size - 1))).collect();
    rows.sort_unstable();
    let mut out = Vec::new();
    let mut next = Some(0u64);
    for (base, last) in rows.into_iter().chain([(top, top)]) {
        let Some(from) = next else { break };
        if let Some(start) = from.checked_next_multiple_of(step)
            && start < base
            && out.len() < MOST
        {
            out.push(Gap { start, size: units::size(base - start) });
        }
        next = next.max(last.checked_add(1));
        if last == u64::MAX {
            next = None;
        }
    }
    out
}

/// Lines of an input array that nothing drives, in order.
pub(crate) fn lines(g: &Graph, part: PartId, input: usize) -> Vec<u32> {
    let p = g.part(part);
    let Some(port) = p.ty.inputs.get(input) else { return Vec::new() };
    let Some(width) = port.width.and_then(|w| w.eval(|name| p.int(name))) else {
        return Vec::new();
    };
    let taken: std::collections::BTreeSet<u32> = g
        .wires
        .iter()
        .filter(|w| w.to.part == part && w.to.port as usize == input)
        .map(|w| w.to.index)
        .collect();
    let end = u64::from(port.first).saturating_add(width).min(u64::from(u32::MAX)) as u32;
    (port.first..end).filter(|i| !taken.contains(i)).take(MOST).collect()
}
