//! What each initiator sees, as the engine wants it: the graph's flattened view with memory and
//! slots.

use hetemu_engine::{DeviceRef, Ram, Space, Swap, Unmapped};
use hetemu_graph::{BusId, Flat, Graph, Lanes, PartId, RowAccess, flatten};
use hetemu_schema::{Endian, RegionKind};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The region number of a [`DeviceRef`] without the flags.
pub(crate) const REGION_MASK: u32 = 0x3fff_ffff;
/// The row lets no read pass.
pub(crate) const NO_READ: u32 = 1 << 31;
/// The row lets no write pass.
pub(crate) const NO_WRITE: u32 = 1 << 30;

/// The memory behind a region of a part.
pub(crate) type Memories = BTreeMap<(PartId, u32), Arc<Ram>>;

/// The view of a bus.
pub(crate) fn view(
    graph: &Graph,
    bus: BusId,
    slots: &BTreeMap<PartId, usize>,
    memories: &Memories,
) -> Space {
    let b = graph.bus(bus);
    let mut out = Space::builder(unmapped(b.unmapped), b.addr_bits);
    for range in flatten(graph, bus) {
        let (start, len) = (range.start, (range.last - range.start).saturating_add(1));
        let (part, index, offset) = match range.to {
            Flat::Hole(answer) => {
                out = out.hole(start, len, unmapped(answer));
                continue;
            }
            Flat::Region { part, region, offset } => (part, region, offset),
        };
        let Some(region) = graph.part(part).ty.regions.get(index as usize) else { continue };
        let swap = swap(range.lanes);
        if let Some(ram) = memories.get(&(part, index)) {
            let writable = region.kind == RegionKind::Ram && range.access != RowAccess::Ro;
            out = out.ram(start, len, ram, offset, writable, swap);
            if region.kind == RegionKind::Rom && graph.part(part).text("write") == Some("ignore") {
                out = out.deaf(start, len);
            }
            if region.kind == RegionKind::Rom
                && let Some(slot) = slots.get(&part)
            {
                let at = DeviceRef { device: *slot as u32, region: index, offset };
                let big = region.endian == Some(Endian::Big);
                out = out.behind(start, len, at, region.access, range.split, swap, big);
            }
        } else if let Some(slot) = slots.get(&part) {
            let flags = match range.access {
                RowAccess::Rw => 0,
                RowAccess::Ro => NO_WRITE,
                RowAccess::Wo => NO_READ,
            };
            let at = DeviceRef { device: *slot as u32, region: index | flags, offset };
            let big = region.endian == Some(Endian::Big);
            out = out.device(start, len, at, region.access, range.split, swap, big);
        }
    }
    out.build()
}

fn unmapped(u: hetemu_graph::Unmapped) -> Unmapped {
    match u {
        hetemu_graph::Unmapped::Fault => Unmapped::Fault,
        hetemu_graph::Unmapped::Zeros => Unmapped::Zeros,
        hetemu_graph::Unmapped::Ones => Unmapped::Ones,
    }
}

fn swap(lanes: Lanes) -> Swap {
    match lanes {
        Lanes::Same | Lanes::Bytes => Swap::None,
        Lanes::Swap16 => Swap::S16,
        Lanes::Swap32 => Swap::S32,
        Lanes::Swap64 => Swap::S64,
    }
}
