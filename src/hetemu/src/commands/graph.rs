//! `hetemu graph`: a machine as text and pictures.

use super::{OK, USAGE, complain};
use crate::cli::{Graph, Picture};
use hetemu::registry;
use hetemu_graph::{Detail, GRAPH_SCHEMA, json_text, show};
use std::collections::BTreeSet;

pub(crate) fn run(args: &Graph) -> u8 {
    if args.schema {
        super::print(GRAPH_SCHEMA);
        return OK;
    }
    let registry = registry::registry();
    let (_, _, graph) =
        match super::load(&args.machine, &args.setting.settings(), registry.catalog()) {
            Ok(loaded) => loaded,
            Err(code) => return code,
        };
    let no_view = |name: &str| {
        let mut names: BTreeSet<&str> = graph.clusters.iter().map(|c| c.name.as_str()).collect();
        names.extend(graph.initiators().map(|(id, ..)| graph.part(id).name.as_str()));
        names.extend(graph.buses.iter().map(|b| b.name.as_str()));
        let names: Vec<&str> = names.into_iter().collect();
        complain(format!("nothing with a view is called `{name}`; there are {}", names.join(", ")));
        USAGE
    };
    let mut out = Vec::new();
    match (args.svg, &args.view) {
        (Some(Picture::Blocks), _) => out.push(show::block_svg(&graph)),
        (Some(Picture::Map), None) => out.push(show::maps_svg(&graph)),
        (Some(Picture::Map), Some(view)) => match show::map_svg(&graph, view) {
            Some(svg) => out.push(svg),
            None => return no_view(view),
        },
        (None, Some(view)) => match show::view_text(&graph, view) {
            Some(text) => out.push(text),
            None => return no_view(view),
        },
        (None, None) => {}
    }
    if args.irq {
        out.push(show::irq_text(&graph));
    }
    if args.clocks {
        out.push(show::clocks_text(&graph));
    }
    if args.json {
        out.push(json_text(&graph, Detail::Full));
    }
    if args.dot {
        out.push(show::dot(&graph));
    }
    if args.mermaid {
        out.push(show::mermaid(&graph));
    }
    if out.is_empty() {
        // Everything for people: each different view, then interrupts and clocks.
        let mut seen = BTreeSet::new();
        for (id, _, bus) in graph.initiators() {
            if seen.insert(bus)
                && let Some(text) = show::view_text(&graph, &graph.part(id).name)
            {
                out.push(text);
            }
        }
        out.push(show::irq_text(&graph));
        out.push(show::clocks_text(&graph));
    }
    let texts: Vec<&str> = out.iter().map(|t| t.trim_end()).filter(|t| !t.is_empty()).collect();
    super::print(&format!("{}\n", texts.join("\n\n")));
    OK
}
