//! Where a guest spends its instructions: stacks of functions, sampled every so many instructions
//! of each core, so that every run gives the same profile.

use super::event::Names;
use hetemu_engine::Cluster;
use hetemu_schema::Endian;
use std::collections::{BTreeMap, BTreeSet};

/// Deepest stack that is followed.
const DEEPEST: usize = 128;
/// How far apart in bytes the frames of a stack may be.
const WIDEST: u64 = 1 << 20;

/// Samples by stack.
#[derive(Debug, Clone, Default)]
pub struct Profile {
    /// Instructions between samples.
    pub(crate) every: u64,
    stacks: BTreeMap<String, u64>,
}

impl Profile {
    pub(crate) fn new(every: u64) -> Profile {
        Profile { every: every.max(1), stacks: BTreeMap::new() }
    }

    /// Stacks with their samples: core, outermost function, ..., innermost, with semicolons.
    pub fn folded(&self) -> impl Iterator<Item = (&str, u64)> {
        self.stacks.iter().map(|(stack, n)| (stack.as_str(), *n))
    }

    /// Instructions between samples.
    pub fn every(&self) -> u64 {
        self.every
    }

    /// Number of samples.
    pub fn samples(&self) -> u64 {
        self.stacks.values().sum()
    }

    /// Functions by their own samples: name, own, with callees.
    pub fn flat(&self) -> Vec<(String, u64, u64)> {
        let mut by: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for (stack, n) in &self.stacks {
            let frames: Vec<&str> = stack.split(';').skip(1).collect();
            if let Some(last) = frames.last() {
                by.entry(last).or_default().0 += n;
            }
            for name in frames.iter().collect::<BTreeSet<_>>() {
                by.entry(name).or_default().1 += n;
            }
        }
        let mut all: Vec<_> =
            by.into_iter().map(|(f, (own, all))| (f.to_string(), own, all)).collect();
        all.sort_by(|a, b| (b.1, b.2, &a.0).cmp(&(a.1, a.2, &b.0)));
        all
    }

    /// Takes a sample of a core.
    pub(crate) fn sample(&mut self, cluster: &mut Cluster, core: usize, name: &str, names: &Names) {
        let mut line = String::from(name);
        let mode = cluster.cpu(core).mode_name();
        for pc in stack(cluster, core, names).into_iter().rev() {
            line.push(';');
            line.push_str(&function(pc, mode, names));
        }
        *self.stacks.entry(line).or_insert(0) += 1;
    }
}

/// A frame's name: the function, else what mode it runs in, else the address.
fn function(pc: u64, mode: &str, names: &Names) -> String {
    match names.symbols.function(pc) {
        // The format's own separators cannot be part of a name.
        Some(symbol) => symbol.name.replace([';', ' '], "_"),
        None if names.symbols.is_empty() => format!("{pc:#x}"),
        None => format!("[{mode} mode]"),
    }
}

/// Addresses in the functions that are active, innermost first.
fn stack(cluster: &mut Cluster, core: usize, names: &Names) -> Vec<u64> {
    let pc = cluster.pc(core);
    let mut out = vec![pc];
    let Some(frame) = cluster.cpu(core).call_frame(cluster.regs(core)) else { return out };
    let mask = if frame.word >= 8 { u64::MAX } else { (1 << (8 * frame.word)) - 1 };
    let start = |pc: u64| names.symbols.function(pc).map(|s| s.addr);
    let aligned = |fp: u64| fp != 0 && fp.is_multiple_of(u64::from(frame.word));
    let on_stack = |v: u64| v > frame.sp && v - frame.sp <= WIDEST && aligned(v);
    let is_code = |pc: u64| match names.symbols.function(pc) {
        Some(symbol) => symbol.function || !on_stack(pc),
        None => pc != 0 && names.symbols.is_empty() && !on_stack(pc),
    };
    let same = |a: u64, b: u64| start(a).is_some() && start(a) == start(b);
    let mut word = |at: u64| {
        let mut bytes = [0; 8];
        let part = bytes.get_mut(..usize::from(frame.word))?;
        cluster.read_virt(core, at, part).then_some(())?;
        Some(match cluster.cpu(core).layout().endian {
            Endian::Little => u64::from_le_bytes(bytes),
            Endian::Big => u64::from_be_bytes(bytes) >> (64 - 8 * u32::from(frame.word)),
        })
    };
    // The frame pointer names a frame above the stack pointer.
    let (mut fp, mut below) = (frame.fp, frame.sp);
    let mut first = true;
    while out.len() < DEEPEST && aligned(fp) && fp > below && fp - below <= WIDEST {
        let (ra_at, fp_at) =
            (fp.wrapping_add_signed(frame.ra_at), fp.wrapping_add_signed(frame.fp_at));
        let (Some(ra), Some(next)) = (word(ra_at & mask), word(fp_at & mask)) else { break };
        if first {
            first = false;
            // A function that calls nothing, or has not made its frame yet: the frame is its
            // caller's, and its own return address is still in the register.
            if let Some(held) = frame.ra
                && held != ra
                && is_code(held)
                && !same(held, pc)
            {
                out.push(held);
                // Of functions without calls some compilers keep only the frame pointer.
                if !is_code(ra) && aligned(ra) {
                    (below, fp) = (fp, ra);
                    continue;
                }
            }
        }
        if !is_code(ra) {
            break;
        }
        out.push(ra);
        (below, fp) = (fp, next);
    }
    if first
        && let Some(held) = frame.ra
        && is_code(held)
        && !same(held, pc)
    {
        out.push(held);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_summed() {
        let mut p = Profile::new(100);
        for (stack, n) in [("h;main;work", 5), ("h;main", 2), ("h;main;work;work", 1)] {
            p.stacks.insert(stack.into(), n);
        }
        let flat = p.flat();
        let rows: Vec<_> = flat.iter().map(|(f, own, all)| (f.as_str(), *own, *all)).collect();
        assert_eq!(rows, [("work", 6, 6), ("main", 2, 8)]);
        assert_eq!(p.samples(), 8);
    }
}
