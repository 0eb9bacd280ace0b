//! Codes of reports of running machines: the pages that `hetemu explain CODE` shows, beside those
//! of the language.

use hetemu_lang::diag::Code;

const FITS: &str = include_str!("explain/E0903.md");

/// An image does not fit into memory: told by a run, and by `check --image` as a diagnostic.
pub const E0903: Code = Code::new("E0903", "an image does not fit into memory", FITS);

/// A page: code and Markdown.
const PAGES: &[(&str, &str)] = &[
    ("E0903", FITS),
    ("E1001", include_str!("explain/E1001.md")),
    ("E1002", include_str!("explain/E1002.md")),
    ("E1003", include_str!("explain/E1003.md")),
    ("E1004", include_str!("explain/E1004.md")),
    ("E1005", include_str!("explain/E1005.md")),
    ("E1006", include_str!("explain/E1006.md")),
    ("E1007", include_str!("explain/E1007.md")),
    ("E1008", include_str!("explain/E1008.md")),
    ("E1009", include_str!("explain/E1009.md")),
    ("E1010", include_str!("explain/E1010.md")),
    ("E1011", include_str!("explain/E1011.md")),
    ("E1012", include_str!("explain/E1012.md")),
    ("E1020", include_str!("explain/E1020.md")),
    ("E1101", include_str!("explain/E1101.md")),
    ("E1102", include_str!("explain/E1102.md")),
    ("E1103", include_str!("explain/E1103.md")),
    ("E1104", include_str!("explain/E1104.md")),
    ("E1105", include_str!("explain/E1105.md")),
    ("E1106", include_str!("explain/E1106.md")),
    ("E1201", include_str!("explain/E1201.md")),
    ("E1202", include_str!("explain/E1202.md")),
    ("E1203", include_str!("explain/E1203.md")),
    ("E1204", include_str!("explain/E1204.md")),
    ("E1205", include_str!("explain/E1205.md")),
    ("E1206", include_str!("explain/E1206.md")),
    ("E1207", include_str!("explain/E1207.md")),
    ("E1208", include_str!("explain/E1208.md")),
    ("E1209", include_str!("explain/E1209.md")),
    ("E1210", include_str!("explain/E1210.md")),
    ("E1211", include_str!("explain/E1211.md")),
];

/// The page of a code.
pub fn explain(code: &str) -> Option<&'static str> {
    let code = code.to_ascii_uppercase();
    let tests = crate::suite::codes::ALL.iter().map(|c| (c.id(), c.page()));
    PAGES.iter().copied().chain(tests).find(|(c, _)| *c == code).map(|(_, page)| page)
}

/// Every code of this list.
pub fn all() -> impl Iterator<Item = &'static str> {
    let tests = crate::suite::codes::ALL.iter().map(|c| c.id());
    PAGES.iter().map(|(c, _)| *c).chain(tests)
}
