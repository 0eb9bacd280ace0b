//! Exact soft float.

use hetemu_isa::FloatPolicy;
use hetemu_isa::ir::{FBin, FCmp, Round};

#[derive(Debug)]
pub struct Unit {
    pub policy: FloatPolicy,
}
#[allow(unused)]
impl Unit {
    pub fn new(policy: FloatPolicy) -> Unit {
        Unit { policy }
    }
    pub fn bin(&self, op: FBin, round: Round, wide: bool, a: u64, b: u64) -> (u64, u8) {
        (0, 0)
    }
    pub fn sqrt(&self, round: Round, wide: bool, a: u64) -> (u64, u8) {
        (0, 0)
    }
    pub fn fma(&self, round: Round, wide: bool, args: [u64; 3], np: bool, na: bool) -> (u64, u8) {
        (0, 0)
    }
    pub fn cmp(&self, op: FCmp, wide: bool, a: u64, b: u64) -> (bool, u8) {
        (false, 0)
    }
    pub fn convert(&self, round: Round, from: bool, to: bool, a: u64) -> (u64, u8) {
        (0, 0)
    }
    pub fn to_int(&self, round: Round, wide: bool, to64: bool, signed: bool, a: u64) -> (u64, u8) {
        (0, 0)
    }
    pub fn from_int(
        &self,
        round: Round,
        wide: bool,
        from64: bool,
        signed: bool,
        a: u64,
    ) -> (u64, u8) {
        (0, 0)
    }
    pub fn class(&self, wide: bool, a: u64) -> u32 {
        0
    }
    pub fn unbox(&self, a: u64) -> u64 {
        0
    }
    pub fn flag_bits(&self, flags: u8) -> u64 {
        0
    }
}
