//! What one initiator sees, as a table.
//!
//! ```text
//! m4 sees                                 (little-endian, 32-bit)
//! 0x5000_0000 .. 0x5000_0FFF   mbox    hm.mailbox   (also rv 0x3000_0000, be 0x1F00_0000 swap32)
//! 0x7000_0000 .. 0x7000_0007   uart0   via soc 0x1000_0000
//! 0x7000_0008 .. 0x70FF_FFFF   -       fault, via soc
//! ```

use crate::model::*;
use crate::names;
use crate::view::{Flat, Range, flatten};
use hetemu_schema::{Endian, RegionKind};
use std::fmt::Write;

/// The views that a name means: `m4` (every bus port of the part), `rv` (a cluster: its first
/// core),
/// `rv[2]`, `dma.mem` (one port) or the name of a bus. Title, initiator and bus of each.
pub fn views_of(g: &Graph, name: &str) -> Vec<(String, Option<PartId>, BusId)> {
    let cluster = g.clusters.iter().find(|c| c.name == name);
    let part = g.find_part(name).or_else(|| cluster.and_then(|c| c.cores.first().copied()));
    if let Some(id) = part {
        let masters = &g.part(id).masters;
        let title = |port: &str| match masters.len() {
            1 => name.to_string(),
            _ => format!("{name}.{port}"),
        };
        return masters.iter().map(|(port, bus)| (title(port), Some(id), *bus)).collect();
    }
    if let Some((part, port)) = name.rsplit_once('.')
        && let Some(id) = g.find_part(part)
        && let Some(bus) = g.part(id).masters.get(port)
    {
        return vec![(name.to_string(), Some(id), *bus)];
    }
    let bus = g.buses.iter().position(|b| b.name == name);
    bus.map(|i| (format!("bus {name}"), None, BusId(i as u32))).into_iter().collect()
}

/// The decoded map of an initiator (see [`views_of`]), `None` if nothing has this name.
pub fn view_text(g: &Graph, name: &str) -> Option<String> {
    let views = views_of(g, name);
    if views.is_empty() {
        return None;
    }
    let others = Others::new(g);
    let tables: Vec<String> = views
        .into_iter()
        .map(|(title, initiator, bus)| table(g, &others, &title, initiator, bus))
        .collect();
    Some(tables.join("\n"))
}

fn table(g: &Graph, others: &Others, title: &str, by: Option<PartId>, bus: BusId) -> String {
    let map = g.bus(bus);
    let mut rows = Vec::new();
    for r in flatten(g, bus) {
        let (name, what) = match r.to {
            Flat::Region { part, region, offset } => {
                let mut name = names::region(g, part, region);
                if offset > 0 {
                    _ = write!(name, " + {}", names::hex(offset));
                }
                (name, answer(g, &r, part, region))
            }
            Flat::Hole(kind) => ("-".to_string(), format!("{}, {}", kind.word(), via(g, &r))),
        };
        let also = match others.of(g, bus, &r) {
            also if also.is_empty() => also,
            also => format!("(also {also})"),
        };
        let split = if r.split { "split" } else { "" };
        let mut notes = vec![r.lanes.word(), split, &also];
        notes.retain(|n| !n.is_empty());
        let span = format!("{} .. {}", names::at(map, r.start), names::at(map, r.last));
        rows.push([span, name, what, notes.join(" ")]);
    }
    let mut out = header(g, title, by, bus);
    let width = |i: usize| rows.iter().map(|r: &[String; 4]| r[i].len()).max().unwrap_or(0);
    let (w0, w1, w2) = (width(0), width(1), width(2));
    for [span, name, what, notes] in &rows {
        let line = format!("{span:w0$}   {name:w1$}   {what:w2$}   {notes}");
        _ = writeln!(out, "{}", line.trim_end());
    }
    if rows.is_empty() {
        out.push_str("nothing\n");
    }
    out
}

fn header(g: &Graph, title: &str, by: Option<PartId>, bus: BusId) -> String {
    let core = by.and_then(|id| Some((g.part(id), g.part(id).ty.core.as_ref()?)));
    let (endian, bits) = match core {
        Some((part, core)) => (part.endian().unwrap_or(core.endian), u16::from(core.bits)),
        None => (g.bus(bus).endian, g.bus(bus).width),
    };
    let endian = if endian == Endian::Big { "big" } else { "little" };
    format!("{:39} ({endian}-endian, {bits}-bit)\n", format!("{title} sees"))
}

/// `memory.ram   rwx`, `hm.mailbox`, `via soc 0x1000_0000`.
fn answer(g: &Graph, r: &Range, part: PartId, region: u32) -> String {
    if !r.via.is_empty() {
        return format!("{}{}", via(g, r), restricted(r));
    }
    let ty = g.part(part).ty;
    let kind = ty.regions.get(region as usize).map(|r| r.kind);
    let rights = match (kind, r.access) {
        (Some(RegionKind::Ram), RowAccess::Rw) => "   rwx",
        (Some(RegionKind::Ram | RegionKind::Rom), RowAccess::Rw | RowAccess::Ro) => "   r-x",
        (Some(RegionKind::Ram | RegionKind::Rom), RowAccess::Wo) => "   -w-",
        _ => return format!("{}{}", ty.name, restricted(r)),
    };
    format!("{}{rights}", ty.name)
}

fn restricted(r: &Range) -> String {
    match r.access {
        RowAccess::Rw => String::new(),
        other => format!("   {}", other.word()),
    }
}

fn via(g: &Graph, r: &Range) -> String {
    let hops = r.via.iter().map(|(bus, there)| {
        let bus = g.bus(*bus);
        match r.to {
            Flat::Region { .. } => {
                format!("via {} {}", bus.name, names::at(bus, *there))
            }
            Flat::Hole(_) => format!("via {}", bus.name),
        }
    });
    hops.collect::<Vec<_>>().join(" ")
}

/// The flattened views of every bus that something drives, with the names of what drives it.
pub(super) struct Others(Vec<(BusId, Vec<String>, Vec<Range>)>);

impl Others {
    pub(super) fn new(g: &Graph) -> Others {
        let mut out: Vec<(BusId, Vec<String>, Vec<Range>)> = Vec::new();
        for (part, _, bus) in g.initiators() {
            let name = names::initiator(g, part).to_string();
            match out.iter_mut().find(|(b, ..)| *b == bus) {
                Some((_, who, _)) if who.contains(&name) => {}
                Some((_, who, _)) => who.push(name),
                None => out.push((bus, vec![name], flatten(g, bus))),
            }
        }
        // Cores first, in the order of their names; then the rest.
        out.sort_by(|a, b| a.1.cmp(&b.1));
        Others(out)
    }

    /// Every bus with its drivers and its view.
    pub(super) fn views(&self) -> &[(BusId, Vec<String>, Vec<Range>)] {
        &self.0
    }

    /// Where the initiators of other buses see what answers at the start of a range.
    fn of(&self, g: &Graph, own: BusId, range: &Range) -> String {
        let Flat::Region { part, region, offset } = range.to else { return String::new() };
        if !range.via.is_empty() {
            return String::new();
        }
        let mut places = Vec::new();
        for (bus, who, view) in self.0.iter().filter(|(bus, ..)| *bus != own) {
            let here = view.iter().find_map(|r| match r.to {
                Flat::Region { part: p, region: n, offset: from }
                    if (p, n) == (part, region)
                        && from <= offset
                        && offset - from <= r.last - r.start =>
                {
                    Some((r.start + (offset - from), r.lanes))
                }
                _ => None,
            });
            if let Some((there, lanes)) = here {
                let there = names::at(g.bus(*bus), there);
                let lanes = lanes.word();
                let gap = if lanes.is_empty() { "" } else { " " };
                places.push(format!("{} {there}{gap}{lanes}", who.join(", ")));
            }
        }
        places.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{opentitan, trio};

    #[test]
    fn a_core_sees_its_bus_windows_and_cross_references() {
        let g = trio().build();
        assert_eq!(
            view_text(&g, "m4").expect("m4"),
            "\
m4 sees                                 (little-endian, 32-bit)
0x0000_0000 .. 0x0003_FFFF   itcm     memory.ram   rwx
0x2000_0000 .. 0x2001_FFFF   dtcm     memory.ram   rwx
0x4000_0000 .. 0x4000_0FFF   uart1    arm.cmsdk_uart
0x5000_0000 .. 0x5000_0FFF   mbox     hm.mailbox            (also be 0x1F00_0000 swap32, rv 0x3000_0000)
0x6000_0000 .. 0x600F_FFFF   shared   memory.ram   rwx      (also be 0x1000_0000 bytes, rv 0x2000_0000)
0x7000_0000 .. 0x7000_0007   uart0    via soc 0x1000_0000
0x7000_0008 .. 0x70FF_FFFF   -        fault, via soc
"
        );
    }

    #[test]
    fn byte_order_and_lanes_show() {
        let g = trio().build();
        let be = view_text(&g, "be").expect("be");
        assert!(be.starts_with("be sees                                 (big-endian, 32-bit)\n"));
        assert!(be.contains("mbox     hm.mailbox         swap32 (also m4 0x5000_0000, rv"), "{be}");
    }

    #[test]
    fn clusters_elements_and_buses_have_views() {
        let g = trio().build();
        let body = |name| view_text(&g, name).map(|t| t.split_once('\n').map(|p| p.1.to_string()));
        assert_eq!(body("rv"), body("rv[3]"));
        assert_eq!(body("rv"), body("soc"));
        assert_eq!(body("rv[4]"), None);
        assert!(view_text(&g, "mcu").expect("a bus").starts_with("bus mcu sees"));
    }

    #[test]
    fn offsets_and_rights_show() {
        let g = opentitan()
            .row_with("main", 0x8000_0000, "flash", |r| {
                r.size = 0x1000;
                r.target = Target::Bus { bus: BusId(0), offset: 0x2000 };
            })
            .row_with("main", 0x1000_8000, "uart", |r| {
                r.over = true;
                r.access = RowAccess::Ro;
            })
            .build();
        let text = view_text(&g, "ibex").expect("ibex");
        assert!(text.contains("flash + 0x2000   memory.rom   r-x\n"), "{text}");
        assert!(text.contains("0x1000_8000 .. 0x1000_803F   uart             lowrisc.uart   ro\n"));
        assert!(text.contains("0x1000_8040 .. 0x1000_FFFF   ram + 0x8040     memory.ram   rwx\n"));
    }
}
