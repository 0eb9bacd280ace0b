//! Symbols of a program, to name addresses in reports.

/// A symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// Address.
    pub addr: u64,
    /// Length in bytes, 0 if the file does not say.
    pub size: u64,
    /// Name.
    pub name: String,
    /// A function, as opposed to data or a label.
    pub function: bool,
}

/// All symbols of a program, by address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Symbols {
    list: Vec<Symbol>,
}

impl Symbols {
    /// Sorts a list.
    pub fn new(mut list: Vec<Symbol>) -> Symbols {
        // At one address the name of a function comes last, and is what `at` finds.
        list.sort_by(|a, b| {
            (a.addr, a.function, a.size, &a.name).cmp(&(b.addr, b.function, b.size, &b.name))
        });
        Symbols { list }
    }

    /// The address of a name.
    pub fn find(&self, name: &str) -> Option<u64> {
        self.list.iter().find(|s| s.name == name).map(|s| s.addr)
    }

    /// The symbol that an address lies in, and how far. A symbol without a size reaches to the
    /// next.
    pub fn at(&self, addr: u64) -> Option<(&Symbol, u64)> {
        let end = self.list.partition_point(|s| s.addr <= addr);
        // A few steps back: small symbols may lie inside of larger ones.
        let near = self.list.get(end.saturating_sub(16)..end)?.iter().rev();
        let (mut best, mut sized) = (None, None);
        for s in near {
            let far = addr - s.addr;
            if far < s.size {
                sized = sized.or(Some((s, far)));
            } else if s.size == 0 {
                best = best.or(Some((s, far)));
            }
        }
        sized.or(best.filter(|(_, far)| *far < 1 << 20))
    }

    /// The function that an address lies in: as [`Symbols::at`], but labels inside of functions and
    /// data do not count where anything else is known.
    pub fn function(&self, addr: u64) -> Option<&Symbol> {
        let end = self.list.partition_point(|s| s.addr <= addr);
        let near = self.list.get(end.saturating_sub(64)..end)?.iter().rev();
        let inside = |s: &&Symbol| s.function && addr - s.addr < s.size;
        near.clone().find(inside).or_else(|| self.at(addr).map(|(s, _)| s))
    }

    /// First address and length of what a name stands for. Without a size it reaches to the next
    /// symbol.
    pub fn range(&self, name: &str) -> Option<(u64, u64)> {
        let at = self.list.iter().position(|s| s.name == name)?;
        let s = self.list.get(at)?;
        if s.size > 0 {
            return Some((s.addr, s.size));
        }
        let next = self.list.get(at..)?.iter().find(|n| n.addr > s.addr);
        Some((s.addr, next.map_or(1, |n| n.addr - s.addr)))
    }

    /// All of them, by address.
    pub fn iter(&self) -> impl Iterator<Item = &Symbol> {
        self.list.iter()
    }

    /// Reads a list as `nm` and Linux's System.map and /proc/kallsyms have it: address, type,
    /// name. None if a line is something else.
    pub fn parse_map(text: &str) -> Option<Symbols> {
        let mut list = Vec::new();
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let Some(addr) = words.next() else { continue };
            let (kind, name) = (words.next()?, words.next()?);
            let addr = u64::from_str_radix(addr.trim_start_matches("0x"), 16).ok()?;
            let mut letters = kind.chars();
            let kind = letters.next().filter(|c| c.is_ascii_alphabetic())?;
            if letters.next().is_some() {
                return None;
            }
            // Absolute and undefined symbols name no place; local labels nothing.
            if matches!(kind, 'a' | 'A' | 'U') || name.starts_with('$') || name.starts_with(".L") {
                continue;
            }
            let function = matches!(kind, 't' | 'T' | 'w' | 'W');
            list.push(Symbol { addr, size: 0, name: name.to_string(), function });
        }
        (!list.is_empty()).then(|| Symbols::new(list))
    }

    /// Adds those of another program.
    pub fn merge(&mut self, other: Symbols) {
        let mut list = std::mem::take(&mut self.list);
        list.extend(other.list);
        *self = Symbols::new(list);
    }

    /// Moves all of them.
    pub fn shift(&mut self, by: u64) {
        for s in &mut self.list {
            s.addr = s.addr.wrapping_add(by);
        }
        if by != 0 {
            *self = Symbols::new(std::mem::take(&mut self.list));
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_read() {
        let map = "0000000000000000 A __per_cpu\n\nffffffff80002000 T _start\n\
                   ffffffff80002100 t helper\t[module]\nffffffff80003000 D data\n";
        let symbols = Symbols::parse_map(map).unwrap();
        let name = |a| symbols.function(a).map(|s| s.name.as_str());
        assert_eq!(name(0xffff_ffff_8000_20ff), Some("_start"));
        assert_eq!(name(0xffff_ffff_8000_2100), Some("helper"));
        assert_eq!(symbols.range("helper"), Some((0xffff_ffff_8000_2100, 0xf00)));
        for bad in ["", "hello", "80002000 text main", "zz T main", "80002000 T"] {
            assert_eq!(Symbols::parse_map(bad), None, "{bad}");
        }
    }

    #[test]
    fn labels_do_not_split_functions() {
        let sym =
            |addr, size, name: &str| Symbol { addr, size, name: name.into(), function: size > 0 };
        let symbols = Symbols::new(vec![sym(0x100, 0x40, "main"), sym(0x110, 0, "loop")]);
        assert_eq!(symbols.function(0x118).map(|s| s.name.as_str()), Some("main"));
        assert_eq!(symbols.range("main"), Some((0x100, 0x40)));
    }

    #[test]
    fn addresses_get_the_name_they_lie_in() {
        let sym =
            |addr, size, name: &str| Symbol { addr, size, name: name.into(), function: size > 0 };
        let symbols = Symbols::new(vec![
            sym(0x100, 0x40, "main"),
            sym(0x110, 0, "loop"),
            sym(0x200, 0, "label"),
        ]);
        let name = |a| symbols.at(a).map(|(s, off)| (s.name.as_str(), off));
        assert_eq!(name(0xff), None);
        assert_eq!(name(0x118), Some(("main", 0x18)));
        assert_eq!(name(0x204), Some(("label", 4)));
        assert_eq!(name(0x4000_0000), None);
    }
}
