//! `hetemu doc`: the reference of a type, the datasheet of a machine, the schema of all types.

use super::{OK, USAGE, complain, device, print};
use crate::cli::Doc;
use hetemu::registry;
use hetemu_graph::{datasheet_html, datasheet_markdown, datasheet_pictures, json_schema};
use hetemu_schema::doc;
use std::path::Path;

pub(crate) fn run(args: &Doc) -> u8 {
    let registry = registry::registry();
    let catalog = registry.catalog();
    if args.schema {
        print(&format!("{:#}\n", json_schema(catalog)));
        return OK;
    }
    if let Some(filter) = &args.list {
        print(&doc::list(catalog, filter));
        return OK;
    }
    let Some(what) = &args.what else { return USAGE };
    if !Path::new(what).exists()
        && let Some(ty) = device::find(catalog, what)
    {
        let versions = catalog.versions(ty.name);
        print(&match args.markdown {
            true => doc::markdown(ty, versions, 1),
            false => doc::text(ty, versions),
        });
        return OK;
    }
    let graph = match super::load(what, &args.setting.settings(), catalog) {
        Ok((_, _, graph)) => graph,
        Err(code) => return code,
    };
    let Some(folder) = &args.html else {
        print(&datasheet_markdown(&graph));
        return OK;
    };
    let mut files = datasheet_pictures(&graph);
    files.push((format!("{}.html", graph.name), datasheet_html(&graph)));
    files.push((format!("{}.md", graph.name), datasheet_markdown(&graph)));
    let written = std::fs::create_dir_all(folder).and_then(|()| {
        files.iter().try_for_each(|(name, text)| std::fs::write(folder.join(name), text))
    });
    match written {
        Ok(()) => {
            for (name, _) in files {
                print(&format!("{}\n", folder.join(name).display()));
            }
            OK
        }
        Err(e) => {
            complain(format!("{}: {e}", folder.display()));
            USAGE
        }
    }
}
