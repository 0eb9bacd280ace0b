//! Registers of the 16550A (National Semiconductor PC16550D data sheet, section 8).

pub(super) use crate::schemas::ns16550a_1::{IER, IIR, LCR, LSR, MCR, MSR, RBR, SCR};

/// IER: enables of the interrupt sources.
pub(super) const IER_ERBFI: u8 = 1 << 0;
pub(super) const IER_ETBEI: u8 = 1 << 1;
pub(super) const IER_ELSI: u8 = 1 << 2;
pub(super) const IER_EDSSI: u8 = 1 << 3;
pub(super) const IER_MASK: u8 = 0x0f;

/// IIR: the source of highest priority; bit 0 is clear while one is pending (table 4).
pub(super) const IIR_MODEM: u8 = 0x00;
pub(super) const IIR_NONE: u8 = 0x01;
pub(super) const IIR_THRE: u8 = 0x02;
pub(super) const IIR_RECEIVED: u8 = 0x04;
pub(super) const IIR_LINE: u8 = 0x06;
pub(super) const IIR_TIMEOUT: u8 = 0x0c;
pub(super) const IIR_FIFOS: u8 = 0xc0;

/// FCR, written at IIR's place.
pub(super) const FCR_ENABLE: u8 = 1 << 0;
pub(super) const FCR_RXRST: u8 = 1 << 1;
pub(super) const FCR_DMA: u8 = 1 << 3;
pub(super) const FCR_RXTRIG_LSB: u8 = 6;
/// Bits that stay: the resets clear themselves.
pub(super) const FCR_KEPT: u8 = FCR_ENABLE | FCR_DMA | 0xc0;

/// LCR.
pub(super) const LCR_WLS: u8 = 3;
pub(super) const LCR_STB: u8 = 1 << 2;
pub(super) const LCR_PEN: u8 = 1 << 3;
pub(super) const LCR_DLAB: u8 = 1 << 7;

/// MCR.
pub(super) const MCR_DTR: u8 = 1 << 0;
pub(super) const MCR_RTS: u8 = 1 << 1;
pub(super) const MCR_OUT1: u8 = 1 << 2;
pub(super) const MCR_OUT2: u8 = 1 << 3;
pub(super) const MCR_LOOP: u8 = 1 << 4;
pub(super) const MCR_MASK: u8 = 0x1f;

/// LSR.
pub(super) const LSR_DR: u8 = 1 << 0;
pub(super) const LSR_OE: u8 = 1 << 1;
pub(super) const LSR_THRE: u8 = 1 << 5;
pub(super) const LSR_TEMT: u8 = 1 << 6;

/// MSR: changes in bits 0 to 3, levels in bits 4 to 7.
pub(super) const MSR_TERI: u8 = 1 << 2;
pub(super) const MSR_CHANGES: u8 = 0x0f;
pub(super) const MSR_CTS: u8 = 1 << 4;
pub(super) const MSR_DSR: u8 = 1 << 5;
pub(super) const MSR_RI: u8 = 1 << 6;
pub(super) const MSR_DCD: u8 = 1 << 7;
