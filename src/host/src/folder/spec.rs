//! What stands after `=` of a folder plug.

use crate::Error;
use std::path::Path;

/// A folder back end, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderSpec {
    /// The folder.
    pub path: String,
    /// The name by which the guest finds it.
    pub tag: String,
    /// Changes are refused.
    pub read_only: bool,
}

impl FolderSpec {
    /// Reads a plug's value; `None` for no folder (`null`).
    pub fn parse(text: &str) -> Result<Option<FolderSpec>, Error> {
        if matches!(text, "null" | "none") {
            return Ok(None);
        }
        let wrong = || Error::UnknownFolder(text.into());
        let mut rest = text.strip_prefix("folder:").ok_or_else(wrong)?;
        let (mut tag, mut read_only) = (None, false);
        // Options stand at the end, so that a path may have a comma.
        loop {
            if let Some(head) = rest.strip_suffix(",ro") {
                (rest, read_only) = (head, true);
            } else if let Some((head, name)) = rest.rsplit_once(",tag=").filter(|_| tag.is_none()) {
                if name.is_empty() || name.len() > 31 || name.contains(['/', ',']) {
                    return Err(wrong());
                }
                (rest, tag) = (head, Some(name));
            } else {
                break;
            }
        }
        if rest.is_empty() {
            return Err(wrong());
        }
        let name = || Path::new(rest).file_name().and_then(|n| n.to_str()).unwrap_or("share");
        let tag = tag.map_or_else(|| name().chars().take(31).collect(), String::from);
        Ok(Some(FolderSpec { path: rest.into(), tag, read_only }))
    }
}
