//! What the machine asks of the host's end of a serial plug.

/// The host's end of a serial plug. Calls never wait.
pub trait SerialPlug: Send {
    /// Bytes that the guest sent.
    fn send(&mut self, bytes: &[u8]);
    /// Takes what has come in for the guest.
    fn input(&mut self, into: &mut Vec<u8>);
    /// Whether input is there that [`SerialPlug::input`] would give now because of what was just
    /// sent: asked after each `send`, so that a script's answer comes at the same virtual time in
    /// every run.
    fn answers(&self) -> bool {
        false
    }
    /// Whether input may still come from outside. A machine that waits for nothing else has hung.
    fn live(&self) -> bool;
}
