//! The interpreter's three-address code.
//!
//! Operands are words of one flat array (guest slots, then temporaries); a constant is an
//! immediate. Each integer operation exists in three widths (64 bits; 32 bits zero-extended; 32
//! bits sign-extended into 64, as RISC-V's word operations), each with two words or a word and an
//! immediate.

use crate::mmu::Acc;
use hetemu_isa::ir::{Bin, Cmp, Mem, Un};

/// One op.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Op {
    pub(crate) code: Code,
    /// Word written.
    pub(crate) d: u16,
    /// Words read; `b` is an [`Acc`] of memory ops.
    pub(crate) a: u16,
    pub(crate) b: u16,
    pub(crate) imm: i64,
}

/// Width of an integer operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Width {
    W64,
    /// The low 32 bits, zero-extended.
    W32,
}

/// What family a code is of, for whoever treats all of a family alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Operation of two operands: width (or sign-extended from 32 bits), and whether the second is
    /// immediate.
    Bin(Bin, Form, bool),
    /// Operation of one operand, wide or not.
    Un(Un, bool),
    /// Comparison into a word: wide, immediate.
    Set(Cmp, bool, bool),
    /// Comparison that ends a block: wide, immediate.
    Branch(Cmp, bool, bool),
    /// None of these.
    Other,
}

/// What an operation of two operands computes with and leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// 64 bits.
    W64,
    /// 32 bits, zero-extended.
    W32,
    /// 32 bits, sign-extended into 64.
    Sx,
}

/// Hands the families of codes to a macro: for each operation the names of its forms.
macro_rules! with_codes {
    ($callback:ident) => {
        $callback! {
            bins {
                Add: Add64 Add32 AddSx Add64I Add32I AddSxI,
                Sub: Sub64 Sub32 SubSx Sub64I Sub32I SubSxI,
                Mul: Mul64 Mul32 MulSx Mul64I Mul32I MulSxI,
                MulHS: MulHS64 MulHS32 MulHSSx MulHS64I MulHS32I MulHSSxI,
                MulHU: MulHU64 MulHU32 MulHUSx MulHU64I MulHU32I MulHUSxI,
                MulHSU: MulHSU64 MulHSU32 MulHSUSx MulHSU64I MulHSU32I MulHSUSxI,
                DivS: DivS64 DivS32 DivSSx DivS64I DivS32I DivSSxI,
                DivU: DivU64 DivU32 DivUSx DivU64I DivU32I DivUSxI,
                RemS: RemS64 RemS32 RemSSx RemS64I RemS32I RemSSxI,
                RemU: RemU64 RemU32 RemUSx RemU64I RemU32I RemUSxI,
                And: And64 And32 AndSx And64I And32I AndSxI,
                Or: Or64 Or32 OrSx Or64I Or32I OrSxI,
                Xor: Xor64 Xor32 XorSx Xor64I Xor32I XorSxI,
                Shl: Shl64 Shl32 ShlSx Shl64I Shl32I ShlSxI,
                ShrU: ShrU64 ShrU32 ShrUSx ShrU64I ShrU32I ShrUSxI,
                ShrS: ShrS64 ShrS32 ShrSSx ShrS64I ShrS32I ShrSSxI,
                Rotl: Rotl64 Rotl32 RotlSx Rotl64I Rotl32I RotlSxI,
                Rotr: Rotr64 Rotr32 RotrSx Rotr64I Rotr32I RotrSxI,
                Clmul: Clmul64 Clmul32 ClmulSx Clmul64I Clmul32I ClmulSxI,
                ClmulH: ClmulH64 ClmulH32 ClmulHSx ClmulH64I ClmulH32I ClmulHSxI,
            }
            uns {
                Not: Not64 Not32,
                Neg: Neg64 Neg32,
                Clz: Clz64 Clz32,
                Ctz: Ctz64 Ctz32,
                Popcnt: Popcnt64 Popcnt32,
                Bswap: Bswap64 Bswap32,
                Bitrev: Bitrev64 Bitrev32,
                Sext8: Sext864 Sext832,
                Sext16: Sext1664 Sext1632,
                Zext8: Zext864 Zext832,
                Zext16: Zext1664 Zext1632,
                Sext32: Sext3264 Sext3232,
                Zext32: Zext3264 Zext3232,
            }
            cmps {
                Eq: SetEq64 SetEq32 SetEq64I SetEq32I BrEq64 BrEq32 BrEq64I BrEq32I,
                Ne: SetNe64 SetNe32 SetNe64I SetNe32I BrNe64 BrNe32 BrNe64I BrNe32I,
                LtS: SetLtS64 SetLtS32 SetLtS64I SetLtS32I BrLtS64 BrLtS32 BrLtS64I BrLtS32I,
                LeS: SetLeS64 SetLeS32 SetLeS64I SetLeS32I BrLeS64 BrLeS32 BrLeS64I BrLeS32I,
                LtU: SetLtU64 SetLtU32 SetLtU64I SetLtU32I BrLtU64 BrLtU32 BrLtU64I BrLtU32I,
                LeU: SetLeU64 SetLeU32 SetLeU64I SetLeU32I BrLeU64 BrLeU32 BrLeU64I BrLeU32I,
            }
        }
    };
}
pub(crate) use with_codes;

macro_rules! code_enum {
    (
        bins { $($bin:ident: $b64:ident $b32:ident $bs:ident $b64i:ident $b32i:ident $bsi:ident,)* }
        uns { $($un:ident: $u64:ident $u32:ident,)* }
        cmps { $($cmp:ident: $s64:ident $s32:ident $s64i:ident $s32i:ident
                 $j64:ident $j32:ident $j64i:ident $j32i:ident,)* }
    ) => {
        /// What an op does.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u16)]
        pub(crate) enum Code {
            $($b64, $b32, $bs, $b64i, $b32i, $bsi,)*
            $($u64, $u32,)*
            $($s64, $s32, $s64i, $s32i, $j64, $j32, $j64i, $j32i,)*
            /// d = imm
            Imm,
            /// d = a
            Mov,
            /// Loads from a + imm: unsigned, signed into 64 bits, signed into 32 bits.
            Load8U,
            Load8S,
            Load8S32,
            Load16U,
            Load16S,
            Load16S32,
            Load32U,
            Load32S,
            Load64,
            /// Any other load.
            Load,
            /// Stores d to a + imm.
            Store8,
            Store16,
            Store32,
            Store64,
            /// Any other store.
            Store,
            /// d = imm ? a : b, imm the word of the condition.
            Select,
            /// Anything rare: imm is its index.
            Rare,
            /// Calls a helper: imm is its index among the rare ones.
            Helper,
            /// Ends: jump to the first target.
            Jump,
            /// Ends: jump to a.
            Indirect,
            /// Ends: the program counter's slot is set.
            Resume,
        }

        impl Code {
            /// Operation of two operands.
            pub(crate) fn bin(op: Bin, width: Width, imm: bool) -> Code {
                match (op, width, imm) {
                    $((Bin::$bin, Width::W64, false) => Code::$b64,
                      (Bin::$bin, Width::W32, false) => Code::$b32,
                      (Bin::$bin, Width::W64, true) => Code::$b64i,
                      (Bin::$bin, Width::W32, true) => Code::$b32i,)*
                }
            }
            /// Operation of one operand.
            pub(crate) fn un(op: Un, wide: bool) -> Code {
                match (op, wide) {
                    $((Un::$un, true) => Code::$u64, (Un::$un, false) => Code::$u32,)*
                }
            }
            /// Comparison into a word.
            pub(crate) fn set(op: Cmp, wide: bool, imm: bool) -> Code {
                match (op, wide, imm) {
                    $((Cmp::$cmp, true, false) => Code::$s64, (Cmp::$cmp, false, false) => Code::$s32,
                      (Cmp::$cmp, true, true) => Code::$s64i, (Cmp::$cmp, false, true) => Code::$s32i,)*
                }
            }
            /// Comparison that ends a block.
            pub(crate) fn branch(op: Cmp, wide: bool, imm: bool) -> Code {
                match (op, wide, imm) {
                    $((Cmp::$cmp, true, false) => Code::$j64, (Cmp::$cmp, false, false) => Code::$j32,
                      (Cmp::$cmp, true, true) => Code::$j64i, (Cmp::$cmp, false, true) => Code::$j32i,)*
                }
            }
            /// The code's family.
            pub(crate) fn kind(self) -> Kind {
                match self {
                    $(Code::$b64 => Kind::Bin(Bin::$bin, Form::W64, false),
                      Code::$b32 => Kind::Bin(Bin::$bin, Form::W32, false),
                      Code::$bs => Kind::Bin(Bin::$bin, Form::Sx, false),
                      Code::$b64i => Kind::Bin(Bin::$bin, Form::W64, true),
                      Code::$b32i => Kind::Bin(Bin::$bin, Form::W32, true),
                      Code::$bsi => Kind::Bin(Bin::$bin, Form::Sx, true),)*
                    $(Code::$u64 => Kind::Un(Un::$un, true),
                      Code::$u32 => Kind::Un(Un::$un, false),)*
                    $(Code::$s64 => Kind::Set(Cmp::$cmp, true, false),
                      Code::$s32 => Kind::Set(Cmp::$cmp, false, false),
                      Code::$s64i => Kind::Set(Cmp::$cmp, true, true),
                      Code::$s32i => Kind::Set(Cmp::$cmp, false, true),
                      Code::$j64 => Kind::Branch(Cmp::$cmp, true, false),
                      Code::$j32 => Kind::Branch(Cmp::$cmp, false, false),
                      Code::$j64i => Kind::Branch(Cmp::$cmp, true, true),
                      Code::$j32i => Kind::Branch(Cmp::$cmp, false, true),)*
                    _ => Kind::Other,
                }
            }
            /// The sign-extending form of a 32-bit operation of two operands.
            pub(crate) fn sign_extended(self) -> Option<Code> {
                match self {
                    $(Code::$b32 => Some(Code::$bs), Code::$b32i => Some(Code::$bsi),)*
                    _ => None,
                }
            }
            /// Whether `b` is a word that is read.
            pub(crate) fn reads_b(self) -> bool {
                match self {
                    $(Code::$b64 | Code::$b32 | Code::$bs => true,)*
                    $(Code::$s64 | Code::$s32 | Code::$j64 | Code::$j32 => true,)*
                    Code::Select => true,
                    _ => false,
                }
            }
        }
    };
}
with_codes!(code_enum);

impl Code {
    /// The load for an access that gives 64 or 32 bits.
    pub(crate) fn load(mem: Mem, to32: bool) -> Code {
        let narrow = (8 << mem.size) < if to32 { 32 } else { 64 };
        if Acc::new(mem, to32).big() {
            return Code::Load;
        }
        match (mem.size, mem.signed && narrow, to32) {
            (0, false, _) => Code::Load8U,
            (0, true, false) => Code::Load8S,
            (0, true, true) => Code::Load8S32,
            (1, false, _) => Code::Load16U,
            (1, true, false) => Code::Load16S,
            (1, true, true) => Code::Load16S32,
            (2, false, _) => Code::Load32U,
            (2, true, _) => Code::Load32S,
            _ => Code::Load64,
        }
    }

    /// The store for an access.
    pub(crate) fn store(mem: Mem) -> Code {
        if Acc::new(mem, false).big() {
            return Code::Store;
        }
        match mem.size {
            0 => Code::Store8,
            1 => Code::Store16,
            2 => Code::Store32,
            _ => Code::Store64,
        }
    }

    /// Whether the op may leave the block before its end: everything before it must be done,
    /// nothing after it.
    pub(crate) fn may_leave(self) -> bool {
        use Code::*;
        matches!(
            self,
            Load8U
                | Load8S
                | Load8S32
                | Load16U
                | Load16S
                | Load16S32
                | Load32U
                | Load32S
                | Load64
                | Load
                | Store8
                | Store16
                | Store32
                | Store64
                | Store
                | Rare
                | Helper
        )
    }

    /// Whether `d` is a word that is read.
    pub(crate) fn reads_d(self) -> bool {
        use Code::*;
        matches!(self, Store8 | Store16 | Store32 | Store64 | Store)
    }
}
