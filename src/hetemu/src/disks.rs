//! Block and folder plugs: images of the host as the machine's disks, folders as its file systems.

use crate::commands::{USAGE, complain};
use hetemu::find::Base;
use hetemu_graph::Graph;
use hetemu_host::{DiskSpec, Error, FolderSpec, open_disk, open_folder};
use hetemu_hw::{Block, Folder};
use hetemu_machine::Report;
use hetemu_schema::PlugKind;
use std::collections::BTreeMap;
use std::io::Write;

/// Opens the disks of all block plugs.
pub(crate) fn open(graph: &Graph, base: &Base) -> Result<BTreeMap<String, Box<dyn Block>>, u8> {
    let mut disks: BTreeMap<String, Box<dyn Block>> = BTreeMap::new();
    for plug in graph.plugs.iter().filter(|p| p.kind == PlugKind::Block) {
        let failed = |e: Error| {
            let help = match &e {
                Error::Disk { help, .. } => vec![(String::from("help"), help.clone())],
                _ => Vec::new(),
            };
            let message = format!("plug `{}` has no usable disk: {e}", plug.name);
            let _ = write!(std::io::stderr(), "{}", Report { code: "E1020", message, notes: help });
            USAGE
        };
        let value = plug.value.as_deref().unwrap_or("null");
        let Some(mut spec) = DiskSpec::parse(value).map_err(failed)? else { continue };
        if let (true, Base::Folder(folder)) = (plug.from_text, base) {
            spec.path = folder.join(&spec.path).display().to_string();
        }
        let name = plug.name.clone();
        let say = move |text: &str| complain(format!("plug `{name}`: {text}"));
        disks.insert(plug.name.clone(), open_disk(&spec, say).map_err(failed)?);
    }
    Ok(disks)
}

/// Opens the folders of all folder plugs.
pub(crate) fn folders(graph: &Graph, base: &Base) -> Result<BTreeMap<String, Box<dyn Folder>>, u8> {
    let mut folders: BTreeMap<String, Box<dyn Folder>> = BTreeMap::new();
    for plug in graph.plugs.iter().filter(|p| p.kind == PlugKind::Folder) {
        let failed = |e: Error| {
            complain(format!("plug `{}`: {e}", plug.name));
            USAGE
        };
        let value = plug.value.as_deref().unwrap_or("null");
        let Some(mut spec) = FolderSpec::parse(value).map_err(failed)? else { continue };
        if let (true, Base::Folder(folder)) = (plug.from_text, base) {
            spec.path = folder.join(&spec.path).display().to_string();
        }
        folders.insert(plug.name.clone(), open_folder(&spec).map_err(failed)?);
    }
    Ok(folders)
}
