//! The decode tables as a source of random instructions.

use super::Xlen;
use super::rng::Rng;
use hetemu_isa::decode::{Field, Piece, Row};
use hetemu_target_riscv::table::{self, FIELDS, Insn, Op, ROWS};

/// What an instruction needs around it, from the major opcode of its 32-bit form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Computes on x registers.
    Integer,
    /// Computes on f registers.
    Float,
    /// Loads or stores.
    Memory,
    /// V, on registers.
    Vector,
    /// V, loads and stores.
    VectorMemory,
    /// AMO.
    Atomic,
    /// LR and SC.
    Reserve,
    /// Conditional branch.
    Branch,
    /// JAL and JALR.
    Jump,
    /// FENCE and FENCE.I.
    Fence,
    /// On cache blocks.
    Block,
    /// CSR access.
    Csr,
    /// ECALL, xRET, WFI and the like.
    System,
}

fn kind_of(word: u32) -> Kind {
    match word & 0x7f {
        0x57 => Kind::Vector,
        0x07 | 0x27 if !(1..=4).contains(&(word >> 12 & 7)) => Kind::VectorMemory,
        0x03 | 0x07 | 0x23 | 0x27 => Kind::Memory,
        0x2f if word >> 28 == 1 => Kind::Reserve,
        0x2f => Kind::Atomic,
        0x43 | 0x47 | 0x4b | 0x4f | 0x53 => Kind::Float,
        0x63 => Kind::Branch,
        0x67 | 0x6f => Kind::Jump,
        0x0f if word >> 12 & 7 == 2 => Kind::Block,
        0x0f => Kind::Fence,
        0x73 if word >> 12 & 7 == 0 => Kind::System,
        // Operations that may be.
        0x73 if word >> 12 & 7 == 4 => Kind::Integer,
        0x73 => Kind::Csr,
        _ => Kind::Integer,
    }
}

/// A row with what the generator knows of it.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The row.
    pub row: &'static Row,
    /// Its index.
    pub index: u16,
    /// Its kind.
    pub kind: Kind,
    /// It writes the x register `rd`.
    pub writes_x: bool,
}

/// What QEMU 10.0.2 does wrong: it leaves out a rounding whose result nobody reads, and its flags
/// with it; a compare and swap into x0 writes its constant zero, which what it compiles after that
/// reads (and dies of, in a division).
fn wrong_in_qemu(insn: &Insn) -> bool {
    let rounding = [Op::FroundS, Op::FroundD, Op::FroundnxS, Op::FroundnxD];
    let swap = [Op::AmocasW, Op::AmocasD, Op::AmocasQ];
    rounding.contains(&insn.op) || swap.contains(&insn.op) && insn.rd == 0
}

/// The instructions of one core.
#[derive(Debug)]
pub struct Tables {
    set: u64,
    /// Every instruction that the core has.
    pub entries: Vec<Entry>,
}

impl Tables {
    /// The instructions of RV32 or RV64 with every extension of the table.
    pub fn new(xlen: Xlen) -> Tables {
        let without = match xlen {
            Xlen::X32 => "rv64",
            Xlen::X64 => "rv32",
        };
        let set = (0..table::EXTENSIONS.len())
            .filter(|&i| table::EXTENSIONS[i] != without)
            .fold(0u64, |set, i| set | 1 << i);
        let mut tables = Tables { set, entries: Vec::new() };
        let mut wide: Vec<(Op, Kind, bool)> = Vec::new();
        for length in [4, 2] {
            for (index, row) in ROWS.iter().enumerate() {
                if row.len != length || set & row.need != row.need || row.name == "reserved" {
                    continue;
                }
                let Some(op) = tables.sample(row, index) else { continue };
                // One operation stands for all of V.
                let known = wide.iter().find(|(o, ..)| *o == op && op != Op::Vector).copied();
                let (kind, writes_x) = match known {
                    Some((_, kind, writes_x)) => (kind, writes_x),
                    None => (kind_of(row.value), has_field(row, "rd")),
                };
                wide.push((op, kind, writes_x));
                tables.entries.push(Entry { row, index: index as u16, kind, writes_x });
            }
        }
        tables
    }

    fn sample(&self, row: &Row, index: usize) -> Option<Op> {
        let mut rng = Rng::new(0, index as u64);
        (0..64).find_map(|_| {
            let insn = self.decode(row.encode(rng.next() as u32))?;
            (usize::from(insn.row) == index && !wrong_in_qemu(&insn)).then_some(insn.op)
        })
    }

    /// The extensions, as a set of the table's bits.
    pub fn set(&self) -> u64 {
        self.set
    }

    /// Decodes the instruction in the low bits of a word.
    pub fn decode(&self, word: u32) -> Option<Insn> {
        if word & 3 == 3 {
            table::decode32(word, self.set)
        } else {
            table::decode16(word & 0xffff, self.set)
        }
    }

    /// Whether a word is an instruction that QEMU has, but not right.
    pub fn wrong_in_qemu(&self, word: u32) -> bool {
        self.decode(word).is_some_and(|insn| wrong_in_qemu(&insn))
    }

    /// The entry of a decoded instruction.
    pub fn entry(&self, insn: &Insn) -> Option<&Entry> {
        self.entries.iter().find(|e| e.index == insn.row)
    }

    /// The entries of some kinds.
    pub fn of(&self, kinds: &[Kind]) -> Vec<Entry> {
        self.entries.iter().filter(|e| kinds.contains(&e.kind)).copied().collect()
    }

    /// The entry with a mnemonic.
    pub fn named(&self, name: &str) -> Option<Entry> {
        self.entries.iter().find(|e| e.row.name == name).copied()
    }

    /// A random encoding of an entry that writes none of the x registers in `keep`.
    pub fn encode(&self, entry: &Entry, keep: u32, rng: &mut Rng) -> Option<u32> {
        (0..64).find_map(|_| {
            let mut word = entry.row.encode(rng.next() as u32);
            if has_field(entry.row, "rm") && rng.below(50) != 0 {
                // Reserved rounding modes stay rare.
                let mode = if rng.one_in(2) { 7 } else { rng.below(5) };
                word = word & !0x7000 | mode << 12;
            }
            let insn = self.decode(word)?;
            let spoils = entry.writes_x && keep >> (insn.rd & 31) & 1 == 1;
            (insn.row == entry.index && !spoils && !wrong_in_qemu(&insn)).then_some(word)
        })
    }
}

fn fields(row: &Row) -> impl Iterator<Item = &'static Field> {
    row.format.iter().filter_map(|piece| match piece {
        Piece::Field(n) => FIELDS.get(usize::from(*n)),
        Piece::Text(_) => None,
    })
}

fn has_field(row: &Row, name: &str) -> bool {
    fields(row).any(|f| f.name == name)
}

/// Writes the last field of an entry's format that is an immediate; the value must fit.
pub fn set_immediate(entry: &Entry, word: u32, value: i32) -> u32 {
    let Some(field) =
        fields(entry.row).filter(|f| f.name.contains("imm") || f.name.starts_with("c_")).last()
    else {
        return word;
    };
    let mut bits = (value.wrapping_sub(field.add) as u32) >> field.shift;
    let mut out = word;
    for &(high, low) in field.parts.iter().rev() {
        let width = u32::from(high - low) + 1;
        let mask = ((1u64 << width) - 1) as u32;
        out = out & !(mask << low) | (bits & mask) << low;
        bits = bits.checked_shr(width).unwrap_or(0);
    }
    debug_assert_eq!(field.get(out), value, "{} cannot hold {value}", field.name);
    out
}
