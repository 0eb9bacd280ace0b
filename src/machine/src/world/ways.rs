//! Ways that bridges have found: accesses to an address that a bridge passed on as they came go to
//! the register behind it without asking the bridge again ([`hetemu_hw::Cx::same_way`]).
//!
//! Nothing can tell but the clock: both devices' accesses are counted as if the bridge were asked.

use hetemu_engine::DeviceRef;

/// Addresses that are remembered, by their lowest bits and by reads and writes.
const KNOWN: usize = 64;

/// An access: register, bytes, whether it writes.
type Access = (DeviceRef, u8, bool);

/// What is remembered, and what the access that is being answered has led to.
#[derive(Debug)]
pub(crate) struct Ways {
    known: Vec<Option<(Access, DeviceRef)>>,
    /// Accesses that a bridge made for the one that is being answered: how many, and the last.
    passed: (u32, Option<(DeviceRef, u8)>),
    /// The bridge says that it will be so again.
    same: bool,
}

impl Default for Ways {
    fn default() -> Ways {
        Ways { known: vec![None; KNOWN], passed: (0, None), same: false }
    }
}

impl Ways {
    fn place((at, _, write): Access) -> usize {
        (at.offset as usize * 2 + usize::from(write)) % KNOWN
    }

    /// The register that an access leads to, if it is remembered.
    pub(crate) fn find(&self, access: Access) -> Option<DeviceRef> {
        let (known, to) = self.known.get(Ways::place(access)).copied().flatten()?;
        (known == access).then_some(to)
    }

    /// A core's access begins.
    pub(crate) fn begin(&mut self) {
        (self.passed, self.same) = ((0, None), false);
    }

    /// A bridge makes an access: register and bytes, if it reaches that as it came.
    pub(crate) fn pass(&mut self, to: Option<(DeviceRef, u8)>) {
        self.passed = (self.passed.0 + 1, to);
    }

    /// See [`hetemu_hw::Cx::same_way`].
    pub(crate) fn same(&mut self) {
        self.same = true;
    }

    /// A core's access is answered: remembers where it led.
    pub(crate) fn end(&mut self, access: Access) {
        if let (true, (1, Some((to, size)))) = (self.same, self.passed)
            && size == access.1
            && let Some(entry) = self.known.get_mut(Ways::place(access))
        {
            *entry = Some((access, to));
        }
    }

    /// Ways may have changed.
    pub(crate) fn forget(&mut self) {
        self.known.fill(None);
        self.same = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: DeviceRef = DeviceRef { device: 1, region: 1, offset: 0x1800_0071 };
    const TO: DeviceRef = DeviceRef { device: 7, region: 0, offset: 1 };

    /// Where a byte's read at [`AT`] is known to lead after it was answered once.
    fn after(answer: impl Fn(&mut Ways)) -> Option<DeviceRef> {
        let mut ways = Ways::default();
        ways.begin();
        answer(&mut ways);
        ways.end((AT, 1, false));
        assert_eq!(ways.find((AT, 1, true)), None, "a write");
        assert_eq!(ways.find((AT, 2, false)), None, "a wider read");
        let found = ways.find((AT, 1, false));
        ways.forget();
        assert_eq!(ways.find((AT, 1, false)), None, "forgotten");
        found
    }

    #[test]
    fn one_access_that_is_passed_on_as_it_came_is_remembered() {
        let once = |w: &mut Ways| w.pass(Some((TO, 1)));
        let said = |w: &mut Ways| (w.same(), once(w)).1;
        assert_eq!(after(said), Some(TO));
        assert_eq!(after(once), None, "nobody said that it will be so again");
        assert_eq!(after(|w| (said(w), once(w)).1), None, "two accesses");
        assert_eq!(after(|w| (w.same(), w.pass(Some((TO, 2)))).1), None, "of another size");
        assert_eq!(after(|w| (w.same(), w.pass(None)).1), None, "with bytes reversed");
        assert_eq!(after(|w| (said(w), w.forget()).1), None, "changed meanwhile");
    }
}
