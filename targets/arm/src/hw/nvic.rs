//! The interrupt controller: which exceptions are pending, active and enabled, and with what
//! priority. Armv7-M ARM, sections B1.5.4 and B3.4; Armv8-M ARM, chapter B3.
//!
//! An exception is known by its number; of those that both security states have, the secure one is
//! at [`SECURE`] and its number.

/// Exceptions by number.
pub(crate) const RESET: usize = 1;
pub(crate) const NMI: usize = 2;
pub(crate) const HARD_FAULT: usize = 3;
pub(crate) const MEM_MANAGE: usize = 4;
pub(crate) const BUS_FAULT: usize = 5;
pub(crate) const USAGE_FAULT: usize = 6;
pub(crate) const SECURE_FAULT: usize = 7;
pub(crate) const SVC: usize = 11;
pub(crate) const DEBUG: usize = 12;
pub(crate) const PEND_SV: usize = 14;
pub(crate) const SYS_TICK: usize = 15;
/// The first external interrupt.
pub(crate) const EXTERNAL: usize = 16;

/// Numbers at most.
pub(crate) const MOST: usize = 256;
/// Where the secure ones begin of the exceptions that both security states have.
pub(crate) const SECURE: usize = MOST;
/// Exceptions at most.
const ALL: usize = MOST + EXTERNAL;
/// Words of a set; the last one has the secure exceptions.
pub(crate) const WORDS: usize = MOST / 64 + 1;
/// A priority below every other one.
pub(crate) const LOWEST: i32 = 256;

/// A set of exceptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Set(pub(crate) [u64; WORDS]);

impl Set {
    pub(crate) fn has(&self, n: usize) -> bool {
        self.0.get(n / 64).is_some_and(|w| w >> (n % 64) & 1 != 0)
    }

    pub(crate) fn put(&mut self, n: usize, on: bool) {
        if let Some(w) = self.0.get_mut(n / 64) {
            *w = *w & !(1 << (n % 64)) | u64::from(on) << (n % 64);
        }
    }

    /// 32 of them, from a number on.
    pub(crate) fn word(&self, first: usize) -> u32 {
        (0..32).fold(0, |w, i| w | u32::from(self.has(first + i)) << i)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> {
        let words = self.0;
        words.into_iter().enumerate().flat_map(|(i, mut w)| {
            std::iter::from_fn(move || {
                let n = w.trailing_zeros() as usize;
                (w != 0).then(|| {
                    w &= w - 1;
                    i * 64 + n
                })
            })
        })
    }
}

/// The state of the interrupt controller.
#[derive(Debug, Clone)]
pub(crate) struct Nvic {
    /// Exceptions there are.
    pub(crate) count: usize,
    pub(crate) pending: Set,
    pub(crate) active: Set,
    pub(crate) enabled: Set,
    /// Levels of the external inputs.
    pub(crate) level: Set,
    pub(crate) priority: [u8; ALL],
    /// Bits of a priority that exist, on top.
    mask: u8,
    /// AIRCR.PRIGROUP of both security states.
    pub(crate) group: [u8; 2],
    /// There are security states; without them all is as in the non-secure one.
    security: bool,
    /// External interrupts that go to the non-secure state.
    pub(crate) itns: Set,
    /// AIRCR.PRIS: secure exceptions come before others.
    pub(crate) pris: bool,
    /// AIRCR.BFHFNMINS: BusFault, HardFault and NMI go to the non-secure state.
    pub(crate) bfhfnmins: bool,
}

impl Nvic {
    pub(crate) fn new(irqs: usize, bits: u32, security: bool) -> Nvic {
        let mut nvic = Nvic {
            count: (EXTERNAL + irqs).min(MOST),
            pending: Set::default(),
            active: Set::default(),
            enabled: Set::default(),
            level: Set::default(),
            priority: [0; ALL],
            mask: (0xff00u32 >> bits.min(8)) as u8,
            group: [0; 2],
            security,
            itns: Set::default(),
            pris: false,
            bfhfnmins: false,
        };
        nvic.reset();
        nvic
    }

    /// The state after reset; the inputs keep their levels.
    pub(crate) fn reset(&mut self) {
        self.pending = self.level;
        self.active = Set::default();
        self.enabled = Set::default();
        self.priority = [0; ALL];
        self.group = [0; 2];
        self.itns = Set::default();
        (self.pris, self.bfhfnmins) = (false, false);
        // Faults that can be disabled are by SHCSR.
        for n in [RESET, NMI, HARD_FAULT, SVC, DEBUG, PEND_SV, SYS_TICK] {
            self.enabled.put(n, true);
            self.enabled.put(SECURE + n, self.security && is_banked(n));
        }
    }

    /// The exception of a number for a security state.
    pub(crate) fn of(&self, n: usize, secure: bool) -> usize {
        match n {
            HARD_FAULT if self.security && !self.bfhfnmins => SECURE + n,
            n if self.security && secure && is_banked(n) => SECURE + n,
            n => n,
        }
    }

    /// Whether an exception is taken to the secure state.
    pub(crate) fn is_secure(&self, n: usize) -> bool {
        self.security
            && match n {
                SECURE.. | SECURE_FAULT => true,
                NMI | BUS_FAULT => !self.bfhfnmins,
                EXTERNAL.. => !self.itns.has(n),
                _ => false,
            }
    }

    /// The priority of an exception as its register has it, or the fixed one.
    pub(crate) fn raw(&self, n: usize) -> i32 {
        const SECURE_HARD_FAULT: usize = SECURE + HARD_FAULT;
        match n {
            RESET => -4,
            NMI => -2,
            HARD_FAULT => -1,
            SECURE_HARD_FAULT => {
                if self.bfhfnmins {
                    -3
                } else {
                    -1
                }
            }
            n => self.priority.get(n).copied().unwrap_or(0).into(),
        }
    }

    pub(crate) fn set_priority(&mut self, n: usize, value: u8) {
        if (4..self.count).contains(&n) || n >= SECURE + 4 {
            let value = value & self.mask;
            if let Some(p) = self.priority.get_mut(n) {
                *p = value;
            }
        }
    }

    /// The part of a priority of a security state that decides about preemption.
    pub(crate) fn grouped(&self, priority: i32, secure: bool) -> i32 {
        if priority < 0 {
            return priority;
        }
        let group = priority & !((2 << self.group[usize::from(secure)]) - 1);
        self.lowered(group, secure)
    }

    /// A priority among those of both security states.
    pub(crate) fn lowered(&self, priority: i32, secure: bool) -> i32 {
        if self.pris && !secure && priority >= 0 { priority / 2 + 0x80 } else { priority }
    }

    /// The part of an exception's priority that decides about preemption.
    pub(crate) fn group_of(&self, n: usize) -> i32 {
        self.grouped(self.raw(n), self.is_secure(n))
    }

    /// A priority as it would be stored.
    pub(crate) fn legal(&self, value: u8) -> u8 {
        value & self.mask
    }

    /// The priority of what is active, without masks.
    pub(crate) fn active_priority(&self) -> i32 {
        self.active.iter().map(|n| self.group_of(n)).min().unwrap_or(LOWEST)
    }

    /// The pending and enabled exception of highest priority, with the part of that which decides
    /// about preemption.
    pub(crate) fn best(&self) -> Option<(i32, usize)> {
        let mut ready = self.pending;
        ready.0.iter_mut().zip(self.enabled.0).for_each(|(w, e)| *w &= e);
        // Of equals the lowest number comes first, and of that the secure one.
        let order = |n: usize| (self.group_of(n), self.raw(n), n % SECURE, n < SECURE);
        let best = ready.iter().min_by_key(|n| order(*n))?;
        Some((self.group_of(best), best))
    }

    /// An input of an external interrupt, or the non-maskable one, changed.
    pub(crate) fn input(&mut self, n: usize, level: bool) {
        if n >= self.count {
            return;
        }
        if level && !self.level.has(n) {
            self.pending.put(n, true);
        }
        self.level.put(n, level);
    }

    /// An exception begins.
    pub(crate) fn activate(&mut self, n: usize) {
        self.pending.put(n, false);
        self.active.put(n, true);
    }

    /// An exception ends; it is pending again if its input is still active.
    pub(crate) fn deactivate(&mut self, n: usize) {
        self.active.put(n, false);
        if self.level.has(n) {
            self.pending.put(n, true);
        }
    }
}

/// Whether both security states have an exception of this number.
pub(crate) fn is_banked(n: usize) -> bool {
    matches!(n, HARD_FAULT | MEM_MANAGE | USAGE_FAULT | SVC | PEND_SV | SYS_TICK)
}
