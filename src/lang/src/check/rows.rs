//! Rows of buses: base and size against the part that they map, width and alignment.

use super::Cx;
use super::targets::{Mapped, default_region};
use super::values::{hex, size};
use crate::diag::{Diagnostic, codes};
use crate::expr::ExprKind;
use crate::source::{Span, join};
use crate::typed::{Entity, Extent, Row};
use hetemu_graph as graph;
use hetemu_graph::{BusId, Lanes, PartId, RowAccess, Target, Value};
use hetemu_schema::{Region, RegionKind};

impl Cx<'_> {
    pub(crate) fn check_rows(&mut self) {
        self.bus_defaults();
        self.sizes_from_rows();
        let m = self.m;
        for (b, bus) in m.buses.iter().enumerate() {
            let mut rows = Vec::with_capacity(bus.rows.len());
            for row in &bus.rows {
                let again = row.declares && row.target.single().is_some_and(|n| !self.is_first(n));
                if again || self.vanishes(row) {
                    continue;
                }
                match self.row(b, row) {
                    Some(r) => rows.push(r),
                    None => self.holes[b] = true,
                }
            }
            if let Some(bus) = self.buses.get_mut(b) {
                bus.rows = rows;
            }
        }
    }

    /// Memories take their size from the row that declares them, else from the first that maps
    /// them.
    fn sizes_from_rows(&mut self) {
        let m = self.m;
        for declaring in [true, false] {
            for row in m.buses.iter().flat_map(|b| &b.rows) {
                let Some(name) = row.target.single().filter(|_| row.declares == declaring) else {
                    continue;
                };
                let Some((Entity::Part(p), _)) = self.scope.get(name.text.as_str()) else {
                    continue;
                };
                let Some(group) = self.groups.get(*p).filter(|g| g.count == 1) else { continue };
                let Some(e) = self.elements.get(group.first) else { continue };
                let unsized_memory =
                    default_region(e.part.ty).is_some_and(|(_, r)| r.size.is_none());
                if !unsized_memory || e.part.props.contains_key("size") || row.at.is_some() {
                    continue;
                }
                let first = group.first;
                // Reported, if at all, where the row itself is checked.
                let quiet = std::mem::take(self.sink);
                let size = self.base(row).and_then(|base| self.extent(row, base));
                *self.sink = quiet;
                if let (Some(Some(n)), Some(e)) = (size, self.elements.get_mut(first)) {
                    e.part.props.insert("size".into(), Value::Int(n));
                }
            }
        }
    }

    /// A row that maps something again is left out where its size works out as 0, as the RAM above
    /// 4 GiB of a PC with little RAM (`0x1_0000_0000 + (ram - low)  dram @ low`).
    fn vanishes(&mut self, row: &Row) -> bool {
        let Extent::Size(e) = &row.extent else { return false };
        let computed =
            matches!(e.kind, ExprKind::Binary(..) | ExprKind::Call(..) | ExprKind::Path(_));
        if row.declares || !computed {
            return false;
        }
        let quiet = std::mem::take(self.sink);
        let size = self.bytes(e, None);
        *self.sink = quiet;
        size == Some(0)
    }

    fn base(&mut self, row: &Row) -> Option<u64> {
        self.bytes(&row.base, None)
    }

    /// The size that the row itself states: `Some(None)` if it leaves it to the part.
    fn extent(&mut self, row: &Row, base: u64) -> Option<Option<u64>> {
        match &row.extent {
            Extent::Type => Some(None),
            Extent::Size(e) => {
                let n = self.bytes(e, None)?;
                if n == 0 {
                    self.report(Diagnostic::new(codes::E0209, e.span, "this row is empty"));
                    return None;
                }
                Some(Some(n))
            }
            Extent::To(e) => {
                let last = self.bytes(e, None)?;
                if last < base {
                    let what =
                        format!("this range ends before it begins: {} .. {}", hex(base), hex(last));
                    self.report(Diagnostic::new(codes::E0209, row.place, what));
                    return None;
                }
                let n = (last - base).saturating_add(1);
                let round = n - 1;
                if round >= 4 && (round.is_power_of_two() || round.is_multiple_of(256)) {
                    let what = format!(
                        "this range is {n} bytes: both ends of `..` are included, as in a datasheet"
                    );
                    let right = hex(last - 1);
                    let d = Diagnostic::new(codes::W0204, e.span, what);
                    let d = d.fix(format!("write `{right}`"), e.span, right);
                    self.report(d.help(format!("or `{} + {}`", hex(base), size(round))));
                    return Some(Some(round));
                }
                Some(Some(n))
            }
        }
    }

    fn row(&mut self, bus: usize, row: &Row) -> Option<graph::Row> {
        let base = self.base(row);
        let target = self.target(&row.target);
        let (base, target) = (base?, target?);
        let stated = self.extent(row, base)?;
        let offset = match &row.at {
            Some(e) => self.bytes(e, None)?,
            None => 0,
        };
        let size = match target {
            Mapped::Region { el, number, region } => {
                self.region_row(row, el, number, region, stated, offset)?
            }
            Mapped::Bus(_) => match stated {
                Some(n) => n,
                None => {
                    let what = "a window has no size of its own, and this row gives none";
                    let d = Diagnostic::new(codes::E0803, row.place, what);
                    self.report(d.help(format!("`{} + 16 MiB`, for example", hex(base))));
                    return None;
                }
            },
        };
        self.fits(bus, row, base, size)?;
        if let Mapped::Region { el, region, .. } = target {
            self.aligned(row, el, region, base, offset);
        }
        let target = match target {
            Mapped::Region { el, number, .. } => {
                Target::Region { part: PartId(el as u32), region: number as u32, offset }
            }
            Mapped::Bus(b) => Target::Bus { bus: BusId(b as u32), offset },
        };
        let span = join(row.place, row.target.span);
        let mut out = graph::Row {
            base,
            size,
            target,
            over: false,
            access: RowAccess::Rw,
            lanes: Lanes::Same,
            split: false,
            span,
        };
        self.flags(row, &mut out);
        Some(out)
    }

    /// The size of a row that maps a region, and whether it fits the part.
    fn region_row(
        &mut self,
        row: &Row,
        el: usize,
        number: usize,
        region: &'static Region,
        stated: Option<u64>,
        offset: u64,
    ) -> Option<u64> {
        let e = self.elements.get(el)?;
        let full = e.part.region_size(number as u32);
        let (ty, doubtful, type_span) = (e.part.ty, e.doubtful, e.text.ty.span);
        let name = row.target.dotted();
        let Some(full) = full else {
            if stated.is_none() && !doubtful {
                let (what, at) = match region.kind {
                    RegionKind::Window => (
                        format!("`{name}` has no size of its own, and this row gives none"),
                        row.place,
                    ),
                    _ if row.declares => (
                        format!(
                            "required property `size` of `{}` is not set, and its row has no size either",
                            ty.name
                        ),
                        type_span,
                    ),
                    _ => (format!("the size of `{name}` is said nowhere"), row.place),
                };
                let base = row.place;
                let d = Diagnostic::new(codes::E0803, at, what);
                self.report(d.also(base, "a size can stand here: `+ 64 KiB`"));
            }
            return stated;
        };
        let Some(n) = stated else {
            if offset >= full {
                self.beyond(row, &name, full, offset, 1);
                return None;
            }
            return Some(full - offset);
        };
        let fixed = region.size.is_some() && region.kind == RegionKind::Mmio;
        if fixed && row.at.is_none() && n != full {
            let what = format!("`{name}` needs {} and this row gives it {}", size(full), size(n));
            let end = match &row.extent {
                Extent::Size(e) | Extent::To(e) => e.span,
                Extent::Type => row.place,
            };
            let d = Diagnostic::new(codes::E0502, end, what);
            let rest = Span { start: row.base.span.end, ..row.place };
            self.report(d.fix("leave the size out: the type knows it", rest, ""));
            return Some(full);
        }
        if offset.checked_add(n).is_none_or(|end| end > full) {
            self.beyond(row, &name, full, offset, n);
            return None;
        }
        Some(n)
    }

    fn beyond(&mut self, row: &Row, name: &str, full: u64, offset: u64, n: u64) {
        let what = match &row.at {
            Some(_) => format!(
                "`{name}` is {} long, and this row shows {} from its byte {} on",
                size(full),
                size(n),
                hex(offset)
            ),
            None => {
                format!("`{name}` is {} long, and this row shows {} of it", size(full), size(n))
            }
        };
        self.report(Diagnostic::new(codes::E0509, row.place, what));
    }

    /// Whether the row lies within the bus' address bits.
    fn fits(&mut self, bus: usize, row: &Row, base: u64, size: u64) -> Option<()> {
        let b = self.buses.get(bus)?;
        let bits = u32::from(b.addr_bits);
        let last = base.checked_add(size - 1);
        if last.is_some_and(|l| bits >= 64 || l >> bits == 0) {
            return Some(());
        }
        let needed = last.map_or(65, |l| 64 - l.leading_zeros());
        let first = 64 - base.leading_zeros();
        let shown = if first > bits { hex(base) } else { last.map_or("its end".into(), hex) };
        let what = format!(
            "{shown} needs {} bits and bus `{}` has {bits} address bits",
            if first > bits { first } else { needed },
            b.name
        );
        let said = self.m.buses.get(bus)?.settings.iter().find(|s| s.path.dotted() == "addr");
        let d = Diagnostic::new(codes::E0203, row.place, what);
        let d = match said {
            Some(s) => d.also(s.value.span, "said here"),
            None => d.note(
                "a bus is as wide as the physical addresses of its cores, or says `addr = n`",
            ),
        };
        self.report(d);
        None
    }

    fn aligned(&mut self, row: &Row, el: usize, region: &'static Region, base: u64, offset: u64) {
        let align = region.align.max(1);
        if base.wrapping_sub(offset).is_multiple_of(align) {
            return;
        }
        let Some(e) = self.elements.get(el) else { return };
        let what =
            format!("`{}` at {} must start at a multiple of {align}", e.part.name, hex(base));
        let d = Diagnostic::new(codes::E0503, row.base.span, what);
        let widest = region.regs.iter().map(|r| r.bits).max().filter(|w| *w > 0);
        let origin = format!("{}, region `{}`", e.part.ty.full_name(), region.name);
        self.report(match widest {
            Some(w) => d.note(format!("its registers are {w} bits wide ({origin})")),
            None => d.note(origin),
        });
    }

    fn flags(&mut self, row: &Row, out: &mut graph::Row) {
        let mut said: [Option<&crate::expr::Name>; 4] = [None; 4];
        for f in &row.flags {
            let group = match f.text.as_str() {
                "over" => 0,
                "ro" | "wo" | "rw" => 1,
                "bytes" | "swap16" | "swap32" | "swap64" => 2,
                _ => 3,
            };
            if let Some(first) = said[group] {
                let what = match first.text == f.text {
                    true => format!("`{f}` is said twice"),
                    false => format!("this row cannot be `{first}` and `{f}`"),
                };
                let d = Diagnostic::new(codes::E0806, f.span, what);
                self.report(d.also(first.span, "the first word"));
                continue;
            }
            said[group] = Some(f);
            match f.text.as_str() {
                "over" => out.over = true,
                "ro" => out.access = RowAccess::Ro,
                "wo" => out.access = RowAccess::Wo,
                "bytes" => out.lanes = Lanes::Bytes,
                "swap16" => out.lanes = Lanes::Swap16,
                "swap32" => out.lanes = Lanes::Swap32,
                "swap64" => out.lanes = Lanes::Swap64,
                "split" => out.split = true,
                _ => {}
            }
        }
    }
}
