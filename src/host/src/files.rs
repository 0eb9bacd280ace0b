//! Serial output that goes into a file, or nowhere.

use crate::Serial;
use std::fs::File;
use std::io::Write;

/// Output vanishes, nothing comes in.
pub(crate) struct Null;

impl Serial for Null {
    fn send(&mut self, _bytes: &[u8]) {}
    fn input(&mut self, _into: &mut Vec<u8>) {}
    fn live(&self) -> bool {
        false
    }
}

/// Output goes into a file.
pub(crate) struct ToFile(pub(crate) File);

impl Serial for ToFile {
    fn send(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes);
    }
    fn input(&mut self, _into: &mut Vec<u8>) {}
    fn live(&self) -> bool {
        false
    }
}
