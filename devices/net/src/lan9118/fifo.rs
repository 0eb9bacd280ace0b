//! The FIFOs between the bus and the wire (data sheet, sections 3.12 and 3.13).

use std::collections::VecDeque;

/// Bytes of all FIFOs, and of the one for transmit status.
const TOTAL: usize = 16 << 10;
const TX_STATUS: usize = 512;

/// TX command A.
const IOC: u32 = 1 << 31;
const FIRST: u32 = 1 << 13;
const LAST: u32 = 1 << 12;
const SIZE: u32 = 0x7ff;
/// TX command B.
const NO_CRC: u32 = 1 << 13;
const NO_PADDING: u32 = 1 << 12;

/// What the FIFOs hold by HW_CFG.TX_FIF_SZ, which is in KiB.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// Bytes.
    pub(super) tx_data: usize,
    /// Double words.
    pub(super) tx_status: usize,
    pub(super) rx_data: usize,
    pub(super) rx_status: usize,
}

impl Sizes {
    pub(super) fn of(kib: u32) -> Sizes {
        let tx = (kib.clamp(2, 14) as usize) << 10;
        let rx = (TOTAL - tx) / 4;
        Sizes {
            tx_data: tx - TX_STATUS,
            tx_status: TX_STATUS / 4,
            rx_data: rx / 16 * 15,
            rx_status: rx / 16,
        }
    }
}

/// A frame that waits to be sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) bytes: Vec<u8>,
    /// Commands A (all of its buffers together) and B.
    pub(super) a: u32,
    pub(super) b: u32,
    /// Double words that it takes, commands included.
    pub(super) words: usize,
}

impl Frame {
    pub(super) fn interrupts(&self) -> bool {
        self.a & IOC != 0
    }

    pub(super) fn tag(&self) -> u32 {
        self.b >> 16
    }

    /// What goes out without the check sequence, which the plug does not carry.
    pub(super) fn wire(&self) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        if self.b & NO_CRC != 0 {
            bytes.truncate(bytes.len().saturating_sub(4));
        } else if self.b & NO_PADDING == 0 {
            bytes = crate::ethernet::padded(&bytes);
        }
        bytes
    }
}

/// What software did wrong: INT_STS.TXE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Misuse;

/// The transmit side: buffers on their way to be frames, and frames.
#[derive(Debug, Clone, Default)]
pub(super) struct Tx {
    /// The frame that is being put together, if its first buffer has begun.
    pub(super) open: Option<Frame>,
    /// Command A of the present buffer; 0: the next word is one.
    pub(super) a: u32,
    /// Whether command B has come.
    pub(super) begun: bool,
    /// Bytes before the data, bytes of data, words to come.
    pub(super) skip: u32,
    pub(super) left: u32,
    pub(super) words: u32,
    pub(super) frames: VecDeque<Frame>,
    pub(super) status: VecDeque<u32>,
}

impl Tx {
    /// Bytes in the data FIFO.
    pub(super) fn used(&self) -> usize {
        let words = self.frames.iter().chain(&self.open).map(|f| f.words).sum::<usize>();
        4 * words
    }

    /// Forgets everything but the status.
    pub(super) fn dump(&mut self) {
        *self = Tx { status: std::mem::take(&mut self.status), ..Tx::default() };
    }

    /// Takes one word from software.
    pub(super) fn word(&mut self, word: u32) -> Result<(), Misuse> {
        if self.a == 0 {
            // A buffer is at least one of its frame, so bit 31 can stand for "there is one".
            self.a = word | 1 << 30;
            self.begun = false;
            if word & FIRST != 0 {
                let forgotten = self.open.replace(Frame { words: 1, ..Frame::default() });
                return forgotten.map_or(Ok(()), |_| Err(Misuse));
            }
            return match &mut self.open {
                Some(frame) => {
                    frame.words += 1;
                    Ok(())
                }
                None => Err(Misuse),
            };
        }
        if let Some(frame) = &mut self.open {
            frame.words += 1;
        }
        if !self.begun {
            self.begun = true;
            self.begin(word);
        } else {
            self.data(word);
        }
        if self.words == 0 { self.end() } else { Ok(()) }
    }

    fn begin(&mut self, b: u32) {
        let (offset, size) = (self.a >> 16 & 31, self.a & SIZE);
        let unit = match self.a >> 24 & 3 {
            0 => 4,
            1 => 16,
            _ => 32,
        };
        (self.skip, self.left) = (offset, size);
        // The end of the buffer is aligned.
        self.words = (offset + size).next_multiple_of(unit) / 4;
        if let Some(frame) = &mut self.open {
            frame.b = b;
            frame.a |= self.a & IOC;
        }
    }

    fn data(&mut self, word: u32) {
        self.words -= 1;
        for byte in word.to_le_bytes() {
            if self.skip > 0 {
                self.skip -= 1;
            } else if self.left > 0 {
                self.left -= 1;
                if let Some(frame) = &mut self.open {
                    frame.bytes.push(byte);
                }
            }
        }
    }

    /// A buffer is over.
    fn end(&mut self) -> Result<(), Misuse> {
        let a = std::mem::take(&mut self.a);
        if a & LAST == 0 {
            return Ok(());
        }
        let frame = self.open.take().ok_or(Misuse)?;
        if frame.bytes.len() != (frame.b & SIZE) as usize {
            return Err(Misuse);
        }
        self.frames.push_back(frame);
        Ok(())
    }
}

/// The receive side.
#[derive(Debug, Clone, Default)]
pub(super) struct Rx {
    pub(super) data: VecDeque<u32>,
    /// Words that each frame has left.
    pub(super) frames: VecDeque<u32>,
    pub(super) status: VecDeque<u32>,
}

impl Rx {
    /// Puts a frame in, behind `offset` bytes and with its end at a multiple of `unit` bytes; false
    /// if there is no room.
    pub(super) fn push(
        &mut self,
        frame: &[u8],
        status: u32,
        offset: usize,
        unit: usize,
        sizes: Sizes,
    ) -> bool {
        let len = (offset + frame.len()).next_multiple_of(unit);
        let full = self.data.len() + len / 4 > sizes.rx_data;
        if full || self.status.len() >= sizes.rx_status {
            return false;
        }
        let mut bytes = vec![0; offset];
        bytes.extend_from_slice(frame);
        bytes.resize(len, 0);
        let (words, _) = bytes.as_chunks();
        self.data.extend(words.iter().map(|w| u32::from_le_bytes(*w)));
        self.frames.push_back(words.len() as u32);
        self.status.push_back(status);
        true
    }

    /// The next word, if there is one.
    pub(super) fn pop(&mut self) -> Option<u32> {
        if let Some(left) = self.frames.front_mut() {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.frames.pop_front();
            }
        }
        self.data.pop_front()
    }

    /// Drops what is left of the frame that is being read (RX_FFWD).
    pub(super) fn forward(&mut self) {
        for _ in 0..self.frames.pop_front().unwrap_or(0) {
            self.data.pop_front();
        }
    }
}
