//! What a debugger knows of a core: its registers by number, in features, with types.
//!
//! The remote protocol of GDB ("Target Descriptions", GDB manual, appendix G) describes registers
//! as XML; [`DebugLayout`] is that description as data, made by each core from what it implements,
//! and [`DebugLayout::xml`] its text. Values travel as bytes in the order of the core's data.

use crate::layout::{Layout, Regs};
use crate::{Cpu, Env};
use hetemu_schema::Endian;
use std::fmt::Write;

/// The registers of a core as debuggers see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DebugLayout {
    /// What GDB calls the architecture (`riscv:rv64`, `arm`, `mips:isa32r2`).
    pub architecture: String,
    /// Groups of registers that debuggers know by name. Numbers rise from 0 through all of them.
    pub features: Vec<Feature>,
    /// Number of the program counter.
    pub pc: u32,
    /// Number of the stack pointer.
    pub sp: u32,
}

/// A group of registers (`org.gnu.gdb.riscv.cpu`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature {
    /// Its name, which GDB knows.
    pub name: String,
    /// Types that the registers use beside GDB's own; in order, later ones may use earlier ones.
    pub types: Vec<RegType>,
    /// The registers.
    pub regs: Vec<DebugReg>,
}

/// A register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DebugReg {
    /// Its name as GDB expects it in the feature.
    pub name: String,
    /// Its number in the protocol.
    pub number: u32,
    /// Its size.
    pub bits: u16,
    /// Its type: one of the feature's, or one of GDB's (`int`, `code_ptr`, `data_ptr`,
    /// `ieee_single`, `ieee_double`, `uint32`).
    pub ty: String,
    /// Where GDB lists it (`general`, `float`, `vector`, `system`), if not by its type.
    pub group: Option<&'static str>,
    /// It is sent with every stop (the packet `g`). Those are numbered from 0 on without a gap.
    pub general: bool,
}

/// A type of registers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegType {
    /// Several elements.
    Vector {
        /// Its name.
        id: String,
        /// Type of an element.
        element: String,
        /// How many.
        count: u32,
    },
    /// The same bits in several ways.
    Union {
        /// Its name.
        id: String,
        /// Names and types.
        fields: Vec<(String, String)>,
    },
    /// Bits with names.
    Flags {
        /// Its name.
        id: String,
        /// Bytes.
        bytes: u8,
        /// Names, first and last bit (from the least significant).
        fields: Vec<(String, u8, u8)>,
    },
}

impl DebugReg {
    /// A register that is sent with every stop.
    pub fn general(number: u32, name: &str, bits: u16, ty: &str) -> DebugReg {
        DebugReg { general: true, ..DebugReg::new(number, name, bits, ty) }
    }

    /// A register that is asked for.
    pub fn new(number: u32, name: &str, bits: u16, ty: &str) -> DebugReg {
        let (name, ty) = (name.to_string(), ty.to_string());
        DebugReg { name, number, bits, ty, group: None, general: false }
    }

    /// With a group.
    pub fn group(self, group: &'static str) -> DebugReg {
        DebugReg { group: Some(group), ..self }
    }
}

impl DebugLayout {
    /// All registers by number, in the order of the features.
    pub fn regs(&self) -> impl Iterator<Item = &DebugReg> {
        self.features.iter().flat_map(|f| &f.regs)
    }

    /// A register by its number.
    pub fn reg(&self, number: u32) -> Option<&DebugReg> {
        self.regs().find(|r| r.number == number)
    }

    /// A register by its name.
    pub fn named(&self, name: &str) -> Option<&DebugReg> {
        self.regs().find(|r| r.name == name)
    }

    /// The description as GDB reads it.
    pub fn xml(&self) -> String {
        let mut out = String::from("<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM ");
        let _ = writeln!(out, "\"gdb-target.dtd\">\n<target version=\"1.0\">");
        let _ = writeln!(out, "<architecture>{}</architecture>", escape(&self.architecture));
        for feature in &self.features {
            let _ = writeln!(out, "<feature name=\"{}\">", escape(&feature.name));
            feature.types.iter().for_each(|t| t.write(&mut out));
            for r in &feature.regs {
                let (name, ty) = (escape(&r.name), escape(&r.ty));
                let DebugReg { bits, number, .. } = r;
                let _ = write!(out, "<reg name=\"{name}\" bitsize=\"{bits}\" type=\"{ty}\"");
                let _ = write!(out, " regnum=\"{number}\"");
                if let Some(group) = r.group {
                    let _ = write!(out, " group=\"{group}\"");
                }
                out.push_str("/>\n");
            }
            out.push_str("</feature>\n");
        }
        out.push_str("</target>\n");
        out
    }

    /// What can be said of a core that says no more than [`Cpu::registers`]: one feature of its
    /// own, general registers first.
    pub fn of_names(layout: &Layout, names: Vec<String>) -> DebugLayout {
        let bits = u16::from(layout.bits);
        let at = |wanted: &str| names.iter().position(|n| n == wanted).unwrap_or(0) as u32;
        let (pc, sp) = (at("pc"), at("sp"));
        let reg = |(number, name): (u32, &String)| match number {
            n if n == pc => DebugReg::general(number, name, bits, "code_ptr"),
            _ => DebugReg::general(number, name, bits, "int"),
        };
        let regs = (0..).zip(&names).map(reg).collect();
        let feature = Feature { name: "org.hetemu.core".into(), types: Vec::new(), regs };
        DebugLayout { architecture: String::new(), features: vec![feature], pc, sp }
    }
}

impl RegType {
    fn write(&self, out: &mut String) {
        let _ = match self {
            RegType::Vector { id, element, count } => {
                let (id, element) = (escape(id), escape(element));
                writeln!(out, "<vector id=\"{id}\" type=\"{element}\" count=\"{count}\"/>")
            }
            RegType::Union { id, fields } => {
                let _ = writeln!(out, "<union id=\"{}\">", escape(id));
                for (name, ty) in fields {
                    let (name, ty) = (escape(name), escape(ty));
                    let _ = writeln!(out, "<field name=\"{name}\" type=\"{ty}\"/>");
                }
                writeln!(out, "</union>")
            }
            RegType::Flags { id, bytes, fields } => {
                let _ = writeln!(out, "<flags id=\"{}\" size=\"{bytes}\">", escape(id));
                for (name, first, last) in fields {
                    let name = escape(name);
                    let range = format!("start=\"{first}\" end=\"{last}\"");
                    let _ = writeln!(out, "<field name=\"{name}\" {range}/>");
                }
                writeln!(out, "</flags>")
            }
        };
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The low bits of a value as bytes in a core's order.
pub fn to_bytes(value: u64, bits: u16, endian: Endian) -> Vec<u8> {
    let len = usize::from(bits).div_ceil(8);
    let mut bytes: Vec<u8> = value.to_le_bytes().into_iter().chain([0; 8]).take(len).collect();
    bytes.resize(len, 0);
    if endian == Endian::Big {
        bytes.reverse();
    }
    bytes
}

/// The value that bytes in a core's order are; those beyond 64 bits are not looked at.
pub fn from_bytes(bytes: &[u8], endian: Endian) -> u64 {
    let add = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
    match endian {
        Endian::Little => bytes.iter().take(8).rev().fold(0, add),
        Endian::Big => bytes.iter().skip(bytes.len().saturating_sub(8)).fold(0, add),
    }
}

/// [`Cpu::debug_read`] by name, for registers of at most 64 bits.
pub(crate) fn read_by_name<C: Cpu + ?Sized>(
    cpu: &C,
    regs: &Regs,
    number: u32,
    _env: &dyn Env,
) -> Option<Vec<u8>> {
    let layout = cpu.debug_layout();
    let reg = layout.reg(number).filter(|r| r.bits <= 64)?;
    let all = cpu.registers(regs);
    let value = all.iter().find(|(name, _)| *name == reg.name)?.1;
    Some(to_bytes(value, reg.bits, cpu.layout().endian))
}

/// [`Cpu::debug_write`] by name.
pub(crate) fn write_by_name<C: Cpu + ?Sized>(
    cpu: &mut C,
    regs: &mut Regs,
    number: u32,
    bytes: &[u8],
) -> bool {
    let layout = cpu.debug_layout();
    let Some(reg) = layout.reg(number) else { return false };
    let fits = reg.bits <= 64 && bytes.len() == usize::from(reg.bits).div_ceil(8);
    fits && cpu.set_register(regs, &reg.name, from_bytes(bytes, cpu.layout().endian))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_the_order_of_the_core() {
        assert_eq!(to_bytes(0x1234, 32, Endian::Little), [0x34, 0x12, 0, 0]);
        assert_eq!(to_bytes(0x1234, 32, Endian::Big), [0, 0, 0x12, 0x34]);
        assert_eq!(to_bytes(0x1ff, 8, Endian::Big), [0xff]);
        assert_eq!(to_bytes(7, 128, Endian::Big).last(), Some(&7));
        for endian in [Endian::Little, Endian::Big] {
            for bits in [8, 16, 32, 64] {
                let value = 0x0123_4567_89ab_cdef & (u64::MAX >> (64 - bits));
                assert_eq!(from_bytes(&to_bytes(value, bits, endian), endian), value);
            }
        }
    }

    #[test]
    fn a_description_is_xml() {
        let flags = RegType::Flags {
            id: "psr".into(),
            bytes: 4,
            fields: vec![("N".into(), 31, 31), ("A&B".into(), 0, 3)],
        };
        let vector = RegType::Vector { id: "v4".into(), element: "uint8".into(), count: 16 };
        let fields = vec![("b".to_string(), "v4".to_string())];
        let both = RegType::Union { id: "u".into(), fields };
        let layout = DebugLayout {
            architecture: "toy".into(),
            features: vec![Feature {
                name: "org.toy".into(),
                types: vec![vector, both, flags],
                regs: vec![
                    DebugReg::general(0, "pc", 32, "code_ptr"),
                    DebugReg::new(1, "v0", 128, "u").group("vector"),
                    DebugReg::new(2, "psr", 32, "psr"),
                ],
            }],
            pc: 0,
            sp: 0,
        };
        let xml = layout.xml();
        for part in [
            "<architecture>toy</architecture>",
            "<vector id=\"v4\" type=\"uint8\" count=\"16\"/>",
            "<field name=\"b\" type=\"v4\"/>",
            "<field name=\"A&amp;B\" start=\"0\" end=\"3\"/>",
            "<reg name=\"v0\" bitsize=\"128\" type=\"u\" regnum=\"1\" group=\"vector\"/>",
        ] {
            assert!(xml.contains(part), "{part}\n{xml}");
        }
        assert_eq!(layout.named("psr").map(|r| r.number), Some(2));
    }
}
