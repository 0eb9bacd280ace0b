//! Reports of guests that cannot go on: where the core is, what it did, what is near.

use super::Running;
use crate::report::Report;
use crate::stats::hex;
use crate::trouble::Taken;
use hetemu_engine::Unanswered;
use hetemu_hw::time::SECOND;
use hetemu_isa::Access;

impl Running {
    /// The report for a machine in which nothing can happen any more.
    pub fn hang_report(&mut self) -> Report {
        let report = Report::new(
            "E1101",
            "the guest hangs: every core waits and nothing can wake it",
        )
        .note(
            "note",
            "no timer runs, no input can come, and no interrupt that a core has enabled is pending",
        );
        self.with_cores(report)
    }

    pub(super) fn endless_loop(&mut self) -> Report {
        let report = Report::new(
            "E1102",
            "the guest hangs: it runs in a circle that nothing can end",
        )
        .note("note", "no timer runs, no input can come, and the registers come back unchanged");
        self.with_cores(report)
    }

    pub(super) fn double_fault(&mut self, cluster: usize, core: usize) -> Report {
        let watch = self
            .m
            .world
            .watches
            .get(cluster)
            .and_then(|c| c.get(core))
            .cloned()
            .unwrap_or_default();
        let name = self.m.world.core_name(cluster, core).to_string();
        let handler = watch.last.map_or(0, |t| t.handler);
        let mut report = Report::new(
            "E1103",
            format!(
                "`{name}` cannot go on: its trap handler at {} raises exceptions itself",
                hex(handler)
            ),
        );
        if let Some(first) = watch.before {
            report.add("first", self.describe(cluster, core, &first));
        }
        if let Some(last) = watch.last {
            report.add("then", self.describe(cluster, core, &last));
        }
        self.with_core(report, cluster, core)
    }

    pub(super) fn same_exception(&mut self, cluster: usize, core: usize) -> Report {
        let watch = self
            .m
            .world
            .watches
            .get(cluster)
            .and_then(|c| c.get(core))
            .cloned()
            .unwrap_or_default();
        let name = self.m.world.core_name(cluster, core).to_string();
        let mut report = Report::new(
            "E1104",
            format!(
                "`{name}` cannot go on: one exception comes back for ever, with the same registers"
            ),
        );
        if let Some(last) = watch.last {
            report.add("exception", self.describe(cluster, core, &last));
        }
        self.with_core(report, cluster, core)
    }

    pub(super) fn strict_stop(&mut self, cluster: usize, what: Unanswered) -> Report {
        let name = self.m.world.core_name(cluster, what.core).to_string();
        let verb = match what.access {
            Access::Fetch => "fetches from",
            Access::Load => "reads",
            Access::Store => "writes",
        };
        let report = Report::new(
            "E1105",
            format!("`{name}` {verb} {}, where nothing answers", hex(what.pa)),
        )
        .note("note", "--strict stops here; without it the core takes its bus error and goes on");
        self.with_core(report, cluster, what.core)
    }

    /// An exception in a sentence.
    fn describe(&self, cluster: usize, core: usize, t: &Taken) -> String {
        let Some(c) = self.m.clusters.get(cluster) else { return String::new() };
        let cause = c.cpu(core).describe(t.exception.cause);
        format!("{cause}, value {}, at {}", hex(t.exception.value), self.place(t.pc))
    }

    /// An address with its symbol.
    pub(crate) fn place(&self, pc: u64) -> String {
        match self.m.symbols.at(pc) {
            Some((symbol, 0)) => format!("{} <{}>", hex(pc), symbol.name),
            Some((symbol, far)) => format!("{} <{}+{far:#x}>", hex(pc), symbol.name),
            None => hex(pc),
        }
    }

    fn with_cores(&mut self, mut report: Report) -> Report {
        let counts: Vec<usize> = self.m.core_names.iter().map(Vec::len).collect();
        for (cluster, n) in counts.into_iter().enumerate() {
            for core in 0..n.min(8) {
                report = self.with_core(report, cluster, core);
            }
        }
        report
    }

    /// Adds where a core is and what it last did.
    fn with_core(&mut self, mut report: Report, cluster: usize, core: usize) -> Report {
        let name = self.m.world.core_name(cluster, core).to_string();
        let now = self.m.world.now;
        let Some(c) = self.m.clusters.get(cluster) else { return report };
        let (pc, mode, retired) = (c.pc(core), c.cpu(core).mode_name(), c.retired(core));
        let seconds = now / SECOND;
        let micros = now % SECOND / 1_000_000;
        report.add(
            "core",
            format!("{name}, {mode} mode, {retired} instructions, {seconds}.{micros:06} s"),
        );
        report.add("pc", format!("{}{}", self.place(pc), self.instruction(cluster, core, pc)));
        let last =
            self.m.world.last_unanswered.get(cluster).and_then(|c| c.get(core)).copied().flatten();
        if let Some(u) = last {
            report.add("access", self.access(cluster, &u));
        }
        let registers = self.registers(cluster, core);
        report.add("registers", registers);
        report
    }

    fn instruction(&mut self, cluster: usize, core: usize, pc: u64) -> String {
        let mut bytes = [0; 16];
        let Some(c) = self.m.clusters.get_mut(cluster) else { return String::new() };
        let read = [16, 4, 2]
            .into_iter()
            .find(|n| bytes.get_mut(..*n).is_some_and(|b| c.read_virt(core, pc, b)));
        let Some(read) = read else { return String::from("  (not memory)") };
        let Some(info) = self.m.infos.get(cluster).and_then(|i| i.get(core)) else {
            return String::new();
        };
        let target = self.m.registry.target(info.isa);
        let text = bytes.get(..read).and_then(|b| target?.disassemble(&info.config, pc, b));
        text.map_or(String::from("  (no instruction)"), |d| format!("  {}", d.text))
    }

    /// The last access that nothing answered, and the nearest part.
    fn access(&self, cluster: usize, u: &Unanswered) -> String {
        let kind = match u.access {
            Access::Fetch => "fetch",
            Access::Load => "read",
            Access::Store => "write",
        };
        let via = if u.va == u.pa { String::new() } else { format!(" (virtual {})", hex(u.va)) };
        let mut out = format!(
            "{kind} of {} bytes at {}{via} by {}: nothing answers there",
            u.size,
            hex(u.pa),
            self.place(u.pc)
        );
        if let Some(near) = self.nearest(cluster, u.pa) {
            out.push('\n');
            out.push_str(&near);
        }
        out
    }

    fn nearest(&self, cluster: usize, pa: u64) -> Option<String> {
        let view = *self.m.views.get(cluster)?;
        let ranges = hetemu_graph::flatten(&self.m.graph, view);
        let far = |r: &hetemu_graph::Range| {
            if pa < r.start { r.start - pa } else { pa.saturating_sub(r.last) }
        };
        let part = |r: &hetemu_graph::Range| match r.to {
            hetemu_graph::Flat::Region { part, .. } => Some(part),
            hetemu_graph::Flat::Hole(_) => None,
        };
        let near = ranges.iter().filter(|r| part(r).is_some()).min_by_key(|r| far(r))?;
        let name = &self.m.graph.part(part(near)?).name;
        let (start, last) = (hex(near.start), hex(near.last));
        Some(match far(near) {
            0 => format!("it lies in {name} {start} .. {last}, which refused the access"),
            n if pa < near.start => {
                format!("nearest: {name} {start} .. {last}, {n:#x} bytes above")
            }
            n => format!("nearest: {name} {start} .. {last}, {n:#x} bytes below"),
        })
    }

    /// The general registers, four a line, then those of the others that say something.
    pub(crate) fn registers(&self, cluster: usize, core: usize) -> String {
        const GENERAL: usize = 32;
        let Some(c) = self.m.clusters.get(cluster) else { return String::new() };
        let mut all = c.cpu(core).registers(c.regs(core));
        let wide = c.cpu(core).layout().bits > 32;
        // What many have in common (zero, an empty float) is what they had at reset.
        let rest = all.split_off(all.len().min(GENERAL));
        let usual = |v: u64| v == 0 || rest.iter().filter(|(_, other)| *other == v).count() > 4;
        all.extend(rest.iter().filter(|(_, v)| !usual(*v)).take(24).cloned());
        let mut out = String::new();
        for row in all.chunks(4) {
            let cells: Vec<String> = row
                .iter()
                .map(|(name, value)| {
                    if wide {
                        format!("{name:>10} {value:016x}")
                    } else {
                        format!("{name:>10} {value:08x}")
                    }
                })
                .collect();
            out.push_str(cells.join(" ").trim_end());
            out.push('\n');
        }
        out
    }

    /// One line for a run that its own limit ended: where each core is.
    pub fn where_it_is(&self) -> Vec<String> {
        let mut out = Vec::new();
        for (cluster, names) in self.m.core_names.iter().enumerate() {
            let Some(c) = self.m.clusters.get(cluster) else { continue };
            for (core, name) in names.iter().enumerate() {
                let state = match (c.held(core), c.waiting(core)) {
                    (true, _) => "is held in reset",
                    (_, true) => "waits",
                    _ => "runs",
                };
                out.push(format!("{name} {state} at {}", self.place(c.pc(core))));
            }
        }
        out
    }
}
