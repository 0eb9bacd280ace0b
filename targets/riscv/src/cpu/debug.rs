//! The registers as GDB numbers and names them ("RISC-V Features", GDB manual, appendix G.5).

use super::names::csr_name;
use super::{Hart, Priv};
use crate::regs;
use crate::table::ext;
use hetemu_isa::debug::{from_bytes, to_bytes};
use hetemu_isa::{DebugLayout, DebugReg, Env, Feature, RegType, Regs};
use hetemu_schema::Endian;

const PC: u32 = 32;
const F0: u32 = 33;
const CSR0: u32 = 65;
const PRIV: u32 = CSR0 + 0x1000;
const V0: u32 = PRIV + 1;

/// What a number stands for.
enum Reg {
    X(i32),
    Pc,
    F(i32),
    Csr(u16),
    Priv,
    V(usize),
}

impl Reg {
    fn of(number: u32) -> Option<Reg> {
        Some(match number {
            0..PC => Reg::X(number as i32),
            PC => Reg::Pc,
            F0..CSR0 => Reg::F((number - F0) as i32),
            CSR0..PRIV => Reg::Csr((number - CSR0) as u16),
            PRIV => Reg::Priv,
            _ => Reg::V(usize::try_from(number - V0).ok().filter(|n| *n < 32)?),
        })
    }
}

impl Hart {
    pub(super) fn layout_for_debuggers(&self) -> DebugLayout {
        let bits = u16::from(self.isa.bits);
        let mut features = vec![self.integers(bits)];
        if self.isa.has(ext::F) {
            features.push(self.floats());
        }
        features.push(self.control_registers(bits));
        let mode = DebugReg::new(PRIV, "priv", bits, "int").group("system");
        features.push(feature("virtual", Vec::new(), vec![mode]));
        if let Some(vector) = &self.vector {
            features.push(vectors(vector.vlenb as u32));
        }
        DebugLayout { architecture: format!("riscv:rv{bits}"), features, pc: PC, sp: 2 }
    }

    fn integers(&self, bits: u16) -> Feature {
        let mut list: Vec<DebugReg> = Vec::new();
        for (n, name) in (0..).zip(regs::X) {
            let (name, ty) = match name {
                "ra" => (name, "code_ptr"),
                "sp" | "gp" | "tp" => (name, "data_ptr"),
                "s0" => ("fp", "data_ptr"),
                _ => (name, "int"),
            };
            list.push(DebugReg::general(n, name, bits, ty));
        }
        list.push(DebugReg::general(PC, "pc", bits, "code_ptr"));
        feature("cpu", Vec::new(), list)
    }

    fn floats(&self) -> Feature {
        let wide = self.isa.has(ext::D);
        let fields = [("float", "ieee_single"), ("double", "ieee_double")];
        let fields = fields.map(|(name, ty)| (name.to_string(), ty.to_string())).to_vec();
        let both = RegType::Union { id: "riscv_double".into(), fields };
        let (bits, ty) = if wide { (64, "riscv_double") } else { (32, "ieee_single") };
        let mut list: Vec<DebugReg> =
            (F0..).zip(regs::F).map(|(n, name)| DebugReg::new(n, name, bits, ty)).collect();
        for (n, name) in [(1, "fflags"), (2, "frm"), (3, "fcsr")] {
            list.push(DebugReg::new(CSR0 + n, name, 32, "int").group("float"));
        }
        feature("fpu", if wide { vec![both] } else { Vec::new() }, list)
    }

    fn control_registers(&self, bits: u16) -> Feature {
        let nothing = Regs::default();
        let mut list = Vec::new();
        for n in 4..0x1000 {
            let name = csr_name(n);
            if !name.starts_with("0x") && self.read(n, &nothing, None).is_some() {
                list.push(DebugReg::new(CSR0 + u32::from(n), &name, bits, "int"));
            }
        }
        feature("csr", Vec::new(), list)
    }

    pub(super) fn read_for_debuggers(
        &self,
        regs: &Regs,
        number: u32,
        env: &dyn Env,
    ) -> Option<Vec<u8>> {
        let word = |value| Some(to_bytes(value, u16::from(self.isa.bits), Endian::Little));
        match Reg::of(number)? {
            Reg::X(0) => word(0),
            Reg::X(n) => word(regs.get(regs::x(n))),
            Reg::Pc => word(regs.get(regs::PC)),
            Reg::F(n) if self.isa.has(ext::F) => {
                let bits = if self.isa.has(ext::D) { 64 } else { 32 };
                Some(to_bytes(regs.get(regs::f(n)), bits, Endian::Little))
            }
            Reg::F(_) => None,
            Reg::Csr(n) => {
                let bits = if n < 4 { 32 } else { u16::from(self.isa.bits) };
                Some(to_bytes(self.read(n, regs, Some(env))?, bits, Endian::Little))
            }
            Reg::Priv => word(self.mode as u64),
            Reg::V(n) => {
                let v = self.vector.as_ref()?;
                Some(v.regs.get(n * v.vlenb..(n + 1) * v.vlenb)?.to_vec())
            }
        }
    }

    pub(super) fn write_for_debuggers(
        &mut self,
        regs: &mut Regs,
        number: u32,
        bytes: &[u8],
    ) -> bool {
        let value = from_bytes(bytes, Endian::Little);
        let words = bytes.len() == usize::from(self.isa.bits / 8);
        match Reg::of(number) {
            Some(Reg::X(n)) if words => {
                if n != 0 {
                    regs.set(regs::x(n), value);
                }
                true
            }
            Some(Reg::Pc) if words => {
                regs.set(regs::PC, self.legal_pc(value));
                true
            }
            Some(Reg::F(n)) if self.isa.has(ext::F) => {
                let boxed = match (bytes.len(), self.isa.has(ext::D)) {
                    (8, true) => value,
                    (4, false) => value | 0xffff_ffff << 32,
                    _ => return false,
                };
                regs.set(regs::f(n), boxed);
                true
            }
            Some(Reg::Csr(n)) if words || n < 4 && bytes.len() == 4 => self.poke(n, value, regs),
            Some(Reg::Priv) if words => {
                self.mode = match value {
                    0 if self.isa.user => Priv::User,
                    1 if self.isa.supervisor => Priv::Supervisor,
                    3 => Priv::Machine,
                    _ => return false,
                };
                true
            }
            Some(Reg::V(n)) => {
                let Some(v) = &mut self.vector else { return false };
                match v.regs.get_mut(n * v.vlenb..(n + 1) * v.vlenb) {
                    Some(reg) if reg.len() == bytes.len() => {
                        reg.copy_from_slice(bytes);
                        true
                    }
                    _ => false,
                }
            }
            _ => false,
        }
    }
}

fn feature(name: &str, types: Vec<RegType>, regs: Vec<DebugReg>) -> Feature {
    Feature { name: format!("org.gnu.gdb.riscv.{name}"), types, regs }
}

/// Registers of so many bytes.
fn vectors(bytes: u32) -> Feature {
    let elements = [
        ("b", "bytes", "uint8", 1),
        ("s", "shorts", "uint16", 2),
        ("w", "words", "uint32", 4),
        ("l", "longs", "uint64", 8),
        ("q", "quads", "uint128", 16),
    ];
    let mut types = Vec::new();
    let mut fields = Vec::new();
    for (field, id, element, size) in elements {
        let count = bytes / size;
        types.push(RegType::Vector { id: id.into(), element: element.into(), count });
        fields.push((field.to_string(), id.to_string()));
    }
    types.push(RegType::Union { id: "riscv_vector".into(), fields });
    let bits = (bytes * 8) as u16;
    let reg =
        |n: u32| DebugReg::new(V0 + n, &format!("v{n}"), bits, "riscv_vector").group("vector");
    feature("vector", types, (0..32).map(reg).collect())
}
