//! Elements of vectors, and a way to write code once for all their widths.

/// An element: an unsigned integer.
pub(super) trait Elem: Copy {
    /// Bytes.
    const SIZE: usize;
    /// The element at a byte offset.
    fn read(bytes: &[u8], at: usize) -> Self;
    /// Writes it at a byte offset.
    fn write(self, bytes: &mut [u8], at: usize);
    /// The low bits of a number.
    fn of(value: u64) -> Self;
    /// Zero-extended.
    fn raw(self) -> u64;
}

macro_rules! elem {
    ($($ty:ty)*) => {
        $(impl Elem for $ty {
            const SIZE: usize = size_of::<$ty>();
            #[inline(always)]
            fn read(bytes: &[u8], at: usize) -> Self {
                let mut raw = [0; size_of::<$ty>()];
                raw.copy_from_slice(&bytes[at..at + size_of::<$ty>()]);
                <$ty>::from_le_bytes(raw)
            }
            #[inline(always)]
            fn write(self, bytes: &mut [u8], at: usize) {
                bytes[at..at + size_of::<$ty>()].copy_from_slice(&self.to_le_bytes());
            }
            #[inline(always)]
            fn of(value: u64) -> Self {
                value as $ty
            }
            #[inline(always)]
            fn raw(self) -> u64 {
                self.into()
            }
        })*
    };
}
elem!(u8 u16 u32 u64);

/// Evaluates an expression with names for types.
macro_rules! with_types {
    ($u:ty, $s:ty, $w:ty, $x:ty, $body:expr) => {{
        type U = $u;
        type S = $s;
        type W = $w;
        type X = $x;
        $body
    }};
}

/// Evaluates an expression with `U` and `S` as the unsigned and signed element, `W` and `X` as
/// the ones of twice the width.
macro_rules! by_sew {
    ($sew:expr, $body:expr) => {{
        #[allow(dead_code, clippy::unnecessary_cast, clippy::unnecessary_fallible_conversions)]
        match $sew {
            0 => $crate::vector::elem::with_types!(u8, i8, u16, i16, $body),
            1 => $crate::vector::elem::with_types!(u16, i16, u32, i32, $body),
            2 => $crate::vector::elem::with_types!(u32, i32, u64, i64, $body),
            _ => $crate::vector::elem::with_types!(u64, i64, u128, i128, $body),
        }
    }};
}

/// As `by_sew`, for elements that have a wider one.
macro_rules! by_narrow_sew {
    ($sew:expr, $body:expr) => {{
        #[allow(dead_code, clippy::unnecessary_cast, clippy::unnecessary_fallible_conversions)]
        match $sew {
            0 => $crate::vector::elem::with_types!(u8, i8, u16, i16, $body),
            1 => $crate::vector::elem::with_types!(u16, i16, u32, i32, $body),
            _ => $crate::vector::elem::with_types!(u32, i32, u64, i64, $body),
        }
    }};
}

pub(super) use {by_narrow_sew, by_sew, with_types};
