//! Codes of reports of running machines: the pages that `hetemu explain CODE` shows, beside those of the
//! language.

/// A page: code and Markdown.
const PAGES: &[(&str, &str)] = &[
    ("E0903", "# E0903: an image does not fit into memory\n\nA segment of the program lies where its core sees no memory, so that part of the program would be\nlost. The report names the nearest memory: often the program was linked for another size of it.\n"),
    ("E1001", "# E1001: there is no target for a core's instruction set yet\n\nThe core's type is known, so that the machine can be checked, compared and drawn; nothing can execute\nits instructions yet. `hetemu target` lists the instruction sets that run.\n"),
    ("E1002", "# E1002: a part has a schema and no model yet\n\nThe type is known to the checker and nothing answers for it at run time. Replace the part by\n`hm.stub` to go on without it: reads give 0 and are counted.\n"),
    ("E1003", "# E1003: an image cannot be read or used\n\nThe file is missing, damaged, or no program: ELF executables, raw bytes, Linux images and gzip of\nthese can be loaded.\n"),
    ("E1004", "# E1004: a plug's back end cannot be opened\n\nSerial plugs take stdio, null, pty, file:PATH, tcp:HOST:PORT, listen:HOST:PORT, unix:PATH and\nunix-listen:PATH.\n"),
    ("E1005", "# E1005: a part refuses its configuration\n\nEach value is allowed by the schema, and together they describe no device that exists.\n"),
    ("E1006", "# E1006: the host has no memory for a part\n\nMake the memory of the machine smaller (`--set ram=...`).\n"),
    ("E1007", "# E1007: where an image goes\n\nA raw file has no address: give one, `--image FILE@0x8000_0000`. An ELF file has its own.\n"),
    ("E1008", "# E1008: a program for another kind of core\n\nWord size or byte order of the ELF file are not those of the core that would run it.\n"),
    ("E1009", "# E1009: a board cannot be started\n\nThe boot part misses a memory or a program. `boot.riscv` needs `rom` and `ram`, and firmware or a kernel.\n"),
    ("E1101", "# E1101: the guest hangs, waiting\n\nEvery core waits for an interrupt (wfi) and nothing can raise one: no timer runs, no device works and no\ninput can come. On hardware this would wait for ever too. Look for an interrupt that was never enabled,\nor a timer that was never set.\n"),
    ("E1102", "# E1102: the guest runs in a circle\n\nThe core comes back to the same place with the same registers, and nothing outside of it can change\nanything. Usually this is the end of a fault handler.\n"),
    ("E1103", "# E1103: the trap handler raises exceptions itself\n\nThe core took an exception, went to its handler, and the handler's beginning raised an exception again,\nwithout end. Usually the trap vector was never set (it is 0 after reset), or the stack is gone.\n"),
    ("E1104", "# E1104: the same exception for ever\n\nOne instruction raises the same exception again and again, and no register changes in between: the\nhandler returns without having changed anything.\n"),
    ("E1105", "# E1105: strict mode\n\nWith `--strict` a run ends at the first access that nothing really answers: an address where nothing is\nmapped, or a register that the model does not have. Without it such accesses are counted and\nsummarised at the end.\n"),
    ("E1106", "# E1106: signals chase each other\n\nTwo parts drive each other's inputs so that each change causes the next at the same instant. Real\nhardware would oscillate.\n"),
];

/// The page of a code.
pub fn explain(code: &str) -> Option<&'static str> {
    let code = code.to_ascii_uppercase();
    PAGES.iter().find(|(c, _)| *c == code).map(|(_, page)| *page)
}

/// Every code of this list.
pub fn all() -> impl Iterator<Item = &'static str> {
    PAGES.iter().map(|(c, _)| *c)
}
