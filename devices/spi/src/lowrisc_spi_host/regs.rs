//! Registers of the SPI host (OpenTitan book, IP block spi_host, "Registers").

pub(super) use crate::schemas::lowrisc_spi_host_1::{
    ALERT_TEST, COMMAND, CONFIGOPTS, CONTROL, CSID, ERROR_ENABLE, ERROR_STATUS, EVENT_ENABLE,
    INTR_ENABLE, INTR_STATE, INTR_TEST, RXDATA, STATUS, TXDATA,
};

/// INTR_STATE, INTR_ENABLE, INTR_TEST.
pub(super) const INTR_ERROR: u32 = 1 << 0;
pub(super) const INTR_SPI_EVENT: u32 = 1 << 1;

/// CONTROL.
pub(super) const CONTROL_TX_WATERMARK_LSB: u32 = 8;
pub(super) const CONTROL_SW_RST: u32 = 1 << 30;
pub(super) const CONTROL_SPIEN: u32 = 1 << 31;
pub(super) const CONTROL_MASK: u32 = 0xe000_ffff;
pub(super) const CONTROL_RESET: u32 = 0x7f;

/// STATUS.
pub(super) const STATUS_RXQD_LSB: u32 = 8;
pub(super) const STATUS_CMDQD_LSB: u32 = 16;
pub(super) const STATUS_RXWM: u32 = 1 << 20;
pub(super) const STATUS_BYTEORDER: u32 = 1 << 22;
pub(super) const STATUS_RXSTALL: u32 = 1 << 23;
pub(super) const STATUS_RXEMPTY: u32 = 1 << 24;
pub(super) const STATUS_RXFULL: u32 = 1 << 25;
pub(super) const STATUS_TXWM: u32 = 1 << 26;
pub(super) const STATUS_TXSTALL: u32 = 1 << 27;
pub(super) const STATUS_TXEMPTY: u32 = 1 << 28;
pub(super) const STATUS_TXFULL: u32 = 1 << 29;
pub(super) const STATUS_ACTIVE: u32 = 1 << 30;
pub(super) const STATUS_READY: u32 = 1 << 31;

pub(super) const CONFIGOPTS_MASK: u32 = 0xefff_ffff;

/// COMMAND.
pub(super) const COMMAND_LEN: u32 = 0x1ff;
pub(super) const COMMAND_SPEED_LSB: u32 = 10;
pub(super) const COMMAND_DIRECTION_LSB: u32 = 12;
/// Bits of COMMAND_DIRECTION.
pub(super) const DIRECTION_RX: u32 = 1;
pub(super) const DIRECTION_TX: u32 = 2;

/// ERROR_STATUS; ERROR_ENABLE lacks ACCESSINVAL, which always counts.
pub(super) const ERROR_CMDBUSY: u32 = 1 << 0;
pub(super) const ERROR_OVERFLOW: u32 = 1 << 1;
pub(super) const ERROR_UNDERFLOW: u32 = 1 << 2;
pub(super) const ERROR_CMDINVAL: u32 = 1 << 3;
pub(super) const ERROR_CSIDINVAL: u32 = 1 << 4;
pub(super) const ERROR_ACCESSINVAL: u32 = 1 << 5;
pub(super) const ERROR_ENABLE_MASK: u32 = 0x1f;
pub(super) const ERROR_STATUS_MASK: u32 = 0x3f;

/// EVENT_ENABLE.
pub(super) const EVENT_RXFULL: u32 = 1 << 0;
pub(super) const EVENT_TXEMPTY: u32 = 1 << 1;
pub(super) const EVENT_RXWM: u32 = 1 << 2;
pub(super) const EVENT_TXWM: u32 = 1 << 3;
pub(super) const EVENT_READY: u32 = 1 << 4;
pub(super) const EVENT_IDLE: u32 = 1 << 5;
pub(super) const EVENT_MASK: u32 = 0x3f;
