//! Random programs on hetemu and on QEMU leave the same state: see `differential/mod.rs`.
//!
//! Fixed seeds; `cargo run -p xtask -- difftest` hunts longer. Skipped with a message where QEMU is
//! not installed, unless `HETEMU_REQUIRE_GUESTS=1`.

#[path = "differential/mod.rs"]
#[allow(dead_code, unreachable_pub)]
mod differential;

use differential::{Class, Engine, Mode, Plan, Qemu, Xlen, compare};
use std::path::Path;

/// Runs one class in its modes on the interpreter, with everything compiled, and as users run it.
fn run(xlen: Xlen, class: Class, modes: &[Mode], count: u32, at_least: u64) {
    let Some(qemu) = Qemu::find(xlen) else {
        hetemu_testing::have(false, &format!("qemu-system-riscv{}", xlen.bits()));
        return;
    };
    let hetemu = Path::new(env!("CARGO_BIN_EXE_hetemu"));
    let mut instructions = 0;
    for (&mode, seed) in modes.iter().zip(1..) {
        // To compile everything takes long, and shows no more of the same instructions.
        let few = count.div_ceil(25);
        let both: [(&[Engine], u64, u32); 2] = [
            (&[Engine::Interpreter, Engine::Templates], seed, count),
            (&[Engine::Eager, Engine::Warm, Engine::Default], seed + 1000, few),
        ];
        for (engines, seed, count) in both {
            let plan = Plan { xlen, class, mode, seed, count };
            let outcome =
                compare::run(&plan, &qemu, hetemu, engines).unwrap_or_else(|e| panic!("{e}"));
            assert!(outcome.differences.is_empty(), "\n{}", outcome.differences.join("\n"));
            instructions += outcome.instructions;
        }
    }
    assert!(instructions >= at_least, "only {instructions} instructions");
    println!("{instructions} instructions of random code, no difference");
}

const MILLION: u64 = 1_000_000;

#[test]
fn integer_rv32() {
    run(Xlen::X32, Class::Integer, &[Mode::Machine], 500, MILLION);
}

#[test]
fn integer_rv64() {
    run(Xlen::X64, Class::Integer, &[Mode::Machine], 500, MILLION);
}

#[test]
fn float_rv32() {
    run(Xlen::X32, Class::Float, &[Mode::Machine], 500, MILLION);
}

#[test]
fn float_rv64() {
    run(Xlen::X64, Class::Float, &[Mode::Machine], 500, MILLION);
}

#[test]
fn memory_rv32() {
    run(Xlen::X32, Class::Memory, Class::Memory.modes(), 60, 0);
}

#[test]
fn memory_rv64() {
    run(Xlen::X64, Class::Memory, Class::Memory.modes(), 60, 0);
}

#[test]
fn control_rv32() {
    run(Xlen::X32, Class::Control, Class::Control.modes(), 60, 0);
}

#[test]
fn control_rv64() {
    run(Xlen::X64, Class::Control, Class::Control.modes(), 60, 0);
}

#[test]
fn self_modifying_rv32() {
    run(Xlen::X32, Class::Smc, Class::Smc.modes(), 30, 0);
}

#[test]
fn self_modifying_rv64() {
    run(Xlen::X64, Class::Smc, Class::Smc.modes(), 30, 0);
}

#[test]
fn vector_rv32() {
    run(Xlen::X32, Class::Vector, Class::Vector.modes(), 60, 0);
}

#[test]
fn vector_rv64() {
    run(Xlen::X64, Class::Vector, Class::Vector.modes(), 150, 300_000);
}

#[test]
fn vector_float_rv32() {
    run(Xlen::X32, Class::VectorFloat, Class::VectorFloat.modes(), 60, 0);
}

#[test]
fn vector_float_rv64() {
    run(Xlen::X64, Class::VectorFloat, Class::VectorFloat.modes(), 100, 300_000);
}

#[test]
fn illegal_rv32() {
    run(Xlen::X32, Class::Illegal, Class::Illegal.modes(), 300, 0);
}

#[test]
fn illegal_rv64() {
    run(Xlen::X64, Class::Illegal, Class::Illegal.modes(), 300, 0);
}
