//! The Unified Hosting Interface of MIPS (MD01069): calls of the guest to its host.
//!
//! The console and exit are there. Files are not, as in `semihost`: a guest has no business with
//! the host's, so the three standard descriptors are all that is open.

use crate::world::{End, World};
use hetemu_engine::VirtMem;

/// Operations.
const EXIT: u64 = 1;
const OPEN: u64 = 2;
const CLOSE: u64 = 3;
const READ: u64 = 4;
const WRITE: u64 = 5;
const FSTAT: u64 = 9;
const ARGC: u64 = 10;
const ARGNLEN: u64 = 11;
const ARGN: u64 = 12;
const LOG: u64 = 13;
const ASSERT: u64 = 14;

/// Error numbers.
const ENOENT: u64 = 2;
const EBADF: u64 = 9;
const EFAULT: u64 = 14;
const ENOSYS: u64 = 89;

/// The longest buffer or string that one call moves.
const MOST: u64 = 1 << 20;
/// The code of a run that an assertion ends.
const ABORTED: i32 = 134;
/// Bytes of `struct uhi_stat`, and where and what `st_mode` is for a terminal.
const STAT_BYTES: usize = 80;
const STAT_MODE_AT: usize = 4;
const TERMINAL: u32 = 0o020_666;

/// Carries out an operation: the result, and the error number above it.
pub(crate) fn call(
    world: &mut World,
    op: u64,
    args: [u64; 4],
    big_endian: bool,
    mem: &mut dyn VirtMem,
) -> Option<u64> {
    let done = run(world, op, args, big_endian, mem);
    Some(done.map_or_else(|errno| errno << 32 | 0xffff_ffff, |value| value & 0xffff_ffff))
}

fn run(
    world: &mut World,
    op: u64,
    [a, b, c, _]: [u64; 4],
    big_endian: bool,
    mem: &mut dyn VirtMem,
) -> Result<u64, u64> {
    match op {
        EXIT => {
            world.finish(End::Exit(a as i32));
            Ok(0)
        }
        OPEN => Err(ENOENT),
        CLOSE | FSTAT if a > 2 => Err(EBADF),
        CLOSE => Ok(0),
        FSTAT => {
            let mut stat = [0; STAT_BYTES];
            let mode = if big_endian { TERMINAL.to_be_bytes() } else { TERMINAL.to_le_bytes() };
            if let Some(place) = stat.get_mut(STAT_MODE_AT..STAT_MODE_AT + 4) {
                place.copy_from_slice(&mode);
            }
            if mem.write(b, &stat) { Ok(0) } else { Err(EFAULT) }
        }
        READ if a != 0 => Err(EBADF),
        READ => {
            let mut bytes = Vec::new();
            while (bytes.len() as u64) < c.min(MOST) {
                let Some(byte) = world.console_byte() else { break };
                bytes.push(byte);
            }
            if mem.write(b, &bytes) { Ok(bytes.len() as u64) } else { Err(EFAULT) }
        }
        WRITE if !matches!(a, 1 | 2) => Err(EBADF),
        WRITE => {
            let mut bytes = vec![0; c.min(MOST) as usize];
            if !mem.read(b, &mut bytes) {
                return Err(EFAULT);
            }
            world.console_send(&bytes);
            Ok(bytes.len() as u64)
        }
        ARGC => Ok(arguments(world).len() as u64),
        ARGNLEN => argument(world, a).map(|text| text.len() as u64),
        ARGN => {
            let mut text = argument(world, a)?.into_bytes();
            text.push(0);
            if mem.write(b, &text) { Ok(0) } else { Err(EFAULT) }
        }
        LOG => {
            let text = string(mem, a)?;
            let text = log(&text, b, c);
            world.console_send(&text);
            Ok(text.len() as u64)
        }
        ASSERT => {
            let (message, file) = (string(mem, a)?, string(mem, b)?);
            let mut text = b"assertion failed: ".to_vec();
            text.extend(message);
            text.extend(b" (");
            text.extend(file);
            text.extend(format!(", line {c})\n").bytes());
            world.console_send(&text);
            world.finish(End::Exit(ABORTED));
            Ok(0)
        }
        _ => Err(ENOSYS),
    }
}

fn arguments(world: &World) -> Vec<String> {
    world.cmdline.split_whitespace().map(str::to_string).collect()
}

fn argument(world: &World, n: u64) -> Result<String, u64> {
    let all = arguments(world);
    usize::try_from(n).ok().and_then(|n| all.get(n).cloned()).ok_or(ENOENT)
}

fn string(mem: &mut dyn VirtMem, at: u64) -> Result<Vec<u8>, u64> {
    let (mut out, mut byte) = (Vec::new(), [0]);
    while (out.len() as u64) < MOST {
        if !mem.read(at.wrapping_add(out.len() as u64), &mut byte) {
            return Err(EFAULT);
        }
        if byte == [0] {
            break;
        }
        out.extend(byte);
    }
    Ok(out)
}

/// The text of a log call: at most two integers, each `%d`, `%x` and the like.
fn log(format: &[u8], a: u64, b: u64) -> Vec<u8> {
    let mut values = [a, b].into_iter();
    let (mut out, mut rest) = (Vec::new(), format.iter());
    while let Some(c) = rest.next() {
        if *c != b'%' {
            out.push(*c);
            continue;
        }
        match rest.next() {
            Some(b'd' | b'i') => {
                let value = values.next().unwrap_or(0) as u32 as i32;
                out.extend(value.to_string().bytes());
            }
            Some(b'u') => out.extend((values.next().unwrap_or(0) as u32).to_string().bytes()),
            Some(b'x' | b'X' | b'p') => {
                out.extend(format!("{:x}", values.next().unwrap_or(0) as u32).bytes());
            }
            Some(b'c') => out.push(values.next().unwrap_or(0) as u8),
            Some(other) => out.push(*other),
            None => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::log;

    #[test]
    fn logs_are_formatted() {
        assert_eq!(log(b"%d of 0x%x, 5%%\n", u64::MAX, 255), b"-1 of 0xff, 5%\n");
        assert_eq!(log(b"%c%", 65, 0), b"A");
    }
}
