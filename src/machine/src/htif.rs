//! HTIF: the host-target interface of the RISC-V test programs and of Berkeley's boot loader.
//!
//! Two 64-bit words of guest memory, found by the ELF symbols `tohost` and `fromhost`. The guest
//! writes a command to `tohost`: device in the top byte, command in the next, payload below. Device
//! 0 command 0 is an exit (payload bit 0 set, exit code above it) or a proxied system call; device
//! 1 is a console. (riscv-isa-sim, fesvr; riscv-tests, env/v/vm.c.) Nobody is told of a store to
//! memory, so the machine looks after each slice, and keeps slices short while there is a `tohost`.

use crate::tape::{Kind, Tape};
use crate::world::{End, World};
use hetemu_engine::Space;
use std::sync::{Arc, PoisonError};

/// Where the words are.
pub(crate) struct Htif {
    pub(crate) space: Arc<Space>,
    pub(crate) tohost: u64,
    pub(crate) fromhost: Option<u64>,
}

impl Htif {
    /// Whether the guest has left a command.
    pub(crate) fn has_command(space: &Space, tohost: u64) -> bool {
        let mut word = [0; 8];
        space.read_ram(tohost, &mut word) && word != [0; 8]
    }
}

impl World {
    /// Looks for a command and carries it out; true if there was one.
    pub(crate) fn poll_htif(&mut self) -> bool {
        let Some(htif) = &self.htif else { return false };
        let mut word = [0; 8];
        if !htif.space.read_ram(htif.tohost, &mut word) {
            return false;
        }
        let command = u64::from_le_bytes(word);
        if command == 0 {
            return false;
        }
        let (device, order, payload) =
            (command >> 56, command >> 48 & 0xff, command & 0xffff_ffff_ffff);
        let (space, tohost, fromhost) = (htif.space.clone(), htif.tohost, htif.fromhost);
        let mut answer = None;
        match (device, order) {
            (0, 0) if payload & 1 == 1 => {
                self.finish(End::Exit((payload >> 1) as i32));
            }
            (0, 0) => answer = self.proxied(&space, payload),
            (1, 0) => answer = Some(self.console_byte().map_or(0, |c| 1 << 56 | u64::from(c))),
            (1, 1) => {
                self.console_send(&[payload as u8]);
                answer = Some(1 << 56 | 1 << 48);
            }
            _ => {}
        }
        space.write_ram(tohost, &[0; 8]);
        if let (Some(at), Some(answer)) = (fromhost, answer.filter(|a| *a != 0)) {
            space.write_ram(at, &answer.to_le_bytes());
        }
        true
    }

    /// A system call by proxy: only write to standard output and error, and exit, in this machine.
    fn proxied(&mut self, space: &Space, at: u64) -> Option<u64> {
        let mut block = [0; 64];
        if !space.read_ram(at, &mut block) {
            return None;
        }
        let word = |i: usize| -> u64 {
            let bytes = block.get(i * 8..i * 8 + 8).and_then(|b| b.try_into().ok());
            bytes.map_or(0, u64::from_le_bytes)
        };
        let result: i64 = match word(0) {
            64 if matches!(word(1), 1 | 2) => {
                let mut text = vec![0; word(3).min(1 << 16) as usize];
                if space.read_ram(word(2), &mut text) {
                    self.console_send(&text);
                    text.len() as i64
                } else {
                    -14
                }
            }
            93 => {
                self.finish(End::Exit(word(1) as i32));
                0
            }
            _ => -38,
        };
        space.write_ram(at, &result.to_le_bytes());
        Some(1)
    }

    /// A byte of console input that no device has taken.
    pub(crate) fn console_byte(&mut self) -> Option<u8> {
        let number = self.console?;
        let plug = self.plugs.get_mut(number)?;
        if plug.waiting.is_empty() {
            let mut bytes = Vec::new();
            let (now, number) = (self.now, number as u16);
            match &self.tape {
                Tape::Plays(tape) => {
                    let mut tape = tape.lock().unwrap_or_else(PoisonError::into_inner);
                    bytes.extend(tape.input(now, number, Kind::Serial).unwrap_or_default());
                }
                tape => {
                    plug.host.as_mut()?.input(&mut bytes);
                    if let (Tape::Records(tape), false) = (tape, bytes.is_empty()) {
                        let mut tape = tape.lock().unwrap_or_else(PoisonError::into_inner);
                        tape.put(Kind::Serial, now, number, &bytes);
                    }
                }
            }
            plug.waiting.extend(bytes);
        }
        plug.waiting.pop_front()
    }
}
