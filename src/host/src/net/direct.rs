//! A user network without a way in or out: every answer is made in the call that asks.

use super::Net;
use super::spec::UserSpec;
use super::stack::Stack;

pub(super) struct Direct(Stack);

impl Direct {
    pub(super) fn new(spec: &UserSpec) -> Direct {
        Direct(Stack::new(spec))
    }
}

impl Net for Direct {
    fn send(&mut self, frame: &[u8]) {
        self.0.frame(frame);
    }

    fn receive(&mut self) -> Option<Vec<u8>> {
        self.0.ip.wire.out.pop_front()
    }

    fn answers(&self) -> bool {
        !self.0.ip.wire.out.is_empty()
    }

    fn live(&self) -> bool {
        false
    }
}
