//! `hetemu expand MACHINE`: the machine after all of its composition, each value with who decided
//! it.

use super::{OK, WRONG};
use crate::cli::{Expand, Format};
use hetemu::registry;

pub(crate) fn run(args: &Expand) -> u8 {
    let registry = registry::registry();
    let (_, loaded, graph) =
        match super::load(&args.machine, &args.setting.settings(), registry.catalog()) {
            Ok(loaded) => loaded,
            Err(code) => return code,
        };
    if loaded.typed.alone {
        super::show(&loaded);
        super::complain("this is no whole machine, so there is nothing to expand");
        return WRONG;
    }
    let expanded = hetemu_lang::expand_graph(&graph, &loaded.typed, &loaded.sources);
    match args.format {
        Format::Text => super::print(&expanded.text),
        Format::Json => super::print(&format!("{:#}\n", expanded.json(&loaded.sources))),
    }
    OK
}
