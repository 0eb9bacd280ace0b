//! Runs small RISC-V programs, written as words, on compiled code and on the interpreter.

use std::path::Path;
use std::process::{Command, Stdio};

/// Runs a program with more arguments; it must end with a code, and standard error must have these
/// parts.
#[track_caller]
pub(crate) fn run(name: &str, program: &[u32], args: &[&str], code: i32, wanted: &[&str]) {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.bin"));
    let bytes: Vec<u8> = program.iter().flat_map(|w| w.to_le_bytes()).collect();
    std::fs::write(&path, bytes).expect("the test folder is writable");
    for jit in ["on", "off"] {
        let o = Command::new(env!("CARGO_BIN_EXE_hetemu"))
            .args(["run", "riscv-virt", "--image"])
            .arg(&path)
            .args(["--vtimeout", "80ms", "--timeout", "100s", "--tier-up", "2", "--jit", jit])
            .args(args)
            .stdin(Stdio::null())
            .output()
            .expect("hetemu runs");
        let err = String::from_utf8_lossy(&o.stderr);
        assert_eq!(o.status.code(), Some(code), "{name}, jit {jit}:\n{err}");
        for w in wanted {
            assert!(err.contains(w), "{name}, jit {jit}: `{w}` is missing:\n{err}");
        }
    }
}
