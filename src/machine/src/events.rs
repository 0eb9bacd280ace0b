//! The queue of what is due: by time, then in the order in which it was asked for.

use hetemu_hw::time::Ps;
use std::collections::BTreeMap;

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// A device's timer: slot, the device's number of it.
    Timer(usize, u32),
    /// A core's own timer (cluster, core).
    Core(usize, usize),
}

/// A place in the queue.
pub(crate) type Key = (Ps, u64);

/// The queue.
#[derive(Debug, Default)]
pub(crate) struct Events {
    queue: BTreeMap<Key, Event>,
    sequence: u64,
}

impl Events {
    pub(crate) fn add(&mut self, at: Ps, event: Event) -> Key {
        self.sequence += 1;
        let key = (at, self.sequence);
        self.queue.insert(key, event);
        key
    }

    pub(crate) fn remove(&mut self, key: Key) {
        self.queue.remove(&key);
    }

    /// When the next one is due.
    pub(crate) fn next(&self) -> Option<Ps> {
        self.queue.first_key_value().map(|(k, _)| k.0)
    }

    /// Takes the next one that is due.
    pub(crate) fn due(&mut self, now: Ps) -> Option<(Ps, Event)> {
        let entry = self.queue.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove_entry()).map(|(k, e)| (k.0, e))
    }

    pub(crate) fn clear(&mut self) {
        self.queue.clear();
    }

    /// All of them, in order, with their places.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Key, Event)> {
        self.queue.iter().map(|(key, event)| (*key, *event))
    }

    /// The number of the last one that was asked for.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Puts one back at its place.
    pub(crate) fn put(&mut self, key: Key, event: Event) {
        self.queue.insert(key, event);
    }

    /// Sets the number that the next one follows.
    pub(crate) fn set_sequence(&mut self, sequence: u64) {
        self.sequence = sequence;
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_times_keep_their_order() {
        let mut q = Events::default();
        q.add(20, Event::Timer(0, 0));
        q.add(10, Event::Timer(2, 0));
        let gone = q.add(10, Event::Timer(3, 0));
        q.add(10, Event::Core(0, 1));
        q.remove(gone);
        assert_eq!(q.next(), Some(10));
        assert_eq!(q.due(9), None);
        assert_eq!(q.due(15), Some((10, Event::Timer(2, 0))));
        assert_eq!(q.due(15), Some((10, Event::Core(0, 1))));
        assert_eq!(q.due(15), None);
        assert_eq!(q.len(), 1);
    }
}
