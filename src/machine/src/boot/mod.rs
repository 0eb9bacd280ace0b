//! What lies in memory when a machine starts: images of memories' `image` links, of `--image`, and
//! of boot parts, which do what a board's boot ROM or a loader does.
//!
//! Everything is kept and written again at a reset, as a ROM would have it; a large image that lies
//! in its file as it lies in memory is read again from there.

mod mips;
mod place;
mod riscv;
mod schema;

pub(crate) use place::Loads;
pub use schema::BOOT_TYPES;

use crate::phases::Realized;
use crate::report::Report;
use hetemu_graph::{PartId, Plug};
use hetemu_loader::Image;
use hetemu_schema::{PlugKind, RegionKind};

/// Reads files for the machine: relative to the machine's own file, from the user's folder, or
/// embedded.
pub trait Files {
    /// The bytes of a plug's value or of a path on the command line. Errors say what went wrong.
    fn read(&self, path: &str, from_text: bool) -> Result<Vec<u8>, String>;

    /// The same bytes to be read again later, if they are a file of the host.
    fn open(&self, _path: &str, _from_text: bool) -> Option<std::fs::File> {
        None
    }
}

/// `--image FILE[@ADDR]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageArg {
    /// The file.
    pub path: String,
    /// Where it goes if the file does not say.
    pub at: Option<u64>,
}

/// Reads and parses one image.
pub(crate) fn read(files: &dyn Files, path: &str, from_text: bool) -> Result<Image, Report> {
    let unread = |e| {
        let report = Report::new("E1003", format!("image `{path}` cannot be read: {e}"));
        match path.split_once('=') {
            Some((plug, file)) => {
                report.note("help", format!("`--plug {plug}={file}` fills a plug"))
            }
            None => report,
        }
    };
    let bytes = files.read(path, from_text).map_err(unread)?;
    hetemu_loader::load(&bytes)
        .map_err(|e| Report::new("E1003", format!("image `{path}` cannot be used: {e}")))
}

/// Loads everything.
pub(crate) fn prepare(
    m: &mut Realized,
    args: &[ImageArg],
    files: &dyn Files,
) -> Result<(), Report> {
    erase(m);
    kept(m)?;
    linked(m, files)?;
    let boots: Vec<PartId> = {
        let is_boot = |ty: &hetemu_schema::DeviceType| BOOT_TYPES.iter().any(|b| b.name == ty.name);
        m.graph.parts().filter(|(_, p)| is_boot(p.ty)).map(|(id, _)| id).collect()
    };
    let mut rest = args;
    for id in boots {
        // The first image without an address is the boot part's firmware.
        let first = rest.split_first().filter(|(a, _)| a.at.is_none());
        let firmware = first.map(|(a, tail)| {
            rest = tail;
            a
        });
        if m.graph.part(id).ty.name == "boot.mips" {
            mips::boot(m, id, firmware, files)?;
        } else {
            riscv::boot(m, id, firmware, files)?;
        }
    }
    for (i, arg) in rest.iter().enumerate() {
        let image = read(files, &arg.path, false)?;
        m.load_image(image, &arg.path, arg.at, i == 0 && rest.len() == args.len())?;
        m.loads.last_is_file(&arg.path, files.open(&arg.path, false));
    }
    m.apply_loads()?;
    m.start_at_images();
    Ok(())
}

/// Flash is erased before anything is loaded.
fn erase(m: &mut Realized) {
    let rom = |slot: &&crate::world::Slot, region: u32| {
        slot.ty.regions.get(region as usize).is_some_and(|r| r.kind == RegionKind::Rom)
    };
    for slot in &m.world.slots {
        for (_, ram) in slot.memories.iter().filter(|(region, _)| rom(&slot, **region)) {
            m.loads.push_flash(ram);
        }
    }
}

/// The value of the image plug at a part's link.
pub(crate) fn plugged<'a>(m: &'a Realized, part: PartId, link: &str) -> Option<&'a Plug> {
    let name = m.graph.part(part).links.get(link)?;
    m.graph.find_plug(name).filter(|p| p.kind == PlugKind::Image && p.value.is_some())
}

/// Memories whose content a disk keeps: what of it fits.
fn kept(m: &mut Realized) -> Result<(), Report> {
    for ((part, _), ram) in &m.memories {
        let part = m.graph.part(*part);
        let links = part.ty.links.iter().filter(|l| l.kind == PlugKind::Block);
        for plug in links.filter_map(|l| part.links.get(l.name)) {
            let Some(disk) = m.world.stores.block.get_mut(plug) else { continue };
            let len = disk.info().bytes.min(ram.len());
            let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
            disk.read(0, &mut bytes).map_err(|e| {
                let what = format!("the disk at plug `{plug}` cannot be read: {e}");
                Report::new("E1003", what)
            })?;
            m.loads.push_ram(ram, bytes);
        }
    }
    Ok(())
}

/// Images that the text links to memories.
fn linked(m: &mut Realized, files: &dyn Files) -> Result<(), Report> {
    let memories: Vec<PartId> = m
        .graph
        .parts()
        .filter(|(id, _)| m.memories.keys().any(|(part, _)| part == id))
        .map(|(id, _)| id)
        .collect();
    for id in memories {
        let links = m.graph.part(id).ty.links;
        for link in links.iter().filter(|l| l.kind == PlugKind::Image) {
            let Some(plug) = plugged(m, id, link.name) else { continue };
            let (path, from_text) = (plug.value.clone().unwrap_or_default(), plug.from_text);
            let image = read(files, &path, from_text)?;
            if image.floats() {
                m.load_into(id, image, &path)?;
            } else {
                m.load_seen_by(id, image, &path)?;
            }
        }
    }
    Ok(())
}
