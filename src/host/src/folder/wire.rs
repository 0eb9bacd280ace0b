//! The fields of 9P messages: little-endian integers, and texts with their length before them.

use rustix::io::Errno;

/// Reads fields of a message. Whatever is not there is an error.
pub(super) struct In<'a>(pub(super) &'a [u8]);

impl<'a> In<'a> {
    pub(super) fn bytes(&mut self, len: usize) -> Result<&'a [u8], Errno> {
        let (head, rest) = self.0.split_at_checked(len).ok_or(Errno::INVAL)?;
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Errno> {
        self.bytes(N)?.try_into().map_err(|_| Errno::INVAL)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Errno> {
        self.array().map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Errno> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Errno> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Errno> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn text(&mut self) -> Result<&'a [u8], Errno> {
        let len = self.u16()?;
        self.bytes(len.into())
    }
}

/// Builds a message: its size is put in at the end.
pub(super) struct Out(Vec<u8>);

impl Out {
    pub(super) fn new(kind: u8, tag: u16) -> Out {
        let mut out = Out(vec![0; 4]);
        out.u8(kind);
        out.u16(tag);
        out
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn u8(&mut self, n: u8) {
        self.0.push(n);
    }

    pub(super) fn u16(&mut self, n: u16) {
        self.bytes(&n.to_le_bytes());
    }

    pub(super) fn u32(&mut self, n: u32) {
        self.bytes(&n.to_le_bytes());
    }

    pub(super) fn u64(&mut self, n: u64) {
        self.bytes(&n.to_le_bytes());
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// A text of at most 65535 bytes.
    pub(super) fn text(&mut self, text: &[u8]) {
        let len = u16::try_from(text.len()).unwrap_or(u16::MAX);
        self.u16(len);
        self.bytes(text.get(..len.into()).unwrap_or_default());
    }

    /// Puts a number where one was left out.
    pub(super) fn set_u32(&mut self, at: usize, n: u32) {
        if let Some(to) = self.0.get_mut(at..at + 4) {
            to.copy_from_slice(&n.to_le_bytes());
        }
    }

    pub(super) fn set_u16(&mut self, at: usize, n: u16) {
        if let Some(to) = self.0.get_mut(at..at + 2) {
            to.copy_from_slice(&n.to_le_bytes());
        }
    }

    pub(super) fn done(mut self) -> Vec<u8> {
        let len = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.set_u32(0, len);
        self.0
    }
}
