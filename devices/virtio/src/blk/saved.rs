//! Saved state of the disk: what was agreed. The content is the plug's. Numbers are never reused.

use super::Blk;
use hetemu_hw::{LoadError, Reader, Writer};

const FEATURES: u16 = 1;
const WRITEBACK: u16 = 2;

impl Blk {
    pub(super) fn save_state(&self, w: &mut Writer) {
        w.int(FEATURES, self.features);
        w.int(WRITEBACK, self.writeback.into());
    }

    pub(super) fn load_state(&mut self, r: &Reader<'_>) -> Result<(), LoadError> {
        let writeback = r.int(WRITEBACK)?;
        if writeback > 1 {
            return Err(LoadError::Bad(WRITEBACK));
        }
        self.features = r.int(FEATURES)?;
        self.writeback = writeback == 1;
        Ok(())
    }
}
