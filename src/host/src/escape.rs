//! The Ctrl-A menu: what is for the guest and what is for us.

/// Shown by Ctrl-A h.
pub const MENU: &str = "
Ctrl-A h       this help
Ctrl-A x       end the run
Ctrl-A c       monitor: registers, interrupts, maps (cont goes back)
Ctrl-A s       counts so far (snapshots are not there yet)
Ctrl-A t       time stamps on or off
Ctrl-A Ctrl-A  send Ctrl-A
";

/// The key that opens the menu.
const PREFIX: u8 = 0x01;

/// What a person asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Command {
    Help,
    Exit,
    Monitor,
    Summary,
    Timestamps,
}

/// Tells data from commands, byte by byte.
#[derive(Debug, Clone, Copy, Default)]
pub struct Escape {
    open: bool,
}

impl Escape {
    /// Takes what was typed: data is added to `data`, commands to `commands`.
    pub fn feed(&mut self, bytes: &[u8], data: &mut Vec<u8>, commands: &mut Vec<Command>) {
        for b in bytes {
            if !self.open {
                match *b {
                    PREFIX => self.open = true,
                    b => data.push(b),
                }
                continue;
            }
            self.open = false;
            match b.to_ascii_lowercase() {
                PREFIX => data.push(PREFIX),
                b'h' | b'?' => commands.push(Command::Help),
                b'x' => commands.push(Command::Exit),
                b'c' => commands.push(Command::Monitor),
                b's' => commands.push(Command::Summary),
                b't' => commands.push(Command::Timestamps),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(parts: &[&[u8]]) -> (Vec<u8>, Vec<Command>) {
        let (mut e, mut data, mut commands) = (Escape::default(), Vec::new(), Vec::new());
        for p in parts {
            e.feed(p, &mut data, &mut commands);
        }
        (data, commands)
    }

    #[test]
    fn data_passes_and_commands_do_not() {
        assert_eq!(feed(&[b"ab\x03\r"]), (b"ab\x03\r".to_vec(), vec![]));
        assert_eq!(feed(&[b"a\x01", b"xb"]), (b"ab".to_vec(), vec![Command::Exit]));
        assert_eq!(feed(&[b"\x01\x01\x01h\x01q"]), (vec![1], vec![Command::Help]));
        let all = vec![Command::Monitor, Command::Summary, Command::Timestamps];
        assert_eq!(feed(&[b"\x01c\x01S\x01t"]), (vec![], all));
    }
}
