//! The child buses `ata` and `sata`: what a host adapter and a drive say to each other
//! (ATA/ATAPI-7, volumes 1 and 2; ACS-3).
//!
//! A drive is a [`crate::Device`] that answers [`crate::Device::ata`]. The adapter has the
//! registers and the interrupt line, the drive the commands: the adapter hands over the registers
//! of a command and is told which data follow, then moves them in pieces as its own protocol (PIO,
//! DMA, frames) wants. Drives take no virtual time.

use crate::cx::Cx;

/// Status: the registers are the drive's.
pub const BSY: u8 = 0x80;
/// Status: ready for commands.
pub const DRDY: u8 = 0x40;
/// Status: the seek is complete.
pub const DSC: u8 = 0x10;
/// Status: data are to be moved.
pub const DRQ: u8 = 0x08;
/// Status: [`TaskFile::error`] says what.
pub const ERR: u8 = 0x01;
/// Error: aborted.
pub const ABRT: u8 = 0x04;
/// Error: address not found.
pub const IDNF: u8 = 0x10;
/// Error: data cannot be had.
pub const UNC: u8 = 0x40;
/// Device: addresses are logical blocks.
pub const LBA: u8 = 0x40;
/// Count of a packet command: the data are a command; they go to the host.
pub const REASON_COMMAND: u8 = 1;
/// See [`REASON_COMMAND`].
pub const REASON_IN: u8 = 2;

/// The registers of a drive. Each of `features`, `count` and the address has two bytes' depth; the
/// second ("previous") is what 48-bit commands use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TaskFile {
    /// Command.
    pub command: u8,
    /// Features, and its previous content.
    pub features: [u8; 2],
    /// Sector count, and its previous content.
    pub count: [u8; 2],
    /// LBA low, mid and high, and their previous contents.
    pub lba: [u8; 6],
    /// Device: bits 0 to 3 are address bits 24 to 27, or the head.
    pub device: u8,
    /// Status.
    pub status: u8,
    /// Error.
    pub error: u8,
}

impl TaskFile {
    /// The command is done.
    pub fn done(&mut self) {
        (self.status, self.error) = (DRDY | DSC, 0);
    }

    /// The command failed.
    pub fn fail(&mut self, error: u8) {
        (self.status, self.error) = (DRDY | DSC | ERR, error);
    }

    /// As bytes, for saved states.
    pub fn to_bytes(&self) -> [u8; 14] {
        let [f, fp] = self.features;
        let [c, cp] = self.count;
        let [l0, l1, l2, l3, l4, l5] = self.lba;
        let (device, status, error) = (self.device, self.status, self.error);
        [self.command, f, fp, c, cp, l0, l1, l2, l3, l4, l5, device, status, error]
    }

    /// From [`TaskFile::to_bytes`].
    pub fn from_bytes(bytes: [u8; 14]) -> TaskFile {
        let [command, f, fp, c, cp, l0, l1, l2, l3, l4, l5, device, status, error] = bytes;
        TaskFile {
            command,
            features: [f, fp],
            count: [c, cp],
            lba: [l0, l1, l2, l3, l4, l5],
            device,
            status,
            error,
        }
    }
}

/// The way of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To the host.
    In,
    /// To the drive.
    Out,
    /// To the drive: the twelve bytes of a packet command, for [`Function::packet`].
    Packet,
}

/// Data that follow a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    /// Which way.
    pub way: Way,
    /// Bytes in all; never 0.
    pub bytes: u64,
    /// Bytes between two interrupts, without DMA.
    pub block: u32,
    /// By DMA.
    pub dma: bool,
    /// Of a packet command: count and address registers tell the reason and the bytes.
    pub packet: bool,
}

/// A drive.
pub trait Function {
    /// A reset of the bus: registers as it leaves them.
    fn reset(&mut self) -> TaskFile;

    /// Begins a command. Without data it is done, and `registers` say how; else the status is the
    /// adapter's until the data are moved.
    fn command(&mut self, cx: &mut dyn Cx, registers: &mut TaskFile) -> Option<Transfer>;

    /// As [`Function::command`], for the packet that followed one.
    fn packet(
        &mut self,
        cx: &mut dyn Cx,
        registers: &mut TaskFile,
        packet: [u8; 12],
    ) -> Option<Transfer> {
        let _ = (cx, packet);
        registers.fail(ABRT);
        None
    }

    /// The next data to the host. False ends the command; `registers` say how. After the last ones
    /// the registers say how it ended.
    fn data_in(&mut self, cx: &mut dyn Cx, registers: &mut TaskFile, into: &mut [u8]) -> bool;

    /// The next data to the drive, as [`Function::data_in`].
    fn data_out(&mut self, cx: &mut dyn Cx, registers: &mut TaskFile, bytes: &[u8]) -> bool;
}
