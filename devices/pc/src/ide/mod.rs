//! An IDE channel as host adapters have it (ATA/ATAPI-7, volume 2; SFF-8038i): task file registers,
//! PIO, and bus-master DMA by a table of physical regions. The drives are parts of their own
//! ([`hetemu_hw::ata`]).

mod dma;
mod saved;

use hetemu_hw::Cx;
use hetemu_hw::ata::{
    BSY, DRDY, DRQ, DSC, Function, REASON_COMMAND, REASON_IN, TaskFile, Transfer, Way,
};

/// Task file registers, by offset in the command block.
const DATA: u64 = 0;
const ERROR: u64 = 1;
const COUNT: u64 = 2;
const DEVICE: u64 = 6;
const STATUS: u64 = 7;
/// Device control.
const NIEN: u8 = 1 << 1;
const SRST: u8 = 1 << 2;
const HOB: u8 = 1 << 7;
/// Device: which drive.
const DEV: u8 = 1 << 4;
/// What a channel without drives reads: ones, but for the bit that the host pulls down.
const FLOATING: u8 = 0x7f;
/// The commands of packet drives that the channel must know: PACKET, DEVICE RESET.
const PACKET: u8 = 0xa0;
const DEVICE_RESET: u8 = 0x08;

/// What is going on between the host and a drive.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Moving {
    transfer: Transfer,
    /// Bytes that have not been in the buffer yet.
    rest: u64,
    /// The block between two interrupts, and how far the host is with it.
    buffer: Vec<u8>,
    at: usize,
}

/// A channel with up to two drives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Channel {
    // Fixed configuration.
    /// Unit addresses of the drives on the adapter's child bus.
    units: [Option<String>; 2],
    // Volatile state.
    files: [TaskFile; 2],
    device: u8,
    control: u8,
    /// INTRQ, whatever nIEN says.
    interrupt: bool,
    moving: Option<Moving>,
    /// Bus master: command, status, table.
    command: u8,
    status: u8,
    table: u32,
}

impl Channel {
    pub(crate) fn new(units: [Option<String>; 2]) -> Channel {
        Channel {
            units,
            files: [TaskFile::default(); 2],
            device: 0,
            control: 0,
            interrupt: false,
            moving: None,
            command: 0,
            status: 0,
            table: 0,
        }
    }

    /// The level of the interrupt line.
    pub(crate) fn line(&self) -> bool {
        self.interrupt && self.control & NIEN == 0
    }

    fn selected(&self) -> usize {
        usize::from(self.device & DEV != 0)
    }

    fn file(&mut self) -> &mut TaskFile {
        let [first, second] = &mut self.files;
        if self.device & DEV == 0 { first } else { second }
    }

    /// Calls the selected drive with its registers; none if there is none.
    fn drive<T>(
        &mut self,
        cx: &mut dyn Cx,
        call: impl FnOnce(&mut dyn Function, &mut dyn Cx, &mut TaskFile) -> T,
    ) -> Option<T> {
        let unit = self.units.get(self.selected())?.clone()?;
        let (mut file, mut call, mut out) = (*self.file(), Some(call), None);
        cx.with_child(&unit, &mut |dev, cx| {
            if let (Some(ata), Some(call)) = (dev.ata(), call.take()) {
                out = Some(call(ata, cx, &mut file));
            }
        });
        *self.file() = file;
        out
    }

    /// Whether a drive answers, by number. A drive without an image does not.
    fn present(&self, cx: &mut dyn Cx, number: usize) -> bool {
        let Some(Some(unit)) = self.units.get(number) else { return false };
        let mut there = false;
        cx.with_child(unit, &mut |dev, _| there = dev.ata().is_some());
        there
    }

    /// A reset of the machine or of the bus.
    pub(crate) fn reset(&mut self, cx: &mut dyn Cx) {
        *self = Channel::new(self.units.clone());
        self.reset_drives(cx);
    }

    fn reset_drives(&mut self, cx: &mut dyn Cx) {
        self.moving = None;
        self.interrupt = false;
        for device in [DEV, 0] {
            self.device = device;
            if let Some(file) = self.drive(cx, |ata, _, _| ata.reset()) {
                *self.file() = file;
            }
        }
    }

    /// Reads a register of the command block.
    pub(crate) fn read(&mut self, cx: &mut dyn Cx, offset: u64, size: u8) -> u64 {
        if !self.present(cx, self.selected()) {
            // Drive 0 answers for a drive 1 that is not there, with an empty status.
            let other = self.present(cx, 1 - self.selected());
            return match (other, offset) {
                (false, DATA) => hetemu_hw::regs::mask(size),
                (false, _) => FLOATING.into(),
                (true, DEVICE) => self.device.into(),
                (true, _) => 0,
            };
        }
        match offset {
            DATA => self.read_data(cx, size),
            STATUS => {
                self.interrupt = false;
                self.file().status.into()
            }
            _ => self.register(offset).into(),
        }
    }

    /// A register whose read has no effect.
    pub(crate) fn register(&self, offset: u64) -> u8 {
        let [first, second] = &self.files;
        let file = if self.device & DEV == 0 { first } else { second };
        let hob = usize::from(self.control & HOB != 0);
        let lba = |n: usize| file.lba.get(n + 3 * hob).copied().unwrap_or(0);
        match offset {
            ERROR => file.error,
            COUNT => file.count.get(hob).copied().unwrap_or(0),
            3..=5 => lba(offset as usize - 3),
            DEVICE => 0xa0 | file.device & 0x4f | self.device & DEV,
            STATUS => file.status,
            _ => 0,
        }
    }

    /// Alternate status.
    pub(crate) fn alternate(&mut self, cx: &mut dyn Cx) -> u64 {
        let selected = self.selected();
        match (self.present(cx, selected), self.present(cx, 1 - selected)) {
            (true, _) => self.register(STATUS).into(),
            (false, true) => 0,
            (false, false) => FLOATING.into(),
        }
    }

    /// Writes a register of the command block: both drives take it.
    pub(crate) fn write(&mut self, cx: &mut dyn Cx, offset: u64, size: u8, value: u64) {
        let byte = value as u8;
        self.control &= !HOB;
        match offset {
            DATA => return self.write_data(cx, size, value),
            STATUS => return self.execute(cx, byte),
            DEVICE => self.device = byte,
            _ => {}
        }
        for file in &mut self.files {
            match offset {
                ERROR => file.features = [byte, file.features[0]],
                COUNT => file.count = [byte, file.count[0]],
                3..=5 => {
                    let at = offset as usize - 3;
                    let old = file.lba.get(at).copied().unwrap_or(0);
                    for (at, value) in [(at + 3, old), (at, byte)] {
                        if let Some(to) = file.lba.get_mut(at) {
                            *to = value;
                        }
                    }
                }
                DEVICE => file.device = byte,
                _ => {}
            }
        }
    }

    /// Writes device control.
    pub(crate) fn write_control(&mut self, cx: &mut dyn Cx, value: u8) {
        let was = self.control;
        self.control = value;
        if value & SRST != 0 && was & SRST == 0 {
            self.files.iter_mut().for_each(|f| f.status = BSY);
        } else if value & SRST == 0 && was & SRST != 0 {
            self.reset_drives(cx);
        }
    }

    fn execute(&mut self, cx: &mut dyn Cx, command: u8) {
        if self.control & SRST != 0 {
            return;
        }
        // A command in the middle of another one ends that.
        self.moving = None;
        self.interrupt = false;
        // EXECUTE DEVICE DIAGNOSTIC is for all, and drive 0 answers.
        if command == 0x90 {
            self.reset_drives(cx);
            self.interrupt = true;
            return;
        }
        let begun = self.drive(cx, |ata, cx, file| {
            if command == DEVICE_RESET {
                *file = TaskFile { device: file.device, ..ata.reset() };
                return None;
            }
            file.command = command;
            ata.command(cx, file)
        });
        match begun {
            None => {}
            Some(None) if command == DEVICE_RESET => {}
            Some(begun) => self.begin(cx, begun),
        }
    }

    /// A command, or a packet, has begun.
    fn begin(&mut self, cx: &mut dyn Cx, transfer: Option<Transfer>) {
        let Some(transfer) = transfer else { return self.end() };
        let rest = transfer.bytes;
        self.moving = Some(Moving { transfer, rest, buffer: Vec::new(), at: 0 });
        if transfer.dma {
            self.file().status = BSY | DRDY | DSC;
            self.dma(cx);
            return;
        }
        match transfer.way {
            Way::In => self.fill(cx),
            Way::Out | Way::Packet => {
                // The host may write at once, without an interrupt.
                self.offer(transfer.way == Way::Out && transfer.packet);
            }
        }
    }

    /// The command is over; registers say how.
    fn end(&mut self) {
        if self.moving.take().is_some_and(|m| m.transfer.packet || m.transfer.way == Way::Packet)
            || self.file().command == PACKET
        {
            self.file().count[0] = REASON_COMMAND | REASON_IN;
        }
        self.interrupt = true;
    }

    /// Bytes of the next block.
    fn next_block(moving: &Moving) -> usize {
        moving.rest.min(moving.transfer.block.max(2).into()) as usize
    }

    /// Has the drive give the next block to the host.
    fn fill(&mut self, cx: &mut dyn Cx) {
        let Some(mut moving) = self.moving.take() else { return };
        let len = Channel::next_block(&moving);
        let mut buffer = vec![0; len];
        let good = self.drive(cx, |ata, cx, file| ata.data_in(cx, file, &mut buffer));
        if good != Some(true) {
            self.moving = Some(moving);
            return self.end();
        }
        moving.rest -= len as u64;
        (moving.buffer, moving.at) = (buffer, 0);
        let packet = moving.transfer.packet;
        self.moving = Some(moving);
        self.ready(len, if packet { Some(REASON_IN) } else { None });
        self.interrupt = true;
    }

    /// Waits for the next block of the host.
    fn offer(&mut self, interrupt: bool) {
        let Some(moving) = &mut self.moving else { return };
        let len = Channel::next_block(moving);
        (moving.buffer, moving.at) = (vec![0; len], 0);
        let reason = match moving.transfer {
            Transfer { way: Way::Packet, .. } => Some(REASON_COMMAND),
            Transfer { packet: true, .. } => Some(0),
            _ => None,
        };
        self.ready(len, reason);
        self.interrupt |= interrupt;
    }

    fn ready(&mut self, len: usize, reason: Option<u8>) {
        let file = self.file();
        file.status = DRDY | DSC | DRQ;
        if let Some(reason) = reason {
            file.count[0] = reason;
            let [low, high, ..] = (len as u32).to_le_bytes();
            if reason != REASON_COMMAND {
                (file.lba[1], file.lba[2]) = (low, high);
            }
        }
    }

    fn read_data(&mut self, cx: &mut dyn Cx, size: u8) -> u64 {
        let Some(moving) = &mut self.moving else { return 0 };
        if moving.transfer.dma || moving.transfer.way != Way::In {
            return 0;
        }
        let bytes = moving.buffer.get(moving.at..).unwrap_or_default().iter();
        let value = bytes.take(size.into()).rev().fold(0, |v, b| v << 8 | u64::from(*b));
        moving.at += usize::from(size);
        if moving.at >= moving.buffer.len() {
            if moving.rest > 0 {
                self.fill(cx);
            } else {
                // The last block has been announced with its interrupt, but packet commands end
                // with one of their own.
                let packet = moving.transfer.packet;
                self.moving = None;
                let file = self.file();
                file.status &= !DRQ;
                if packet {
                    file.count[0] = REASON_COMMAND | REASON_IN;
                    self.interrupt = true;
                }
            }
        }
        value
    }

    fn write_data(&mut self, cx: &mut dyn Cx, size: u8, value: u64) {
        let Some(moving) = &mut self.moving else { return };
        if moving.transfer.dma || moving.transfer.way == Way::In {
            return;
        }
        let to = moving.buffer.get_mut(moving.at..).unwrap_or_default();
        to.iter_mut().zip(value.to_le_bytes()).take(size.into()).for_each(|(to, b)| *to = b);
        moving.at += usize::from(size);
        if moving.at < moving.buffer.len() {
            return;
        }
        let buffer = std::mem::take(&mut moving.buffer);
        moving.rest -= buffer.len() as u64;
        let (way, rest) = (moving.transfer.way, moving.rest);
        if way == Way::Packet {
            let Ok(packet) = <[u8; 12]>::try_from(&buffer[..]) else { return self.end() };
            self.moving = None;
            let begun = self.drive(cx, |ata, cx, file| ata.packet(cx, file, packet));
            return self.begin(cx, begun.flatten());
        }
        let good = self.drive(cx, |ata, cx, file| ata.data_out(cx, file, &buffer));
        if good == Some(true) && rest > 0 { self.offer(true) } else { self.end() }
    }
}
