//! Accesses of a block that lie near each other whatever their base is: the fields of a structure,
//! a stack frame.
//!
//! One look at the TLB serves all of a group. It asks for the page of the first byte and requires
//! the last byte to lie in it as well; if that fails, each access takes its slow path. Loads and
//! stores form groups of their own, so that loads from a page with code are not slow.

use hetemu_isa::ir::{Bin, Block, Inst, Mem, Val};
use std::collections::BTreeMap;

/// Bytes that a group may span: the wider, the oftener it lies in two pages.
const SPAN: i64 = 512;

/// Accesses that share one look at the TLB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Group {
    /// They store (else they load).
    pub(super) write: bool,
    /// The lowest address, less the group's base.
    pub(super) low: i64,
    /// Bytes from there to the end of the highest access.
    pub(super) span: i64,
    /// Low bits of the lowest address that must be zero: all its accesses must be aligned, are of
    /// one size, and are aligned if the lowest is.
    pub(super) align: i64,
}

/// The groups of a block.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Groups {
    pub(super) list: Vec<Group>,
    /// By index of the operation: its group, and its address less the group's base.
    member: BTreeMap<usize, (usize, i64)>,
}

impl Groups {
    /// Finds the groups of a block whose addresses have so many bits.
    pub(super) fn of(block: &Block, bits: u8) -> Groups {
        // Each value as another one and a constant.
        let mut sums: Vec<(Val, i64)> = Vec::with_capacity(block.insts.len());
        let constant = |v: Val| match block.insts.get(usize::from(v.0)) {
            Some(Inst::Const(_, n)) if bits < 64 => Some(i64::from(*n as u32 as i32)),
            Some(Inst::Const(_, n)) => Some(*n as i64),
            _ => None,
        };
        // Groups that may still grow, by base, direction and alignment.
        let mut open: BTreeMap<(Val, bool, i64), usize> = BTreeMap::new();
        let mut list: Vec<(Group, Vec<(usize, i64)>)> = Vec::new();
        for (at, inst) in block.insts.iter().enumerate() {
            let own = (Val(at as u16), 0);
            let sum = |v: Val| sums.get(usize::from(v.0)).copied().unwrap_or((v, 0));
            let value = match *inst {
                Inst::Bin(Bin::Add, a, b) => constant(b).map(|n| (a, n)),
                Inst::Bin(Bin::Sub, a, b) => constant(b).map(|n| (a, n.wrapping_neg())),
                _ => None,
            };
            let value = value.map(|(a, n)| (sum(a).0, sum(a).1.wrapping_add(n)));
            if let Some((mem, a, offset, write)) = access(inst) {
                let (base, n) = sum(a);
                let start = n.wrapping_add(i64::from(offset));
                let end = start.saturating_add(mem.bytes() as i64);
                let align = if mem.aligned { mem.bytes() as i64 - 1 } else { 0 };
                let kind = (base, write, align);
                let grown = open.get(&kind).copied().filter(|&g| {
                    let group = &mut list[g].0;
                    if group.low.wrapping_sub(start) & align != 0 {
                        return false;
                    }
                    let low = group.low.min(start);
                    let span = group.low.saturating_add(group.span).max(end).saturating_sub(low);
                    let fits = span <= SPAN;
                    if fits {
                        (group.low, group.span) = (low, span);
                    }
                    fits
                });
                let g = grown.unwrap_or_else(|| {
                    let group = Group { write, low: start, span: end - start, align };
                    list.push((group, Vec::new()));
                    open.insert(kind, list.len() - 1);
                    list.len() - 1
                });
                list[g].1.push((at, start));
            }
            sums.push(value.unwrap_or(own));
        }
        let mut groups = Groups::default();
        for (group, members) in list.into_iter().filter(|(_, members)| members.len() > 1) {
            let number = groups.list.len();
            groups.list.push(group);
            groups.member.extend(members.into_iter().map(|(at, start)| (at, (number, start))));
        }
        groups
    }

    /// The group of an operation, and how far its address is from the group's first byte.
    pub(super) fn of_inst(&self, at: usize) -> Option<(usize, i64)> {
        let (group, start) = self.member.get(&at).copied()?;
        Some((group, start.wrapping_sub(self.list[group].low)))
    }
}

/// The access of a plain load or store.
fn access(inst: &Inst) -> Option<(Mem, Val, i32, bool)> {
    let (mem, a, offset, write) = match *inst {
        Inst::Load(_, mem, a, offset) => (mem, a, offset, false),
        Inst::Store(mem, a, offset, _) => (mem, a, offset, true),
        _ => return None,
    };
    Some((mem, a, offset, write))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hetemu_isa::Builder;
    use hetemu_isa::Slot;
    use hetemu_isa::ir::{Exit, Ty};
    use hetemu_schema::Endian;

    fn mem(size: u8, aligned: bool) -> Mem {
        Mem { size, signed: false, endian: Endian::Little, aligned }
    }

    #[test]
    fn accesses_from_one_base_form_groups() {
        let mut b = Builder::new(0);
        b.start(0, 4);
        let sp = b.get(Ty::I64, Slot(1));
        let top = b.bin_imm(Bin::Sub, sp, 32);
        b.put(Slot(1), top);
        let v = b.get(Ty::I64, Slot(2));
        b.store(mem(3, false), top, 24, v); // sp - 8
        let x = b.load(Ty::I64, mem(3, false), sp, 0);
        b.store(mem(2, false), sp, -32, v); // sp - 32
        b.store(mem(3, true), sp, -16, v); // must be aligned: another group
        b.load(Ty::I64, mem(3, false), x, 0); // another base
        b.load(Ty::I64, mem(0, false), top, 47); // sp + 15
        b.load(Ty::I64, mem(0, false), top, 4000); // too far
        let block = b.finish(Exit::Jump(0, hetemu_isa::ir::Hint::None));
        let groups = Groups::of(&block, 64);
        let stores = Group { write: true, low: -32, span: 32, align: 0 };
        let loads = Group { write: false, low: 0, span: 16, align: 0 };
        assert_eq!(groups.list, [stores, loads]);
        let members: Vec<(usize, i64)> =
            (0..block.insts.len()).filter_map(|i| groups.of_inst(i)).collect();
        assert_eq!(members, [(0, 24), (1, 0), (0, 0), (1, 15)]);
    }
}
