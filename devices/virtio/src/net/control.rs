//! What the driver asks of the card: receive filters and commands (Virtio 1.2, section 5.1.6.5).

use hetemu_hw::Cx;
use hetemu_hw::virtio::{Chain, RingError};

/// An Ethernet address.
pub(super) type Mac = [u8; 6];

/// Longest lists of addresses that are kept; a longer one lets everything of its kind through.
const ADDRESSES: usize = 64;
/// Longest command that is looked at: two full lists, and more than fits into them.
const LONGEST: u64 = 64 << 10;

/// Command classes and commands.
const RX: u8 = 0;
const RX_COMMANDS: usize = 6;
const MAC: u8 = 1;
const MAC_TABLE_SET: u8 = 0;
const MAC_ADDR_SET: u8 = 1;
/// Answers.
const OK: u8 = 0;
const ERR: u8 = 1;

/// Which frames the driver wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filter {
    /// VIRTIO_NET_CTRL_RX_PROMISC to _NOBCAST, by command.
    pub(super) rx: [bool; RX_COMMANDS],
    /// Further addresses; `None`: more than are kept.
    pub(super) unicast: Option<Vec<Mac>>,
    pub(super) multicast: Option<Vec<Mac>>,
}

impl Default for Filter {
    /// A driver that never sets a filter gets everything.
    fn default() -> Filter {
        let rx = [true, false, false, false, false, false];
        Filter { rx, unicast: Some(Vec::new()), multicast: Some(Vec::new()) }
    }
}

impl Filter {
    /// Whether a frame passes on a card with this address.
    pub(super) fn passes(&self, mac: &Mac, frame: &[u8]) -> bool {
        let Some(to) = frame.first_chunk::<6>() else { return false };
        let [promisc, allmulti, alluni, nomulti, nouni, nobcast] = self.rx;
        let in_list = |list: &Option<Vec<Mac>>| list.as_ref().is_none_or(|l| l.contains(to));
        if promisc {
            true
        } else if *to == [0xff; 6] {
            !nobcast
        } else if to[0] & 1 != 0 {
            !nomulti && (allmulti || in_list(&self.multicast))
        } else {
            to == mac || !nouni && (alluni || in_list(&self.unicast))
        }
    }

    /// Does one command; answers how many bytes were written.
    pub(super) fn command(
        &mut self,
        cx: &mut dyn Cx,
        mac: &mut Mac,
        chain: &Chain,
    ) -> Result<u32, RingError> {
        let mut bytes = vec![0; chain.readable().min(LONGEST) as usize];
        chain.read(cx, 0, &mut bytes)?;
        let done = match bytes.split_first_chunk::<2>() {
            Some(([RX, command], data)) => self.receive_mode(*command, data),
            Some(([MAC, MAC_TABLE_SET], data)) => self.table(data),
            Some(([MAC, MAC_ADDR_SET], data)) => data.first_chunk().map(|new| *mac = *new),
            _ => None,
        };
        let answer = if done.is_some() { OK } else { ERR };
        Ok(chain.write(cx, 0, &[answer])? as u32)
    }

    fn receive_mode(&mut self, command: u8, data: &[u8]) -> Option<()> {
        *self.rx.get_mut(usize::from(command))? = *data.first()? != 0;
        Some(())
    }

    fn table(&mut self, data: &[u8]) -> Option<()> {
        let (unicast, rest) = list(data)?;
        let (multicast, _) = list(rest)?;
        (self.unicast, self.multicast) = (unicast, multicast);
        Some(())
    }
}

/// A list of addresses and what follows it.
#[allow(clippy::type_complexity)]
fn list(data: &[u8]) -> Option<(Option<Vec<Mac>>, &[u8])> {
    let (count, rest) = data.split_first_chunk()?;
    let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
    let (addresses, rest) = rest.split_at_checked(count.checked_mul(6)?)?;
    let kept = (count <= ADDRESSES).then(|| addresses.as_chunks().0.to_vec());
    Some((kept, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Mac = [2, 0, 0, 0, 0, 1];
    const OTHER: Mac = [2, 0, 0, 0, 0, 2];
    const GROUP: Mac = [1, 0, 0x5e, 0, 0, 1];

    #[test]
    fn filters() {
        let all = [OURS, OTHER, GROUP, [0xff; 6]];
        let passing = |f: &Filter| all.map(|to| f.passes(&OURS, &to));
        let mut f = Filter::default();
        assert_eq!(passing(&f), [true; 4]);
        f.receive_mode(0, &[0]).unwrap();
        assert_eq!(passing(&f), [true, false, false, true]);
        for (command, expected) in [
            (1, [true, false, true, true]),
            (2, [true, true, true, true]),
            (3, [true, true, false, true]),
            (4, [true, false, false, true]),
            (5, [true, false, false, false]),
        ] {
            f.receive_mode(command, &[1]).unwrap();
            assert_eq!(passing(&f), expected, "command {command}");
        }
        assert_eq!(f.receive_mode(6, &[1]), None);
        assert_eq!(f.receive_mode(0, &[]), None);
        assert!(!f.passes(&OURS, &[0; 5]), "no address");
    }

    #[test]
    fn tables() {
        let mut f = Filter::default();
        f.receive_mode(0, &[0]).unwrap();
        let table = [&[1, 0, 0, 0][..], &OTHER, &[1, 0, 0, 0], &GROUP].concat();
        assert_eq!(f.table(&table), Some(()));
        assert!(f.passes(&OURS, &OTHER) && f.passes(&OURS, &GROUP));
        assert!(!f.passes(&OURS, &[2; 6]));
        let before = f.clone();
        for cut in 0..table.len() {
            assert_eq!(f.table(&table[..cut]), None, "cut to {cut}");
        }
        assert_eq!(f.table(&[0xff; 16]), None);
        assert_eq!(f, before);
        let many = [&65u32.to_le_bytes()[..], &[2; 65 * 6], &[0; 4]].concat();
        assert_eq!(f.table(&many), Some(()));
        assert_eq!(f.unicast, None);
        assert!(f.passes(&OURS, &[4; 6]) && !f.passes(&OURS, &GROUP));
    }
}
