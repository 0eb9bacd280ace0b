//! Runs of a core in pieces: instruction by instruction for traces, to exact counts for samples and
//! hashes.

use super::{Event, Kind, Observer, What};
use crate::phases::CoreInfo;
use crate::world::World;
use hetemu_engine::{Cluster, Ran, Stop};
use hetemu_hw::time::Ps;
use hetemu_isa::{Regs, Target};

/// Runs a core as [`Cluster::run`] does, and looks on.
pub(crate) fn run(
    cluster: &mut Cluster,
    core: usize,
    world: &mut World,
    about: &(&CoreInfo, Option<&dyn Target>),
    start: Ps,
    budget: u64,
) -> Ran {
    let ps = about.0.ps_per_insn;
    let at = (world.cluster, core);
    let mut done = 0;
    if let Some(observer) = &mut world.observer {
        observer.resume(at, start);
    }
    loop {
        let now = start.saturating_add(done * ps);
        let piece = match &mut world.observer {
            Some(observer) => {
                observer.who = Some((at, cluster.pc(core)));
                observer.piece(at, now, ps, budget - done)
            }
            None => Piece::Run(budget - done),
        };
        let ran = match piece {
            Piece::Run(n) => cluster.run(core, world, now, ps, n),
            Piece::Step => step(cluster, core, world, about, now),
        };
        done += ran.retired;
        let now = start.saturating_add(done * ps);
        if let Some(observer) = &mut world.observer {
            observer.ran(cluster, at, now, ran);
        }
        if ran.stop != Stop::Budget || done >= budget {
            return Ran { retired: done, stop: ran.stop };
        }
        // A run in one piece would have seen it here.
        if world.stop {
            return Ran { retired: done, stop: Stop::Event };
        }
    }
}

/// How a core goes on.
enum Piece {
    /// So many instructions.
    Run(u64),
    /// One, which is traced.
    Step,
}

impl Observer {
    fn seen(&mut self, at: (usize, usize)) -> Option<&mut super::Seen> {
        self.cores.get_mut(at.0)?.get_mut(at.1)
    }

    /// A core that waited goes on.
    fn resume(&mut self, at: (usize, usize), now: Ps) {
        if let Some(from) = self.seen(at).and_then(|s| s.waits.take()) {
            let what = What::Wait { until: Some(now) };
            self.event(Event { at: from, core: Some(at), pc: None, what });
        }
    }

    fn piece(&mut self, at: (usize, usize), now: Ps, ps: u64, left: u64) -> Piece {
        let steps = self.seen(at).map_or(0, |s| s.steps);
        let mut n = left;
        let mut until = |every: u64| {
            if every > 0 {
                n = n.min(every - steps % every);
            }
        };
        until(self.state_every);
        until(self.profile.as_ref().map_or(0, |p| p.every));
        if self.wants(Kind::Exec) && self.filter.has_core(at) && now < self.filter.end {
            if now >= self.filter.start {
                return Piece::Step;
            }
            n = n.min((self.filter.start - now).div_ceil(ps.max(1)));
        }
        Piece::Run(n)
    }

    /// A core has run.
    fn ran(&mut self, cluster: &mut Cluster, at: (usize, usize), now: Ps, ran: Ran) {
        let name = |o: &Observer| o.names.cores.get(at.0).and_then(|c| c.get(at.1)).cloned();
        let Some(seen) = self.seen(at) else { return };
        seen.steps += ran.retired;
        let steps = seen.steps;
        if ran.stop == Stop::Wait {
            seen.waits.get_or_insert(now);
        }
        self.who = None;
        if ran.retired == 0 {
            return;
        }
        let due = |every: u64| every > 0 && steps.is_multiple_of(every);
        if due(self.state_every) {
            let what = What::State { steps, hash: hash(cluster, at.1) };
            self.event(Event { at: now, core: Some(at), pc: Some(cluster.pc(at.1)), what });
        }
        if due(self.profile.as_ref().map_or(0, |p| p.every))
            && let Some(mut profile) = self.profile.take()
        {
            profile.sample(cluster, at.1, &name(self).unwrap_or_default(), &self.names);
            self.profile = Some(profile);
        }
    }
}

/// FNV-1a over every register that a debugger sees, and over the address of the next instruction.
fn hash(cluster: &Cluster, core: usize) -> u64 {
    let mix = |h: u64, byte: u8| (h ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let registers = cluster.cpu(core).registers(cluster.regs(core));
    let values = registers.iter().map(|(_, v)| *v).chain([cluster.pc(core)]);
    values.flat_map(u64::to_le_bytes).fold(0xcbf2_9ce4_8422_2325, mix)
}

/// Runs one instruction and traces it.
fn step(
    cluster: &mut Cluster,
    core: usize,
    world: &mut World,
    about: &(&CoreInfo, Option<&dyn Target>),
    now: Ps,
) -> Ran {
    let at = (world.cluster, core);
    let before = cluster.regs(core).clone();
    let mut pc = cluster.pc(core);
    let mut bytes = Vec::new();
    if let Some(observer) = &mut world.observer {
        if observer.filter.takes_exec(pc) {
            // The instruction may change its own bytes, or what its address means.
            bytes = code(cluster, core, pc);
        }
        (observer.held, observer.handler) = (Some(Vec::new()), None);
    }
    let ran = cluster.run(core, world, now, about.0.ps_per_insn, 1);
    let Some(observer) = &mut world.observer else { return ran };
    let mut held = observer.held.take().unwrap_or_default();
    if let Some((_, handler)) = observer.handler.take().filter(|h| h.0 == now && ran.retired > 0) {
        // The interrupt came first: what has run is the handler's first instruction.
        (pc, bytes) = (handler, code(cluster, core, handler));
        let first = held.iter().position(|e| matches!(e.what, What::Trap { interrupt: true, .. }));
        if let Some(first) = first {
            let first = held.remove(first);
            observer.emit(&first);
        }
    }
    if ran.retired > 0 && observer.filter.takes_exec(pc) {
        let shown = about.1.and_then(|t| t.disassemble(&about.0.config, pc, &bytes));
        let (len, text) = match shown {
            Some(d) => (usize::from(d.len), d.text),
            None => (bytes.len().min(4), String::from("(no instruction)")),
        };
        bytes.truncate(len);
        let writes = changes(cluster, core, &before);
        let what = What::Exec { bytes, text, writes };
        observer.emit(&Event { at: now, core: Some(at), pc: Some(pc), what });
    }
    for event in held {
        observer.emit(&event);
    }
    ran
}

/// Bytes of code at an address, as many as there are.
fn code(cluster: &mut Cluster, core: usize, pc: u64) -> Vec<u8> {
    let mut bytes = [0; 16];
    for n in [16, 8, 4, 2] {
        if bytes.get_mut(..n).is_some_and(|b| cluster.read_virt(core, pc, b)) {
            return bytes.get(..n).unwrap_or_default().to_vec();
        }
    }
    Vec::new()
}

/// Slots that have another value than before.
fn changes(cluster: &Cluster, core: usize, before: &Regs) -> Vec<(&'static str, u64)> {
    let layout = cluster.cpu(core).layout();
    let (old, new) = (before.0.iter(), cluster.regs(core).0.iter());
    let slots = layout.slots.iter().zip(old.zip(new)).enumerate();
    slots
        .filter(|(i, (_, (old, new)))| old != new && *i != usize::from(layout.pc.0))
        .map(|(_, (slot, (_, new)))| (slot.name, *new))
        .collect()
}
