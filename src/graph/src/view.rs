//! Flattened views: what one initiator sees through its bus and every window behind it.
//!
//! A row with `over` lies on top of the rows that it overlaps; among rows of one priority the
//! checker has refused overlaps. Windows are followed to the parts behind them; a cycle of windows
//! (which the checker refuses as E0506) ends the descent instead of recursing for ever.

use crate::model::{BusId, Graph, Lanes, PartId, RowAccess, Span, Target, Unmapped};

/// A stretch of addresses with one answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Range {
    /// First address.
    pub start: u64,
    /// Last address, included.
    pub last: u64,
    /// What answers.
    pub to: Flat,
    /// Accesses that pass every row on the way.
    pub access: RowAccess,
    /// Byte order conversion on the way (the last one that says something).
    pub lanes: Lanes,
    /// Wide accesses are split on the way.
    pub split: bool,
    /// Buses passed through windows, outermost first, with the address there of `start`.
    pub via: Vec<(BusId, u64)>,
    /// The row that decides.
    pub span: Span,
}

/// What answers a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flat {
    /// A region of a part.
    Region {
        /// The part.
        part: PartId,
        /// Index in its type's `regions`.
        region: u32,
        /// Offset of the range's first byte in the region.
        offset: u64,
    },
    /// Nothing: behind a window, or (not listed on the outermost bus) plainly unmapped.
    Hole(Unmapped),
}

/// More buses behind each other than any hardware has; bounds the recursion.
const DEEPEST: usize = 64;

/// The view of `bus`, sorted and without overlaps. Holes are listed only behind windows.
pub fn flatten(graph: &Graph, bus: BusId) -> Vec<Range> {
    flatten_in(graph, bus, &mut vec![bus])
}

/// `path` holds the buses from the outermost to this one.
fn flatten_in(graph: &Graph, bus: BusId, path: &mut Vec<BusId>) -> Vec<Range> {
    let rows = &graph.bus(bus).rows;
    let mut out: Vec<Range> = Vec::new();
    // Stable: rows of one priority keep their order, rows with `over` come last and win.
    for over in [false, true] {
        for row in rows.iter().filter(|r| r.over == over && r.size > 0) {
            let last = row.base.saturating_add(row.size - 1);
            let part = |start, to, via| Range {
                start,
                last,
                to,
                access: row.access,
                lanes: row.lanes,
                split: row.split,
                via,
                span: row.span,
            };
            match row.target {
                Target::Region { part: p, region, offset } => {
                    let to = Flat::Region { part: p, region, offset };
                    lay(&mut out, part(row.base, to, Vec::new()));
                }
                Target::Bus { bus: inner, offset } => {
                    let hole = Flat::Hole(graph.bus(inner).unmapped);
                    lay(&mut out, part(row.base, hole, vec![(inner, offset)]));
                    if path.contains(&inner) || path.len() >= DEEPEST {
                        continue;
                    }
                    let end = offset.saturating_add(row.size - 1);
                    path.push(inner);
                    let seen = flatten_in(graph, inner, path);
                    path.pop();
                    for r in seen {
                        if let Some(mut r) = r.clip(offset, end) {
                            let there = r.start;
                            r.start = row.base + (there - offset);
                            r.last = row.base + (r.last - offset);
                            r.access = narrower(row.access, r.access);
                            r.lanes = if r.lanes == Lanes::Same { row.lanes } else { r.lanes };
                            r.split |= row.split;
                            r.via.insert(0, (inner, there));
                            lay(&mut out, r);
                        }
                    }
                }
            }
        }
    }
    out
}

fn narrower(a: RowAccess, b: RowAccess) -> RowAccess {
    if a == RowAccess::Rw { b } else { a }
}

/// Lays `new` on top of what is there.
fn lay(out: &mut Vec<Range>, new: Range) {
    let at = out.partition_point(|r| r.last < new.start);
    let to = out.partition_point(|r| r.start <= new.last);
    let mut middle = Vec::with_capacity(3);
    if let Some(first) = out.get(at..to).and_then(|s| s.first())
        && new.start > first.start
    {
        middle.extend(first.clip(first.start, new.start - 1));
    }
    let tail = out.get(at..to).and_then(|s| s.last()).and_then(|last| {
        if last.last > new.last { last.clip(new.last + 1, last.last) } else { None }
    });
    middle.push(new);
    middle.extend(tail);
    out.splice(at..to, middle);
}

impl Range {
    /// The part of this range within `start ..= last`, with its offsets moved along.
    fn clip(&self, start: u64, last: u64) -> Option<Range> {
        let (s, l) = (self.start.max(start), self.last.min(last));
        if s > l {
            return None;
        }
        let skip = s - self.start;
        let mut r = self.clone();
        (r.start, r.last) = (s, l);
        if let Flat::Region { offset, .. } = &mut r.to {
            *offset += skip;
        }
        for (_, there) in &mut r.via {
            *there += skip;
        }
        Some(r)
    }
}

#[cfg(test)]
mod tests;
