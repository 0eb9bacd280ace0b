//! Registers of the OpenTitan UART (OpenTitan book, IP block uart, "Registers").

pub(super) use crate::schemas::lowrisc_uart_2::{
    ALERT_TEST, CTRL, FIFO_CTRL, FIFO_STATUS, INTR_ENABLE, INTR_STATE, INTR_TEST, OVRD, RDATA,
    STATUS, TIMEOUT_CTRL, VAL, WDATA,
};

/// INTR_STATE, INTR_ENABLE, INTR_TEST: bits that both versions share.
pub(super) mod intr {
    pub(crate) const TX_WATERMARK: u32 = 1 << 0;
    pub(crate) const RX_WATERMARK: u32 = 1 << 1;
    /// `tx_empty` of version 1, `tx_done` of version 2: the last byte has left.
    pub(crate) const TX_DONE: u32 = 1 << 2;
    pub(crate) const RX_OVERFLOW: u32 = 1 << 3;
    pub(crate) const RX_TIMEOUT: u32 = 1 << 6;
    /// Version 2 only: the FIFO is empty.
    pub(crate) const TX_EMPTY: u32 = 1 << 8;
}

/// CTRL.
pub(super) mod ctrl {
    pub(crate) const TX: u32 = 1 << 0;
    pub(crate) const RX: u32 = 1 << 1;
    pub(crate) const SLPBK: u32 = 1 << 4;
    pub(crate) const LLPBK: u32 = 1 << 5;
    pub(crate) const PARITY_EN: u32 = 1 << 6;
    pub(crate) const NCO_LSB: u32 = 16;
    /// Bits that hold what is written.
    pub(crate) const MASK: u32 = 0xffff_03f7;
}

/// STATUS.
pub(super) mod status {
    pub(crate) const TXFULL: u32 = 1 << 0;
    pub(crate) const RXFULL: u32 = 1 << 1;
    pub(crate) const TXEMPTY: u32 = 1 << 2;
    pub(crate) const TXIDLE: u32 = 1 << 3;
    pub(crate) const RXIDLE: u32 = 1 << 4;
    pub(crate) const RXEMPTY: u32 = 1 << 5;
}

/// FIFO_CTRL.
pub(super) mod fifo_ctrl {
    pub(crate) const RXRST: u32 = 1 << 0;
    pub(crate) const TXRST: u32 = 1 << 1;
    pub(crate) const RXILVL_LSB: u32 = 2;
    pub(crate) const TXILVL_LSB: u32 = 5;
}

/// OVRD.
pub(super) mod ovrd {
    pub(crate) const TXEN: u32 = 1 << 0;
    pub(crate) const MASK: u32 = 3;
}

/// TIMEOUT_CTRL.
pub(super) mod timeout_ctrl {
    pub(crate) const VAL: u32 = 0x00ff_ffff;
    pub(crate) const EN: u32 = 1 << 31;
    pub(crate) const MASK: u32 = VAL | EN;
}
