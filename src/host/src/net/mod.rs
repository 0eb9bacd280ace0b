//! The host's ends of network plugs: nothing, or a user-mode network that needs no rights.

mod dhcp;
mod direct;
mod frame;
mod resolver;
mod spec;
mod stack;
mod tcp;
mod thread;
mod udp;
mod wire;

pub use spec::{Forward, NetSpec, Protocol, UserSpec};

use crate::Error;
use crate::bell::Bell;

/// The host's end of a network plug: Ethernet frames without their check sequence.
pub trait Net: Send {
    /// A frame of the guest: TCP segments may be as long as IP allows. Never waits.
    fn send(&mut self, frame: &[u8]);
    /// The next frame for the guest.
    fn receive(&mut self) -> Option<Vec<u8>>;
    /// Whether there is one now because of what was just sent, whatever the host does.
    fn answers(&self) -> bool {
        false
    }
    /// Whether frames may still come from outside.
    fn live(&self) -> bool;
}

/// Frames vanish, nothing comes in.
struct Nowhere;

impl Net for Nowhere {
    fn send(&mut self, _frame: &[u8]) {}
    fn receive(&mut self) -> Option<Vec<u8>> {
        None
    }
    fn live(&self) -> bool {
        false
    }
}

/// Opens a back end. The bell rings when something has come in.
pub fn open_net(spec: &NetSpec, bell: &Bell) -> Result<Box<dyn Net>, Error> {
    Ok(match spec {
        NetSpec::Null => Box::new(Nowhere),
        // Without a way in or out every answer is made here: at once, and the same in every run.
        NetSpec::User(user) if user.restrict && user.forwards.is_empty() => {
            Box::new(direct::Direct::new(user))
        }
        NetSpec::User(user) => Box::new(thread::Threaded::start(user, bell)?),
    })
}
