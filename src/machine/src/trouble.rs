//! Detecting guests that cannot go on by what their exceptions look like.
//!
//! Two patterns are certain enough to stop a run. A handler whose first instruction raises again,
//! from the same place, never gets anywhere. And an exception that comes back at one place
//! thousands of times with every register the same each time is a loop without an end: no demand
//! pager or emulator leaves all registers as they were. Calls (ecall) are left out: polling loops
//! make them.

use hetemu_isa::Exception;

/// How often the same exception is seen before its registers are compared.
const SUSPECT: u32 = 1024;
/// How many equal register files in a row prove the loop.
const PROOF: u32 = 32;
/// Exceptions inside of the handler's own beginning that prove it cannot run.
const NESTED: u32 = 512;
/// Bytes of a handler's beginning.
const PROLOGUE: u64 = 256;

/// What a core's exceptions say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing.
    Fine,
    /// The registers should be compared with the last time.
    Compare,
    /// The handler cannot run.
    DoubleFault,
}

/// One exception, as it was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) exception: Exception,
    pub(crate) pc: u64,
    pub(crate) handler: u64,
}

/// The history of one core.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watch {
    pub(crate) last: Option<Taken>,
    /// The exception before the first of a row of equal ones: the cause of a double fault.
    pub(crate) before: Option<Taken>,
    same: u32,
    equal: u32,
    hash: u64,
}

impl Watch {
    pub(crate) fn exception(&mut self, taken: Taken) -> Verdict {
        let place = |t: &Taken| (t.pc, t.exception.cause);
        if self.last.as_ref().map(place) != Some(place(&taken)) {
            self.before = self.last;
            (self.same, self.equal) = (0, 0);
        }
        self.same += 1;
        self.last = Some(taken);
        let inside = taken.pc.wrapping_sub(taken.handler);
        if (inside == 0 && self.same >= 3) || (inside < PROLOGUE && self.same >= NESTED) {
            return Verdict::DoubleFault;
        }
        if self.same.is_multiple_of(SUSPECT) { Verdict::Compare } else { Verdict::Fine }
    }

    /// It as words, for saved states.
    pub(crate) fn words(&self) -> [u64; 13] {
        let taken = |t: &Option<Taken>| match t {
            None => [0; 5],
            Some(t) => [1, t.exception.cause.into(), t.exception.value, t.pc, t.handler],
        };
        let ([a, b, c, d, e], [f, g, h, i, j]) = (taken(&self.last), taken(&self.before));
        [a, b, c, d, e, f, g, h, i, j, self.same.into(), self.equal.into(), self.hash]
    }

    /// What [`Watch::words`] gave.
    pub(crate) fn of(words: &[u64; 13]) -> Watch {
        let taken = |[some, cause, value, pc, handler]: [u64; 5]| {
            let exception = Exception { cause: cause as u32, value };
            (some != 0).then_some(Taken { exception, pc, handler })
        };
        let [a, b, c, d, e, f, g, h, i, j, same, equal, hash] = *words;
        let (last, before) = (taken([a, b, c, d, e]), taken([f, g, h, i, j]));
        Watch { last, before, same: same as u32, equal: equal as u32, hash }
    }

    /// Compares a hash of the registers with that of the last time; true if nothing moves.
    pub(crate) fn compare(&mut self, hash: u64) -> bool {
        self.equal = if hash == self.hash { self.equal + 1 } else { 0 };
        self.hash = hash;
        self.equal >= PROOF
    }

    /// An interrupt or a device moved the world on.
    pub(crate) fn clear(&mut self) {
        *self = Watch::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(pc: u64, handler: u64) -> Taken {
        Taken { exception: Exception { cause: 1, value: pc }, pc, handler }
    }

    #[test]
    fn a_handler_that_faults_is_a_double_fault() {
        let mut w = Watch::default();
        assert_eq!(w.exception(taken(0x3000, 0)), Verdict::Fine);
        assert_eq!(w.exception(taken(0, 0)), Verdict::Fine);
        assert_eq!(w.exception(taken(0, 0)), Verdict::Fine);
        assert_eq!(w.exception(taken(0, 0)), Verdict::DoubleFault);
        assert_eq!(w.before, Some(taken(0x3000, 0)));
    }

    #[test]
    fn exceptions_that_alternate_are_fine() {
        let mut w = Watch::default();
        for i in 0..10_000u64 {
            assert_eq!(w.exception(taken(0x1000 + (i & 1) * 4, 0x2000)), Verdict::Fine);
        }
    }

    #[test]
    fn only_equal_registers_prove_a_loop() {
        let mut w = Watch::default();
        assert!((0..100).all(|i| !w.compare(i)));
        assert!((0..100).any(|_| w.compare(7)));
    }
}
