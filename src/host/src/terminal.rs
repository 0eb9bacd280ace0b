//! Raw mode of the terminal, given back in every case: at the end, on a panic, and when a signal
//! ends the program.

use rustix::termios::{
    ControlModes, InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, isatty,
    tcgetattr, tcgetpgrp, tcsetattr,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// What the terminal was like; taken by whoever restores it first.
type Saved = Arc<Mutex<Option<Termios>>>;

/// Standard input in raw mode. Dropping it restores the terminal.
pub struct RawTerminal {
    saved: Saved,
    signals: Handle,
}

fn restore(saved: &Saved) {
    let taken = saved.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(termios) = taken {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &termios);
    }
}

/// Bytes come as they are typed, unechoed, Ctrl-C and Ctrl-Z included. Output keeps its translation
/// of newlines: firmware that sends a bare newline is shown as a console shows it.
fn make_raw(t: &mut Termios) {
    t.input_modes -= InputModes::BRKINT
        | InputModes::ICRNL
        | InputModes::INLCR
        | InputModes::IGNCR
        | InputModes::INPCK
        | InputModes::ISTRIP
        | InputModes::IXON;
    t.local_modes -= LocalModes::ECHO
        | LocalModes::ECHONL
        | LocalModes::ICANON
        | LocalModes::ISIG
        | LocalModes::IEXTEN;
    t.control_modes -= ControlModes::CSIZE | ControlModes::PARENB;
    t.control_modes |= ControlModes::CS8;
    t.special_codes[SpecialCodeIndex::VMIN] = 1;
    t.special_codes[SpecialCodeIndex::VTIME] = 0;
}

impl RawTerminal {
    /// Sets the terminal on standard input to raw mode; `None` if there is none, or if this process
    /// is in the background and would be stopped for it.
    pub fn enter() -> io::Result<Option<RawTerminal>> {
        let stdin = io::stdin();
        if !isatty(&stdin) {
            return Ok(None);
        }
        if tcgetpgrp(&stdin).is_ok_and(|group| group != rustix::process::getpgrp()) {
            return Ok(None);
        }
        let before = tcgetattr(&stdin)?;
        let saved: Saved = Arc::new(Mutex::new(Some(before.clone())));
        // The ways back first, then the way in.
        let mut signals = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM])?;
        let handle = signals.handle();
        let on_signal = saved.clone();
        std::thread::Builder::new().name("signals".into()).spawn(move || {
            if let Some(signal) = signals.forever().next() {
                restore(&on_signal);
                std::process::exit(128 + signal);
            }
        })?;
        let on_panic = saved.clone();
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            restore(&on_panic);
            hook(info);
        }));
        let mut raw = before;
        make_raw(&mut raw);
        tcsetattr(&stdin, OptionalActions::Now, &raw)?;
        Ok(Some(RawTerminal { saved, signals: handle }))
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        restore(&self.saved);
        self.signals.close();
    }
}
