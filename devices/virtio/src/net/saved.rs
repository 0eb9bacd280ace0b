//! Saved state of the card. Numbers are never reused; a frame that waits is field 32 + n.

use super::control::{Filter, Mac};
use super::{FRAMES, LONGEST_IN, Net};
use hetemu_hw::{LoadError, Reader, Writer};
use std::collections::VecDeque;

const ACTIVE: u16 = 1;
const FEATURES: u16 = 2;
const ADDRESS: u16 = 3;
const RX_MODE: u16 = 4;
/// Missing when everything passes.
const UNICAST: u16 = 5;
const MULTICAST: u16 = 6;
const WAITING: u16 = 7;
const FIRST_FRAME: u16 = 32;

fn list(r: &Reader<'_>, field: u16) -> Result<Option<Vec<Mac>>, LoadError> {
    match r.bytes(field) {
        Ok(bytes) => match bytes.as_chunks() {
            (list, []) => Ok(Some(list.to_vec())),
            _ => Err(LoadError::Bad(field)),
        },
        Err(LoadError::Missing(_)) => Ok(None),
        Err(e) => Err(e),
    }
}

impl Net {
    pub(super) fn write_state(&self, w: &mut Writer) {
        w.int(ACTIVE, self.active.into());
        w.int(FEATURES, self.features);
        w.bytes(ADDRESS, &self.mac);
        w.bytes(RX_MODE, &self.filter.rx.map(u8::from));
        let lists = [(UNICAST, &self.filter.unicast), (MULTICAST, &self.filter.multicast)];
        for (field, list) in lists {
            if let Some(list) = list {
                w.bytes(field, list.as_flattened());
            }
        }
        w.int(WAITING, self.input.len() as u64);
        for (field, frame) in (FIRST_FRAME..).zip(&self.input) {
            w.bytes(field, frame);
        }
    }

    pub(super) fn read_state(&mut self, r: &Reader<'_>) -> Result<(), LoadError> {
        let mac = r.bytes(ADDRESS)?.try_into().map_err(|_| LoadError::Bad(ADDRESS))?;
        let rx: [u8; 6] = r.bytes(RX_MODE)?.try_into().map_err(|_| LoadError::Bad(RX_MODE))?;
        let filter = Filter {
            rx: rx.map(|on| on != 0),
            unicast: list(r, UNICAST)?,
            multicast: list(r, MULTICAST)?,
        };
        let waiting = usize::try_from(r.int(WAITING)?).unwrap_or(usize::MAX);
        if waiting > FRAMES {
            return Err(LoadError::Bad(WAITING));
        }
        let mut input = VecDeque::new();
        for field in (FIRST_FRAME..).take(waiting) {
            let frame = r.bytes(field)?;
            if frame.len() > LONGEST_IN {
                return Err(LoadError::Bad(field));
            }
            input.push_back(frame.to_vec());
        }
        self.active = r.int(ACTIVE)? == 1;
        self.features = r.int(FEATURES)?;
        (self.mac, self.filter, self.input) = (mac, filter, input);
        Ok(())
    }
}
