//! A serial plug whose host is the library's user: what the guest sent is kept, what the user gives
//! is the guest's input.

use hetemu_machine::SerialPlug;
use regex::bytes::Regex;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How much output a pattern can span.
const WINDOW: usize = 8192;
/// How much output is kept.
const KEPT: usize = 16 << 20;

/// Output that a pattern matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// Which of the patterns.
    pub pattern: usize,
    /// The output that it matched.
    pub text: Vec<u8>,
    /// What the groups in parentheses matched, from 1 on; empty if they took no part.
    pub groups: Vec<Vec<u8>>,
}

#[derive(Default)]
struct State {
    /// What the guest sent, but for the oldest of it.
    out: Vec<u8>,
    /// Where patterns begin to look.
    from: usize,
    input: Vec<u8>,
    patterns: Vec<Regex>,
    hit: Option<Match>,
    /// The user may send more, whatever the guest waits for.
    open: bool,
}

impl State {
    fn look(&mut self) {
        if self.hit.is_some() || self.patterns.is_empty() {
            return;
        }
        let from = self.from.max(self.out.len().saturating_sub(2 * WINDOW));
        let Some(text) = self.out.get(from..) else { return };
        let found = self.patterns.iter().enumerate().filter_map(|(i, p)| {
            let m = p.find(text)?;
            Some((m.start(), i, p))
        });
        let Some((_, pattern, regex)) = found.min_by_key(|(start, i, _)| (*start, *i)) else {
            return;
        };
        let Some(c) = regex.captures(text) else { return };
        let group = |i| c.get(i).map(|m| m.as_bytes().to_vec()).unwrap_or_default();
        let groups = (1..c.len()).map(group).collect();
        let end = from + c.get(0).map_or(0, |m| m.end());
        self.hit = Some(Match { pattern, text: group(0), groups });
        self.from = end;
    }

    fn send(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
        if self.out.len() > 2 * KEPT {
            let gone = self.out.len() - KEPT;
            self.out.drain(..gone);
            self.from = self.from.saturating_sub(gone);
        }
        self.look();
    }
}

/// The end that the machine and its user share.
#[derive(Clone, Default)]
pub(crate) struct Wire(Arc<Mutex<State>>);

impl Wire {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that the guest sent.
    pub(crate) fn output(&self) -> Vec<u8> {
        self.lock().out.clone()
    }

    /// What the guest sent since the last match.
    pub(crate) fn rest(&self) -> Vec<u8> {
        let state = self.lock();
        state.out.get(state.from..).unwrap_or_default().to_vec()
    }

    /// Types.
    pub(crate) fn send(&self, bytes: &[u8]) {
        self.lock().input.extend_from_slice(bytes);
    }

    /// Looks for these patterns in what comes after the last match.
    pub(crate) fn watch(&self, patterns: Vec<Regex>) {
        let mut state = self.lock();
        state.patterns = patterns;
        state.hit = None;
        state.look();
    }

    /// What was found.
    pub(crate) fn hit(&self) -> Option<Match> {
        self.lock().hit.clone()
    }

    /// Patterns see only what comes from now on.
    pub(crate) fn forget(&self) {
        let mut state = self.lock();
        state.from = state.out.len();
        state.input.clear();
    }

    pub(crate) fn set_open(&self, open: bool) {
        self.lock().open = open;
    }
}

impl SerialPlug for Wire {
    fn send(&mut self, bytes: &[u8]) {
        self.lock().send(bytes);
    }

    fn input(&mut self, into: &mut Vec<u8>) {
        into.append(&mut self.lock().input);
    }

    fn answers(&self) -> bool {
        let state = self.lock();
        state.hit.is_some() || !state.input.is_empty()
    }

    fn live(&self) -> bool {
        let state = self.lock();
        state.open || !state.input.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_place_wins_and_a_match_is_used_up() {
        let mut wire = Wire::default();
        let two = || vec![Regex::new("b").unwrap(), Regex::new("a(.)").unwrap()];
        SerialPlug::send(&mut wire, b"xa1b");
        wire.watch(two());
        let hit = wire.hit().unwrap();
        assert_eq!((hit.pattern, hit.text.as_slice()), (1, &b"a1"[..]));
        assert_eq!(hit.groups, [b"1".to_vec()]);
        wire.watch(two());
        assert_eq!(wire.hit().unwrap().pattern, 0);
        wire.watch(two());
        assert!(wire.hit().is_none());
        assert!(!wire.answers());
        SerialPlug::send(&mut wire, b"a");
        SerialPlug::send(&mut wire, b"2");
        assert_eq!(wire.hit().unwrap().text, b"a2");
        assert!(wire.answers());
        assert_eq!(wire.output(), b"xa1ba2");
    }
}
