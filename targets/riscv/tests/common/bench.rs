//! A hart driven through the `Cpu` interface, in a world of some memory words and a clock.

use super::config;
use hetemu_isa::*;
use hetemu_target_riscv::RiscV;
use std::collections::BTreeMap;

/// Memory of eight-byte words, and a clock.
pub struct World {
    /// By address.
    pub memory: BTreeMap<u64, u64>,
    /// Virtual time in picoseconds.
    pub now: u64,
    /// What the hart asked for last.
    pub alarm: Option<u64>,
    /// What it flushed last.
    pub flushed: Option<Flush>,
}

impl Default for World {
    fn default() -> Self {
        World { memory: BTreeMap::new(), now: 5_000_000, alarm: None, flushed: None }
    }
}

impl Env for World {
    fn now_ps(&self) -> u64 {
        self.now
    }
    fn retired(&self) -> u64 {
        100
    }
    fn phys_read(&mut self, pa: u64, size: u8) -> Option<u64> {
        let word = *self.memory.get(&(pa & !7))?;
        Some(if size == 4 { word >> (8 * (pa & 4)) & 0xffff_ffff } else { word })
    }
    fn phys_write(&mut self, pa: u64, size: u8, value: u64) -> Option<()> {
        let word = self.memory.get_mut(&(pa & !7))?;
        let (shift, mask) = if size == 4 { (8 * (pa & 4), 0xffff_ffff) } else { (0, u64::MAX) };
        *word = *word & !(mask << shift) | value << shift;
        Some(())
    }
    fn flush_tlb(&mut self, what: Flush) {
        self.flushed = Some(what);
    }
    fn flush_code(&mut self) {}
    fn wait(&mut self) {}
    fn wake_at(&mut self, ps: u64) {
        self.alarm = Some(ps);
    }
    fn host_call(&mut self, _: HostCall) -> Option<u64> {
        None
    }
    fn clear_reservation(&mut self) {}
}

/// A hart after reset, its slots and its world.
pub struct Bench {
    pub cpu: Box<dyn Cpu>,
    pub regs: Regs,
    pub world: World,
}

impl Bench {
    pub fn new(core: &str) -> Bench {
        Bench::of(&config(core))
    }

    pub fn of(config: &CoreConfig) -> Bench {
        let mut cpu = RiscV.create(config).unwrap();
        let mut regs = Regs::default();
        cpu.reset(&mut regs);
        Bench { cpu, regs, world: World::default() }
    }

    /// Sets registers: `name=value,name=value`.
    pub fn set(&mut self, text: &str) {
        for part in text.split(',').filter(|p| !p.is_empty()) {
            let (name, value) = part.trim().split_once('=').unwrap();
            let value = match value.strip_prefix("0x") {
                Some(hex) => u64::from_str_radix(hex, 16).unwrap(),
                None => value.parse().unwrap(),
            };
            assert!(self.cpu.set_register(&mut self.regs, name, value), "{name}");
        }
    }

    pub fn get(&self, name: &str) -> u64 {
        let all = self.cpu.registers(&self.regs);
        all.into_iter().find(|(n, _)| n == name).unwrap().1
    }

    pub fn interrupt(&mut self) -> bool {
        let mut cx = Cx { regs: &mut self.regs, pc: 0, env: &mut self.world };
        self.cpu.interrupt(&mut cx)
    }

    /// Runs a helper on an instruction word.
    pub fn helper(&mut self, id: u16, word: u64) -> Result<u64, Exception> {
        let mut cx = Cx { regs: &mut self.regs, pc: 0, env: &mut self.world };
        self.cpu.helper(id, [word, 4, 0], &mut cx)
    }

    /// `csrrw rd, csr, rs1`.
    pub fn csrrw(&mut self, rd: u64, csr: u64, rs1: u64) -> Result<u64, Exception> {
        self.helper(8, csr << 20 | rs1 << 15 | 1 << 12 | rd << 7 | 0x73)
    }

    /// `csrrs rd, csr, zero`.
    pub fn csrr(&mut self, rd: u64, csr: u64) -> Result<u64, Exception> {
        self.helper(8, csr << 20 | 2 << 12 | rd << 7 | 0x73)
    }
}

/// Page table entries: flags in the low bits, then the page number.
pub fn pte(pa: u64, flags: u64) -> u64 {
    pa >> 12 << 10 | flags
}
