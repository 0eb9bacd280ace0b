//! What stands after `=` of a block plug.

use crate::Error;
use std::io::Read;
use std::path::Path;

/// The first bytes of a qcow2 image.
pub(super) const QCOW2_MAGIC: [u8; 4] = *b"QFI\xfb";

/// Formats of images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The disk's bytes, one after the other: a file or a block device.
    Raw,
    /// QEMU's copy-on-write format, versions 2 and 3.
    Qcow2,
}

/// A block back end, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskSpec {
    /// Format of the image.
    pub format: Format,
    /// The format was said by name, not by the extension.
    pub explicit: bool,
    /// The image.
    pub path: String,
    /// Writes are refused.
    pub read_only: bool,
    /// Writes go to a file that vanishes with the run.
    pub snapshot: bool,
}

impl DiskSpec {
    /// Reads a plug's value; `None` for no disk (`null`).
    pub fn parse(text: &str) -> Result<Option<DiskSpec>, Error> {
        if matches!(text, "null" | "none") {
            return Ok(None);
        }
        let unknown = |why: &str| Error::Disk {
            what: format!("`{text}` {why}"),
            help: String::from(
                "write raw:PATH or qcow2:PATH, or a PATH that ends in .img, .raw, .iso or .qcow2; \
                 with ,ro at its end writes are refused, with ,snapshot they vanish with the run",
            ),
        };
        let (mut rest, mut read_only, mut snapshot) = (text, false, false);
        loop {
            if let Some(head) = rest.strip_suffix(",ro") {
                (rest, read_only) = (head, true);
            } else if let Some(head) = rest.strip_suffix(",snapshot") {
                (rest, snapshot) = (head, true);
            } else {
                break;
            }
        }
        let (format, explicit, path) = match rest.split_once(':') {
            Some(("raw", path)) => (Format::Raw, true, path),
            Some(("qcow2", path)) => (Format::Qcow2, true, path),
            other => {
                let path = match other {
                    Some(("file", path)) => path,
                    _ => rest,
                };
                let extension = Path::new(path).extension().and_then(|e| e.to_str());
                match extension.map(str::to_ascii_lowercase).as_deref() {
                    Some("qcow2") => (Format::Qcow2, false, path),
                    Some("img" | "raw" | "iso" | "bin" | "ext4") => (Format::Raw, false, path),
                    _ => return Err(unknown("does not say which format the disk has")),
                }
            }
        };
        if path.is_empty() {
            return Err(unknown("names no file"));
        }
        let path = path.to_string();
        Ok(Some(DiskSpec { format, explicit, path, read_only, snapshot }))
    }

    /// A raw disk by its extension that holds a qcow2 image is a mistake, or a guest's trick.
    pub(super) fn check_content(&self, path: &Path) -> Result<(), Error> {
        let mut magic = [0; 4];
        if self.explicit || self.format != Format::Raw {
            return Ok(());
        }
        let read = std::fs::File::open(path).and_then(|mut f| f.read_exact(&mut magic));
        if read.is_ok() && magic == QCOW2_MAGIC {
            return Err(Error::Disk {
                what: format!("`{}` holds a qcow2 image", self.path),
                help: format!(
                    "write qcow2:{0} if it is one, raw:{0} if its bytes are the disk's own",
                    self.path
                ),
            });
        }
        Ok(())
    }
}
