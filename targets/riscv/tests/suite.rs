//! Runs the riscv-tests suite, built elsewhere, if `HETEMU_RISCV_TESTS` names its folder: ELF files
//! that report through HTIF's `tohost`. `HETEMU_RISCV_SUITE` picks names by a part.

mod common;

use common::config;
use hetemu_engine::EngineConfig;
use hetemu_engine::testing::Rig;
use hetemu_isa::Target;
use hetemu_target_riscv::RiscV;

const BASE: u64 = 0x8000_0000;
const SIZE: u64 = 0x100_0000;

/// Extensions and mechanisms that the cores do not have.
const SKIPPED: [&str; 7] = ["zfh", "zbkb", "zbkx", "svnapot", "zicbo", "ziccid", "zacas"];

/// What is needed of an ELF file: segments by physical address, and symbols.
struct Elf<'a> {
    bytes: &'a [u8],
    wide: bool,
}

impl Elf<'_> {
    fn int(&self, at: usize, len: usize) -> u64 {
        self.bytes[at..at + len].iter().rev().fold(0, |n, b| n << 8 | u64::from(*b))
    }

    fn word(&self, at: usize) -> u64 {
        self.int(at, if self.wide { 8 } else { 4 })
    }

    /// Physical address, bytes.
    fn segments(&self) -> Vec<(u64, &[u8])> {
        let (table, entry, count) = match self.wide {
            true => (self.word(32), 56, self.int(56, 2)),
            false => (self.word(28), 32, self.int(44, 2)),
        };
        let mut all = Vec::new();
        for i in 0..count as usize {
            let at = table as usize + i * entry;
            let (offset, pa, len) = match self.wide {
                true => (self.word(at + 8), self.word(at + 24), self.word(at + 32)),
                false => (self.word(at + 4), self.word(at + 12), self.word(at + 16)),
            };
            if self.int(at, 4) == 1 {
                all.push((pa, &self.bytes[offset as usize..(offset + len) as usize]));
            }
        }
        all
    }

    fn symbol(&self, name: &str) -> Option<u64> {
        let (table, entry, count) = match self.wide {
            true => (self.word(40), 64, self.int(60, 2)),
            false => (self.word(32), 40, self.int(48, 2)),
        };
        let section = |i: u64| {
            let at = table as usize + i as usize * entry;
            match self.wide {
                true => (
                    self.int(at + 4, 4),
                    self.word(at + 24),
                    self.word(at + 32),
                    self.int(at + 40, 4),
                ),
                false => (
                    self.int(at + 4, 4),
                    self.word(at + 16),
                    self.word(at + 20),
                    self.int(at + 24, 4),
                ),
            }
        };
        for i in 0..count {
            let (kind, offset, size, link) = section(i);
            if kind != 2 {
                continue;
            }
            let names = section(link).1;
            let step = if self.wide { 24 } else { 16 };
            for at in (offset as usize..(offset + size) as usize).step_by(step) {
                let start = (names + self.int(at, 4)) as usize;
                if self.bytes[start..].starts_with(format!("{name}\0").as_bytes()) {
                    return Some(self.word(at + if self.wide { 8 } else { 4 }));
                }
            }
        }
        None
    }
}

fn run(name: &str, bytes: &[u8], engine: &EngineConfig) -> Result<(), String> {
    let elf = Elf { bytes, wide: bytes[4] == 2 };
    let core = if elf.wide { "riscv.rv64" } else { "riscv.rv32" };
    let cpu = RiscV.create(&config(core))?;
    let mut rig = Rig::new(engine.clone(), BASE, SIZE, cpu).map_err(|e| e.to_string())?;
    for (pa, bytes) in elf.segments() {
        assert!(rig.ram.write(pa - BASE, bytes), "{name}: a segment at {pa:#x}");
    }
    let tohost = elf.symbol("tohost").ok_or("no tohost")? & 0xff_ffff;
    let (cpu, regs) = rig.cluster.cpu_mut(0);
    cpu.set_register(regs, "pc", BASE);
    for _ in 0..2000 {
        rig.run(5_000);
        let mut answer = [0; 8];
        rig.ram.read(tohost, &mut answer);
        match u64::from_le_bytes(answer) {
            0 => {}
            1 => return Ok(()),
            n if n & 1 == 1 && n >> 32 == 0 => return Err(format!("test {} failed", n >> 1)),
            n if n >> 56 == 1 => rig.ram.write(tohost, &[0; 8]).then_some(()).ok_or("tohost")?,
            n => return Err(format!("tohost {n:#x}")),
        }
    }
    let last: Vec<_> = rig.system.exceptions.iter().rev().take(3).collect();
    Err(format!("no end; pc {:#x}, {last:x?}", rig.cluster.pc(0)))
}

fn suite(engine: &EngineConfig) {
    let Ok(folder) = std::env::var("HETEMU_RISCV_TESTS") else {
        println!("HETEMU_RISCV_TESTS is not set: nothing was run");
        return;
    };
    let part = std::env::var("HETEMU_RISCV_SUITE").unwrap_or_default();
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    let (mut count, mut wrong) = (0, Vec::new());
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().to_string();
        let skip = name.contains('.') || SKIPPED.iter().any(|s| name.contains(s));
        if skip || !name.contains(&part) {
            continue;
        }
        count += 1;
        if let Err(e) = run(&name, &std::fs::read(&file).unwrap(), engine) {
            wrong.push(format!("{name}: {e}"));
        }
    }
    println!("{count} programs");
    assert!(wrong.is_empty(), "{} of {count} failed\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn interpreted() {
    suite(&EngineConfig { jit: false, ..EngineConfig::default() });
}

#[test]
fn compiled() {
    suite(&EngineConfig { tier_up: 2, ..EngineConfig::default() });
    suite(&EngineConfig { tier_up: 2, tier_two: 5, ..EngineConfig::default() });
}
