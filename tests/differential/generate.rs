//! Random snippets, by class.

use super::image::{FLOAT, MEMORY, RESUME, Snippet};
use super::rng::Rng;
use super::tables::{Entry, Kind, Tables};
use super::{Class, Plan, shapes, vector};

/// The registers that point into the scratch memory.
pub const BASES: u32 = 1 << 2 | 1 << 8 | 1 << 9;

/// Writes one snippet's code.
pub struct Writer<'a> {
    /// Where instructions come from.
    pub tables: &'a Tables,
    /// Random numbers.
    pub rng: Rng,
    /// The code so far.
    pub code: Vec<u8>,
    /// Instructions so far.
    pub instructions: u32,
    /// x registers that random instructions must not write.
    pub keep: u32,
}

impl Writer<'_> {
    /// Appends an instruction; its low bits tell its length.
    pub fn push(&mut self, word: u32) {
        let bytes = word.to_le_bytes();
        let length = if word & 3 == 3 { 4 } else { 2 };
        self.code.extend_from_slice(bytes.get(..length).unwrap_or(&bytes));
        self.instructions += 1;
    }

    /// Appends the only encoding of a row with its operands given: `word` sets the free bits.
    pub fn push_named(&mut self, name: &str, operands: u32) {
        if let Some(entry) = self.tables.named(name) {
            self.push(entry.row.encode(operands));
        }
    }

    /// A random instruction of one of some entries.
    pub fn random(&mut self, entries: &[Entry]) -> Option<u32> {
        let entry = *self.rng.pick(entries)?;
        let word = self.tables.encode(&entry, self.keep, &mut self.rng)?;
        match entry.kind {
            Kind::Memory | Kind::Atomic | Kind::Block => Some(self.based(word)),
            // fflags, frm and fcsr: the only control registers that belong to a program.
            Kind::Csr => Some(word & 0xf_ffff | (1 + self.rng.below(3)) << 20),
            _ => Some(word),
        }
    }

    /// Appends a random instruction.
    pub fn push_random(&mut self, entries: &[Entry]) {
        if let Some(word) = self.random(entries) {
            self.push(word);
        }
    }

    /// Makes a pointer into the scratch memory of an access's base register.
    fn based(&mut self, word: u32) -> u32 {
        match word & 3 {
            3 => word & !(31 << 15) | [2, 8, 9, 9][self.rng.below(4) as usize] << 15,
            0 => word & !(7 << 7) | self.rng.below(2) << 7,
            _ => word,
        }
    }

    /// LR, at most one instruction, SC to the same aligned address.
    pub fn push_reserved(&mut self) {
        let wide = self.tables.named("lr.d").is_some() && self.rng.one_in(2);
        let names = if wide { ["lr.d", "sc.d"] } else { ["lr.w", "sc.w"] };
        for (i, name) in names.into_iter().enumerate() {
            let Some(entry) = self.tables.named(name) else { return };
            let Some(word) = self.tables.encode(&entry, self.keep, &mut self.rng) else { return };
            self.push(word & !(31 << 15) | 9 << 15);
            if i == 0 && self.rng.one_in(2) {
                let integer = self.tables.of(&[Kind::Integer]);
                self.push_random(&integer);
            }
        }
    }
}

/// The snippets of a plan.
pub fn snippets(plan: &Plan) -> Vec<Snippet> {
    let tables = Tables::new(plan.xlen);
    (0..plan.count)
        .map(|i| {
            let mut rng = Rng::new(plan.seed, u64::from(i));
            let seed = rng.next() as u32;
            let mut w = Writer { tables: &tables, rng, code: Vec::new(), instructions: 0, keep: 0 };
            let (runs, flags) = fill(&mut w, plan.class);
            Snippet { code: w.code, instructions: w.instructions, runs, flags, seed }
        })
        .collect()
}

/// Fills a snippet; answers how often it runs and its flags.
fn fill(w: &mut Writer<'_>, class: Class) -> (u32, u32) {
    let tables = w.tables;
    match class {
        Class::Integer => {
            let all = tables.of(&[Kind::Integer]);
            let fences = tables.of(&[Kind::Fence]);
            for _ in 0..64 {
                let rare = w.rng.one_in(100);
                w.push_random(if rare { &fences } else { &all });
            }
            (32, 0)
        }
        Class::Float => {
            let all = tables.of(&[Kind::Float]);
            let other = tables.of(&[Kind::Integer, Kind::Csr]);
            for _ in 0..64 {
                let rare = w.rng.one_in(16);
                w.push_random(if rare { &other } else { &all });
            }
            (32, FLOAT | RESUME)
        }
        Class::Memory => {
            w.keep = BASES;
            memory(w);
            (32, MEMORY | FLOAT | RESUME)
        }
        Class::Control => {
            shapes::control(w);
            (32, MEMORY | FLOAT | RESUME)
        }
        Class::Smc => {
            shapes::smc(w);
            (16, MEMORY | FLOAT | RESUME)
        }
        Class::Vector | Class::VectorFloat => {
            vector::vector(w, class == Class::VectorFloat);
            (32, MEMORY | FLOAT | RESUME)
        }
        Class::Illegal => {
            illegal(w);
            (4, MEMORY | FLOAT | RESUME)
        }
    }
}

fn memory(w: &mut Writer<'_>) {
    let accesses = w.tables.of(&[Kind::Memory]);
    let atomics = w.tables.of(&[Kind::Atomic]);
    let blocks = w.tables.of(&[Kind::Block]);
    let between = w.tables.of(&[Kind::Integer, Kind::Float]);
    for _ in 0..56 {
        match w.rng.below(16) {
            0..9 => w.push_random(&accesses),
            9..12 => w.push_random(&atomics),
            12 => w.push_reserved(),
            13 if w.rng.one_in(4) => w.push_random(&blocks),
            _ => w.push_random(&between),
        }
    }
}

fn illegal(w: &mut Writer<'_>) {
    for _ in 0..48 {
        let word = match w.rng.below(8) {
            0..3 => w.rng.next() as u32 | 3,
            3..5 => w.rng.next() as u32 & 0xffff,
            _ => {
                let Some(entry) = w.rng.pick(&w.tables.entries).copied() else { continue };
                let bits = 8 * u32::from(entry.row.len);
                entry.row.encode(w.rng.next() as u32) ^ 1 << w.rng.below(bits)
            }
        };
        // Jumps would leave for places of their own choice; the class `control` has them. An SC
        // without a reservation may or may not look at its address (unprivileged ISA, 14.2), as may
        // an instruction that has no cache to work on. QEMU's mtval is stale where privileged
        // instructions are illegal for their mode.
        let entry = w.tables.decode(word).and_then(|i| w.tables.entry(&i).copied());
        let fine = entry.is_none_or(|e| match e.kind {
            Kind::Branch | Kind::Jump | Kind::Reserve | Kind::Block => false,
            // QEMU 10.0 fails assertions in some, see `vector.rs`.
            Kind::VectorMemory => false,
            Kind::System => e.row.name.ends_with("call") || e.row.name.ends_with("break"),
            _ => true,
        });
        if fine && !w.tables.wrong_in_qemu(word) {
            w.push(word);
        }
    }
}
