//! Traces as text: one line an event.
//!
//! Virtual time in seconds, core, kind, then address and symbol of the instruction and what
//! happened.

use hetemu_hw::time::{Ps, SECOND};
use hetemu_machine::{Event, Names, TraceSink, What};
use std::fmt::Write as _;
use std::io::{self, Write};

/// Writes lines.
pub struct Text<W> {
    out: W,
    /// Width of the column of cores.
    cores: usize,
    line: String,
}

impl<W: Write + Send> Text<W> {
    /// Writes to something.
    pub fn new(out: W) -> Text<W> {
        Text { out, cores: 0, line: String::new() }
    }
}

/// Seconds with all digits that virtual time has.
pub fn seconds(at: Ps) -> String {
    format!("{}.{:012}", at / SECOND, at % SECOND)
}

impl<W: Write + Send> TraceSink for Text<W> {
    fn event(&mut self, e: &Event, names: &Names) -> io::Result<()> {
        if self.cores == 0 {
            let widths = names.cores.iter().flatten().map(|n| n.chars().count());
            self.cores = widths.max().unwrap_or(1);
        }
        self.line.clear();
        let (core, kind, w) = (names.core(e), e.kind().name(), self.cores);
        let _ = write!(self.line, "{} {core:w$} {kind:5} ", seconds(e.at));
        describe(&mut self.line, e, names);
        let end = self.line.trim_end().len();
        self.line.truncate(end);
        self.line.push('\n');
        self.out.write_all(self.line.as_bytes())
    }

    fn finish(&mut self, _: &Names) -> io::Result<()> {
        self.out.flush()
    }
}

/// `0x80000000 main+0x4`.
fn place(e: &Event, names: &Names, addr: u64) -> String {
    match names.place(addr) {
        Some(place) => format!("{} {place}", names.address(e, addr)),
        None => names.address(e, addr),
    }
}

fn describe(out: &mut String, e: &Event, names: &Names) {
    if let Some(pc) = e.pc {
        let place = place(e, names, pc);
        let _ = match e.what {
            What::Exec { .. } => write!(out, "{place:36} "),
            _ => write!(out, "{place}  "),
        };
    }
    let _ = match &e.what {
        What::Exec { bytes, text, writes } => {
            let _ = write!(out, "{:8}  {text:28}", word(bytes));
            for (name, value) in writes {
                let _ = write!(out, " {name}={value:#x}");
            }
            Ok(())
        }
        What::Mem { store, va, size, value } => {
            let (verb, digits) = (if *store { "store" } else { "load" }, usize::from(*size) * 2);
            write!(out, "{verb} {size} {} = 0x{value:0digits$x}", place(e, names, *va))
        }
        What::Mmio { device, register, offset, pa, store, size, value } => {
            let (verb, digits) = (if *store { "write" } else { "read" }, usize::from(*size) * 2);
            let _ = write!(out, "{verb} {size} {device}");
            let _ = match register {
                Some(register) => write!(out, ".{register}"),
                None => write!(out, "+{offset:#x}"),
            };
            if let Some(pa) = pa {
                let _ = write!(out, " ({})", names.address(e, *pa));
            }
            match value {
                Some(value) => write!(out, " = 0x{value:0digits$x}"),
                None => write!(out, " refused"),
            }
        }
        What::Line { target, input, level } => {
            write!(out, "{target}.{input} = {}", u8::from(*level))
        }
        What::Trap { interrupt, cause, name, value, handler } => {
            let kind = if *interrupt { "interrupt" } else { "exception" };
            let _ = write!(out, "{kind} {cause} ({name})");
            if !*interrupt {
                let _ = write!(out, " value {value:#x}");
            }
            write!(out, " -> {}", place(e, names, *handler))
        }
        What::Wait { until: Some(until) } => write!(out, "until {}", seconds(*until)),
        What::Wait { until: None } => write!(out, "to the end"),
        What::Sent { plug, bytes } => {
            write!(out, "{plug} \"{}\"", bytes.escape_ascii())
        }
        What::State { steps, hash } => write!(out, "{steps} instructions, hash {hash:016x}"),
    };
}

/// Two or four bytes as the number that they are in little-endian memory, others one by one.
pub(super) fn word(bytes: &[u8]) -> String {
    match *bytes {
        [a, b] => format!("{:04x}", u16::from_le_bytes([a, b])),
        [a, b, c, d] => format!("{:08x}", u32::from_le_bytes([a, b, c, d])),
        _ => bytes.iter().map(|b| format!("{b:02x}")).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(e: &Event) -> String {
        let names = Names {
            cores: vec![vec!["hart0".into()]],
            digits: vec![8],
            symbols: super::super::symbols(b"80000000 T main\n80000100 T irq\n", 0).unwrap(),
        };
        let mut out = Vec::new();
        let mut text = Text::new(&mut out);
        text.event(e, &names).unwrap();
        text.finish(&names).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_kind_has_its_line() {
        let event =
            |what| Event { at: 1_500_000_000_000, core: Some((0, 0)), pc: Some(0x8000_0004), what };
        let exec = What::Exec {
            bytes: vec![0x13, 0x05, 0x10, 0x00],
            text: "li a0, 1".into(),
            writes: vec![("a0", 1)],
        };
        let head = "1.500000000000 hart0";
        assert_eq!(
            line(&event(exec)),
            format!(
                "{head} exec  0x80000004 main+0x4                  00100513  \
                 li a0, 1                     a0=0x1\n"
            )
        );
        let mmio = What::Mmio {
            device: "uart".into(),
            register: Some("THR".into()),
            offset: 0,
            pa: Some(0x1000_0000),
            store: true,
            size: 1,
            value: Some(0x41),
        };
        assert_eq!(
            line(&event(mmio)),
            format!("{head} mmio  0x80000004 main+0x4  write 1 uart.THR (0x10000000) = 0x41\n")
        );
        let name = String::from("machine timer");
        let trap = What::Trap { interrupt: true, cause: 7, name, value: 0, handler: 0x8000_0100 };
        assert_eq!(
            line(&event(trap)),
            format!(
                "{head} trap  0x80000004 main+0x4  interrupt 7 (machine timer) \
                 -> 0x80000100 irq\n"
            )
        );
        let sent = What::Sent { plug: "serial0".into(), bytes: b"a\n\"".to_vec() };
        let quiet = Event { core: None, pc: None, ..event(sent) };
        assert_eq!(line(&quiet), "1.500000000000 -     plug  serial0 \"a\\n\\\"\"\n");
    }
}
