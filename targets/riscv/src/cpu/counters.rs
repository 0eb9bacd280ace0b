//! mcycle and minstret: an offset from the instructions retired, or a value that stands still.

/// One counter.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counter {
    /// Added to the instructions retired; the value itself while inhibited.
    base: u64,
    inhibited: bool,
}

impl Counter {
    /// What a saved state holds.
    pub(crate) fn parts(self) -> [u64; 2] {
        [self.base, self.inhibited.into()]
    }

    /// The counter of those parts.
    pub(crate) fn of([base, inhibited]: [u64; 2]) -> Counter {
        Counter { base, inhibited: inhibited != 0 }
    }

    /// The value when so many instructions were retired before the current one.
    pub(crate) fn get(&self, retired: u64) -> u64 {
        if self.inhibited { self.base } else { self.base.wrapping_add(retired) }
    }

    /// Writes the value; the writing instruction is not counted itself.
    pub(crate) fn set(&mut self, value: u64, retired: u64) {
        self.base = value;
        if !self.inhibited {
            self.base = value.wrapping_sub(retired + 1);
        }
    }

    /// Stops or starts counting, as mcountinhibit says.
    pub(crate) fn inhibit(&mut self, on: bool, retired: u64) {
        if on != self.inhibited {
            // The instruction that does this is counted before it takes effect.
            let value = self.get(retired).wrapping_add(u64::from(on));
            self.inhibited = on;
            self.base = if on { value } else { value.wrapping_sub(retired + 1) };
        }
    }
}
