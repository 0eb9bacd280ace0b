//! What a host bridge does with cycles on its bus: who answers which address.
//!
//! Functions say it by what is in their configuration space ([`Function::claims`]); it is noted
//! for the addresses that are accessed again and again, until a configuration cycle writes.

use hetemu_hw::pci::{Cycle, Function, Space};
use hetemu_hw::{BusError, Cx};

/// Addresses that are noted, by their lowest bits.
const KNOWN: usize = 64;

/// Who answers an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// The function of this number: region and offset.
    Claim(usize, u32, u64),
    /// The bridge of this number passes it on through a port.
    Port(usize, u32),
}

/// The functions on a bus.
#[derive(Debug)]
pub(crate) struct Decoder {
    units: Vec<String>,
    known: Vec<Option<(Space, u64, Answer)>>,
}

impl Decoder {
    pub(crate) fn new(units: Vec<String>) -> Decoder {
        Decoder { units, known: vec![None; KNOWN] }
    }

    /// What functions answer may have changed.
    pub(crate) fn forget(&mut self) {
        self.known.fill(None);
    }

    fn ask(&self, cx: &mut dyn Cx, space: Space, addr: u64) -> Option<Answer> {
        let mut find = |ask: &mut dyn FnMut(usize, &mut dyn Function) -> Option<Answer>| {
            self.units.iter().enumerate().find_map(|(n, unit)| {
                let mut answer = None;
                cx.with_child(unit, &mut |dev, _| answer = dev.pci().and_then(|f| ask(n, f)));
                answer
            })
        };
        let claim = find(&mut |n, f| f.claims(space, addr).map(|(r, o)| Answer::Claim(n, r, o)));
        claim.or_else(|| find(&mut |n, f| f.passes_on(space, addr).map(|p| Answer::Port(n, p))))
    }

    /// Has the function that claims an address answer, else a bridge pass it on. `None`: nobody
    /// answers (master abort).
    pub(crate) fn cycle(&mut self, cx: &mut dyn Cx, cycle: Cycle) -> Option<Result<u64, BusError>> {
        let Cycle { space, addr, size, write } = cycle;
        let place = addr as usize % KNOWN;
        let known = self.known.get(place).copied().flatten();
        let answer = match known.filter(|(s, a, _)| (*s, *a) == (space, addr)) {
            Some((_, _, answer)) => answer,
            None => {
                let answer = self.ask(cx, space, addr)?;
                if let Some(entry) = self.known.get_mut(place) {
                    *entry = Some((space, addr, answer));
                }
                answer
            }
        };
        match answer {
            Answer::Claim(n, region, offset) => {
                let mut done = None;
                cx.with_child(self.units.get(n)?, &mut |dev, cx| {
                    done = Some(match write {
                        Some(value) => dev.write(cx, region, offset, size, value).map(|()| 0),
                        None => dev.read(cx, region, offset, size),
                    });
                });
                done
            }
            // Not in the bridge's call: registers of its own may lie on that bus.
            Answer::Port(n, port) => {
                let unit = self.units.get(n)?;
                cx.same_way();
                Some(match write {
                    Some(value) => cx.child_bus_write(unit, port, addr, size, value).map(|()| 0),
                    None => cx.child_bus_read(unit, port, addr, size),
                })
            }
        }
    }
}
