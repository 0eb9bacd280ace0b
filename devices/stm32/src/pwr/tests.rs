//! Register-level tests.

use super::MODEL;
use hetemu_hw::testing::check;

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}
