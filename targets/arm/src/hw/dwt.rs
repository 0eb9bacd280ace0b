//! The cycle counter of the DWT and the stimulus ports of the ITM. Armv7-M ARM, sections C1.7 and
//! C1.8. An instruction takes a cycle.

use hetemu_hw::time::Ps;

/// DEMCR.TRCENA.
pub(crate) const TRCENA: u32 = 1 << 24;

/// The units of trace.
#[derive(Debug, Clone)]
pub(crate) struct Trace {
    pub(crate) period: Ps,
    /// DEMCR.
    pub(crate) demcr: u32,
    control: u32,
    /// CYCCNT at time 0 while it counts, or its value.
    cycles: u32,
    itm_enable: u32,
    itm_control: u32,
    comparators: [u32; 4],
}

impl Trace {
    pub(crate) fn new(period: Ps) -> Trace {
        Trace {
            period: period.max(1),
            demcr: 0,
            control: 0,
            cycles: 0,
            itm_enable: 0,
            itm_control: 0,
            comparators: [0; 4],
        }
    }

    pub(crate) fn reset(&mut self) {
        *self = Trace::new(self.period);
    }

    fn counts(&self) -> bool {
        self.control & 1 != 0 && self.demcr & TRCENA != 0
    }

    fn now(&self, now: Ps) -> u32 {
        (now / self.period) as u32
    }

    /// Changes something that may start or stop the counter.
    fn change(&mut self, now: Ps, f: impl FnOnce(&mut Trace)) {
        let value = self.cycle_count(now);
        f(self);
        self.cycles = if self.counts() { value.wrapping_sub(self.now(now)) } else { value };
    }

    fn cycle_count(&self, now: Ps) -> u32 {
        if self.counts() { self.cycles.wrapping_add(self.now(now)) } else { self.cycles }
    }

    /// The clock is another from now on.
    pub(crate) fn pace(&mut self, period: Ps, now: Ps) {
        self.change(now, |t| t.period = period.max(1));
    }

    pub(crate) fn set_demcr(&mut self, value: u32, now: Ps) {
        self.change(now, |t| t.demcr = value & 0x010f_07f1);
    }

    /// A register of the DWT.
    pub(crate) fn read_dwt(&self, offset: u32, now: Ps) -> u32 {
        match offset {
            // Four comparators, none of which matches anything.
            0 => self.control | 4 << 28,
            4 => self.cycle_count(now),
            0x20 | 0x30 | 0x40 | 0x50 => {
                self.comparators.get((offset as usize >> 4) - 2).copied().unwrap_or(0)
            }
            _ => 0,
        }
    }

    pub(crate) fn write_dwt(&mut self, offset: u32, value: u32, now: Ps) {
        match offset {
            0 => self.change(now, |t| t.control = value & 0x007f_1fff),
            4 => {
                self.cycles = value;
                if self.counts() {
                    self.cycles = value.wrapping_sub(self.now(now));
                }
            }
            0x20 | 0x30 | 0x40 | 0x50 => {
                if let Some(c) = self.comparators.get_mut((offset as usize >> 4) - 2) {
                    *c = value;
                }
            }
            _ => {}
        }
    }

    /// A register of the ITM. Stimulus ports are always ready.
    pub(crate) fn read_itm(&self, offset: u32) -> u32 {
        match offset {
            0..=0x7f => 1,
            0xe00 => self.itm_enable,
            0xe80 => self.itm_control,
            0xfb4 => 3,
            _ => 0,
        }
    }

    /// Gives the port that was written to, if what was written goes out.
    pub(crate) fn write_itm(&mut self, offset: u32, value: u32) -> Option<u32> {
        match offset {
            0..=0x7f => {
                let port = offset >> 2;
                let on = self.demcr & TRCENA != 0
                    && self.itm_control & 1 != 0
                    && self.itm_enable >> port & 1 != 0;
                return on.then_some(port);
            }
            0xe00 => self.itm_enable = value,
            0xe80 => self.itm_control = value & 0x007f_0f1f,
            _ => {}
        }
        None
    }

    /// What a saved state needs.
    pub(crate) fn fields(&mut self) -> Vec<&mut u32> {
        let mut all = vec![
            &mut self.demcr,
            &mut self.control,
            &mut self.cycles,
            &mut self.itm_enable,
            &mut self.itm_control,
        ];
        all.extend(&mut self.comparators);
        all
    }
}
