//! QMP servers of `hetemu run`: sockets for [`hetemu_qmp`].

use super::{USAGE, complain};
use crate::cli::Run;
use hetemu::find;
use hetemu_control::Handle;
use hetemu_host::{OwnSocket, SocketFile};
use hetemu_machine::Registry;
use hetemu_qmp::server::Address;
use hetemu_qmp::{Chardev, Connection, Draft, Listener, MachineInfo, Monitor, Server, Spec};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::Duration;

/// The draft that clients fill.
pub(crate) fn draft(args: &Run) -> Draft {
    let stdio = args.qmp.iter().any(|q| q.starts_with("stdio"));
    let serial = args.serial.iter().enumerate();
    let mut plugs: Vec<(String, String)> =
        serial.map(|(i, value)| (format!("serial{i}"), value.clone())).collect();
    if plugs.is_empty() && !stdio {
        plugs.push(("serial0".into(), "stdio".into()));
    }
    for (name, value) in &args.setting.plug {
        plugs.retain(|(known, _)| known != name);
        plugs.push((name.clone(), value.clone()));
    }
    let mut draft = Draft::default();
    draft.name = args.name.clone().unwrap_or_default();
    draft.cpu.clone_from(&args.cpu);
    draft.plugs = plugs;
    draft.serial = Some("null".into());
    draft
}

/// The servers of a run.
#[derive(Default)]
pub(crate) struct Servers {
    servers: Vec<Server>,
    wait: bool,
    files: Vec<SocketFile>,
}

impl Servers {
    /// Whether the machine waits for a client.
    pub(crate) fn wait(&self) -> bool {
        self.wait
    }

    /// The run is over: what was said is written, and sockets vanish.
    pub(crate) fn finish(self) {
        self.servers.iter().for_each(Server::finish);
        drop(self.files);
    }
}

/// Starts the servers of the command line.
pub(crate) fn start(args: &Run, handle: &Handle, registry: &Arc<Registry>) -> Result<Servers, u8> {
    if args.qmp.is_empty() {
        return Ok(Servers::default());
    }
    let wrong = |text: &str, e: String| {
        complain(format!("--qmp {text}: {e}"));
        USAGE
    };
    let mut specs = Vec::new();
    for text in &args.qmp {
        specs.push((text, Spec::parse(text).map_err(|e| wrong(text, e.to_string()))?));
    }
    let mut monitor = Monitor::new(registry.clone());
    monitor.name.clone_from(&args.name);
    monitor.paused = args.paused;
    let machines = find::shipped().chain(find::shipped_profiles().map(|(name, _)| name));
    monitor.machines =
        machines.map(|name| MachineInfo { name: name.into(), doc: String::new() }).collect();
    let named = specs.iter().enumerate();
    monitor.servers = named
        .map(|(i, (_, spec))| Chardev { label: format!("qmp{i}"), filename: spec.shown() })
        .collect();
    let monitor = Arc::new(monitor);
    let mut out = Servers::default();
    for (text, spec) in specs {
        let listener: Box<dyn Listener> = match &spec.address {
            Address::Stdio => Box::new(Stdio(false)),
            Address::Tcp(at) => {
                let socket = TcpListener::bind(at).map_err(|e| wrong(text, e.to_string()))?;
                if at.ends_with(":0")
                    && let Ok(real) = socket.local_addr()
                {
                    complain(format!("QMP listens on {real}"));
                }
                Box::new(Tcp(socket))
            }
            Address::Unix(path) => {
                let socket = OwnSocket::bind(path).map_err(|e| wrong(text, e.to_string()))?;
                let (listener, file) = socket.split();
                out.files.push(file);
                Box::new(Unix(listener))
            }
        };
        let wait = spec.wait && !args.preconfig && !args.paused;
        out.wait |= wait;
        let server = Server::start(listener, handle.clone(), monitor.clone(), wait);
        out.servers.push(server.map_err(|e| wrong(text, e.to_string()))?);
    }
    Ok(out)
}

/// The next connection. What can go wrong (one that is gone already, no free descriptor) passes.
fn accepted<T>(mut accept: impl FnMut() -> std::io::Result<T>) -> T {
    loop {
        match accept() {
            Ok(connection) => return connection,
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

struct Unix(UnixListener);

impl Listener for Unix {
    fn next(&mut self) -> Option<Connection> {
        let (stream, _) = accepted(|| self.0.accept());
        let (output, close) = (stream.try_clone().ok()?, stream.try_clone().ok()?);
        Some(Connection {
            input: Box::new(stream),
            output: Box::new(output),
            close: Box::new(move || drop(close.shutdown(Shutdown::Both))),
        })
    }
}

struct Tcp(TcpListener);

impl Listener for Tcp {
    fn next(&mut self) -> Option<Connection> {
        let (stream, _) = accepted(|| self.0.accept());
        let _ = stream.set_nodelay(true);
        let (output, close) = (stream.try_clone().ok()?, stream.try_clone().ok()?);
        Some(Connection {
            input: Box::new(stream),
            output: Box::new(output),
            close: Box::new(move || drop(close.shutdown(Shutdown::Both))),
        })
    }
}

/// Standard input and output: one client.
struct Stdio(bool);

impl Listener for Stdio {
    fn next(&mut self) -> Option<Connection> {
        if std::mem::replace(&mut self.0, true) {
            return None;
        }
        Some(Connection {
            input: Box::new(Input),
            output: Box::new(Output),
            close: Box::new(|| {}),
        })
    }
}

struct Input;

impl Read for Input {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        std::io::stdin().read(into)
    }
}

struct Output;

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        std::io::stdout().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stdout().flush()
    }
}
