//! Answers to the questions of a person at the monitor: registers, interrupts, maps, devices.

use crate::run::Running;
use crate::stats::hex;
use hetemu_graph::{Flat, flatten};
use hetemu_hw::time::SECOND;

const HELP: &str = "info regs       registers of every core
info mtree      what each core sees
info irq        levels of wired lines
info devices    parts and their types
info PART       a device's registers by name
info stats      instructions, time, accesses that nothing answers
x ADDR [N]      N words of physical memory
cont            back to the guest (c)
quit            end the run (q)
";

impl Running {
    /// Answers one line.
    pub fn monitor(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] => String::new(),
            ["help" | "h" | "?"] => HELP.to_string(),
            ["info", "regs" | "registers"] => self.all_registers(),
            ["info", "mtree"] => self.mtree(),
            ["info", "irq"] => self.lines(),
            ["info", "devices"] => self.devices(),
            ["info", "stats"] => self.summary(),
            ["info", part] => self.inspect(part),
            ["x", addr] => self.examine(addr, "4"),
            ["x", addr, n] => self.examine(addr, n),
            _ => format!("`{line}` is no command; help lists them\n"),
        }
    }

    fn all_registers(&self) -> String {
        let mut out = String::new();
        for (cluster, names) in self.m.core_names.iter().enumerate() {
            for (core, name) in names.iter().enumerate() {
                let Some(c) = self.m.clusters.get(cluster) else { continue };
                let state = match (c.held(core), c.waiting(core)) {
                    (true, _) => ", held",
                    (_, true) => ", waiting",
                    _ => "",
                };
                let mode = c.cpu(core).mode_name();
                out.push_str(&format!(
                    "{name} ({mode} mode{state}) pc {}\n",
                    self.place(c.pc(core))
                ));
                out.push_str(&self.registers(cluster, core));
            }
        }
        out
    }

    fn mtree(&self) -> String {
        let mut out = String::new();
        let graph = &self.m.graph;
        for (cluster, view) in graph.clusters.iter().zip(&self.m.views) {
            out.push_str(&format!("{} sees\n", cluster.name));
            for r in flatten(graph, *view) {
                let what = match r.to {
                    Flat::Region { part, .. } => {
                        let p = graph.part(part);
                        format!("{:14} {}", p.name, p.ty.name)
                    }
                    Flat::Hole(_) => String::from("-"),
                };
                out.push_str(&format!("{} .. {}  {what}\n", hex(r.start), hex(r.last)));
            }
        }
        out
    }

    fn lines(&self) -> String {
        let mut out = String::new();
        for (slot, port, line, level) in self.m.world.routes.levels() {
            let Some(s) = self.m.world.slots.get(slot) else { continue };
            let Some(output) = s.ty.outputs.get(port as usize) else { continue };
            let index = if output.width.is_some() { format!("[{line}]") } else { String::new() };
            out.push_str(&format!("{} {}.{}{index}\n", u8::from(level), s.path, output.name));
        }
        out
    }

    fn devices(&self) -> String {
        let parts = self.m.graph.parts.iter();
        parts.map(|p| format!("{:14} {}\n", p.name, p.ty.full_name())).collect()
    }

    fn inspect(&self, part: &str) -> String {
        let Some(slot) = self.m.world.slots.iter().find(|s| s.path == part) else {
            return format!("there is no device `{part}`\n");
        };
        let values = slot.device.as_ref().map(|d| d.inspect()).unwrap_or_default();
        values.iter().map(|v| format!("{:28} {:#x}\n", v.name, v.value)).collect()
    }

    fn examine(&self, addr: &str, count: &str) -> String {
        let Some(at) = number(addr) else { return format!("`{addr}` is no address\n") };
        let count = number(count).unwrap_or(4).clamp(1, 1024);
        let Some(space) = self.m.spaces.first() else { return String::new() };
        let mut out = String::new();
        for i in 0..count {
            let pa = at.wrapping_add(i * 4);
            let mut word = [0; 4];
            if i % 4 == 0 {
                out.push_str(&format!("{}:", hex(pa)));
            }
            match space.read_ram(pa, &mut word) {
                true => out.push_str(&format!(" {:08x}", u32::from_le_bytes(word))),
                false => out.push_str(" --------"),
            }
            if i % 4 == 3 || i + 1 == count {
                out.push('\n');
            }
        }
        out
    }

    /// Instructions, time and counts.
    pub fn summary(&self) -> String {
        let now = self.now();
        let mut out = format!(
            "{} instructions, {}.{:06} s of virtual time, {} resets\n",
            self.retired(),
            now / SECOND,
            now % SECOND / 1_000_000,
            self.resets()
        );
        for line in self.counts().lines() {
            out.push_str(&format!("{line}\n"));
        }
        out
    }
}

fn number(text: &str) -> Option<u64> {
    let text = text.replace('_', "");
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}
