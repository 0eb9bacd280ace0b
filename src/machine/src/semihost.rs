//! Semihosting: calls of the guest to its host (Arm, Semihosting for AArch32 and AArch64, release
//! 3; RISC-V Semihosting, version 0.4: the same operations).
//!
//! The console, time and exit are there. Files are not: a guest has no business with the host's, so
//! only `:tt`, the console, can be opened, and `:semihosting-features`, which says that exits carry
//! codes and that there are two output streams.

use crate::world::{End, World};
use hetemu_engine::VirtMem;
use hetemu_hw::time::{SECOND, ticks};

/// Handles of `:tt`, opened for reading, writing and appending.
const STDIN: u64 = 1;
const STDOUT: u64 = 2;
const STDERR: u64 = 3;
const FEATURES: u64 = 4;
/// What is read from that (section 6.1.1 of the specification): a magic number, then bits.
const FEATURE_BYTES: &[u8] = b"SHFB\x03";
/// -1: the operation failed.
const FAILED: u64 = u64::MAX;
const EBADF: u64 = 9;
const ENOENT: u64 = 2;
const ENOSYS: u64 = 38;
/// The longest string or buffer that one call moves.
const MOST: u64 = 1 << 20;

struct Call<'a> {
    world: &'a mut World,
    mem: &'a mut dyn VirtMem,
    param: u64,
    word: u8,
}

/// Carries out an operation; the answer goes into the guest's result register.
pub(crate) fn call(
    world: &mut World,
    _core: usize,
    op: u64,
    param: u64,
    word: u8,
    mem: &mut dyn VirtMem,
) -> Option<u64> {
    let mut call = Call { world, mem, param, word };
    Some(call.run(op).unwrap_or(FAILED))
}

impl Call<'_> {
    fn run(&mut self, op: u64) -> Option<u64> {
        match op {
            0x01 => self.open(),
            0x02 => Some(0),
            0x03 => {
                let mut c = [0];
                self.mem.read(self.param, &mut c).then(|| self.world.console_send(&c))?;
                Some(0)
            }
            0x04 => {
                let text = self.string(self.param)?;
                self.world.console_send(&text);
                Some(0)
            }
            0x05 => self.write(),
            0x06 => self.read(),
            0x07 => Some(self.world.console_byte().map_or(FAILED, u64::from)),
            0x08 => {
                let error = self.arg(0)? >> (8 * u32::from(self.word) - 1) != 0;
                Some(u64::from(error))
            }
            0x09 => Some(u64::from((STDIN..=STDERR).contains(&self.arg(0)?))),
            0x0a => {
                let (handle, to) = (self.arg(0)?, self.arg(1)?);
                self.fail_unless(handle == FEATURES, EBADF)?;
                self.world.features_at = to;
                Some(0)
            }
            0x0c => {
                let handle = self.arg(0)?;
                self.fail_unless(handle == FEATURES, EBADF)?;
                Some(FEATURE_BYTES.len() as u64)
            }
            0x0e | 0x0f | 0x12 => self.fail(ENOENT),
            0x10 => Some(ticks(self.world.now, 100)),
            0x11 => {
                let ns = self.world.wall_ns.wrapping_add(self.world.now / 1000);
                Some(ns / 1_000_000_000)
            }
            0x13 => Some(self.world.errno),
            0x15 => self.command_line(),
            0x16 => self.heap(),
            0x18 => self.exit(false),
            0x20 => self.exit(true),
            0x30 => {
                let now = ticks(self.world.now, 1_000_000_000);
                self.mem.write(self.param, &now.to_le_bytes()).then_some(0)
            }
            0x31 => Some(SECOND / 1000),
            _ => self.fail(ENOSYS),
        }
    }

    fn fail(&mut self, errno: u64) -> Option<u64> {
        self.world.errno = errno;
        None
    }

    fn fail_unless(&mut self, ok: bool, errno: u64) -> Option<()> {
        if ok { Some(()) } else { self.fail(errno).map(|_| ()) }
    }

    /// A word of the parameter block.
    fn arg(&mut self, index: u64) -> Option<u64> {
        let size = u64::from(self.word);
        let at = self.param.wrapping_add(index * size);
        let mut bytes = [0; 8];
        let part = bytes.get_mut(..size as usize)?;
        self.mem.read(at, part).then_some(u64::from_le_bytes(bytes))
    }

    fn string(&mut self, at: u64) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let mut c = [0];
        while (out.len() as u64) < MOST {
            if !self.mem.read(at.wrapping_add(out.len() as u64), &mut c) {
                return None;
            }
            if c == [0] {
                return Some(out);
            }
            out.extend(c);
        }
        None
    }

    fn open(&mut self) -> Option<u64> {
        let (name, mode, len) = (self.arg(0)?, self.arg(1)?, self.arg(2)?);
        let mut bytes = vec![0; len.min(MOST) as usize];
        let ok = self.mem.read(name, &mut bytes);
        if ok && bytes == b":semihosting-features" && mode < 4 {
            self.world.features_at = 0;
            return Some(FEATURES);
        }
        self.fail_unless(ok && bytes == b":tt", ENOENT)?;
        match mode {
            0..=3 => Some(STDIN),
            4..=7 => Some(STDOUT),
            8..=11 => Some(STDERR),
            _ => self.fail(ENOENT),
        }
    }

    /// Answers how many bytes were not written.
    fn write(&mut self) -> Option<u64> {
        let (handle, at, len) = (self.arg(0)?, self.arg(1)?, self.arg(2)?);
        self.fail_unless(matches!(handle, STDOUT | STDERR), EBADF)?;
        let mut bytes = vec![0; len.min(MOST) as usize];
        if !self.mem.read(at, &mut bytes) {
            return Some(len);
        }
        self.world.console_send(&bytes);
        Some(len - bytes.len() as u64)
    }

    /// Answers how many bytes were not read; all of them where there is no input.
    fn read(&mut self) -> Option<u64> {
        let (handle, at, len) = (self.arg(0)?, self.arg(1)?, self.arg(2)?);
        if handle == FEATURES {
            let from = usize::try_from(self.world.features_at).unwrap_or(usize::MAX);
            let rest = FEATURE_BYTES.get(from..).unwrap_or(&[]);
            let part = rest.get(..len.min(rest.len() as u64) as usize).unwrap_or(rest);
            self.world.features_at += part.len() as u64;
            return self.mem.write(at, part).then_some(len - part.len() as u64);
        }
        self.fail_unless(handle == STDIN, EBADF)?;
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < len.min(MOST) {
            let Some(c) = self.world.console_byte() else { break };
            bytes.push(c);
        }
        self.mem.write(at, &bytes).then_some(len - bytes.len() as u64)
    }

    fn command_line(&mut self) -> Option<u64> {
        let (at, room) = (self.arg(0)?, self.arg(1)?);
        let mut text = self.world.cmdline.clone().into_bytes();
        text.push(0);
        if text.len() as u64 > room || !self.mem.write(at, &text) {
            return None;
        }
        let at = self.param.wrapping_add(u64::from(self.word));
        let len = (text.len() as u64 - 1).to_le_bytes();
        self.mem.write(at, len.get(..usize::from(self.word))?).then_some(0)
    }

    /// All zeros: the program knows its own heap and stack.
    fn heap(&mut self) -> Option<u64> {
        let block = self.arg(0)?;
        let zeros = vec![0; usize::from(self.word) * 4];
        self.mem.write(block, &zeros).then_some(0)
    }

    /// Reason 0x20026 is an ordinary end; words of 32 bits carry no code in the plain call.
    fn exit(&mut self, extended: bool) -> Option<u64> {
        const STOPPED: u64 = 0x2_0026;
        let (reason, code) = if extended || self.word == 8 {
            (self.arg(0)?, self.arg(1)?)
        } else {
            (self.param, u64::from(self.param != STOPPED))
        };
        let code = if reason == STOPPED { code as i32 } else { 1 };
        self.world.finish(End::Exit(code));
        Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plug::SerialPlug;
    use crate::world::PlugState;
    use std::sync::{Arc, Mutex};

    struct Mem(Vec<u8>);

    impl VirtMem for Mem {
        fn read(&mut self, va: u64, into: &mut [u8]) -> bool {
            let from = self.0.get(va as usize..va as usize + into.len());
            from.map(|b| into.copy_from_slice(b)).is_some()
        }
        fn write(&mut self, va: u64, bytes: &[u8]) -> bool {
            let to = self.0.get_mut(va as usize..va as usize + bytes.len());
            to.map(|b| b.copy_from_slice(bytes)).is_some()
        }
    }

    struct Wire(Arc<Mutex<Vec<u8>>>, Vec<u8>);

    impl SerialPlug for Wire {
        fn send(&mut self, bytes: &[u8]) {
            self.0.lock().unwrap().extend(bytes);
        }
        fn input(&mut self, into: &mut Vec<u8>) {
            into.append(&mut self.1);
        }
        fn live(&self) -> bool {
            false
        }
    }

    fn world(input: &[u8]) -> (World, Arc<Mutex<Vec<u8>>>) {
        let sent = Arc::new(Mutex::new(Vec::new()));
        let host: Box<dyn SerialPlug> = Box::new(Wire(sent.clone(), input.to_vec()));
        let plug = PlugState {
            name: "serial0".into(),
            kind: hetemu_schema::PlugKind::Serial,
            host: Some(host),
            waiting: Default::default(),
            net: None,
            frames: Default::default(),
            at: None,
        };
        (World::new(Vec::new(), vec![plug], Vec::new()), sent)
    }

    fn words(mem: &mut Mem, at: usize, words: &[u32]) {
        for (i, w) in words.iter().enumerate() {
            mem.0[at + 4 * i..at + 4 * i + 4].copy_from_slice(&w.to_le_bytes());
        }
    }

    #[test]
    fn the_console_is_open_and_files_are_not() {
        let (mut w, sent) = world(b"abc");
        let mut mem = Mem(vec![0; 256]);
        mem.0[100..104].copy_from_slice(b":tt\0");
        mem.0[110..115].copy_from_slice(b"/etc\0");
        words(&mut mem, 0, &[100, 4, 3]);
        assert_eq!(call(&mut w, 0, 1, 0, 4, &mut mem), Some(STDOUT));
        words(&mut mem, 0, &[110, 0, 4]);
        assert_eq!(call(&mut w, 0, 1, 0, 4, &mut mem), Some(FAILED));
        assert_eq!(call(&mut w, 0, 0x13, 0, 4, &mut mem), Some(ENOENT));
        words(&mut mem, 0, &[STDOUT as u32, 100, 2]);
        assert_eq!(call(&mut w, 0, 5, 0, 4, &mut mem), Some(0));
        assert_eq!(call(&mut w, 0, 4, 110, 4, &mut mem), Some(0));
        assert_eq!(*sent.lock().unwrap(), b":t/etc");
        words(&mut mem, 0, &[STDIN as u32, 200, 8]);
        assert_eq!(call(&mut w, 0, 6, 0, 4, &mut mem), Some(5));
        assert_eq!(&mem.0[200..203], b"abc");
        assert_eq!(call(&mut w, 0, 0x99, 0, 4, &mut mem), Some(FAILED));
    }

    #[test]
    fn exits_carry_their_code() {
        for (op, param, block, code) in [
            (0x18, 0x2_0026, [0, 0], 0),
            (0x18, 0x2_0023, [0, 0], 1),
            (0x20, 0, [0x2_0026, 42], 42),
        ] {
            let (mut w, _) = world(b"");
            let mut mem = Mem(vec![0; 64]);
            words(&mut mem, 0, &block);
            call(&mut w, 0, op, param, 4, &mut mem);
            assert_eq!(w.end, Some(End::Exit(code)));
        }
    }
}
