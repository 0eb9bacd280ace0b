//! The host's ends of a machine's plugs, opened from their values: serial back ends with a script
//! between, networks, disks, folders.
//!
//! Who opens serial plugs decides about standard input and output, which there is only one of: the
//! program gives it to a console, a library user has the bytes.

use crate::find::Base;
use crate::script::Script;
use hetemu_graph::{Graph, Plug as Declared};
use hetemu_host::{Bell, DiskSpec, Error, FolderSpec, Net, NetSpec, Serial, Spec};
use hetemu_hw::{Block, Folder};
use hetemu_machine::{NetPlug, Report, SerialPlug};
use hetemu_schema::PlugKind;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A script that a plug and a run loop share.
#[derive(Clone, Default)]
pub struct Shared(Arc<Mutex<Script>>);

impl Shared {
    /// Shares a script.
    pub fn new(script: Script) -> Shared {
        Shared(Arc::new(Mutex::new(script)))
    }

    /// The script.
    pub fn lock(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A serial plug: a back end of the host, and a script that may talk, too.
pub struct Plug {
    /// The back end.
    pub host: Box<dyn Serial>,
    /// The script.
    pub script: Option<Shared>,
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
struct NetEnd(Box<dyn Net>);

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

fn of(graph: &Graph, kind: PlugKind) -> impl Iterator<Item = &Declared> {
    graph.plugs.iter().filter(move |p| p.kind == kind)
}

/// E1004: a plug's back end cannot be had.
pub fn failed(plug: &str, why: impl std::fmt::Display) -> Report {
    let message = format!("plug `{plug}` cannot be opened: {why}");
    Report { code: "E1004", message, notes: Vec::new() }
}

/// The back ends that the serial plugs name, by the plugs' names, in the order of the graph.
pub fn serial(graph: &Graph) -> Result<Vec<(String, Spec)>, Report> {
    let parse = |plug: &Declared| {
        let spec = Spec::parse(plug.value.as_deref().unwrap_or("null"));
        Ok((plug.name.clone(), spec.map_err(|e| failed(&plug.name, e))?))
    };
    of(graph, PlugKind::Serial).map(parse).collect()
}

/// Opens the networks of all network plugs.
pub fn nets(graph: &Graph, bell: &Bell) -> Result<BTreeMap<String, Box<dyn NetPlug>>, Report> {
    let mut nets: BTreeMap<String, Box<dyn NetPlug>> = BTreeMap::new();
    for plug in of(graph, PlugKind::Net) {
        let spec = NetSpec::parse(plug.value.as_deref().unwrap_or("null"))
            .map_err(|e| failed(&plug.name, e))?;
        if spec != NetSpec::Null {
            let net = hetemu_host::open_net(&spec, bell).map_err(|e| failed(&plug.name, e))?;
            nets.insert(plug.name.clone(), Box::new(NetEnd(net)));
        }
    }
    Ok(nets)
}

/// A path of a plug: relative to the machine's text if that says it.
pub fn path(plug: &Declared, base: &Base, path: &str) -> String {
    match base {
        Base::Folder(folder) if plug.from_text => folder.join(path).display().to_string(),
        _ => path.to_string(),
    }
}

/// Opens the disks of all block plugs. `say` hears what a disk has to tell.
pub fn disks(
    graph: &Graph,
    base: &Base,
    say: impl Fn(&str) + Clone + Send + 'static,
) -> Result<BTreeMap<String, Box<dyn Block>>, Report> {
    let mut disks: BTreeMap<String, Box<dyn Block>> = BTreeMap::new();
    for plug in of(graph, PlugKind::Block) {
        let failed = |e: Error| {
            let help = match &e {
                Error::Disk { help, .. } => vec![(String::from("help"), help.clone())],
                _ => Vec::new(),
            };
            let message = format!("plug `{}` has no usable disk: {e}", plug.name);
            Report { code: "E1020", message, notes: help }
        };
        let value = plug.value.as_deref().unwrap_or("null");
        let Some(mut spec) = DiskSpec::parse(value).map_err(failed)? else { continue };
        spec.path = path(plug, base, &spec.path);
        let (name, say) = (plug.name.clone(), say.clone());
        let say = move |text: &str| say(&format!("plug `{name}`: {text}"));
        let disk = hetemu_host::open_disk(&spec, say).map_err(failed)?;
        disks.insert(plug.name.clone(), disk);
    }
    Ok(disks)
}

/// Opens the folders of all folder plugs.
pub fn folders(graph: &Graph, base: &Base) -> Result<BTreeMap<String, Box<dyn Folder>>, Report> {
    let mut folders: BTreeMap<String, Box<dyn Folder>> = BTreeMap::new();
    for plug in of(graph, PlugKind::Folder) {
        let value = plug.value.as_deref().unwrap_or("null");
        let spec = FolderSpec::parse(value).map_err(|e| failed(&plug.name, e))?;
        let Some(mut spec) = spec else { continue };
        spec.path = path(plug, base, &spec.path);
        let folder = hetemu_host::open_folder(&spec).map_err(|e| failed(&plug.name, e))?;
        folders.insert(plug.name.clone(), folder);
    }
    Ok(folders)
}
