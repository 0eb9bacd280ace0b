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
