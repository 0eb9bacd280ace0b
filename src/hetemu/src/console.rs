//! Plugs as the machine wants them: serial ones are a back end of the host with the script between.

use hetemu::script::Script;
use hetemu_host::{Net, Serial};
use hetemu_machine::{NetPlug, SerialPlug};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A script that the plug and the run loop share.
#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<Script>>);

impl Shared {
    pub(crate) fn new(script: Script) -> Shared {
        Shared(Arc::new(Mutex::new(script)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One plug.
pub(crate) struct Plug {
    pub(crate) host: Box<dyn Serial>,
    pub(crate) script: Option<Shared>,
}

impl SerialPlug for Plug {
    fn send(&mut self, bytes: &[u8]) {
        self.host.send(bytes);
        if let Some(script) = &self.script {
            script.lock().output(bytes);
        }
    }

    fn input(&mut self, into: &mut Vec<u8>) {
        if let Some(script) = &self.script {
            into.extend(script.lock().take());
        }
        self.host.input(into);
    }

    fn answers(&self) -> bool {
        // A script that is done ends the run, at once as well.
        self.script.as_ref().is_some_and(|s| {
            let s = s.lock();
            s.has_input() || s.done()
        })
    }

    fn live(&self) -> bool {
        self.host.live() || self.script.as_ref().is_some_and(|s| s.lock().has_input())
    }
}

/// A network plug.
pub(crate) struct NetEnd(pub(crate) Box<dyn Net>);

impl NetPlug for NetEnd {
    fn send(&mut self, frame: &[u8]) {
        self.0.send(frame);
    }

    fn receive(&mut self) -> Option<Vec<u8>> {
        self.0.receive()
    }

    fn answers(&self) -> bool {
        self.0.answers()
    }

    fn live(&self) -> bool {
        self.0.live()
    }
}
