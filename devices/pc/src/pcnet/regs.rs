//! Bits of the registers (Am79C973 data sheet, "User Accessible Registers").

/// CSR0: controller status. Those of 8 to 14 are cleared by ones.
pub(super) const INIT: u16 = 1 << 0;
pub(super) const STRT: u16 = 1 << 1;
pub(super) const STOP: u16 = 1 << 2;
pub(super) const TDMD: u16 = 1 << 3;
pub(super) const TXON: u16 = 1 << 4;
pub(super) const RXON: u16 = 1 << 5;
pub(super) const INEA: u16 = 1 << 6;
pub(super) const INTR: u16 = 1 << 7;
pub(super) const IDON: u16 = 1 << 8;
pub(super) const TINT: u16 = 1 << 9;
pub(super) const RINT: u16 = 1 << 10;
pub(super) const MERR: u16 = 1 << 11;
pub(super) const CAUSES: u16 = 0x7f00;
pub(super) const ERR: u16 = 1 << 15;
pub(super) const ERRORS: u16 = 0x7800;
/// Of CSR0 those that interrupt: masked by the same bits of CSR3.
pub(super) const INTERRUPTS: u16 = 0x5f00;

/// CSR3 that can be written: interrupt masks and bus options.
pub(super) const CSR3_MASK: u16 = 0x5f7c;
/// CSR4: causes (cleared by ones) and their masks above or below them.
pub(super) const CSR4_CAUSES: u16 = 0x026a;
pub(super) const UINT: u16 = 1 << 6;
pub(super) const UINTCMD: u16 = 1 << 7;
pub(super) const CSR4_RESET: u16 = 0x0115;
/// CSR5: suspended.
pub(super) const SPND: u16 = 1 << 0;
/// CSR15: mode.
pub(super) const DRX: u16 = 1 << 0;
pub(super) const DTX: u16 = 1 << 1;
pub(super) const LOOP: u16 = 1 << 2;
pub(super) const DRCVPA: u16 = 1 << 13;
pub(super) const DRCVBC: u16 = 1 << 14;
pub(super) const PROM: u16 = 1 << 15;
/// Numbers of CSRs.
pub(super) const IADR: usize = 1;
pub(super) const LADRF: usize = 8;
pub(super) const PADR: usize = 12;
pub(super) const MODE: usize = 15;
pub(super) const BADR: usize = 24;
pub(super) const BADX: usize = 30;
pub(super) const STYLE: usize = 58;
pub(super) const RCVRL: usize = 76;
pub(super) const XMTRL: usize = 78;
pub(super) const CHIP: usize = 88;
/// The part's number, with the manufacturer's (AMD) below.
pub(super) const CHIP_ID: u32 = 0x0262_5003;

/// BCR18: registers are 32 bits wide. It follows the first wide write.
pub(super) const BSBC: usize = 18;
pub(super) const DWIO: u16 = 1 << 7;
/// BCR4: the link is up.
pub(super) const LNKST: usize = 4;
pub(super) const LEDOUT: u16 = 1 << 15;
/// BCR20: software style; descriptors and the initialization block are 32 bits wide.
pub(super) const SWS: usize = 20;
pub(super) const SSIZE32: u16 = 1 << 8;
/// BCR33 and BCR34: the PHY's register that is meant, and its content.
pub(super) const MIIADDR: usize = 33;
pub(super) const MIIMDR: usize = 34;
/// Number of the PHY inside.
pub(super) const PHY: u16 = 0x1e;

/// Descriptors, second word.
pub(super) const D_OWN: u32 = 1 << 31;
pub(super) const D_ERR: u32 = 1 << 30;
pub(super) const D_BUFF: u32 = 1 << 26;
pub(super) const D_STP: u32 = 1 << 25;
pub(super) const D_ENP: u32 = 1 << 24;
/// Receive: the address matched physically, by the filter, as broadcast.
pub(super) const D_PAM: u32 = 1 << 22;
pub(super) const D_LAFM: u32 = 1 << 21;
pub(super) const D_BAM: u32 = 1 << 20;

/// CSRs and BCRs after a reset, by number.
pub(super) const CSR_RESET: [(usize, u16); 3] = [(0, STOP), (4, CSR4_RESET), (112, 0)];
pub(super) const BCR_RESET: [(usize, u16); 12] = [
    (0, 5),
    (1, 5),
    (2, 2),
    (4, 0x00c0),
    (5, 0x0084),
    (6, 0x0088),
    (7, 0x0090),
    (18, 0x9001),
    (19, 0x0002),
    (20, 0x0200),
    (22, 0xff06),
    (32, 0x0400),
];
