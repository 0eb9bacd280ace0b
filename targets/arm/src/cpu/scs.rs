//! The private peripheral bus (system control space, DWT, ITM) and the bit-band aliases. Armv7-M
//! ARM, sections B3.2 to B3.5 and C1; Cortex-M3 TRM, section 3.7.

use super::*;

const SYS_TICK_BASE: u32 = 0x010;
/// The key of AIRCR.
const KEY: u32 = 0x05fa;

impl Core {
    /// Reads the word at an address.
    pub(super) fn read_private(&mut self, at: u32, env: &mut dyn Env) -> Option<u32> {
        let now = env.now_ps();
        let offset = at & 0xfff;
        match at >> 12 {
            0xe0000 if self.facts.dwt => Some(self.trace.read_itm(offset)),
            0xe0001 if self.facts.dwt => Some(self.trace.read_dwt(offset, now)),
            0xe000e => {
                self.look_at_clock(now);
                let value = self.read_scs(offset, now);
                env.wake_at(self.systick.next());
                Some(value)
            }
            _ => Some(0),
        }
    }

    /// Writes the bytes of a word that `mask` covers.
    pub(super) fn write_private(
        &mut self,
        at: u32,
        value: u32,
        mask: u32,
        env: &mut dyn Env,
    ) -> Option<()> {
        let now = env.now_ps();
        let offset = at & 0xfff;
        match at >> 12 {
            0xe0000 if self.facts.dwt => {
                if let Some(channel) = self.trace.write_itm(offset, value) {
                    let size = mask.count_ones() as u8 / 8;
                    env.host_call(HostCall::Trace { channel, value: value.into(), size });
                }
            }
            0xe0001 if self.facts.dwt => self.trace.write_dwt(offset, value, now),
            0xe000e => {
                self.look_at_clock(now);
                self.write_scs(offset, value, mask, now, env);
                self.reconsider();
                env.wake_at(self.systick.next());
            }
            _ => {}
        }
        Some(())
    }

    fn read_scs(&mut self, offset: u32, now: u64) -> u32 {
        let main = self.facts.main();
        let word = |base: u32| nvic::EXTERNAL + 8 * (offset - base) as usize;
        let outer = (self.nvic.count - nvic::EXTERNAL) as u32;
        match offset {
            0x004 if main => (outer.div_ceil(32)).saturating_sub(1),
            0x008 => self.actlr,
            0x010..=0x01c => self.systick.read(offset, now),
            0x100..=0x11f => self.nvic.enabled.word(word(0x100)),
            0x180..=0x19f => self.nvic.enabled.word(word(0x180)),
            0x200..=0x21f => self.nvic.pending.word(word(0x200)),
            0x280..=0x29f => self.nvic.pending.word(word(0x280)),
            0x300..=0x31f => self.nvic.active.word(word(0x300)),
            0x400..=0x4ef => self.priorities(nvic::EXTERNAL + (offset - 0x400) as usize),
            0xd00 => self.facts.cpuid,
            0xd04 => self.icsr(),
            0xd08 => self.vtor,
            0xd0c => 0xfa05_0000 | u32::from(self.nvic.group) << 8 | u32::from(self.big) << 15,
            0xd10 => self.scr,
            0xd14 => self.ccr,
            0xd18..=0xd23 => {
                let low = if main { 0 } else { 4 };
                let value = self.priorities(4 + (offset - 0xd18) as usize);
                if low != 0 && offset == 0xd18 { 0 } else { value }
            }
            0xd24 => self.shcsr_value(),
            0xd28 if main => self.cfsr,
            0xd2c if main => self.hfsr,
            0xd30 => self.dfsr,
            0xd34 if main => self.mmfar,
            0xd38 if main => self.bfar,
            0xd40..=0xd7f if main => self.identification(offset),
            0xd88 if main => self.cpacr,
            0xd90..=0xdc7 => self.mpu.read(offset & 0xff),
            0xdfc if main => self.trace.demcr,
            0xf34 if self.facts.fp() => self.fpccr,
            0xf38 if self.facts.fp() => self.fpcar,
            0xf3c if self.facts.fp() => self.fpdscr,
            0xf40 if self.facts.fp() => self.mvfr()[0],
            0xf44 if self.facts.fp() => self.mvfr()[1],
            0xf48 if self.facts.fp() => self.mvfr()[2],
            _ => 0,
        }
    }

    fn write_scs(&mut self, offset: u32, value: u32, mask: u32, now: u64, env: &mut dyn Env) {
        let main = self.facts.main();
        let merge = |old: u32| old & !mask | value & mask;
        match offset {
            0x008 => self.actlr = merge(self.actlr),
            SYS_TICK_BASE..=0x01c => self.systick.write(offset, value, now),
            0x100..=0x11f => self.set_bits(offset - 0x100, value, |n| &mut n.enabled, true),
            0x180..=0x19f => self.set_bits(offset - 0x180, value, |n| &mut n.enabled, false),
            0x200..=0x21f => self.set_bits(offset - 0x200, value, |n| &mut n.pending, true),
            0x280..=0x29f => {
                self.set_bits(offset - 0x280, value, |n| &mut n.pending, false);
                // A level that is still active asks again.
                let first = nvic::EXTERNAL + 8 * (offset - 0x280) as usize;
                for n in (first..first + 32).filter(|n| value >> (n - first) & 1 != 0) {
                    if self.nvic.level.has(n) && !self.nvic.active.has(n) {
                        self.nvic.pending.put(n, true);
                    }
                }
            }
            0x400..=0x4ef => {
                self.set_priorities(nvic::EXTERNAL + (offset - 0x400) as usize, value, mask);
            }
            0xd04 => self.set_icsr(value),
            0xd08 => self.vtor = value & 0xffff_ff80,
            0xd0c if value >> 16 == KEY => {
                if main {
                    self.nvic.group = (value >> 8 & 7) as u8;
                }
                if value & 4 != 0 {
                    env.host_call(HostCall::Reset);
                }
            }
            0xd10 => self.scr = merge(self.scr) & 0x16,
            0xd14 if main => {
                let legal = USERSETMPEND | UNALIGN_TRP | DIV_0_TRP | BFHFNMIGN | STKALIGN | 1;
                self.ccr = merge(self.ccr) & legal;
                if self.facts.v8() {
                    self.ccr |= STKALIGN | 1;
                }
            }
            0xd18..=0xd23 => {
                let first = 4 + (offset - 0xd18) as usize;
                let mask = if main {
                    mask
                } else if offset == 0xd18 {
                    0
                } else {
                    mask & 0xffff_0000 | if offset == 0xd1c { mask & 0xff00_0000 } else { 0 }
                };
                self.set_priorities(first, value, mask);
            }
            0xd24 => self.set_shcsr(merge(self.shcsr_value())),
            0xd28 if main => self.cfsr &= !(value & mask),
            0xd2c if main => self.hfsr &= !(value & mask),
            0xd30 => self.dfsr &= !(value & mask),
            0xd34 if main => self.mmfar = merge(self.mmfar),
            0xd38 if main => self.bfar = merge(self.bfar),
            0xd88 if main => {
                let legal = if self.facts.fp() { 0x00f0_0000 } else { 0 };
                self.cpacr = merge(self.cpacr) & legal;
            }
            0xd94..=0xdc7 => {
                self.mpu.write(offset & 0xff, merge(self.mpu.read(offset & 0xff)));
                env.flush_tlb(Flush::All);
            }
            0xdfc if main => self.trace.set_demcr(merge(self.trace.demcr), now),
            0xf00 if main => self.pend(nvic::EXTERNAL + (value as usize & 0x1ff)),
            0xf34 if self.facts.fp() => self.fpccr = merge(self.fpccr) & 0xc000_017b,
            0xf38 if self.facts.fp() => self.fpcar = merge(self.fpcar) & !7,
            0xf3c if self.facts.fp() => self.fpdscr = merge(self.fpdscr) & FPSCR_MODE,
            _ => {}
        }
    }

    /// Sets or clears those of 32 external interrupts whose bits are ones.
    fn set_bits(&mut self, at: u32, value: u32, set: impl Fn(&mut Nvic) -> &mut Set, on: bool) {
        let first = nvic::EXTERNAL + 8 * at as usize;
        let count = self.nvic.count;
        for i in (0..32).filter(|i| value >> i & 1 != 0 && first + i < count) {
            set(&mut self.nvic).put(first + i, on);
        }
    }

    fn priorities(&self, first: usize) -> u32 {
        let byte = |i: usize| self.nvic.priority.get(first + i).copied().unwrap_or(0);
        u32::from_le_bytes([byte(0), byte(1), byte(2), byte(3)])
    }

    fn set_priorities(&mut self, first: usize, value: u32, mask: u32) {
        for i in (0..4).filter(|i| mask >> (8 * i) & 0xff != 0) {
            self.nvic.set_priority(first + i, (value >> (8 * i)) as u8);
        }
    }

    fn icsr(&self) -> u32 {
        let pending = |n: usize| u32::from(self.nvic.pending.has(n));
        let best = self.best.map_or(0, |(_, n)| n as u32);
        let mut outer = self.nvic.pending;
        outer.0[0] &= !0xffff;
        let others = self.nvic.active.iter().any(|n| n != self.ipsr);
        self.ipsr as u32
            | u32::from(!others) << 11
            | best << 12
            | u32::from(any(&outer)) << 22
            | pending(nvic::SYS_TICK) << 26
            | pending(nvic::PEND_SV) << 28
            | pending(nvic::NMI) << 31
    }

    fn set_icsr(&mut self, value: u32) {
        for (bit, n, on) in [
            (25, nvic::SYS_TICK, false),
            (26, nvic::SYS_TICK, true),
            (27, nvic::PEND_SV, false),
            (28, nvic::PEND_SV, true),
            (31, nvic::NMI, true),
        ] {
            if value >> bit & 1 != 0 {
                self.nvic.pending.put(n, on);
            }
        }
    }

    /// Active and pending system exceptions beside what SHCSR enables.
    fn shcsr_value(&self) -> u32 {
        let bits = SHCSR.iter();
        let active = |&(n, a, p): &(usize, u32, u32)| {
            let pending = if p < 32 { u32::from(self.nvic.pending.has(n)) << p } else { 0 };
            u32::from(self.nvic.active.has(n)) << a | pending
        };
        bits.fold(self.shcsr, |v, x| v | active(x))
    }

    fn set_shcsr(&mut self, value: u32) {
        if self.facts.main() {
            self.shcsr = value & 0x0007_0000;
        }
        for (bit, n) in [(16, nvic::MEM_MANAGE), (17, nvic::BUS_FAULT), (18, nvic::USAGE_FAULT)] {
            self.nvic.enabled.put(n, self.shcsr >> bit & 1 != 0);
        }
        for &(n, active, pending) in SHCSR {
            if self.facts.main() {
                self.nvic.active.put(n, value >> active & 1 != 0);
            }
            if pending < 32 {
                self.nvic.pending.put(n, value >> pending & 1 != 0);
            }
        }
    }

    /// CPU identification: instruction set and features, as the manuals list them.
    fn identification(&self, offset: u32) -> u32 {
        let dsp = self.facts.set & crate::table::ext::DSP != 0;
        match offset {
            0xd40 => 0x30,
            0xd44 => 0x200,
            0xd48 => 0x0010_0000,
            0xd50 => 0x30,
            0xd58 => 0x0100_0000,
            0xd60 if dsp => 0x0110_1110,
            0xd60 => 0x0110_0110,
            0xd64 if dsp => 0x0211_2000,
            0xd64 => 0x0211_1000,
            0xd68 if dsp => 0x2123_2231,
            0xd68 => 0x2111_2231,
            0xd6c if dsp => 0x0111_1131,
            0xd6c => 0x0111_1110,
            0xd70 => 0x0131_0132,
            _ => 0,
        }
    }

    fn mvfr(&self) -> [u32; 3] {
        let has = |bit| self.facts.set & bit != 0;
        let (double, five) = (has(crate::table::ext::DP), has(crate::table::ext::FP5));
        [
            if double { 0x1011_0221 } else { 0x1011_0021 },
            if double { 0x1200_0011 } else { 0x1100_0011 },
            if five { 0x40 } else { 0 },
        ]
    }

    /// The byte behind a bit of a bit-band alias, and the bit in it.
    fn band(pa: u64) -> (u64, u32) {
        let bit = (pa & 0x1ff_ffff) >> 2;
        (pa & 0xf000_0000 | bit >> 3, (bit & 7) as u32)
    }

    /// Reads a bit.
    pub(super) fn read_bit(&mut self, pa: u64, env: &mut dyn Env) -> Option<u64> {
        let (at, bit) = Self::band(pa);
        if at < 0x4000_0000 {
            return Some(env.virt_read(self, at, 0).ok()? >> bit & 1);
        }
        // Peripherals are read by words.
        let word = env.virt_read(self, at & !3, 2).ok()?;
        Some(word >> (bit + 8 * (at as u32 & 3)) & 1)
    }

    /// Writes a bit.
    pub(super) fn write_bit(&mut self, pa: u64, value: u64, env: &mut dyn Env) -> Option<()> {
        let (at, bit) = Self::band(pa);
        let (at, bit, size) =
            if at < 0x4000_0000 { (at, bit, 0) } else { (at & !3, bit + 8 * (at as u32 & 3), 2) };
        let old = env.virt_read(self, at, size).ok()?;
        let new = old & !(1 << bit) | (value & 1) << bit;
        env.virt_write(self, at, size, new).ok()
    }
}

/// System exceptions with their active and pending bits of SHCSR.
const SHCSR: &[(usize, u32, u32)] = &[
    (nvic::MEM_MANAGE, 0, 13),
    (nvic::BUS_FAULT, 1, 14),
    (nvic::USAGE_FAULT, 3, 12),
    (nvic::SVC, 7, 15),
    (nvic::DEBUG, 8, 32),
    (nvic::PEND_SV, 10, 32),
    (nvic::SYS_TICK, 11, 32),
];
