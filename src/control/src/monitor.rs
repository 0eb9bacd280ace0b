//! What a person or a client types at the monitor, and what it answers.

use crate::event::{Event, Reason};
use crate::session::{Session, Status};

/// Commands of the session; the machine's own follow.
const HELP: &str = "stop            stand still
cont            go on (c)
system_reset    reset everything
system_powerdown  ask the guest to power off
quit            end the run (q)
info status     what the machine does
";

/// Words that a line can begin with, for completion; those of the machine follow.
const WORDS: &[&str] =
    &["help", "stop", "cont", "system_reset", "system_powerdown", "quit", "info status"];

impl Session {
    /// Answers a line; `None` if it is no command.
    pub fn monitor(&mut self, line: &str) -> Option<String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let done = match words.as_slice() {
            ["help" | "h" | "?"] => {
                let more = self.machine_mut().ok().and_then(|m| m.answer("help"));
                return Some(format!("{HELP}{}", more.unwrap_or_default()));
            }
            ["info", "status"] => {
                let how = match self.status() {
                    Status::Running => "running".to_string(),
                    Status::Prelaunch => "paused (prelaunch)".to_string(),
                    Status::Paused => "paused".to_string(),
                    other => format!("paused ({})", other.name()),
                };
                return Some(format!("VM status: {how}\n"));
            }
            ["stop" | "s"] => self.pause(),
            ["cont" | "c"] => self.resume(),
            ["system_reset"] => self.reset(Reason::Host),
            ["system_powerdown"] => {
                self.tell(&Event::Powerdown);
                Ok(())
            }
            ["quit" | "q" | "exit"] => {
                self.quit(Reason::Host);
                Ok(())
            }
            _ => {
                return match self.machine_mut() {
                    Ok(machine) => machine.answer(line),
                    Err(e) => Some(format!("{e}\n")),
                };
            }
        };
        Some(done.map_or_else(|e| format!("{e}\n"), |()| String::new()))
    }

    /// Lines that can be typed, for completion.
    pub fn monitor_words(&self) -> Vec<String> {
        let mut out: Vec<String> = WORDS.iter().map(|w| (*w).to_string()).collect();
        if let Ok(machine) = self.machine() {
            out.extend(machine.monitor_words());
        }
        out.sort();
        out
    }
}
