//! The devices inside the core: they share its clock and its private address space, and nothing
//! else in a machine can be wired to them.

pub(crate) mod dwt;
pub(crate) mod idau;
pub(crate) mod mpu;
pub(crate) mod nvic;
pub(crate) mod sau;
pub(crate) mod systick;
