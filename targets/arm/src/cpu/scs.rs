//! The private peripheral bus (system control space, DWT, ITM) and the bit-band aliases. Armv7-M
//! ARM, sections B3.2 to B3.5 and C1; Cortex-M3 TRM, section 3.7. With the security extension each
//! register is seen through a security state (Armv8-M ARM, section D1.2): the one in force, or from
//! the secure one the other at an alias.

use super::*;

const SYS_TICK_BASE: u32 = 0x010;
/// The bits of BusFault in CFSR.
const BFSR: u32 = 0xff00;
/// Bits of SHCSR.
const MEMFAULTENA: u32 = 1 << 16;
const BUSFAULTENA: u32 = 1 << 17;
const USGFAULTENA: u32 = 1 << 18;
const SECUREFAULTENA: u32 = 1 << 19;
/// Those of faults that only one state has.
const SHARED_ENABLES: u32 = BUSFAULTENA | SECUREFAULTENA;
/// The key of AIRCR.
const KEY: u32 = 0x05fa;

/// A store to the system control space: the word's bytes that `mask` covers, as a security state
/// sees them.
#[derive(Clone, Copy)]
struct Write {
    offset: u32,
    value: u32,
    mask: u32,
    view: bool,
    now: u64,
}

impl Core {
    /// Reads the word at an address.
    pub(super) fn read_private(&mut self, at: u32, env: &mut dyn Env) -> Option<u32> {
        let now = env.now_ps();
        let offset = at & 0xfff;
        match at >> 12 {
            0xe0000 if self.facts.dwt => Some(self.trace.read_itm(offset)),
            0xe0001 if self.facts.dwt => Some(self.trace.read_dwt(offset, now)),
            page @ (0xe000e | 0xe002e) => {
                let Some(view) = self.view(page) else { return Some(0) };
                self.look_at_clock(now);
                let value = self.read_scs(offset, view, now);
                env.wake_at(self.next_tick());
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
            page @ (0xe000e | 0xe002e) => {
                let Some(view) = self.view(page) else { return Some(()) };
                self.look_at_clock(now);
                self.write_scs(Write { offset, value, mask, view, now }, env);
                self.reconsider();
                env.wake_at(self.next_tick());
            }
            _ => {}
        }
        Some(())
    }

    /// The security state whose registers a page shows; none if it shows nothing.
    fn view(&self, page: u32) -> Option<bool> {
        match page {
            0xe000e => Some(self.secure),
            _ => self.secure.then_some(false),
        }
    }

    fn read_scs(&mut self, offset: u32, view: bool, now: u64) -> u32 {
        let main = self.facts.main();
        let all = self.sees_all(view);
        let word = |base: u32| nvic::EXTERNAL + 8 * (offset - base) as usize;
        let outer = (self.nvic.count - nvic::EXTERNAL) as u32;
        // Of external interrupts a state sees its own, and the secure one all.
        let seen = |set: &Set, base: u32| {
            set.word(word(base)) & if all { u32::MAX } else { self.nvic.itns.word(word(base)) }
        };
        let faults = all || self.nvic.bfhfnmins;
        let own = &self.bank[usize::from(view)];
        match offset {
            0x004 if main => (outer.div_ceil(32)).saturating_sub(1),
            0x008 => own.actlr,
            0x010..=0x01c => self.bank[usize::from(view)].systick.read(offset, now),
            0x100..=0x11f => seen(&self.nvic.enabled, 0x100),
            0x180..=0x19f => seen(&self.nvic.enabled, 0x180),
            0x200..=0x21f => seen(&self.nvic.pending, 0x200),
            0x280..=0x29f => seen(&self.nvic.pending, 0x280),
            0x300..=0x31f => seen(&self.nvic.active, 0x300),
            0x380..=0x39f if view => self.nvic.itns.word(word(0x380)),
            0x400..=0x4ef => self.priorities(nvic::EXTERNAL + (offset - 0x400) as usize, view),
            0xd00 => self.facts.cpuid,
            0xd04 => self.icsr(view),
            0xd08 => own.vtor,
            0xd0c => self.aircr(view),
            0xd10 => own.scr,
            0xd14 => own.ccr & !BFHFNMIGN | if faults { self.bank[0].ccr & BFHFNMIGN } else { 0 },
            0xd18..=0xd23 => {
                let value = self.priorities(4 + (offset - 0xd18) as usize, view);
                if !main && offset == 0xd18 { 0 } else { value }
            }
            0xd24 => self.shcsr_value(view),
            0xd28 if main => own.cfsr & !BFSR | if faults { self.bank[0].cfsr & BFSR } else { 0 },
            0xd2c if main && faults => self.hfsr,
            0xd30 => self.dfsr,
            0xd34 if main => own.mmfar,
            0xd38 if main && faults => self.bfar,
            0xd40..=0xd7f if main => self.identification(offset),
            0xd88 if main && !all => own.cpacr & spread(self.nsacr),
            0xd88 if main => own.cpacr,
            0xd8c if view => self.nsacr,
            0xd90..=0xdc7 => own.mpu.read(offset & 0xff),
            0xdd0..=0xde0 if view => self.sau.read((offset - 0xdd0) / 4),
            0xde4 if view => self.sfsr,
            0xde8 if view => self.sfar,
            0xdfc if main => self.trace.demcr,
            0xf34 if self.facts.fp() => self.fpccr_value(view),
            0xf38 if self.facts.fp() => own.fpcar,
            0xf3c if self.facts.fp() => own.fpdscr,
            0xf40 if self.facts.fp() => self.mvfr()[0],
            0xf44 if self.facts.fp() => self.mvfr()[1],
            0xf48 if self.facts.fp() => self.mvfr()[2],
            _ => 0,
        }
    }

    fn write_scs(&mut self, w: Write, env: &mut dyn Env) {
        let Write { offset, value, mask, view, now } = w;
        let main = self.facts.main();
        let all = self.sees_all(view);
        let merge = |old: u32| old & !mask | value & mask;
        let faults = all || self.nvic.bfhfnmins;
        let own = &mut self.bank[usize::from(view)];
        match offset {
            0x008 => own.actlr = merge(own.actlr),
            SYS_TICK_BASE..=0x01c => own.systick.write(offset, value, now),
            0x100..=0x11f => self.set_bits(offset - 0x100, w, |n| &mut n.enabled, true),
            0x180..=0x19f => self.set_bits(offset - 0x180, w, |n| &mut n.enabled, false),
            0x200..=0x21f => self.set_bits(offset - 0x200, w, |n| &mut n.pending, true),
            0x280..=0x29f => {
                self.set_bits(offset - 0x280, w, |n| &mut n.pending, false);
                // A level that is still active asks again.
                let first = nvic::EXTERNAL + 8 * (offset - 0x280) as usize;
                for n in (first..first + 32).filter(|n| value >> (n - first) & 1 != 0) {
                    if self.nvic.level.has(n) && !self.nvic.active.has(n) {
                        self.nvic.pending.put(n, true);
                    }
                }
            }
            0x380..=0x39f if view => {
                self.set_bits(offset - 0x380, w, |n| &mut n.itns, true);
                let not = Write { value: !value & mask, ..w };
                self.set_bits(offset - 0x380, not, |n| &mut n.itns, false);
            }
            0x400..=0x4ef => {
                self.set_priorities(nvic::EXTERNAL + (offset - 0x400) as usize, value, mask, view);
            }
            0xd04 => self.set_icsr(value, view),
            0xd08 => own.vtor = value & 0xffff_ff80,
            0xd0c if value >> 16 == KEY => self.set_aircr(value, view, env),
            0xd10 => own.scr = merge(own.scr) & 0x16,
            0xd14 if main => {
                let limits =
                    if self.facts.v8() { STKOFHFNMIGN | STKALIGN | 1 } else { STKALIGN | 1 };
                let legal = USERSETMPEND | UNALIGN_TRP | DIV_0_TRP | limits;
                let new = merge(own.ccr & !BFHFNMIGN | self.bank[0].ccr & BFHFNMIGN);
                let own = &mut self.bank[usize::from(view)];
                own.ccr = own.ccr & BFHFNMIGN | new & legal;
                if self.facts.v8() {
                    own.ccr |= STKALIGN | 1;
                }
                if faults {
                    let shared = &mut self.bank[0];
                    shared.ccr = shared.ccr & !BFHFNMIGN | new & BFHFNMIGN;
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
                self.set_priorities(first, value, mask, view);
            }
            0xd24 => self.set_shcsr(merge(self.shcsr_value(view)), view),
            0xd28 if main => {
                own.cfsr &= !(value & mask & !BFSR);
                if faults {
                    self.bank[0].cfsr &= !(value & mask & BFSR);
                }
            }
            0xd2c if main && faults => self.hfsr &= !(value & mask),
            0xd30 => self.dfsr &= !(value & mask),
            0xd34 if main => own.mmfar = merge(own.mmfar),
            0xd38 if main && faults => self.bfar = merge(self.bfar),
            0xd88 if main => {
                let there = if self.facts.fp() { 0x00f0_0000 } else { 0 };
                let legal = if all { there } else { there & spread(self.nsacr) };
                own.cpacr = own.cpacr & !legal | merge(own.cpacr) & legal;
            }
            0xd8c if view && self.facts.fp() => self.nsacr = merge(self.nsacr) & 0xc00,
            0xd94..=0xdc7 => {
                own.mpu.write(offset & 0xff, merge(own.mpu.read(offset & 0xff)));
                env.flush_tlb(Flush::All);
            }
            0xdd0..=0xde0 if view => {
                let n = (offset - 0xdd0) / 4;
                self.sau.write(n, merge(self.sau.read(n)));
                env.flush_tlb(Flush::All);
            }
            0xde4 if view => self.sfsr &= !(value & mask),
            0xde8 if view => self.sfar = merge(self.sfar),
            0xdfc if main => self.trace.set_demcr(merge(self.trace.demcr), now),
            0xf00 if main => {
                let n = nvic::EXTERNAL + (value as usize & 0x1ff);
                if n < self.nvic.count && (all || self.nvic.itns.has(n)) {
                    self.pend(n);
                }
            }
            0xf34 if self.facts.fp() => self.set_fpccr(merge(self.fpccr_value(view)), view),
            0xf38 if self.facts.fp() => own.fpcar = merge(own.fpcar) & !7,
            0xf3c if self.facts.fp() => own.fpdscr = merge(own.fpdscr) & FPSCR_MODE,
            _ => {}
        }
    }

    /// Sets or clears those of 32 external interrupts whose bits are ones.
    fn set_bits(&mut self, at: u32, w: Write, set: impl Fn(&mut Nvic) -> &mut Set, on: bool) {
        let first = nvic::EXTERNAL + 8 * at as usize;
        let count = self.nvic.count;
        let all = self.sees_all(w.view);
        for i in (0..32).filter(|i| w.value >> i & 1 != 0 && first + i < count) {
            if all || self.nvic.itns.has(first + i) {
                set(&mut self.nvic).put(first + i, on);
            }
        }
    }

    /// The exception whose priority a state sees by its number.
    fn seen(&self, n: usize, view: bool) -> Option<usize> {
        let id = self.nvic.of(n, view);
        let shared = n < nvic::EXTERNAL && !nvic::is_banked(n) && n != nvic::DEBUG;
        let own = n >= nvic::EXTERNAL || shared;
        (self.sees_all(view) || !(own && self.nvic.is_secure(id))).then_some(id)
    }

    fn priorities(&self, first: usize, view: bool) -> u32 {
        let byte = |i: usize| {
            let id = self.seen(first + i, view);
            id.and_then(|n| self.nvic.priority.get(n)).copied().unwrap_or(0)
        };
        u32::from_le_bytes([byte(0), byte(1), byte(2), byte(3)])
    }

    fn set_priorities(&mut self, first: usize, value: u32, mask: u32, view: bool) {
        for i in (0..4).filter(|i| mask >> (8 * i) & 0xff != 0) {
            if let Some(n) = self.seen(first + i, view) {
                self.nvic.set_priority(n, (value >> (8 * i)) as u8);
            }
        }
    }

    fn aircr(&self, view: bool) -> u32 {
        let n = &self.nvic;
        0xfa05_0000
            | u32::from(n.group[usize::from(view)]) << 8
            | u32::from(self.big) << 15
            | u32::from(view && n.pris) << 14
            | u32::from(n.bfhfnmins) << 13
            | u32::from(view && self.reset_is_secure) << 3
    }

    fn set_aircr(&mut self, value: u32, view: bool, env: &mut dyn Env) {
        let bit = |n: u32| value >> n & 1 != 0;
        if self.facts.main() {
            self.nvic.group[usize::from(view)] = (value >> 8 & 7) as u8;
        }
        if bit(2) && (view || !self.reset_is_secure) {
            env.host_call(HostCall::Reset);
        }
        if view {
            (self.nvic.pris, self.nvic.bfhfnmins) = (bit(14), bit(13));
            self.reset_is_secure = bit(3);
        }
    }

    fn icsr(&self, view: bool) -> u32 {
        let all = self.sees_all(view);
        let pending = |n: usize| u32::from(self.nvic.pending.has(self.nvic.of(n, view)));
        let best = self.best.map_or(0, |(_, n)| (n % nvic::SECURE) as u32);
        let mut outer = self.nvic.pending;
        outer.0[0] &= !0xffff;
        outer.0[nvic::WORDS - 1] = 0;
        let current = self.current();
        let others = self.nvic.active.iter().any(|n| n != current);
        self.ipsr as u32
            | u32::from(!others) << 11
            | best << 12
            | u32::from(any(&outer)) << 22
            | pending(nvic::SYS_TICK) << 26
            | pending(nvic::PEND_SV) << 28
            | if all || self.nvic.bfhfnmins { pending(nvic::NMI) << 31 } else { 0 }
    }

    fn set_icsr(&mut self, value: u32, view: bool) {
        for (bit, n, on) in [
            (25, nvic::SYS_TICK, false),
            (26, nvic::SYS_TICK, true),
            (27, nvic::PEND_SV, false),
            (28, nvic::PEND_SV, true),
            (31, nvic::NMI, true),
        ] {
            let mine = n != nvic::NMI || self.sees_all(view) || self.nvic.bfhfnmins;
            if value >> bit & 1 != 0 && mine {
                let n = self.nvic.of(n, view);
                self.nvic.pending.put(n, on);
            }
        }
    }

    /// Active and pending system exceptions beside what SHCSR enables.
    fn shcsr_value(&self, view: bool) -> u32 {
        let mut value = self.bank[usize::from(view)].shcsr & !SHARED_ENABLES;
        let faults = self.sees_all(view) || self.nvic.bfhfnmins;
        value |= self.bank[0].shcsr & if faults { BUSFAULTENA } else { 0 };
        value |= self.bank[1].shcsr & if view { SECUREFAULTENA } else { 0 };
        for &(n, active, pending) in SHCSR {
            if self.shcsr_shows(n, view) {
                let id = self.nvic.of(n, view);
                value |= u32::from(self.nvic.active.has(id)) << active;
                if pending < 32 {
                    value |= u32::from(self.nvic.pending.has(id)) << pending;
                }
            }
        }
        value
    }

    /// Whether a state sees an exception in SHCSR.
    fn shcsr_shows(&self, n: usize, view: bool) -> bool {
        match n {
            nvic::BUS_FAULT => self.sees_all(view) || self.nvic.bfhfnmins,
            nvic::SECURE_FAULT | nvic::NMI => view,
            nvic::HARD_FAULT => self.facts.v8() && (self.sees_all(view) || self.nvic.bfhfnmins),
            _ => true,
        }
    }

    fn set_shcsr(&mut self, value: u32, view: bool) {
        if !self.facts.main() {
            if self.shcsr_shows(nvic::SVC, view) {
                self.nvic.pending.put(nvic::SVC, value >> 15 & 1 != 0);
            }
            return;
        }
        let own = &mut self.bank[usize::from(view)];
        own.shcsr = own.shcsr & SHARED_ENABLES | value & (MEMFAULTENA | USGFAULTENA);
        if self.shcsr_shows(nvic::BUS_FAULT, view) {
            self.bank[0].shcsr = self.bank[0].shcsr & !BUSFAULTENA | value & BUSFAULTENA;
        }
        if view {
            self.bank[1].shcsr = self.bank[1].shcsr & !SECUREFAULTENA | value & SECUREFAULTENA;
        }
        self.enable_faults();
        for &(n, active, pending) in SHCSR {
            // HardFault and NMI cannot be made active by writing.
            let fixed = matches!(n, nvic::HARD_FAULT | nvic::NMI);
            if self.shcsr_shows(n, view) && !fixed {
                let id = self.nvic.of(n, view);
                self.nvic.active.put(id, value >> active & 1 != 0);
                if pending < 32 {
                    self.nvic.pending.put(id, value >> pending & 1 != 0);
                }
            }
        }
    }

    /// What SHCSR enables, to the interrupt controller.
    pub(super) fn enable_faults(&mut self) {
        for (b, secure) in self.bank.iter().zip([false, true]) {
            for (bit, n) in [(MEMFAULTENA, nvic::MEM_MANAGE), (USGFAULTENA, nvic::USAGE_FAULT)] {
                if self.sees_all(true) && (self.facts.security || !secure) {
                    self.nvic.enabled.put(self.nvic.of(n, secure), b.shcsr & bit != 0);
                }
            }
        }
        self.nvic.enabled.put(nvic::BUS_FAULT, self.bank[0].shcsr & BUSFAULTENA != 0);
        self.nvic.enabled.put(nvic::SECURE_FAULT, self.bank[1].shcsr & SECUREFAULTENA != 0);
    }

    /// CPU identification: instruction set and features, as the manuals list them.
    fn identification(&self, offset: u32) -> u32 {
        let dsp = self.facts.set & crate::table::ext::DSP != 0;
        match offset {
            0xd40 => 0x30,
            0xd44 => 0x200 | u32::from(self.facts.security) << 4,
            0xd48 if self.facts.v8() => 0x0020_0000,
            0xd48 => 0x0010_0000,
            0xd50 => 0x30,
            0xd58 => 0x0100_0000,
            0xd60 if dsp => 0x0110_1110,
            0xd60 => 0x0110_0110,
            0xd64 if self.facts.v8() => 0x0221_2000,
            0xd68 if self.facts.v8() => 0x2023_2232,
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

/// The coprocessors that NSACR opens, as fields of CPACR.
fn spread(nsacr: u32) -> u32 {
    (if nsacr & 1 << 10 != 0 { 3 << 20 } else { 0 })
        | if nsacr & 1 << 11 != 0 { 3 << 22 } else { 0 }
}

/// System exceptions with their active and pending bits of SHCSR.
const SHCSR: &[(usize, u32, u32)] = &[
    (nvic::MEM_MANAGE, 0, 13),
    (nvic::BUS_FAULT, 1, 14),
    (nvic::HARD_FAULT, 2, 21),
    (nvic::USAGE_FAULT, 3, 12),
    (nvic::SECURE_FAULT, 4, 20),
    (nvic::NMI, 5, 32),
    (nvic::SVC, 7, 15),
    (nvic::DEBUG, 8, 32),
    (nvic::PEND_SV, 10, 32),
    (nvic::SYS_TICK, 11, 32),
];
