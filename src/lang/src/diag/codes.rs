//! The table of codes: each with its severity, its one-line meaning and its page.
//!
//! Codes are never reused. The first two digits are the family: 01 syntax, 02 values, 03 names,
//! 04 wires, 05 address maps, 06 width and byte order, 07 composition, 08 properties, 09 the whole
//! machine. A page lies in `explain/<code>.md` and a golden test in `tests/lang/`; tests hold both.

use super::Severity;

/// A kind of mistake.
#[derive(Clone, Copy)]
pub struct Code {
    id: &'static str,
    title: &'static str,
    page: &'static str,
}

impl Code {
    /// A code of another crate's own table, with its page in Markdown.
    pub const fn new(id: &'static str, title: &'static str, page: &'static str) -> Code {
        Code { id, title, page }
    }
    /// `E0405`.
    pub fn id(self) -> &'static str {
        self.id
    }
    /// What it means in one line.
    pub fn title(self) -> &'static str {
        self.title
    }
    /// The page that `hetemu explain` prints, Markdown.
    pub fn page(self) -> &'static str {
        self.page
    }
    /// The severity that the first letter stands for.
    pub fn severity(self) -> Severity {
        match self.id.as_bytes().first() {
            Some(b'W') => Severity::Warning,
            Some(b'N') => Severity::Note,
            _ => Severity::Error,
        }
    }
}

impl PartialEq for Code {
    fn eq(&self, other: &Code) -> bool {
        self.id == other.id
    }
}
impl Eq for Code {}
impl PartialOrd for Code {
    fn partial_cmp(&self, other: &Code) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Code {
    fn cmp(&self, other: &Code) -> std::cmp::Ordering {
        self.id.cmp(other.id)
    }
}
impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id)
    }
}
impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id)
    }
}

macro_rules! codes {
    ($($id:ident $title:literal)*) => {
        $(
            #[doc = $title]
            pub const $id: Code = Code {
                id: stringify!($id),
                title: $title,
                page: include_str!(concat!("../explain/", stringify!($id), ".md")),
            };
        )*
        /// Every code, sorted.
        pub const ALL: &[Code] = &[$($id),*];
    };
}

codes! {
    E0101 "a row has a name and a type but no `:` between them"
    E0102 "an opened `{` is never closed"
    E0103 "`=>` is not a wire"
    E0104 "a line in the syntax of another tool"
    E0105 "a statement cannot be read"
    E0106 "`}` closes nothing"
    E0107 "rows stand outside a bus"
    E0108 "a text in quotes does not end on its line"
    E0109 "an unknown word stands at the end of a row"
    E0110 "a comment in the style of another language"
    E0111 "the edition line `hm 1` is missing or names another edition"
    E0112 "a file says not exactly once what it describes"
    E0113 "a name alone is no statement"
    E0114 "a statement stands where it has no meaning"
    E0115 "a file is not UTF-8 text"
    E0199 "this part of the language is not built yet"
    E0201 "a unit that is not one of the language"
    E0202 "a value has the unit of another quantity"
    E0203 "an address needs more bits than the bus has"
    W0204 "a range is one longer than a round size"
    E0205 "a value is outside its limits"
    E0206 "a value has the wrong type"
    E0207 "an expression has no value"
    E0208 "a word is not one of those that a property takes"
    E0209 "a range ends before it begins, or is empty"
    E0301 "a name is declared twice"
    E0302 "a name is declared nowhere"
    E0303 "a type has no such port or region"
    E0304 "no such device type or version"
    E0305 "names are defined by one another"
    E0306 "a name means another kind of thing"
    E0307 "an array is used without an index, or a single part with one"
    E0401 "a part has no inputs"
    E0402 "a required input is not connected"
    W0403 "an output goes nowhere"
    E0404 "a port has no line of that number"
    E0405 "an input has two drivers"
    E0406 "the two ends of a wire have different lengths"
    E0407 "an output and an input of kinds that do not fit"
    E0408 "an interrupt of another number than the SVD file says"
    N0409 "interrupts of the SVD file are not wired"
    E0410 "a wire runs the wrong way"
    E0501 "two rows overlap"
    E0502 "a row is shorter or longer than its part"
    E0503 "a base address is not aligned"
    E0504 "a memory is not a whole number of pages"
    E0505 "a window shows nothing"
    E0506 "windows show one another"
    E0507 "a bus port can reach nothing"
    E0508 "a core starts where nothing is mapped"
    E0509 "a row reaches beyond the end of what it maps"
    E0510 "a part at another address than the SVD file says"
    W0511 "a part is smaller than the SVD file says"
    N0512 "peripherals of the SVD file are not in the machine"
    E0601 "registers of the other byte order, and no row says how"
    N0602 "a memory is seen in both byte orders"
    E0603 "an access width that the registers do not take"
    E0701 "a name that a text below has declared already"
    E0702 "two overlays decide one thing differently"
    E0703 "something refers to what is removed"
    E0704 "a text is made for another base"
    E0705 "a replacement lacks a port that is wired"
    E0706 "an output is wired already by a text below"
    E0707 "a fixed value is changed"
    E0708 "a text that is named cannot be found"
    E0709 "a text is made from itself"
    E0710 "a module is used as it cannot be"
    E0711 "there is nothing to change"
    N0712 "an overlay was checked alone"
    E0713 "a profile cannot be read"
    E0801 "a type has no such property"
    E0802 "a plug of another kind"
    E0803 "something required is not set"
    W0804 "a deprecated type"
    W0805 "an unstable property"
    E0806 "a property is set twice"
    E0901 "a machine without a core"
    W0902 "parts are mapped on a bus that nobody drives"
    E0904 "a requirement of the machine does not hold"
    E0905 "something has changed since the machine was locked"
}

/// A code by its name, upper or lower case.
pub fn find(id: &str) -> Option<Code> {
    let at = ALL.partition_point(|c| tail(c.id) < tail(&id.to_ascii_uppercase()));
    let lower = id.to_ascii_uppercase();
    ALL.get(at..)?.iter().take(4).find(|c| c.id == lower).copied()
}

/// The number without the letter: the order of the table.
fn tail(id: &str) -> &str {
    id.get(1..).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_by_number_and_every_code_is_found() {
        assert!(ALL.windows(2).all(|w| tail(w[0].id) < tail(w[1].id)));
        for c in ALL {
            assert_eq!(find(c.id()), Some(*c));
            assert_eq!(find(&c.id().to_lowercase()), Some(*c));
        }
        assert_eq!(find("E9999"), None);
        assert_eq!(find("é"), None);
        assert_eq!(W0403.severity(), Severity::Warning);
    }
}
