//! The intermediate representation: straight-line SSA blocks over numbered slots.
//!
//! A value is named by the index of the instruction that makes it ([`Val`]). Integers are kept
//! zero-extended in 64 bits; all arithmetic wraps in the width of its type. Every operation is
//! total: what an ISA does differently (division by zero, over-long shifts) its lifter spells out.
//!
//! Rules (held by `verify`): operands are defined before use and of the type that the operation
//! asks; each guest instruction begins with [`Inst::Start`]; within one guest instruction every
//! operation that may fault precedes every [`Inst::Put`], so that a fault leaves the state before
//! the instruction. A guest instruction may have several accesses with side effects (stores,
//! atomics) if it bears being run again from its start after any of them: that is what happens when
//! a later one faults, or is left to the interpreter.

use crate::layout::Slot;
use hetemu_schema::Endian;

/// A value: the index of its instruction in the block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Val(pub u16);

/// Types of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Ty {
    /// 0 or 1.
    Bool,
    I32,
    I64,
    F32,
    F64,
}

/// One operand, integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Un {
    /// Bitwise complement.
    Not,
    /// Two's complement.
    Neg,
    /// Leading zeros; the width for 0.
    Clz,
    /// Trailing zeros; the width for 0.
    Ctz,
    /// Set bits.
    Popcnt,
    /// Bytes reversed.
    Bswap,
    /// Bits reversed.
    Bitrev,
    /// Sign extension in place from the low 8 bits.
    Sext8,
    /// Sign extension in place from the low 16 bits.
    Sext16,
    /// Zero extension in place from the low 8 bits.
    Zext8,
    /// Zero extension in place from the low 16 bits.
    Zext16,
    /// I64 only: sign extension in place from the low 32 bits.
    Sext32,
    /// I64 only: zero extension in place from the low 32 bits.
    Zext32,
}

impl Un {
    /// Every one, in order.
    pub const ALL: [Un; 13] = [
        Un::Not,
        Un::Neg,
        Un::Clz,
        Un::Ctz,
        Un::Popcnt,
        Un::Bswap,
        Un::Bitrev,
        Un::Sext8,
        Un::Sext16,
        Un::Zext8,
        Un::Zext16,
        Un::Sext32,
        Un::Zext32,
    ];
}

/// Two operands of one type, integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bin {
    /// Sum.
    Add,
    /// Difference.
    Sub,
    /// Low half of the product.
    Mul,
    /// High half of the signed product.
    MulHS,
    /// High half of the unsigned product.
    MulHU,
    /// High half of signed (first) times unsigned.
    MulHSU,
    /// Signed quotient; by 0 all ones, overflow gives the dividend.
    DivS,
    /// Unsigned quotient; by 0 all ones.
    DivU,
    /// Signed remainder; by 0 the dividend, overflow gives 0.
    RemS,
    /// Unsigned remainder; by 0 the dividend.
    RemU,
    /// Bitwise and.
    And,
    /// Bitwise or.
    Or,
    /// Bitwise exclusive or.
    Xor,
    /// Left shift by the amount modulo the width.
    Shl,
    /// Logical right shift by the amount modulo the width.
    ShrU,
    /// Arithmetic right shift by the amount modulo the width.
    ShrS,
    /// Left rotation by the amount modulo the width.
    Rotl,
    /// Right rotation by the amount modulo the width.
    Rotr,
    /// Low half of the carry-less product (polynomials over GF(2)).
    Clmul,
    /// High half of the carry-less product.
    ClmulH,
}

impl Bin {
    /// Every one, in order.
    pub const ALL: [Bin; 20] = [
        Bin::Add,
        Bin::Sub,
        Bin::Mul,
        Bin::MulHS,
        Bin::MulHU,
        Bin::MulHSU,
        Bin::DivS,
        Bin::DivU,
        Bin::RemS,
        Bin::RemU,
        Bin::And,
        Bin::Or,
        Bin::Xor,
        Bin::Shl,
        Bin::ShrU,
        Bin::ShrS,
        Bin::Rotl,
        Bin::Rotr,
        Bin::Clmul,
        Bin::ClmulH,
    ];
}

/// Integer comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Cmp {
    Eq,
    Ne,
    LtS,
    LeS,
    LtU,
    LeU,
}

impl Cmp {
    /// Every one, in order.
    pub const ALL: [Cmp; 6] = [Cmp::Eq, Cmp::Ne, Cmp::LtS, Cmp::LeS, Cmp::LtU, Cmp::LeU];
}

/// Conversions that keep or narrow the bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cast {
    /// Bool to I32 or I64, I32 to I64: zero extension.
    Zext,
    /// I32 to I64: sign extension.
    Sext,
    /// I64 to I32: the low half.
    Trunc,
    /// I32 to F32, I64 to F64 and back: the same bits.
    Bits,
    /// F32 to F64: the bits in the low half under all ones (RISC-V NaN boxing).
    Box,
    /// F64 to F32: the low half if the high one is all ones, else the default NaN.
    Unbox,
}

impl Cast {
    /// Every one, in order.
    pub const ALL: [Cast; 6] =
        [Cast::Zext, Cast::Sext, Cast::Trunc, Cast::Bits, Cast::Box, Cast::Unbox];
}

/// Rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Round {
    /// To nearest, ties to even.
    Near,
    /// Toward zero.
    Zero,
    /// Down.
    Down,
    /// Up.
    Up,
    /// To nearest, ties away from zero.
    NearMax,
}

/// Float operations of two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FBin {
    /// Sum.
    Add,
    /// Difference.
    Sub,
    /// Product.
    Mul,
    /// Quotient.
    Div,
    /// minimumNumber of IEEE 754-2019: -0 < +0; a NaN loses; signalling NaNs are invalid.
    Min,
    /// maximumNumber of IEEE 754-2019.
    Max,
}

impl FBin {
    /// Every one, in order.
    pub const ALL: [FBin; 6] = [FBin::Add, FBin::Sub, FBin::Mul, FBin::Div, FBin::Min, FBin::Max];
}

/// Float comparisons. `Lt` and `Le` are signalling (any NaN is invalid), `Eq` is quiet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum FCmp {
    Eq,
    Lt,
    Le,
    /// As `Lt`, quiet.
    LtQ,
    /// As `Le`, quiet.
    LeQ,
}

impl FCmp {
    /// Every one, in order.
    pub const ALL: [FCmp; 5] = [FCmp::Eq, FCmp::Lt, FCmp::Le, FCmp::LtQ, FCmp::LeQ];
}

/// Float operations over many elements ([`crate::Env::floats`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FloatOp {
    /// Of two operands.
    Bin(FBin),
    /// Square root.
    Sqrt,
    /// `± (a * b) ± c` with one rounding: negate product, negate addend.
    Fma(bool, bool),
    /// Comparison; a result is one byte, 0 or 1.
    Cmp(FCmp),
    /// To binary64 (else to binary32).
    Convert(bool),
    /// To an integer: 64 bits (else 32), signed.
    ToInt(bool, bool),
    /// From an integer: 64 bits (else 32), signed. The width of the operation is the result's.
    FromInt(bool, bool),
}

/// Read-modify-write operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Rmw {
    Swap,
    Add,
    And,
    Or,
    Xor,
    MinS,
    MaxS,
    MinU,
    MaxU,
}

impl Rmw {
    /// Every one, in order.
    pub const ALL: [Rmw; 9] = [
        Rmw::Swap,
        Rmw::Add,
        Rmw::And,
        Rmw::Or,
        Rmw::Xor,
        Rmw::MinS,
        Rmw::MaxS,
        Rmw::MinU,
        Rmw::MaxU,
    ];
}

/// What a memory access moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mem {
    /// log2 of the bytes: 0 to 3.
    pub size: u8,
    /// Loads narrower than the value: sign extension (else zero).
    pub signed: bool,
    /// Byte order.
    pub endian: Endian,
    /// A misaligned address raises [`crate::Cpu::misaligned`] (else it is done bytewise).
    pub aligned: bool,
}

impl Mem {
    /// Bytes moved.
    pub fn bytes(self) -> u64 {
        1 << self.size
    }
}

/// One operation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Inst {
    /// A guest instruction begins: its address and length in bytes.
    Start {
        /// Address.
        pc: u64,
        /// Bytes.
        len: u8,
    },
    /// A constant (floats as bits).
    Const(Ty, u64),
    /// Reads a slot.
    Get(Ty, Slot),
    /// Writes a slot; the value's type is narrower than or equal to the slot's.
    Put(Slot, Val),
    /// Integer operation.
    Un(Un, Val),
    /// Integer operation.
    Bin(Bin, Val, Val),
    /// Integer comparison, gives Bool.
    Cmp(Cmp, Val, Val),
    /// `if c { a } else { b }`.
    Select(Val, Val, Val),
    /// Conversion of bits to the type.
    Cast(Cast, Ty, Val),
    /// Reads memory at `addr + offset` (wrapping in the address type). A float type reads exactly
    /// its own size.
    Load(Ty, Mem, Val, i32),
    /// Writes memory at `addr + offset`: address, offset, value. Of an integer the low bytes, of a
    /// float all.
    Store(Mem, Val, i32, Val),
    /// Atomic read-modify-write at an address with an operand; gives the old value.
    Rmw(Rmw, Mem, Val, Val),
    /// Loads and reserves the line.
    LoadReserve(Ty, Mem, Val),
    /// Stores if the reservation holds; gives Bool, true if it stored.
    StoreCond(Mem, Val, Val),
    /// Orders memory accesses of this core against others'.
    Fence,
    /// Float operation.
    FBin(FBin, Round, Val, Val),
    /// Square root.
    FSqrt(Round, Val),
    /// `± (a * b) ± c` with one rounding: negate product, negate addend.
    Fma {
        /// Rounding.
        round: Round,
        /// The product is negated.
        neg_product: bool,
        /// The addend is negated.
        neg_addend: bool,
        /// a, b, c.
        args: [Val; 3],
    },
    /// Float comparison, gives Bool.
    FCmp(FCmp, Val, Val),
    /// Float to float of the other width.
    FCvt(Round, Ty, Val),
    /// Float to integer: result type, signed; saturates and raises invalid as
    /// [`crate::FloatPolicy`] says.
    FToI(Round, Ty, bool, Val),
    /// Integer to float: result type, the integer is signed.
    IToF(Round, Ty, bool, Val),
    /// Ten one-hot bits, I32: -inf, -normal, -subnormal, -0, +0, +subnormal, +normal, +inf, sNaN,
    /// qNaN.
    FClass(Val),
    /// Calls [`crate::Cpu::call`]; gives I64. May access memory, fault, and OR into the float
    /// flags; touches no other slot. It does not end a block.
    Call(u16, [Val; 3]),
    /// Calls [`crate::Cpu::helper`]; gives I64. May do anything to slots and fault. A helper's
    /// guest instruction is a block of its own.
    Helper(u16, [Option<Val>; 3]),
}

/// How a block ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Exit {
    /// Goes on at a known address.
    Jump(u64, Hint),
    /// Goes on at the first address if the value is true, else at the second.
    Branch(Val, u64, u64),
    /// Goes on at a computed address.
    Indirect(Val, Hint),
    /// A helper (or a put) has set the program counter's slot, and may have changed mode,
    /// translation or interrupts.
    Resume,
}

/// What a jump is for, for return-address prediction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hint {
    /// Nothing known.
    None,
    /// A call that returns to this address.
    Call(u64),
    /// A return.
    Return,
}

/// A straight-line run of guest instructions with one entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// Virtual address of the first instruction.
    pub pc: u64,
    /// Bytes of guest code covered; they lie in one page, but for a last instruction that may reach
    /// into the next one.
    pub len: u32,
    /// Guest instructions.
    pub count: u32,
    /// Operations.
    pub insts: Vec<Inst>,
    /// Types of the values, one an operation; `None` for those that give none.
    pub types: Vec<Option<Ty>>,
    /// The end.
    pub exit: Exit,
}

impl Block {
    /// Whether the block calls a helper and must be interpreted.
    pub fn has_helper(&self) -> bool {
        self.insts.iter().any(|i| matches!(i, Inst::Helper(..)))
    }
}
