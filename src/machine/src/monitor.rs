//! Answers to the questions of a person at the monitor: registers, interrupts, maps, devices.

use crate::run::Running;
use crate::stats::hex;
use hetemu_graph::{Flat, flatten};
use hetemu_hw::time::SECOND;
use hetemu_schema::Endian;

const HELP: &str = "info registers  registers of every core
info mtree      what each core sees
info qtree      parts with their properties
info irq        levels of wired lines
info devices    parts and their types
info PART       a device's registers by name
info stats      instructions, time, accesses that nothing answers
x ADDR [N]      N words of memory, by physical addresses; x/4xg ADDR: count, form, size
";

/// Lines that begin a question, for completion; names of parts are others.
const WORDS: &[&str] =
    &["info registers", "info mtree", "info qtree", "info irq", "info devices", "info stats", "x"];

impl Running {
    /// Answers one line.
    pub fn monitor(&mut self, line: &str) -> String {
        self.answer(line).unwrap_or_else(|| format!("`{line}` is no command; help lists them\n"))
    }

    /// Answers one line; `None` if it is no command.
    pub fn answer(&mut self, line: &str) -> Option<String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        Some(match words.as_slice() {
            [] => String::new(),
            ["help" | "h" | "?"] => HELP.to_string(),
            ["info"] => HELP.to_string(),
            ["info", "regs" | "registers"] => self.all_registers(),
            ["info", "mtree"] => self.mtree(),
            ["info", "qtree"] => self.qtree(),
            ["info", "irq"] => self.lines(),
            ["info", "devices"] => self.devices(),
            ["info", "stats"] => self.summary(),
            ["info", part] => return self.inspect(part),
            ["x", addr] => self.examine(addr, "4"),
            ["x", addr, n] => self.examine(addr, n),
            [x, addr] if x.starts_with("x/") => match Format::parse(x.get(2..).unwrap_or("")) {
                Some(format) => self.show_memory(addr, &format),
                None => format!("`{x}` is not x/COUNT, a form (x d u o c), and a size (b h w g)\n"),
            },
            _ => return None,
        })
    }

    /// Lines that can be typed.
    pub fn monitor_words(&self) -> Vec<String> {
        let words = WORDS.iter().map(|w| (*w).to_string());
        words.chain(self.device_names().map(|name| format!("info {name}"))).collect()
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
        let parts = self.m.graph.parts.iter().filter(|p| !self.is_unplugged(&p.name));
        parts.map(|p| format!("{:14} {}\n", p.name, p.ty.full_name())).collect()
    }

    fn inspect(&self, part: &str) -> Option<String> {
        let values = self.device_values(part)?;
        Some(values.iter().map(|(name, value)| format!("{name:28} {value:#x}\n")).collect())
    }

    /// Parts with their properties, by the bus that they are mapped on.
    fn qtree(&self) -> String {
        let graph = &self.m.graph;
        let mut out = String::new();
        for (_, p) in graph.parts().filter(|(_, p)| !self.is_unplugged(&p.name)) {
            out.push_str(&format!("dev: {}, id \"{}\"\n", p.ty.full_name(), p.name));
            if let Some((parent, bus, unit)) = &p.on {
                let at = if unit.is_empty() { String::new() } else { format!(" @ {unit}") };
                out.push_str(&format!("  on {}.{bus}{at}\n", graph.part(*parent).name));
            }
            for (name, value) in &p.props {
                let number = p.ty.prop(name).zip(value.as_int()).map(|(p, n)| p.ty.number(n));
                let value = number.unwrap_or_else(|| match value.as_bool() {
                    Some(b) => b.to_string(),
                    None => format!("{:?}", value.as_str().unwrap_or_default()),
                });
                out.push_str(&format!("  {name} = {value}\n"));
            }
            for (name, plug) in &p.links {
                out.push_str(&format!("  {name} = plug {plug}\n"));
            }
        }
        out
    }

    /// Memory as `x/FMT` asks for it; of the first cluster's view.
    fn show_memory(&self, addr: &str, format: &Format) -> String {
        let Some(at) = number(addr) else { return format!("`{addr}` is no address\n") };
        let Some(space) = self.m.spaces.first() else { return String::new() };
        let first = self.m.graph.clusters.first().and_then(|c| c.cores.first());
        let big = first.is_some_and(|id| self.m.graph.part(*id).endian() == Some(Endian::Big));
        let row = (16 / format.size).min(8);
        let mut out = String::new();
        for i in 0..format.count {
            let pa = at.wrapping_add(i * format.size);
            if i % row == 0 {
                out.push_str(&format!("{pa:016x}:"));
            }
            let mut bytes = [0; 8];
            let word = bytes.get_mut(..format.size as usize).unwrap_or_default();
            if !space.read_ram(pa, word) {
                out.push_str(" Cannot access memory\n");
                return out;
            }
            if big {
                word.reverse();
            }
            out.push_str(&format.shown(u64::from_le_bytes(bytes)));
            if i % row == row - 1 || i + 1 == format.count {
                out.push('\n');
            }
        }
        out
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

/// What stands behind `x/`.
struct Format {
    count: u64,
    form: char,
    size: u64,
}

impl Format {
    fn parse(text: &str) -> Option<Format> {
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let count = if digits.is_empty() { 1 } else { digits.parse().ok()? };
        let mut format = Format { count: u64::min(count, 4096), form: 'x', size: 4 };
        for c in text.get(digits.len()..)?.chars() {
            match c {
                'x' | 'd' | 'u' | 'o' | 'c' => format.form = c,
                'b' => format.size = 1,
                'h' => format.size = 2,
                'w' => format.size = 4,
                'g' => format.size = 8,
                _ => return None,
            }
        }
        Some(format)
    }

    fn shown(&self, value: u64) -> String {
        let digits = self.size as usize * 2;
        let signed = (value << (64 - self.size * 8)) as i64 >> (64 - self.size * 8);
        match self.form {
            'd' => format!(" {signed}"),
            'u' => format!(" {value}"),
            'o' => format!(" {value:#o}"),
            'c' => format!(" {:?}", char::from(value as u8)),
            _ => format!(" 0x{value:0digits$x}"),
        }
    }
}

fn number(text: &str) -> Option<u64> {
    let text = text.replace('_', "");
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}
