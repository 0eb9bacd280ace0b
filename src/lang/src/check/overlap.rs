//! Each bus map as a whole: overlaps, and windows that show nothing or one another.

use super::Cx;
use super::values::{hex, size};
use crate::diag::{Diagnostic, codes};
use hetemu_graph::{Row, Target};

/// Rows that one view may have, those behind windows included.
const MOST_RANGES: u64 = 100_000;

impl Cx<'_> {
    pub(crate) fn check_maps(&mut self) {
        for b in 0..self.buses.len() {
            // Stable: rows of one address stay in the order of the text.
            self.buses[b].rows.sort_by_key(|r| r.base);
            self.overlaps(b);
        }
        if self.window_cycles() || self.window_floods() {
            self.holes.iter_mut().for_each(|h| *h = true);
        }
        for b in 0..self.buses.len() {
            self.empty_windows(b);
        }
    }

    /// What a row maps, as the text calls it.
    fn mapped(&self, r: &Row) -> String {
        match r.target {
            Target::Region { part, .. } => self.element_name(part.0 as usize).to_string(),
            Target::Bus { bus, .. } => {
                self.buses.get(bus.0 as usize).map_or(String::new(), |b| b.name.clone())
            }
        }
    }

    /// Rows of one priority must not overlap: sorted by base, each against the one that reaches
    /// furthest.
    fn overlaps(&mut self, b: usize) {
        let Some(bus) = self.buses.get(b) else { return };
        let mut found = Vec::new();
        for over in [false, true] {
            let mut furthest: Option<&Row> = None;
            for row in bus.rows.iter().filter(|r| r.over == over) {
                if let Some(f) = furthest
                    && row.base <= last(f)
                {
                    found.push(self.overlap(b, f, row));
                }
                if furthest.is_none_or(|f| last(row) > last(f)) {
                    furthest = Some(row);
                }
            }
        }
        if !found.is_empty() {
            self.holes[b] = true;
        }
        for d in found {
            self.report(d);
        }
    }

    fn overlap(&self, b: usize, x: &Row, y: &Row) -> Diagnostic {
        // The later line of the text is the one that is wrong.
        let (first, second) = if x.span.start <= y.span.start { (x, y) } else { (y, x) };
        let (a, c) = (self.mapped(first), self.mapped(second));
        let bus = self.buses.get(b).map_or("", |b| b.name.as_str());
        let shared = last(x).min(last(y)) - y.base + 1;
        let what = format!("`{c}` overlaps `{a}` on bus `{bus}`");
        let range = |r: &Row| format!("{} .. {}", hex(r.base), hex(last(r)));
        let verb = if shared == 1 { "is" } else { "are" };
        let d = Diagnostic::new(codes::E0501, second.span, what)
            .label(format!("{}: {} {verb} shared", range(second), size(shared)))
            .also(first.span, range(first));
        let d = match self.free(b, second) {
            Some(free) => d.help(format!(
                "the next free {} on `{bus}` starts at {}",
                size(second.size),
                hex(free)
            )),
            None => d,
        };
        d.help(format!("if `{c}` is meant to lie on top of `{a}`, add `over`"))
    }

    /// The first address from the row's own on where as many bytes are free.
    fn free(&self, b: usize, row: &Row) -> Option<u64> {
        let bus = self.buses.get(b)?;
        let step = row.size.checked_next_power_of_two()?.clamp(1, 0x1_0000);
        let up = |a: u64| a.checked_next_multiple_of(step);
        let mut at = up(row.base)?;
        for r in bus.rows.iter().filter(|r| !std::ptr::eq(*r, row)) {
            if r.base <= at.checked_add(row.size - 1)? && last(r) >= at {
                at = up(last(r).checked_add(1)?)?;
            }
        }
        let end = at.checked_add(row.size - 1)?;
        let bits = u32::from(bus.addr_bits);
        (bits >= 64 || end >> bits == 0).then_some(at)
    }

    /// E0506; whether there are any.
    fn window_cycles(&mut self) -> bool {
        let n = self.buses.len();
        let mut colour = vec![0u8; n];
        let mut found: Vec<Vec<(usize, Row)>> = Vec::new();
        for start in 0..n {
            // Depth first, by hand: (bus, next row to look at).
            let mut stack: Vec<(usize, usize)> = vec![(start, 0)];
            if colour[start] != 0 {
                continue;
            }
            colour[start] = 1;
            while let Some((b, at)) = stack.last_mut() {
                let Some(row) = self.buses[*b].rows.get(*at) else {
                    colour[*b] = 2;
                    stack.pop();
                    continue;
                };
                *at += 1;
                let Target::Bus { bus, .. } = row.target else { continue };
                let inner = bus.0 as usize;
                match colour.get(inner) {
                    Some(0) => {
                        colour[inner] = 1;
                        stack.push((inner, 0));
                    }
                    Some(1) => {
                        let from = stack.iter().position(|(b, _)| *b == inner).unwrap_or(0);
                        let rows = stack.get(from..).unwrap_or(&[]).iter().filter_map(|(b, at)| {
                            Some((*b, self.buses[*b].rows.get(at - 1)?.clone()))
                        });
                        found.push(rows.collect());
                    }
                    _ => {}
                }
            }
        }
        for circle in &found {
            let name = |i: usize| self.buses.get(i).map_or("", |b| b.name.as_str());
            let Some(((first, row), rest)) = circle.split_first() else { continue };
            let what = match rest.first() {
                None => format!("bus `{}` shows itself through a window", name(*first)),
                Some((second, _)) => format!(
                    "bus `{}` is seen through a window of `{}`, and `{1}` through a window of `{0}`",
                    name(*second),
                    name(*first),
                ),
            };
            let mut d = Diagnostic::new(codes::E0506, row.span, what);
            for (b, r) in rest {
                d = d.also(r.span, format!("a window of `{}`", name(*b)));
            }
            self.sink.push(d);
        }
        !found.is_empty()
    }

    /// Windows of windows multiply: a view has an end, or a few lines could fill the memory of the
    /// host.
    fn window_floods(&mut self) -> bool {
        let mut rows: Vec<Option<u64>> = vec![None; self.buses.len()];
        // There are no circles: in as many rounds as there are buses every count is known.
        for _ in 0..self.buses.len() {
            let mut changed = false;
            for b in 0..self.buses.len() {
                if rows[b].is_some() {
                    continue;
                }
                let count = self.buses[b].rows.iter().try_fold(0u64, |n, r| match r.target {
                    Target::Region { .. } => Some(n.saturating_add(1)),
                    Target::Bus { bus, .. } => {
                        let inner = rows.get(bus.0 as usize).copied().flatten()?;
                        Some(n.saturating_add(inner).saturating_add(1))
                    }
                });
                changed |= count.is_some();
                rows[b] = count;
            }
            if !changed {
                break;
            }
        }
        let Some(b) = rows.iter().position(|n| n.is_some_and(|n| n > MOST_RANGES)) else {
            return false;
        };
        let bus = &self.buses[b];
        let what = format!("the windows of bus `{}` show more than {MOST_RANGES} rows", bus.name);
        let d = Diagnostic::new(codes::E0506, bus.span, what);
        self.report(d.note("windows of windows multiply; each row of a bus behind them counts"));
        true
    }

    /// E0505: a window behind which nothing is mapped.
    fn empty_windows(&mut self, b: usize) {
        let mut found = Vec::new();
        for row in self.buses.get(b).map_or(&[][..], |b| &b.rows) {
            let Target::Bus { bus, offset } = row.target else { continue };
            let Some(inner) = self.buses.get(bus.0 as usize) else { continue };
            if self.holes.get(bus.0 as usize).copied().unwrap_or(true) {
                continue;
            }
            let end = offset.saturating_add(row.size - 1);
            if inner.rows.iter().any(|r| r.base <= end && last(r) >= offset) {
                continue;
            }
            let what = format!(
                "the window shows {} {} .. {}, and nothing is mapped there",
                inner.name,
                hex(offset),
                hex(end)
            );
            let d = Diagnostic::new(codes::E0505, row.span, what);
            found.push(match inner.rows.iter().min_by_key(|r| r.base.abs_diff(offset)) {
                Some(r) => {
                    let near = format!("`{}` is at {}", self.mapped(r), hex(r.base));
                    d.also(r.span, format!("the nearest on `{}`: {near}", inner.name))
                }
                None => d.also(inner.span, format!("`{}` is empty", inner.name)),
            });
        }
        for d in found {
            self.report(d);
        }
    }
}

fn last(r: &Row) -> u64 {
    r.base.saturating_add(r.size - 1)
}
