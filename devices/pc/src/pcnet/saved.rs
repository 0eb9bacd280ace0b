//! Saved state. Numbers are never reused.

use super::phy::Phy;
use super::{BCRS, CSRS, Pcnet, own_config};
use hetemu_hw::{LoadError, Reader, Writer};

const CONFIG: u16 = 1;
const CSR: u16 = 2;
const BCR: u16 = 3;
const PROM: u16 = 4;
const REST: u16 = 5;

impl Pcnet {
    pub(super) fn store_state(&self, w: &mut Writer) {
        w.bytes(CONFIG, self.config.bytes());
        w.ints(CSR, self.csr.iter().map(|v| u64::from(*v)));
        w.ints(BCR, self.bcr.iter().map(|v| u64::from(*v)));
        w.bytes(PROM, &self.prom);
        let small = [self.rap, self.phy.control, self.phy.advertisement, self.waiting.into()];
        let all = small.map(u64::from).into_iter();
        w.ints(REST, all.chain([self.receive_at.into(), self.send_at.into()]));
    }

    pub(super) fn load_state(&mut self, r: &mut Reader<'_>) -> Result<(), LoadError> {
        let mut config = own_config();
        config.restore(r.bytes(CONFIG)?).ok_or(LoadError::Bad(CONFIG))?;
        let (mut csr, mut bcr) = ([0; CSRS], [0; BCRS]);
        r.ints(CSR, &mut csr)?;
        r.ints(BCR, &mut bcr)?;
        let prom = r.bytes(PROM)?.try_into().map_err(|_| LoadError::Bad(PROM))?;
        let mut rest = [0; 6];
        r.ints(REST, &mut rest)?;
        let [rap, control, advertisement, waiting, receive, send] = rest;
        let bad = LoadError::Bad(REST);
        let [Ok(rap), Ok(control), Ok(advertisement)] =
            [rap, control, advertisement].map(u16::try_from)
        else {
            return Err(bad);
        };
        let (Ok(receive_at), Ok(send_at)) = (u32::try_from(receive), u32::try_from(send)) else {
            return Err(bad);
        };
        let halves = |from: &[u64], to: &mut [u16]| {
            to.iter_mut().zip(from).all(|(to, v)| match u16::try_from(*v) {
                Ok(v) => {
                    *to = v;
                    true
                }
                Err(_) => false,
            })
        };
        let (mut csr16, mut bcr16) = ([0; CSRS], [0; BCRS]);
        if rap > 0x7f || waiting > 1 || !halves(&csr, &mut csr16) || !halves(&bcr, &mut bcr16) {
            return Err(bad);
        }
        self.config = config;
        (self.csr, self.bcr, self.prom) = (csr16, bcr16, prom);
        (self.rap, self.phy) = (rap, Phy { control, advertisement });
        (self.receive_at, self.send_at, self.waiting) = (receive_at, send_at, waiting == 1);
        Ok(())
    }
}
