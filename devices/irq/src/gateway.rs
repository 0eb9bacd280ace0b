//! The core that the RISC-V PLIC and OpenTitan's rv_plic share: gateways, pending bits, priorities,
//! and claim and completion (RISC-V Platform-Level Interrupt Controller Specification 1.0.0,
//! chapters 1 to 9). How registers lie on the bus is the business of the devices around it.
//!
//! A gateway forwards one request and then is closed until that request is completed. A pending
//! request stays when its line falls; a line that is still high at completion is requested again.

use hetemu_hw::{LoadError, Reader, Writer};

/// Interrupt sources 1..=n, and targets 0..m.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateways {
    sources: u32,
    /// A bit a source each, in words.
    level: Vec<u32>,
    edge: Vec<u32>,
    pending: Vec<u32>,
    closed: Vec<u32>,
    /// By source; 0 is unused.
    priority: Vec<u32>,
    targets: Vec<Target>,
    /// After a reset, until the first access: other parts may still be letting their lines fall, so
    /// nothing is requested yet.
    fresh: bool,
}

/// One target: a context of a hart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    enable: Vec<u32>,
    /// Only requests above it interrupt the target.
    pub threshold: u32,
}

/// Numbers of saved fields that a [`Gateways`] takes from the device's.
const LEVEL: u16 = 1;
const EDGE: u16 = 2;
const PENDING: u16 = 3;
const CLOSED: u16 = 4;
const PRIORITY: u16 = 5;
const THRESHOLD: u16 = 6;
const ENABLE: u16 = 7;
const FRESH: u16 = 8;

fn bit(source: u32) -> (usize, u32) {
    ((source / 32) as usize, 1 << (source % 32))
}

fn has(set: &[u32], source: u32) -> bool {
    let (word, mask) = bit(source);
    set.get(word).is_some_and(|w| w & mask != 0)
}

fn put(set: &mut [u32], source: u32, on: bool) {
    let (word, mask) = bit(source);
    if let Some(w) = set.get_mut(word) {
        *w = if on { *w | mask } else { *w & !mask };
    }
}

impl Gateways {
    /// All quiet: every source a level, every priority 0.
    pub fn new(sources: u32, targets: u32) -> Gateways {
        let words = vec![0; sources as usize / 32 + 1];
        let target = Target { enable: words.clone(), threshold: 0 };
        Gateways {
            sources,
            level: words.clone(),
            edge: words.clone(),
            pending: words.clone(),
            closed: words,
            priority: vec![0; sources as usize + 1],
            targets: vec![target; targets as usize],
            fresh: false,
        }
    }

    /// Words of a register with one bit a source.
    pub fn words(&self) -> u64 {
        self.pending.len() as u64
    }

    /// Back to the state of [`Gateways::new`], but for the lines, which others drive.
    pub fn reset(&mut self) {
        let level = std::mem::take(&mut self.level);
        *self = Gateways::new(self.sources, self.targets.len() as u32);
        self.level = level;
        self.fresh = true;
    }

    /// Before each access: requests what has been high since the reset. Nothing is enabled before
    /// the first access, so no target can tell when it happened.
    pub fn settle(&mut self) {
        if std::mem::take(&mut self.fresh) {
            self.pending.clone_from(&self.level);
        }
    }

    fn exists(&self, source: u32) -> bool {
        (1..=self.sources).contains(&source)
    }

    /// A source's line changed.
    pub fn line(&mut self, source: u32, level: bool) {
        if !self.exists(source) {
            return;
        }
        let rising = level && !has(&self.level, source);
        put(&mut self.level, source, level);
        if rising && !self.fresh {
            self.request(source);
        }
    }

    fn request(&mut self, source: u32) {
        if !has(&self.closed, source) {
            put(&mut self.pending, source, true);
        }
    }

    /// The pending request of highest priority that a target enables; the lowest number of equals.
    /// Priority 0 never interrupts.
    pub fn best(&self, target: usize) -> Option<(u32, u32)> {
        let enable = &self.targets.get(target)?.enable;
        let mut best: Option<(u32, u32)> = None;
        for (word, (pending, enabled)) in self.pending.iter().zip(enable).enumerate() {
            let mut bits = pending & enabled;
            while bits != 0 {
                let source = word as u32 * 32 + bits.trailing_zeros();
                bits &= bits - 1;
                let priority = self.priority.get(source as usize).copied().unwrap_or(0);
                if priority > best.map_or(0, |(_, p)| p) {
                    best = Some((source, priority));
                }
            }
        }
        best
    }

    /// Whether a target is interrupted.
    pub fn interrupts(&self, target: usize) -> bool {
        let threshold = self.targets.get(target).map_or(u32::MAX, |t| t.threshold);
        self.best(target).is_some_and(|(_, priority)| priority > threshold)
    }

    /// A target claims: the best request, whatever the threshold; 0 if there is none.
    pub fn claim(&mut self, target: usize) -> u32 {
        let Some((source, _)) = self.best(target) else { return 0 };
        put(&mut self.pending, source, false);
        put(&mut self.closed, source, true);
        source
    }

    /// Whether a target enables a source.
    pub fn enables(&self, target: usize, source: u32) -> bool {
        self.targets.get(target).is_some_and(|t| has(&t.enable, source))
    }

    /// A source is completed; ignored if it is not claimed.
    pub fn complete(&mut self, source: u32) {
        if !self.exists(source) || !has(&self.closed, source) {
            return;
        }
        put(&mut self.closed, source, false);
        if has(&self.level, source) && !has(&self.edge, source) {
            self.request(source);
        }
    }

    /// Pending bits of 32 sources.
    pub fn pending(&self, word: u64) -> u32 {
        let bits = if self.fresh { &self.level } else { &self.pending };
        bits.get(word as usize).copied().unwrap_or(0)
    }

    /// Level (0) or edge (1) of 32 sources.
    pub fn edges(&self, word: u64) -> u32 {
        self.edge.get(word as usize).copied().unwrap_or(0)
    }

    /// Sets level or edge. A source that becomes a level and is high asks.
    pub fn set_edges(&mut self, word: u64, value: u32) {
        let mask = self.sources_of(word);
        let Some(edge) = self.edge.get_mut(word as usize) else { return };
        let levels = *edge & !value & mask;
        *edge = value & mask;
        for source in (0..32).filter(|b| levels & (1 << b) != 0).map(|b| word as u32 * 32 + b) {
            if has(&self.level, source) {
                self.request(source);
            }
        }
    }

    /// A source's priority.
    pub fn priority(&self, source: u64) -> Option<u32> {
        self.priority.get(source as usize).copied()
    }

    /// Sets a source's priority; source 0 does not exist.
    pub fn set_priority(&mut self, source: u64, value: u32) {
        if source > 0
            && let Some(p) = self.priority.get_mut(source as usize)
        {
            *p = value;
        }
    }

    /// A target's enable bits of 32 sources.
    pub fn enable(&self, target: usize, word: u64) -> Option<u32> {
        self.targets.get(target)?.enable.get(word as usize).copied()
    }

    /// Sets enable bits.
    pub fn set_enable(&mut self, target: usize, word: u64, value: u32) {
        let value = value & self.sources_of(word);
        if let Some(t) = self.targets.get_mut(target)
            && let Some(enable) = t.enable.get_mut(word as usize)
        {
            *enable = value;
        }
    }

    /// A target's state.
    pub fn target(&mut self, target: usize) -> Option<&mut Target> {
        self.targets.get_mut(target)
    }

    /// A target's threshold.
    pub fn threshold(&self, target: usize) -> Option<u32> {
        self.targets.get(target).map(|t| t.threshold)
    }

    /// Number of targets.
    pub fn targets(&self) -> usize {
        self.targets.len()
    }

    /// The bits of a word that stand for sources.
    fn sources_of(&self, word: u64) -> u32 {
        let first = u32::try_from(word * 32).unwrap_or(u32::MAX);
        let present = self.sources.saturating_add(1).saturating_sub(first).min(32);
        let mask = u32::MAX.checked_shr(32 - present).unwrap_or(0);
        if word == 0 { mask & !1 } else { mask }
    }

    /// Writes the state; fields 1 to 9 of the device belong to it.
    pub fn save(&self, w: &mut Writer) {
        let wide = |words: &[u32]| words.iter().map(|v| u64::from(*v)).collect::<Vec<_>>();
        w.ints(LEVEL, wide(&self.level));
        w.ints(EDGE, wide(&self.edge));
        w.ints(PENDING, wide(&self.pending));
        w.ints(CLOSED, wide(&self.closed));
        w.ints(PRIORITY, wide(&self.priority));
        w.ints(THRESHOLD, self.targets.iter().map(|t| t.threshold.into()));
        w.ints(ENABLE, self.targets.iter().flat_map(|t| wide(&t.enable)));
        w.int(FRESH, self.fresh.into());
    }

    /// Reads it back; `max_priority` is the largest value of a priority or threshold.
    pub fn load(&mut self, r: &Reader<'_>, max_priority: u32) -> Result<(), LoadError> {
        let mut new = Gateways::new(self.sources, self.targets.len() as u32);
        let words = new.words() as usize;
        let read = |field: u16, n: usize, max: &dyn Fn(usize) -> u32| {
            let mut wide = vec![0; n];
            r.ints(field, &mut wide)?;
            let narrow = wide.iter().enumerate().map(|(i, v)| {
                let value = u32::try_from(*v).map_err(|_| LoadError::Bad(field))?;
                // Bits or values that cannot be are nonsense, not something to drop.
                let possible = if field == PRIORITY || field == THRESHOLD {
                    value <= max(i)
                } else {
                    value & !max(i) == 0
                };
                if possible { Ok(value) } else { Err(LoadError::Bad(field)) }
            });
            narrow.collect::<Result<Vec<u32>, LoadError>>()
        };
        let bits = |i: usize| self.sources_of((i % words) as u64);
        let numbers = |_: usize| max_priority;
        new.level = read(LEVEL, words, &bits)?;
        new.edge = read(EDGE, words, &bits)?;
        new.pending = read(PENDING, words, &bits)?;
        new.closed = read(CLOSED, words, &bits)?;
        new.priority = read(PRIORITY, new.priority.len(), &numbers)?;
        let thresholds = read(THRESHOLD, new.targets.len(), &numbers)?;
        let enables = read(ENABLE, new.targets.len() * words, &bits)?;
        for ((target, threshold), enable) in
            new.targets.iter_mut().zip(thresholds).zip(enables.chunks(words))
        {
            *target = Target { enable: enable.to_vec(), threshold };
        }
        new.fresh = r.int(FRESH)? == 1;
        *self = new;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plic() -> Gateways {
        let mut g = Gateways::new(40, 2);
        for source in 1..=40 {
            g.set_priority(source, 1);
        }
        g.set_enable(0, 0, u32::MAX);
        g.set_enable(0, 1, u32::MAX);
        g
    }

    #[test]
    fn a_level_asks_again_after_completion() {
        let mut g = plic();
        g.line(33, true);
        assert!(g.interrupts(0) && !g.interrupts(1));
        assert_eq!(g.claim(0), 33);
        assert!(!g.interrupts(0));
        assert!(g.enables(0, 33) && !g.enables(1, 33));
        g.complete(33);
        assert_eq!(g.claim(0), 33);
        g.line(33, false);
        g.complete(33);
        assert_eq!(g.claim(0), 0);
    }

    #[test]
    fn a_request_stays_when_its_line_falls() {
        let mut g = plic();
        g.line(5, true);
        g.line(5, false);
        assert_eq!(g.claim(0), 5);
    }

    #[test]
    fn an_edge_does_not_ask_again() {
        let mut g = plic();
        g.set_edges(0, 1 << 5);
        g.line(5, true);
        assert_eq!(g.claim(0), 5);
        g.complete(5);
        assert_eq!(g.claim(0), 0);
        g.line(5, false);
        g.line(5, true);
        assert_eq!(g.claim(0), 5);
    }

    #[test]
    fn priority_then_number_and_the_threshold_masks_only_the_interrupt() {
        let mut g = plic();
        for source in [7, 9, 3] {
            g.line(source, true);
        }
        g.set_priority(9, 2);
        g.target(0).unwrap().threshold = 2;
        assert!(!g.interrupts(0));
        assert_eq!([g.claim(0), g.claim(0), g.claim(0), g.claim(0)], [9, 3, 7, 0]);
    }

    #[test]
    fn a_line_that_falls_in_the_same_reset_is_not_requested() {
        let mut g = plic();
        g.line(5, true);
        g.line(6, true);
        g.reset();
        g.line(5, false);
        assert_eq!(g.pending(0), 1 << 6);
        g.settle();
        assert_eq!(g.pending(0), 1 << 6);
        g.line(5, true);
        assert_eq!(g.pending(0), 3 << 5);
    }

    #[test]
    fn bits_without_a_source_stay_0() {
        let mut g = plic();
        assert_eq!(g.enable(0, 0), Some(0xffff_fffe));
        assert_eq!(g.enable(0, 1), Some(0x1ff));
        g.line(41, true);
        g.line(0, true);
        assert_eq!(g.pending(0) | g.pending(1), 0);
        g.set_priority(0, 3);
        assert_eq!(g.priority(0), Some(0));
        assert_eq!(g.priority(41), None);
    }
}
