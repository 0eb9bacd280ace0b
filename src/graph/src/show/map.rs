//! Memory maps as pictures: a column for each initiator, addresses downward as in the text.
//!
//! Heights grow with the logarithm of a range's size, and stretches of nothing are cut out of the
//! axis, so that a register block stays readable beside gigabytes of RAM. What several initiators
//! see is joined by a band.

use super::svg::{self, GREY, INK, LINE, Paint, Svg, Type};
use super::view::{Others, views_of};
use crate::model::*;
use crate::names;
use crate::view::{Flat, Range, flatten};
use hetemu_schema::{Endian, RegionKind};

const TITLE: f64 = 56.0;
const HEAD: f64 = 54.0;
const MARGIN: f64 = 24.0;
const BLOCK: f64 = 232.0;
const GUTTER: f64 = 36.0;
const GAP: f64 = 26.0;
/// Between small blocks that nearly touch, where a cut in the axis would say nothing.
const SMALL_GAP: f64 = 8.0;
/// The smallest stretch of nothing that is told, in bytes.
const WIDE_GAP: u64 = 64 << 10;
/// Blocks below each other before a column goes on beside itself.
const TALLEST: f64 = 1000.0;

/// A column: its heading, the bus it shows and the width of its addresses.
struct Column {
    title: String,
    sub: String,
    bus: BusId,
    labels: f64,
    blocks: Vec<Block>,
    height: f64,
}

/// A range with its place in the picture.
struct Block {
    range: Range,
    y: f64,
    h: f64,
    /// Bytes of nothing above it.
    gap: u64,
}

/// The map of every initiator of the machine, cores of a cluster once.
pub fn maps_svg(g: &Graph) -> String {
    let mut columns = Vec::new();
    for (bus, who, view) in Others::new(g).views() {
        columns.extend(folded(column(g, *bus, &cores_first(g, who), view.clone())));
    }
    draw(g, &g.name, columns)
}

/// The map of one initiator (see [`views_of`]), `None` if nothing has this name.
pub fn map_svg(g: &Graph, name: &str) -> Option<String> {
    let views = views_of(g, name);
    if views.is_empty() {
        return None;
    }
    let columns = views
        .into_iter()
        .flat_map(|(title, _, bus)| folded(column(g, bus, &title, flatten(g, bus))));
    Some(draw(g, &g.name, columns.collect()))
}

/// Who sees a bus, for a heading: its cores, or else its DMA ports.
fn cores_first(g: &Graph, who: &[String]) -> String {
    let cores: Vec<&str> = who
        .iter()
        .map(String::as_str)
        .filter(|w| g.clusters.iter().any(|c| c.name == *w))
        .collect();
    if cores.is_empty() { who.join(", ") } else { cores.join(", ") }
}

/// A column that is too tall goes on beside itself.
fn folded(mut c: Column) -> Vec<Column> {
    let body = c.height - HEAD;
    let pieces = (body / TALLEST).ceil().max(1.0);
    let each = body / pieces;
    let mut out = Vec::new();
    let blocks = std::mem::take(&mut c.blocks);
    let (mut from, mut rest) = (HEAD, Vec::new());
    for mut block in blocks {
        if block.y - from >= each - 1.0 && !rest.is_empty() {
            out.push(std::mem::take(&mut rest));
            from = block.y - if block.gap >= WIDE_GAP { GAP } else { 0.0 };
        }
        block.y -= from - HEAD;
        rest.push(block);
    }
    out.push(rest);
    let piece = |(i, blocks): (usize, Vec<Block>)| Column {
        title: if i == 0 { c.title.clone() } else { format!("{}, continued", c.title) },
        sub: c.sub.clone(),
        bus: c.bus,
        labels: c.labels,
        height: blocks.last().map_or(HEAD, |b| b.y + b.h),
        blocks,
    };
    out.into_iter().enumerate().map(piece).collect()
}

fn column(g: &Graph, bus: BusId, title: &str, view: Vec<Range>) -> Column {
    let b = g.bus(bus);
    let core = g.initiators().find(|(id, _, on)| *on == bus && g.part(*id).ty.core.is_some());
    let who = core.map_or("", |(id, ..)| g.part(id).ty.name);
    let endian = core.and_then(|(id, ..)| g.part(id).endian()).unwrap_or(b.endian);
    let endian = if endian == Endian::Big { "big-endian" } else { "little-endian" };
    let name = format!("bus {}", b.name);
    let mut sub: Vec<&str> = vec![who, &name, endian];
    sub.retain(|s| !s.is_empty() && *s != title);
    let mut blocks: Vec<Block> = Vec::new();
    let mut y = HEAD;
    let mut next = 0u64;
    for range in view {
        let gap = range.start.saturating_sub(next);
        y += match (blocks.is_empty(), gap) {
            (true, _) => 0.0,
            (false, 0) => 3.0,
            (false, gap) if gap < WIDE_GAP => SMALL_GAP,
            (false, _) => GAP,
        };
        let h = height(&range);
        next = range.last.saturating_add(1);
        blocks.push(Block { range, y, h, gap: if blocks.is_empty() { 0 } else { gap } });
        y += h;
    }
    let labels = ADDRESS.width(&names::at(b, 0)) + 12.0;
    Column { title: title.into(), sub: sub.join(" · "), bus, labels, blocks, height: y }
}

/// From 36 for a small register block to about 96 for gigabytes; holes are thin.
fn height(r: &Range) -> f64 {
    let bits = 64 - (r.last - r.start).leading_zeros();
    let grown = 36.0 + 3.6 * f64::from(bits.saturating_sub(12));
    if matches!(r.to, Flat::Hole(_)) { 30.0 } else { grown.min(96.0) }
}

const ADDRESS: Type = Type::new(10.5, GREY).mono();

fn draw(g: &Graph, title: &str, columns: Vec<Column>) -> String {
    let mut svg = Svg::default();
    svg.text(MARGIN, 34.0, Type::new(20.0, INK).bold(), title);
    let after = MARGIN + Type::new(20.0, INK).bold().width(title) + 14.0;
    svg.text(after, 34.0, Type::new(12.0, GREY), "memory map");
    let mut xs = Vec::new();
    let mut x = MARGIN;
    for c in &columns {
        x += c.labels;
        xs.push(x);
        x += BLOCK + GUTTER;
    }
    let width = (x - GUTTER + MARGIN).max(360.0);
    bands(&mut svg, &columns, &xs);
    for (c, x) in columns.iter().zip(&xs) {
        heading(&mut svg, c, *x);
        for block in &c.blocks {
            draw_block(&mut svg, g, c, block, *x);
        }
    }
    let bottom = TITLE + columns.iter().map(|c| c.height).fold(0.0, f64::max) + 26.0;
    legend(&mut svg, &columns, g, bottom);
    svg.finish(width, bottom + 26.0, &format!("Memory map of {title}"))
}

fn heading(svg: &mut Svg, c: &Column, x: f64) {
    let bold = Type::new(15.0, INK).bold();
    svg.text(x, TITLE + 16.0, bold, &bold.fit(&c.title, BLOCK));
    let small = Type::new(11.0, GREY);
    svg.text(x, TITLE + 34.0, small, &small.fit(&c.sub, BLOCK + GUTTER));
}

/// Joins blocks of one region in the columns that show it, nearest columns first.
fn bands(svg: &mut Svg, columns: &[Column], xs: &[f64]) {
    let region = |b: &Block| match b.range.to {
        Flat::Region { part, region, offset } => Some((part, region, offset)),
        Flat::Hole(_) => None,
    };
    for (i, (c, x)) in columns.iter().zip(xs).enumerate() {
        for block in &c.blocks {
            let Some(key) = region(block) else { continue };
            let twin =
                columns.iter().zip(xs).enumerate().skip(i + 1).find_map(|(j, (other, ox))| {
                    // Columns of one view stand beside each other, they do not see each other.
                    if other.bus == c.bus {
                        return None;
                    }
                    let b = other.blocks.iter().find(|b| region(b) == Some(key))?;
                    Some((j, b, other, *ox))
                });
            let Some((_, b, other, ox)) = twin else { continue };
            let (x0, x1) = (x + BLOCK, ox - other.labels + 6.0);
            let (t0, b0) = (TITLE + block.y, TITLE + block.y + block.h);
            let (t1, b1) = (TITLE + b.y, TITLE + b.y + b.h);
            let m = (x0 + x1) / 2.0;
            let d = format!(
                "M{x0:.1} {t0:.1}C{m:.1} {t0:.1} {m:.1} {t1:.1} {x1:.1} {t1:.1}H{ox:.1}V{b1:.1}H{x1:.1}C{m:.1} {b1:.1} {m:.1} {b0:.1} {x0:.1} {b0:.1}Z"
            );
            svg.band(&d);
        }
    }
}

fn paint(g: &Graph, r: &Range) -> Paint {
    match r.to {
        Flat::Hole(_) => svg::HOLE,
        Flat::Region { part, region, .. } => {
            let region = g.part(part).ty.regions.get(region as usize);
            match region.map(|r| r.kind) {
                Some(RegionKind::Ram) => svg::RAM,
                Some(RegionKind::Rom) => svg::ROM,
                Some(RegionKind::Window) => svg::WINDOW,
                Some(RegionKind::Mmio) if region.is_some_and(|r| r.regs.is_empty()) => svg::STUB,
                _ => svg::MMIO,
            }
        }
    }
}

fn draw_block(svg: &mut Svg, g: &Graph, c: &Column, block: &Block, x: f64) {
    let (y, h, r) = (TITLE + block.y, block.h, &block.range);
    if block.gap >= WIDE_GAP {
        broken_axis(svg, x, y - GAP, block.gap);
    }
    let colors = paint(g, r);
    let indent = if r.via.is_empty() { 0.0 } else { 10.0 };
    svg.rect(x + indent, y + 0.5, BLOCK - indent, h - 1.0, colors);
    if indent > 0.0 {
        svg.bar(x, y + 0.5, 4.0, h - 1.0, svg::WINDOW.edge);
    }
    let map = g.bus(c.bus);
    svg.text(x - 7.0, y + 10.0, ADDRESS.end(), &names::at(map, r.start));
    if h >= 30.0 {
        let last = ADDRESS.end();
        svg.text(x - 7.0, y + h - 2.0, last, &names::at(map, r.last));
    }
    let (name, what) = label(g, r);
    let size = match r.last - r.start {
        u64::MAX => "16 EiB".to_string(),
        n => approximate(n + 1),
    };
    let (bold, small) = (Type::new(13.0, colors.ink).bold(), Type::new(10.5, colors.ink));
    let (left, right) = (x + indent + 10.0, x + BLOCK - 10.0);
    let room = right - left - small.width(&size) - 8.0;
    let two = h >= 34.0 && !what.is_empty();
    let base = if two { y + h / 2.0 - 2.5 } else { y + h / 2.0 + 4.5 };
    match r.to {
        Flat::Hole(_) => svg.text(left, base, small, &small.fit(&name, room)),
        Flat::Region { .. } => svg.text(left, base, bold, &bold.fit(&name, room)),
    }
    svg.text(right, base, small.end(), &size);
    if two {
        svg.text(left, base + 14.0, small, &small.fit(&what, right - left));
    }
}

fn label(g: &Graph, r: &Range) -> (String, String) {
    let mut notes: Vec<String> = Vec::new();
    if let Some((bus, at)) = r.via.last() {
        let bus = g.bus(*bus);
        notes.push(format!("via {} {}", bus.name, names::at(bus, *at)));
    }
    for word in [r.access.word(), r.lanes.word(), if r.split { "split" } else { "" }] {
        if !word.is_empty() {
            notes.push(word.into());
        }
    }
    match r.to {
        Flat::Hole(kind) => (format!("nothing: {}", kind.word()), String::new()),
        Flat::Region { part, region, offset } => {
            let mut name = names::region(g, part, region);
            if offset > 0 {
                name = format!("{name} + {}", names::hex(offset));
            }
            notes.insert(0, g.part(part).ty.name.into());
            (name, notes.join(" · "))
        }
    }
}

/// Two waves across the axis, and how much is unmapped.
fn broken_axis(svg: &mut Svg, x: f64, y: f64, gap: u64) {
    let m = y + GAP / 2.0;
    for dy in [-2.5, 2.5] {
        let d = format!("M{x:.1} {:.1}q4 -5 8 0t8 0t8 0t8 0", m + dy);
        svg.path(&d, LINE, 1.2, "stroke-linecap=\"round\"");
    }
    let text = format!("{} unmapped", approximate(gap));
    svg.text(x + 42.0, m + 3.5, Type::new(9.5, LINE), &text);
}

/// `about 240 MiB`: gaps, and what is left beside a small block, are rarely round.
fn approximate(bytes: u64) -> String {
    const UNITS: [(&str, u32); 4] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let Some((unit, shift)) = UNITS.iter().find(|(_, s)| bytes >> s != 0) else {
        return format!("{bytes} B");
    };
    let about = if bytes & ((1 << shift) - 1) == 0 { "" } else { "about " };
    let tenths = (u128::from(bytes) * 10 + (1 << shift) / 2) >> shift;
    match (tenths < 100, tenths % 10) {
        (_, 0) => format!("{about}{} {unit}", tenths / 10),
        (true, digit) => format!("{about}{}.{digit} {unit}", tenths / 10),
        (false, _) => format!("{about}{} {unit}", (tenths + 5) / 10),
    }
}

fn legend(svg: &mut Svg, columns: &[Column], g: &Graph, y: f64) {
    let ranges = || columns.iter().flat_map(|c| &c.blocks).map(|b| &b.range);
    let shown = |edge: &str| ranges().any(|r| paint(g, r).edge == edge);
    let all = [
        (svg::RAM, "RAM"),
        (svg::ROM, "ROM, flash"),
        (svg::MMIO, "registers"),
        (svg::STUB, "not modelled"),
        (svg::HOLE, "nothing"),
        (svg::WINDOW, "window"),
    ];
    let mut x = MARGIN;
    let word_type = Type::new(10.5, GREY);
    for (p, word) in all.into_iter().filter(|(p, _)| shown(p.edge)) {
        svg.rect(x, y - 10.0, 12.0, 12.0, p);
        svg.text(x + 18.0, y, word_type, word);
        x += 36.0 + word_type.width(word);
    }
    if ranges().any(|r| !r.via.is_empty()) {
        svg.bar(x + 4.0, y - 10.0, 4.0, 12.0, svg::WINDOW.edge);
        svg.text(x + 16.0, y, word_type, "through a window");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{opentitan, trio};

    #[test]
    fn every_range_of_every_view_is_drawn() {
        let g = trio().build();
        let svg = maps_svg(&g);
        for word in [
            ">trio<",
            ">be<",
            ">m4<",
            ">rv<",
            ">0x1F00_0000<",
            ">uart0<",
            ">nothing: fault<",
            "ns16550a · via soc 0x1000_0000",
            "hm.mailbox · swap32",
            ">2 GiB<",
            "unmapped",
        ] {
            assert!(svg.contains(word), "{word}");
        }
        assert_eq!(svg.matches(">shared<").count(), 3);
        assert_eq!(svg.matches("class=\"band\"").count(), 5, "shared and mbox twice, uart0 once");
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    }

    #[test]
    fn one_view() {
        let g = opentitan().build();
        let svg = map_svg(&g, "ibex").expect("ibex");
        assert!(svg.contains("lowrisc.ibex · bus main · little-endian"));
        assert!(!svg.contains("through a window"));
        assert_eq!(map_svg(&g, "nobody"), None);
    }

    #[test]
    fn gaps_are_told_roughly() {
        assert_eq!(approximate(240 << 20), "240 MiB");
        assert_eq!(approximate((1 << 30) + (1 << 29) + 7), "about 1.5 GiB");
        assert_eq!(approximate(0xFFE_0000), "about 256 MiB");
        assert_eq!(approximate((16 << 20) - 8), "about 16 MiB");
        assert_eq!(approximate(8), "8 B");
    }
}
