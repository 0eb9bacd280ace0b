//! drcov files, version 2: what DynamoRIO's tool of that name writes, and Lighthouse, Cartographer,
//! Binary Ninja and others read.
//!
//! A text table of modules, then 8 bytes for each block: offset in its module (4), bytes of code
//! (2), number of the module (2), little-endian.

/// A stretch of code of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// First address.
    pub base: u64,
    /// Address after the last.
    pub end: u64,
    /// File.
    pub path: String,
}

/// A block that has run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Offset in the module.
    pub start: u32,
    /// Bytes.
    pub size: u16,
    /// The module's number.
    pub module: u16,
}

/// The bytes of a file.
pub fn write(modules: &[Module], blocks: &[Block]) -> Vec<u8> {
    let mut out = format!(
        "DRCOV VERSION: 2\nDRCOV FLAVOR: drcov\nModule Table: version 2, count {}\n\
         Columns: id, base, end, entry, path\n",
        modules.len()
    );
    for (id, m) in modules.iter().enumerate() {
        // A line end in a path would end the row.
        let path = m.path.replace(['\n', '\r'], "?");
        out.push_str(&format!("{id:3}, {:#018x}, {:#018x}, {:#018x}, {path}\n", m.base, m.end, 0));
    }
    out.push_str(&format!("BB Table: {} bbs\n", blocks.len()));
    let mut bytes = out.into_bytes();
    for b in blocks {
        bytes.extend(b.start.to_le_bytes());
        bytes.extend(b.size.to_le_bytes());
        bytes.extend(b.module.to_le_bytes());
    }
    bytes
}

/// Reads what [`write`] gives; none if it is something else.
pub fn parse(bytes: &[u8]) -> Option<(Vec<Module>, Vec<Block>)> {
    let mut rest = bytes;
    let mut line = || {
        let end = rest.iter().position(|b| *b == b'\n')?;
        let (now, later) = rest.split_at(end);
        rest = later.get(1..)?;
        std::str::from_utf8(now).ok()
    };
    (line()? == "DRCOV VERSION: 2").then_some(())?;
    line()?.strip_prefix("DRCOV FLAVOR: ")?;
    let count: usize = line()?.strip_prefix("Module Table: version 2, count ")?.parse().ok()?;
    (line()? == "Columns: id, base, end, entry, path").then_some(())?;
    let mut modules = Vec::new();
    for _ in 0..count {
        let mut cells = line()?.splitn(5, ", ").skip(1);
        let mut hex = || u64::from_str_radix(cells.next()?.strip_prefix("0x")?, 16).ok();
        let (base, end, _) = (hex()?, hex()?, hex()?);
        modules.push(Module { base, end, path: cells.next()?.to_string() });
    }
    let n: usize = line()?.strip_prefix("BB Table: ")?.strip_suffix(" bbs")?.parse().ok()?;
    (rest.len() == n.checked_mul(8)?).then_some(())?;
    let block = |b: &[u8]| {
        Some(Block {
            start: u32::from_le_bytes(b.get(..4)?.try_into().ok()?),
            size: u16::from_le_bytes(b.get(4..6)?.try_into().ok()?),
            module: u16::from_le_bytes(b.get(6..8)?.try_into().ok()?),
        })
    };
    let blocks = rest.chunks(8).map(block).collect::<Option<Vec<_>>>()?;
    Some((modules, blocks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let modules = vec![
            Module { base: 0x8000_0000, end: 0x8000_1000, path: "a, b.elf".into() },
            Module { base: 0xffff_ffff_8000_0000, end: u64::MAX, path: "vmlinux".into() },
        ];
        let blocks = vec![
            Block { start: 0, size: 12, module: 0 },
            Block { start: 0x0a0d_0a0a, size: 0xffff, module: 1 },
        ];
        let bytes = write(&modules, &blocks);
        assert_eq!(parse(&bytes), Some((modules, blocks)));
        for n in 0..bytes.len() {
            assert_eq!(parse(&bytes[..n]), None, "{n}");
        }
    }

    #[test]
    fn the_text_is_as_others_expect() {
        let modules = [Module { base: 0x1000, end: 0x2000, path: "x".into() }];
        let bytes = write(&modules, &[]);
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            "DRCOV VERSION: 2\nDRCOV FLAVOR: drcov\nModule Table: version 2, count 1\n\
             Columns: id, base, end, entry, path\n  0, 0x0000000000001000, 0x0000000000002000, \
             0x0000000000000000, x\nBB Table: 0 bbs\n"
        );
    }
}
