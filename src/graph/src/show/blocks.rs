//! A block diagram: each bus as a bar, who drives it above, what it maps below, interrupts as red
//! notes.
//!
//! A part on several buses is drawn where it comes first and outlined on the others, so that no
//! line has to cross another.

use super::svg::{self, GREY, INK, LINE, Paint, RED, Svg, Type};
use crate::model::*;
use crate::names;
use hetemu_schema::RegionKind;
use std::collections::{BTreeMap, BTreeSet};

const MARGIN: f64 = 24.0;
const W: f64 = 168.0;
const H: f64 = 62.0;
const STEP: f64 = W + 14.0;
const PER_ROW: usize = 5;

/// More on one bus than a reader takes in one by one.
const CROWDED: usize = 20;

/// Whether `b` is the next name behind `a`: `uart7`, `uart8`.
fn counts_up(a: &str, b: &str) -> bool {
    let split = |s: &str| {
        let stem = s.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        Some((s.get(..stem)?.to_string(), s.get(stem..)?.parse::<u32>().ok()?))
    };
    match (split(a), split(b)) {
        (Some((x, n)), Some((y, m))) => x == y && n.checked_add(1) == Some(m),
        _ => false,
    }
}

/// The block diagram of a machine.
pub fn block_svg(g: &Graph) -> String {
    let rows = g.buses.iter().flat_map(|b| &b.rows);
    let mapped = rows.filter_map(|r| match r.target {
        Target::Region { part, .. } => Some(part),
        Target::Bus { .. } => None,
    });
    let mapped = mapped.collect();
    let mut seats: BTreeMap<PartId, Vec<PartId>> = BTreeMap::new();
    for (id, p) in g.parts() {
        if let Some((on, ..)) = &p.on {
            seats.entry(*on).or_default().push(id);
        }
    }
    let (svg, drawn) = (Svg::default(), BTreeSet::new());
    let mut d = Diagram { g, svg, y: 64.0, drawn, mapped, seats };
    d.svg.text(MARGIN, 34.0, Type::new(20.0, INK).bold(), &g.name);
    let after = MARGIN + Type::new(20.0, INK).bold().width(&g.name) + 14.0;
    d.svg.text(after, 34.0, Type::new(12.0, GREY), "block diagram");
    // Buses with cores first: what they see is what a reader looks for.
    let mut buses: Vec<BusId> = (0..g.buses.len()).map(|b| BusId(b as u32)).collect();
    buses.sort_by_key(|b| {
        let core = |(id, _, on): (PartId, &str, BusId)| on == *b && g.part(id).ty.core.is_some();
        !g.initiators().any(core)
    });
    for bus in buses {
        d.bus(bus);
    }
    d.rest();
    let width = MARGIN * 2.0 + STEP * PER_ROW as f64 - 14.0 + 18.0;
    d.svg.finish(width, d.y, &format!("Block diagram of {}", g.name))
}

struct Diagram<'g> {
    g: &'g Graph,
    svg: Svg,
    y: f64,
    drawn: BTreeSet<PartId>,
    /// Parts with a row on some bus.
    mapped: BTreeSet<PartId>,
    /// Parts on child buses, by who has the bus.
    seats: BTreeMap<PartId, Vec<PartId>>,
}

impl Diagram<'_> {
    /// Drivers, the bar, and what it maps, in rows.
    fn bus(&mut self, id: BusId) {
        let left = MARGIN + 18.0;
        let drivers = self.drivers(id);
        let lines = drivers.len().div_ceil(PER_ROW);
        for (n, chunk) in drivers.chunks(PER_ROW).enumerate() {
            for (i, part) in chunk.iter().enumerate() {
                let x = left + STEP * i as f64;
                // Cores that need more lines than one reach the bar between those below them.
                let end = self.y + H + 18.0 + (lines - 1 - n) as f64 * (H + 14.0);
                let mid = if n + 1 == lines { x + W / 2.0 } else { x + W + 7.0 };
                if n + 1 < lines {
                    self.line(x + W, self.y + H / 2.0, mid, self.y + H / 2.0);
                    self.line(mid, self.y + H / 2.0, mid, end);
                } else {
                    self.line(mid, self.y + H, mid, end);
                }
                self.part(x, self.y, *part);
            }
            self.y += H + if n + 1 == lines { 18.0 } else { 14.0 };
        }
        let targets = self.runs(self.targets(id));
        let bus = self.g.bus(id);
        let bar_x = left - 18.0;
        let bar_w = STEP * PER_ROW as f64 - 14.0 + 18.0;
        let rows = targets.len().div_ceil(PER_ROW).max(1);
        let top = self.y;
        for (n, chunk) in targets.chunks(PER_ROW).enumerate() {
            self.bar(bar_x, bar_w, if n == 0 { &bus.name } else { "" });
            for (i, run) in chunk.iter().enumerate() {
                let Some((target, base)) = run.first() else { continue };
                let x = left + STEP * i as f64;
                let mid = x + W / 2.0;
                self.line(mid, self.y - 6.0, mid, self.y + 18.0);
                let at = names::at(bus, *base);
                self.svg.text(mid + 5.0, self.y + 12.0, Type::new(9.5, GREY).mono(), &at);
                match target {
                    Target::Region { .. } if run.len() > 1 => self.stack(x, self.y + 18.0, run),
                    Target::Region { part, .. } => self.part(x, self.y + 18.0, *part),
                    Target::Bus { bus, .. } => self.window(x, self.y + 18.0, *bus),
                }
            }
            self.y += 18.0 + H + 12.0;
        }
        if targets.is_empty() {
            self.bar(bar_x, bar_w, &bus.name);
        }
        if rows > 1 {
            let last = top + (rows - 1) as f64 * (18.0 + H + 12.0 + 22.0);
            self.svg.bar(bar_x, top + 8.0, 6.0, last - top + 8.0, svg::CORE.fill);
        }
        self.y += 18.0;
    }

    /// What is drawn above a bus: its cores, and parts with DMA that no bus maps. A part that is
    /// mapped has a mark for its DMA.
    fn drivers(&self, id: BusId) -> Vec<PartId> {
        let g = self.g;
        let mut out: Vec<PartId> = Vec::new();
        for (part, _, on) in g.initiators() {
            let name = names::initiator(g, part);
            let core = g.part(part).ty.core.is_some();
            if on == id
                && (core || !self.mapped.contains(&part))
                && !out.iter().any(|d| names::initiator(g, *d) == name)
            {
                out.push(part);
            }
        }
        out
    }

    /// What a bus maps, each once, with its first address.
    fn targets(&self, id: BusId) -> Vec<(Target, u64)> {
        let mut seen = BTreeSet::new();
        let rows = &self.g.bus(id).rows;
        let key = |t: Target| match t {
            Target::Region { part, .. } => (false, part.0),
            Target::Bus { bus, .. } => (true, bus.0),
        };
        rows.iter().filter(|r| seen.insert(key(r.target))).map(|r| (r.target, r.base)).collect()
    }

    /// On a crowded bus, parts of one type whose names count up (`uart0`, `uart1`, ...) are drawn
    /// as one stack.
    fn runs(&self, targets: Vec<(Target, u64)>) -> Vec<Vec<(Target, u64)>> {
        let crowded = targets.len() > CROWDED;
        let mut out: Vec<Vec<(Target, u64)>> = Vec::new();
        for (target, base) in targets {
            let follows = out.last().and_then(|run| run.last()).is_some_and(|(last, _)| {
                let (Target::Region { part: a, .. }, Target::Region { part: b, .. }) =
                    (*last, target)
                else {
                    return false;
                };
                let (x, y) = (self.g.part(a), self.g.part(b));
                let plain = |id| !self.seats.contains_key(&id) && !self.drawn.contains(&id);
                x.ty == y.ty && counts_up(&x.name, &y.name) && plain(a) && plain(b)
            });
            match out.last_mut() {
                Some(run) if follows && crowded => run.push((target, base)),
                _ => out.push(vec![(target, base)]),
            }
        }
        // Two or three are no crowd.
        out.into_iter()
            .flat_map(|run| match run.len() {
                2..=3 => run.into_iter().map(|t| vec![t]).collect(),
                _ => vec![run],
            })
            .collect()
    }

    /// Several parts of one type as one block with others behind it.
    fn stack(&mut self, x: f64, y: f64, run: &[(Target, u64)]) {
        let ids: Vec<PartId> = run
            .iter()
            .filter_map(|(t, _)| match t {
                Target::Region { part, .. } => Some(*part),
                Target::Bus { .. } => None,
            })
            .collect();
        let (Some(first), Some(last)) = (ids.first(), ids.last()) else { return };
        let (a, b) = (self.g.part(*first), self.g.part(*last));
        let paint = self.paint(a);
        for n in [2.0, 1.0, 0.0] {
            self.svg.rect(x + 3.0 * n, y + 3.0 * n, W - 6.0, H - 6.0, paint);
        }
        let (bold, small) = (Type::new(13.0, paint.ink).bold(), Type::new(10.5, paint.ink));
        let room = W - 26.0;
        let title = format!("{} … {}", a.name, b.name);
        self.svg.text(x + 10.0, y + 20.0, bold, &bold.fit(&title, room));
        let what = format!("{} × {}", ids.len(), a.ty.name);
        self.svg.text(x + 10.0, y + 35.0, small, &small.fit(&what, room));
        let red = Type::new(9.5, RED).mono();
        let mut sinks: Vec<String> = Vec::new();
        for id in &ids {
            sinks.extend(self.sinks(*id).0);
        }
        if !sinks.is_empty() {
            let text = format!("→ {}", names::collapse(&sinks));
            self.svg.text(x + 10.0, y + 50.0, red, &red.fit(&text, room));
        }
        self.drawn.extend(ids);
    }

    fn bar(&mut self, x: f64, w: f64, name: &str) {
        if name.is_empty() {
            // A bar that goes on is thinner than the one that begins.
            self.svg.bar(x, self.y + 10.0, w, 6.0, svg::CORE.fill);
        } else {
            let label = Type::new(10.5, svg::CORE.ink).bold();
            self.svg.bar(x, self.y, w, 16.0, svg::CORE.fill);
            self.svg.text(x + 10.0, self.y + 11.8, label, &format!("bus {name}"));
        }
        self.y += 22.0;
    }

    fn line(&mut self, x0: f64, y0: f64, x1: f64, y1: f64) {
        let d = format!("M{x0:.1} {y0:.1}L{x1:.1} {y1:.1}");
        self.svg.path(&d, LINE, 1.5, "");
    }

    fn paint(&self, part: &Part) -> Paint {
        if part.ty.core.is_some() {
            return Paint { fill: "#f1f5f9", edge: svg::CORE.edge, ink: INK };
        }
        match part.ty.regions.first().map(|r| r.kind) {
            Some(RegionKind::Ram) => svg::RAM,
            Some(RegionKind::Rom) => svg::ROM,
            // A block without a single register is one that is not modelled.
            Some(RegionKind::Mmio) if part.ty.regions.iter().all(|r| r.regs.is_empty()) => {
                svg::STUB
            }
            _ => svg::MMIO,
        }
    }

    fn part(&mut self, x: f64, y: f64, id: PartId) {
        let part = self.g.part(id);
        let name = names::initiator(self.g, id);
        let cores = self.g.clusters.iter().find(|c| c.name == name).map_or(1, |c| c.cores.len());
        let title = if cores > 1 { format!("{name} × {cores}") } else { name.to_string() };
        let paint = self.paint(part);
        let (bold, small) = (Type::new(13.0, paint.ink).bold(), Type::new(10.5, paint.ink));
        let room = W - 20.0;
        if self.drawn.insert(id) {
            self.svg.rect(x, y, W, H, paint);
        } else {
            self.svg.ghost(x, y, W, H, paint.edge);
            self.svg.text(x + 10.0, y + 22.0, bold, &bold.fit(&title, room));
            let note = "the same part as above";
            self.svg.text(x + 10.0, y + 38.0, Type::new(10.5, GREY), note);
            return;
        }
        self.svg.text(x + 10.0, y + 22.0, bold, &bold.fit(&title, room));
        let dma = part.ty.core.is_none() && !part.masters.is_empty();
        if dma {
            self.svg.text(x + W - 10.0, y + 22.0, Type::new(9.5, GREY).end(), "DMA");
        }
        let size = part.ty.regions.first().filter(|r| r.size.is_none()).and(part.int("size"));
        let what = match size {
            Some(n) => format!("{} · {}", part.ty.name, names::size(n)),
            None => part.ty.name.to_string(),
        };
        self.svg.text(x + 10.0, y + 38.0, small, &small.fit(&what, room));
        let red = Type::new(9.5, RED).mono();
        let irqs = self.irqs(id, |text| red.width(text) <= room);
        let seats = self.seats.get(&id).cloned().unwrap_or_default();
        if seats.is_empty() {
            self.svg.text(x + 10.0, y + 54.0, red, &red.fit(&irqs, room));
            return;
        }
        // What sits on it takes the right of the line that its interrupts leave.
        let names: Vec<&str> = seats.iter().map(|s| self.g.part(*s).name.as_str()).collect();
        let seated = match names.as_slice() {
            [one] => format!("⊣ {one} {}", self.g.part(seats[0]).ty.name),
            many => format!("⊣ {}", many.join(", ")),
        };
        let purple = Type::new(10.0, svg::WINDOW.ink);
        let used = if irqs.is_empty() { 0.0 } else { red.width(&irqs) + 8.0 };
        self.svg.text(x + 10.0, y + 54.0, red, &irqs);
        self.svg.text(x + 10.0 + used, y + 54.0, purple, &purple.fit(&seated, room - used));
        self.drawn.extend(seats);
    }

    /// The inputs that a part drives, and their parts. Cores of a cluster are told as the cluster.
    fn sinks(&self, id: PartId) -> (Vec<String>, Vec<&str>) {
        let (mut sinks, mut parts): (Vec<String>, Vec<&str>) = (Vec::new(), Vec::new());
        for w in self.g.wires.iter().filter(|w| w.from.part == id) {
            let to = self.g.part(w.to.part);
            let cluster = names::initiator(self.g, w.to.part);
            let sink = match to.ty.core.is_some() && cluster != to.name {
                true => {
                    let port = to.ty.inputs.get(w.to.port as usize).map_or("", |p| p.name);
                    format!("{cluster}.{port}")
                }
                false => names::port(self.g, w.to, true),
            };
            if !sinks.contains(&sink) {
                sinks.push(sink);
            }
            if !parts.contains(&cluster) {
                parts.push(cluster);
            }
        }
        (sinks, parts)
    }

    /// Where the outputs of a part go, as briefly as it has to be: `→ plic[1..4]`, `→ plic`,
    /// `→ 5 parts`.
    fn irqs(&self, id: PartId, fits: impl Fn(&str) -> bool) -> String {
        let (sinks, parts) = self.sinks(id);
        let whole = names::collapse(&sinks);
        let short = parts.join(", ");
        match (whole.is_empty(), fits(&format!("→ {whole}")), fits(&format!("→ {short}"))) {
            (true, ..) => whole,
            (_, true, _) => format!("→ {whole}"),
            (_, _, true) => format!("→ {short}"),
            _ => format!("→ {} parts", parts.len()),
        }
    }

    fn window(&mut self, x: f64, y: f64, bus: BusId) {
        let paint = svg::WINDOW;
        self.svg.rect(x, y, W, H, paint);
        let title = format!("bus {}", self.g.bus(bus).name);
        self.svg.text(x + 10.0, y + 22.0, Type::new(13.0, paint.ink).bold(), &title);
        self.svg.text(x + 10.0, y + 38.0, Type::new(10.5, paint.ink), "window");
    }

    /// Parts that no bus shows: glue between wires, parts on child buses.
    fn rest(&mut self) {
        let shown = |d: &Self, id: PartId| {
            let cluster = self.g.clusters.iter().find(|c| c.cores.contains(&id));
            d.drawn.contains(&id)
                || cluster.is_some_and(|c| c.cores.iter().any(|core| d.drawn.contains(core)))
        };
        let ids: Vec<PartId> =
            self.g.parts().map(|(id, _)| id).filter(|id| !shown(self, *id)).collect();
        if ids.is_empty() {
            return;
        }
        self.svg.text(MARGIN, self.y + 8.0, Type::new(11.0, GREY).bold(), "not on a bus");
        self.y += 18.0;
        for chunk in ids.chunks(PER_ROW) {
            for (i, id) in chunk.iter().enumerate() {
                self.part(MARGIN + 18.0 + STEP * i as f64, self.y, *id);
            }
            self.y += H + 16.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Machine, opentitan, trio};

    #[test]
    fn parts_appear_once_and_as_outlines_elsewhere() {
        let svg = block_svg(&trio().part("tie", "signal.or", "").build());
        assert_eq!(svg.matches(">shared<").count(), 3);
        assert_eq!(svg.matches("the same part as above").count(), 4, "shared and mbox twice");
        for word in [">rv × 4<", ">bus soc<", ">window<", ">not on a bus<", ">tie<"] {
            assert!(svg.contains(word), "{word}");
        }
    }

    #[test]
    fn a_crowd_is_a_stack() {
        let mut m = Machine::new("m").bus("main");
        for i in 0..30u64 {
            m = m.part(&format!("uart{i}"), "ns16550a", "");
            m = m.row("main", 0x1000 * i, &format!("uart{i}"));
        }
        let svg = block_svg(&m.build());
        assert!(svg.contains(">uart0 … uart29<") && svg.contains(">30 × ns16550a<"), "{svg}");
        assert!(counts_up("a9", "a10") && !counts_up("a9", "b10") && !counts_up("a", "a1"));
    }

    #[test]
    fn wires_are_notes() {
        assert!(block_svg(&opentitan().build()).contains(">→ plic[1..4]<"));
    }
}
