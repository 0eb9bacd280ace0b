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
