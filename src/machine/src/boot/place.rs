//! Where the bytes of images go.

use crate::observe::Loaded;
use crate::phases::Realized;
use crate::report::Report;
use crate::stats::hex;
use hetemu_engine::{Kind, Ram, Space};
use hetemu_graph::PartId;
use hetemu_loader::Image;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::time::SystemTime;

/// Bytes to be written at every start.
pub(crate) struct Load {
    to: To,
    addr: u64,
    bytes: Vec<u8>,
    size: u64,
    /// Where the bytes are read from after the first time, instead of keeping them.
    file: Option<Original>,
}

/// A file that is a load's bytes, all of it.
struct Original {
    path: String,
    file: File,
    len: u64,
    modified: Option<SystemTime>,
}

impl Load {
    fn lies_in_one_of(&self, memories: &[Arc<Ram>]) -> bool {
        let among = |ram: &Arc<Ram>| memories.iter().any(|m| Arc::ptr_eq(m, ram));
        let mut found = false;
        match &self.to {
            To::Ram(ram) => found = among(ram),
            To::Space(space) => space.each_piece(self.addr, &[0], |ram, _, _| found = among(ram)),
        }
        found
    }
}

/// Bytes of a page of a saved state, and one's content.
const PAGE: usize = hetemu_snapshot::PAGE;
type Page = hetemu_snapshot::Page;

/// Loads of fewer bytes are kept.
const LARGE: usize = 1 << 20;

impl Original {
    /// The file, if it is these bytes: as long, and with the same beginning.
    fn of(path: &str, file: File, bytes: &[u8]) -> Option<Original> {
        let about = file.metadata().ok()?;
        let mut begin = vec![0; bytes.len().min(4096)];
        let mut from = &file;
        from.read_exact(&mut begin).ok()?;
        let same = about.len() == bytes.len() as u64 && bytes.starts_with(&begin);
        let (len, modified) = (about.len(), about.modified().ok());
        same.then(|| Original { path: path.to_string(), file, len, modified })
    }

    fn failed(&self, e: &io::Error) -> Report {
        Report::new("E1003", format!("image `{}` cannot be loaded again: {e}", self.path))
    }

    /// Hands the bytes over, piece by piece, with their offsets.
    fn read(&self, mut take: impl FnMut(u64, &[u8])) -> io::Result<()> {
        let about = self.file.metadata()?;
        if (about.len(), about.modified().ok()) != (self.len, self.modified) {
            return Err(io::Error::other("it has changed since the start"));
        }
        let mut from = &self.file;
        from.seek(SeekFrom::Start(0))?;
        let (mut piece, mut at) = (vec![0; LARGE], 0);
        while at < self.len {
            let n = (self.len - at).min(LARGE as u64) as usize;
            let piece = piece.get_mut(..n).unwrap_or_default();
            from.read_exact(piece)?;
            take(at, piece);
            at += n as u64;
        }
        Ok(())
    }
}

enum To {
    Space(Arc<Space>),
    Ram(Arc<Ram>),
}

/// Everything that is loaded.
#[derive(Default)]
pub(crate) struct Loads {
    all: Vec<Load>,
    /// Memories that keep what the guest has made of them over a reset.
    flash: Vec<Arc<Ram>>,
}

impl Loads {
    pub(crate) fn push_space(&mut self, space: &Arc<Space>, addr: u64, bytes: Vec<u8>, size: u64) {
        self.all.push(Load { to: To::Space(space.clone()), addr, bytes, size, file: None });
    }

    /// A memory is flash: ones where nothing is loaded, and loaded once only.
    pub(crate) fn push_flash(&mut self, ram: &Arc<Ram>) {
        let (size, to) = (ram.len(), To::Ram(ram.clone()));
        let bytes = vec![0xff; usize::try_from(size).unwrap_or(0)];
        self.all.push(Load { to, addr: 0, bytes, size, file: None });
        self.flash.push(ram.clone());
    }

    /// What a memory holds from its beginning on.
    pub(crate) fn push_ram(&mut self, ram: &Arc<Ram>, bytes: Vec<u8>) {
        let (size, to) = (bytes.len() as u64, To::Ram(ram.clone()));
        self.all.push(Load { to, addr: 0, bytes, size, file: None });
    }

    /// The load that was noted last comes from a file: if it is all of it, and large, its bytes
    /// are not kept.
    pub(crate) fn last_is_file(&mut self, path: &str, file: Option<File>) {
        if let Some(load) = self.all.last_mut().filter(|l| l.bytes.len() >= LARGE) {
            load.file = file.and_then(|file| Original::of(path, file, &load.bytes));
        }
    }

    /// Writes everything. Where a segment is longer than its bytes the rest becomes zero.
    ///
    /// # Errors
    /// A file that was not kept cannot be read again.
    pub(crate) fn apply(&mut self, fresh: bool) -> Result<(), Report> {
        const ZEROS: [u8; 4096] = [0; 4096];
        let flash = &self.flash;
        for load in &mut self.all {
            if !fresh && load.lies_in_one_of(flash) {
                continue;
            }
            let write = |at: u64, bytes: &[u8]| match &load.to {
                To::Space(space) => space.write_rom(at, bytes),
                To::Ram(ram) => ram.write(at, bytes),
            };
            let mut done = load.bytes.len() as u64;
            match &load.file {
                Some(original) if !fresh => {
                    done = original.len;
                    let put = |offset, bytes: &[u8]| {
                        write(load.addr.wrapping_add(offset), bytes);
                    };
                    original.read(put).map_err(|e| original.failed(&e))?;
                }
                _ => {
                    write(load.addr, &load.bytes);
                }
            }
            // New memory is zero already.
            while !fresh && done < load.size {
                let n = (load.size - done).min(4096);
                write(load.addr.wrapping_add(done), ZEROS.get(..n as usize).unwrap_or(&ZEROS));
                done += n;
            }
            if load.file.is_some() {
                load.bytes = Vec::new();
            }
        }
        Ok(())
    }

    /// What all of it leaves in a memory that was zero: pages that are not, by number.
    ///
    /// # Errors
    /// A file that was not kept cannot be read again.
    pub(crate) fn pages(&self, ram: &Arc<Ram>) -> Result<Vec<(u64, Page)>, Report> {
        let mut pages: BTreeMap<u64, [u8; PAGE]> = BTreeMap::new();
        let mut put = |offset: u64, bytes: &[u8]| {
            let mut at = offset;
            let mut rest = bytes;
            while !rest.is_empty() {
                let skip = (at % PAGE as u64) as usize;
                let (now, later) = rest.split_at(rest.len().min(PAGE - skip));
                let page = pages.entry(at / PAGE as u64).or_insert([0; PAGE]);
                if let Some(to) = page.get_mut(skip..skip + now.len()) {
                    to.copy_from_slice(now);
                }
                at += now.len() as u64;
                rest = later;
            }
        };
        for load in &self.all {
            let mut piece = |at: u64, bytes: &[u8]| match &load.to {
                To::Ram(to) if Arc::ptr_eq(to, ram) => put(at, bytes),
                To::Ram(_) => {}
                To::Space(space) => space.each_piece(at, bytes, |to, offset, bytes| {
                    if Arc::ptr_eq(to, ram) {
                        put(offset, bytes);
                    }
                }),
            };
            match &load.file {
                Some(original) => original
                    .read(|offset, bytes| piece(load.addr.wrapping_add(offset), bytes))
                    .map_err(|e| original.failed(&e))?,
                None => piece(load.addr, &load.bytes),
            }
        }
        let filled = pages.into_iter().filter(|(_, page)| page.iter().any(|b| *b != 0));
        Ok(filled.map(|(number, page)| (number, Arc::new(page))).collect())
    }

    /// Whether something is loaded at an address of a view.
    fn covers(&self, space: &Arc<Space>, pa: u64) -> bool {
        let Some(entry) = space.find(pa) else { return false };
        let Kind::Ram { ram, offset, .. } = &entry.kind else { return false };
        self.all.iter().any(|l| {
            let (at, base) = match &l.to {
                To::Ram(other) if Arc::ptr_eq(other, ram) => (pa - entry.start + offset, l.addr),
                To::Ram(_) => return false,
                To::Space(_) => (pa, l.addr),
            };
            at.checked_sub(base).is_some_and(|o| o < l.size)
        })
    }
}

/// The memories of a view, for messages.
fn memories(m: &Realized, cluster: usize) -> Vec<(u64, u64, String)> {
    let Some(view) = m.views.get(cluster) else { return Vec::new() };
    let mut out = Vec::new();
    for range in hetemu_graph::flatten(&m.graph, *view) {
        if let hetemu_graph::Flat::Region { part, region, .. } = range.to
            && m.memories.contains_key(&(part, region))
        {
            out.push((range.start, range.last, m.graph.part(part).name.clone()));
        }
    }
    out
}

impl Realized {
    /// The first core's view.
    pub(crate) fn first_space(&self) -> Option<&Arc<Space>> {
        self.spaces.first()
    }

    /// Loads an image of the command line through the first cluster's view.
    pub(crate) fn load_image(
        &mut self,
        mut image: Image,
        path: &str,
        at: Option<u64>,
        first: bool,
    ) -> Result<(), Report> {
        if image.floats() {
            let base = match at {
                Some(at) => Some(at),
                None => self.default_base(),
            };
            let base = base.ok_or_else(|| {
                Report::new("E1007", format!("`{path}` has no address of its own"))
                    .note("help", format!("say where it goes: `--image {path}@0x8000_0000`"))
            })?;
            image.place(base);
            if at.is_none() {
                // In the place of the boot ROM the core begins where it always does.
                image.entry = None;
            }
        } else if at.is_some() {
            return Err(Report::new("E1007", format!("`{path}` says itself where it goes"))
                .note("help", format!("an ELF file has addresses: write `--image {path}`")));
        }
        self.load_placed(0, image, path, first)
    }

    /// Where a raw image goes by itself: to the start of the memory at the first core's reset
    /// vector.
    fn default_base(&self) -> Option<u64> {
        let vector = self.reset_vector(0, 0)?;
        let entry = self.first_space()?.find(vector)?;
        matches!(entry.kind, Kind::Ram { .. }).then_some(entry.start)
    }

    /// Loads an image with addresses, through the view of the first cluster that sees a memory.
    pub(crate) fn load_seen_by(
        &mut self,
        part: PartId,
        image: Image,
        path: &str,
    ) -> Result<(), Report> {
        let sees = |bus: &hetemu_graph::BusId| {
            hetemu_graph::flatten(&self.graph, *bus)
                .iter()
                .any(|r| matches!(r.to, hetemu_graph::Flat::Region { part: p, .. } if p == part))
        };
        let cluster = self.views.iter().position(sees).unwrap_or(0);
        self.load_placed(cluster, image, path, false)
    }

    /// Loads a raw image into one memory, from its beginning on.
    pub(crate) fn load_into(
        &mut self,
        part: PartId,
        image: Image,
        path: &str,
    ) -> Result<(), Report> {
        let found = self.memories.iter().find(|((p, _), _)| *p == part).map(|(_, ram)| ram.clone());
        let Some(ram) = found else { return Ok(()) };
        for s in image.segments {
            if s.addr.saturating_add(s.bytes.len() as u64) > ram.len() {
                let name = &self.graph.part(part).name;
                return Err(Report::new(
                    "E0903",
                    format!(
                        "image `{path}` has {} bytes and `{name}` holds {}",
                        s.bytes.len(),
                        ram.len()
                    ),
                ));
            }
            let size = s.size.min(ram.len().saturating_sub(s.addr));
            self.loads.all.push(Load {
                to: To::Ram(ram.clone()),
                addr: s.addr,
                bytes: s.bytes,
                size,
                file: None,
            });
        }
        self.symbols.merge(image.symbols);
        Ok(())
    }

    /// Loads an image whose addresses are final.
    pub(crate) fn load_placed(
        &mut self,
        cluster: usize,
        mut image: Image,
        path: &str,
        first: bool,
    ) -> Result<(), Report> {
        if !image.boards.is_empty() {
            self.choose_board(&mut image, path)?;
        }
        self.fits_core(cluster, &image, path)?;
        let Some(space) = self.spaces.get(cluster).cloned() else { return Ok(()) };
        for s in &image.segments {
            self.must_be_memory(cluster, &space, s.addr, s.size, path)?;
        }
        if let Some(entry) = image.entry {
            self.entries.push((cluster, entry, first));
        }
        if let Some(tohost) = image.symbols.find("tohost") {
            let fromhost = image.symbols.find("fromhost");
            self.htif = Some(crate::htif::Htif { space: space.clone(), tohost, fromhost });
        }
        self.note(&image, path);
        for s in image.segments {
            self.loads.push_space(&space, s.addr, s.bytes, s.size);
        }
        self.symbols.merge(image.symbols);
        Ok(())
    }

    /// Takes this machine's program out of a file with one for each of several boards.
    fn choose_board(&self, image: &mut Image, path: &str) -> Result<(), Report> {
        let mine: Vec<u64> =
            self.graph.parts().filter_map(|(_, part)| part.int("hex_board")).collect();
        let boards = std::mem::take(&mut image.boards);
        let known: Vec<String> = boards.iter().map(|(id, _)| format!("{id:#06x}")).collect();
        let chosen = boards.into_iter().find(|(id, _)| mine.contains(&u64::from(*id)));
        let Some((_, segments)) = chosen else {
            return Err(Report::new(
                "E1007",
                format!("`{path}` holds programs for other boards: {}", known.join(", ")),
            )
            .note(
                "help",
                "the part with the flash says which board this is: `hex_board = 0x9900`",
            ));
        };
        image.segments.extend(segments);
        image.segments.sort_by_key(|s| s.addr);
        Ok(())
    }

    /// Notes where an image lies, for those who ask what has run of it.
    fn note(&mut self, image: &Image, path: &str) {
        let ranges = image.segments.iter().map(|s| (s.addr, s.size)).collect();
        self.loaded.push(Loaded { path: path.to_string(), base: image.base, ranges });
    }

    fn fits_core(&self, cluster: usize, image: &Image, path: &str) -> Result<(), Report> {
        let cores = self.graph.clusters.get(cluster).map(|c| c.cores.as_slice()).unwrap_or(&[]);
        let Some(id) = cores.first() else { return Ok(()) };
        let part = self.graph.part(*id);
        let Some(core) = &part.ty.core else { return Ok(()) };
        let big = part.endian() == Some(hetemu_schema::Endian::Big);
        let wrong_bits = image.bits.is_some_and(|b| b != core.bits);
        if wrong_bits || image.big_endian.is_some_and(|b| b != big) {
            let order = |big| if big { "big-endian" } else { "little-endian" };
            return Err(Report::new(
                "E1008",
                format!(
                    "`{path}` is a {}-bit {} program and `{}` is a {}-bit {} core",
                    image.bits.unwrap_or(core.bits),
                    order(image.big_endian.unwrap_or(big)),
                    part.name,
                    core.bits,
                    order(big)
                ),
            ));
        }
        Ok(())
    }

    /// Every byte of a range must be memory that the cluster sees.
    pub(crate) fn must_be_memory(
        &self,
        cluster: usize,
        space: &Space,
        addr: u64,
        size: u64,
        path: &str,
    ) -> Result<(), Report> {
        let last = addr.saturating_add(size.max(1) - 1);
        let mut at = addr;
        loop {
            match space.find(at) {
                Some(e) if matches!(e.kind, Kind::Ram { .. }) => {
                    if e.last >= last {
                        return Ok(());
                    }
                    at = e.last + 1;
                }
                _ => break,
            }
        }
        let core = self.core_names.get(cluster).and_then(|c| c.first()).map_or("?", String::as_str);
        let mut report = Report::new(
            "E0903",
            format!("{path} loads {} .. {}, which `{core}` sees as unmapped", hex(addr), hex(last)),
        );
        let near = memories(self, cluster).into_iter().min_by_key(|(start, end, _)| {
            if at < *start { start - at } else { at.saturating_sub(*end) }
        });
        if let Some((start, end, name)) = near {
            report.add("note", format!("nearest memory: {name} {} .. {}", hex(start), hex(end)));
            if start <= addr && addr <= end {
                report.add("note", format!("{} bytes do not fit", last - end));
            }
        }
        Err(report)
    }

    /// A core's reset vector: its property, else its type's.
    pub(crate) fn reset_vector(&self, cluster: usize, core: usize) -> Option<u64> {
        let id = *self.graph.clusters.get(cluster)?.cores.get(core)?;
        let part = self.graph.part(id);
        part.int("reset_vector").or(part.ty.core.as_ref().map(|c| c.reset_vector))
    }

    pub(crate) fn apply_loads(&mut self) -> Result<(), Report> {
        self.loads.apply(true)
    }

    /// Cores begin at the entry of the command line's first image; with images of the text only
    /// where nothing is loaded at the reset vector.
    pub(crate) fn start_at_images(&mut self) {
        for (cluster, names) in self.core_names.iter().enumerate() {
            for core in 0..names.len() {
                let mine = |e: &&(usize, u64, bool)| e.0 == cluster;
                let chosen = self.entries.iter().filter(mine).find(|e| e.2);
                let other = self.entries.iter().find(mine).filter(|_| {
                    let vector = self.reset_vector(cluster, core);
                    let space = self.spaces.get(cluster);
                    !vector.zip(space).is_some_and(|(v, s)| self.loads.covers(s, v))
                });
                let entry = chosen.or(other).map(|(_, entry, _)| *entry);
                if let Some(c) = self.clusters.get_mut(cluster) {
                    c.begin_at(core, entry);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn load(ram: &Arc<Ram>, bytes: &[u8]) -> Loads {
        let size = bytes.len() as u64 + 8;
        let to = To::Ram(ram.clone());
        Loads {
            all: vec![Load { to, addr: 16, bytes: bytes.to_vec(), size, file: None }],
            ..Loads::default()
        }
    }

    #[test]
    fn large_files_are_read_again_instead_of_kept() {
        let path = std::env::temp_dir().join(format!("hetemu-place-{}", std::process::id()));
        let bytes: Vec<u8> = (0..LARGE * 2 + 5).map(|n| ((n * 7) >> 3) as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        let ram = Ram::new(4 << 20).unwrap();
        let mut loads = load(&ram, &bytes);
        loads.last_is_file("it", File::open(&path).ok());
        loads.apply(true).unwrap();
        assert!(loads.all[0].bytes.is_empty());
        let seen = || {
            let mut seen = vec![0; bytes.len() + 8];
            assert!(ram.read(16, &mut seen));
            seen
        };
        let want = [&bytes[..], &[0; 8]].concat();
        assert!(seen() == want);
        assert!(ram.write(0, &vec![0xff; 4 << 20]));
        loads.apply(false).unwrap();
        assert!(seen() == want, "a reset brings back what the guest has changed");
        let mut file = File::options().append(true).open(&path).unwrap();
        file.write_all(&[1]).unwrap();
        let report = loads.apply(false).unwrap_err();
        assert_eq!(report.code, "E1003");
        // Other bytes than the file's, and few, are kept.
        for len in [bytes.len() + 1, 100] {
            let mut loads = load(&ram, &vec![1; len]);
            loads.last_is_file("it", File::open(&path).ok());
            loads.apply(true).unwrap();
            assert_eq!(loads.all[0].bytes.len(), len);
        }
        std::fs::remove_file(&path).unwrap();
    }
}
