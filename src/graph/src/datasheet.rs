//! A machine's datasheet: what is in it, what each core sees, how interrupts run, with pictures; as
//! Markdown and as one page of HTML. Both are made of one list of pieces.

use crate::model::*;
use crate::names;
use crate::show;
use std::collections::BTreeSet;
use std::fmt::Write;

/// A piece of the page.
enum Piece {
    Heading(&'static str),
    Text(String),
    Table(&'static [&'static str], Vec<Vec<String>>),
    Listing(String),
    Picture { name: &'static str, about: &'static str, svg: String },
}

/// The pictures of a datasheet: file name behind the machine's, and SVG.
pub fn datasheet_pictures(g: &Graph) -> Vec<(String, String)> {
    let picture = |p: Piece| match p {
        Piece::Picture { name, svg, .. } => Some((format!("{}-{name}.svg", g.name), svg)),
        _ => None,
    };
    pieces(g).into_iter().filter_map(picture).collect()
}

/// The datasheet as Markdown; its pictures are files beside it ([`datasheet_pictures`]).
pub fn datasheet_markdown(g: &Graph) -> String {
    let mut out = format!("# {}\n", g.name);
    for piece in pieces(g) {
        out.push('\n');
        match piece {
            Piece::Heading(text) => _ = writeln!(out, "## {text}"),
            Piece::Text(text) => _ = writeln!(out, "{text}"),
            Piece::Listing(text) => _ = writeln!(out, "```text\n{}\n```", text.trim_end()),
            Piece::Picture { name, about, .. } => {
                _ = writeln!(out, "![{about}]({}-{name}.svg)", g.name);
            }
            Piece::Table(heads, rows) => {
                let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
                out.push_str(&line(heads.iter().map(|h| h.to_string()).collect()));
                out.push_str(&line(heads.iter().map(|_| "---".to_string()).collect()));
                for row in rows {
                    let cell = |c: &String| c.replace('|', "\\|").replace('\n', " ");
                    out.push_str(&line(row.iter().map(cell).collect()));
                }
            }
        }
    }
    out
}

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;\
padding:0 1em;color:#222}h1,h2{line-height:1.2}table{border-collapse:collapse;margin:1em 0}\
th,td{border-bottom:1px solid #ddd;padding:.25em .8em .25em 0;text-align:left;\
vertical-align:top}pre{background:#f6f6f6;padding:1em;overflow-x:auto;font-size:13px}\
td:first-child{font-family:ui-monospace,monospace}svg{max-width:100%;height:auto}";

/// The datasheet as a page of HTML that needs nothing else.
pub fn datasheet_html(g: &Graph) -> String {
    let title = escape(&g.name);
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    );
    for piece in pieces(g) {
        match piece {
            Piece::Heading(text) => _ = writeln!(out, "<h2>{text}</h2>"),
            Piece::Text(text) => _ = writeln!(out, "<p>{}</p>", escape(&text)),
            Piece::Listing(text) => _ = writeln!(out, "<pre>{}</pre>", escape(text.trim_end())),
            Piece::Picture { about, svg, .. } => {
                // A declaration of XML cannot stand inside HTML.
                let start = svg.find("<svg").unwrap_or(0);
                let svg = svg.get(start..).unwrap_or("").trim_end();
                _ = writeln!(out, "<figure aria-label=\"{about}\">\n{svg}\n</figure>");
            }
            Piece::Table(heads, rows) => {
                out.push_str("<table>\n<tr>");
                for h in heads {
                    _ = write!(out, "<th>{h}</th>");
                }
                out.push_str("</tr>\n");
                for row in rows {
                    out.push_str("<tr>");
                    for cell in row {
                        _ = write!(out, "<td>{}</td>", escape(&cell));
                    }
                    out.push_str("</tr>\n");
                }
                out.push_str("</table>\n");
            }
        }
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn pieces(g: &Graph) -> Vec<Piece> {
    let mut out = Vec::new();
    if !g.doc.is_empty() {
        out.push(Piece::Text(g.doc.clone()));
    }
    let about = "The parts and what connects them";
    out.push(Piece::Picture { name: "blocks", about, svg: show::block_svg(g) });
    let cores = g.cores().map(|(_, p)| {
        let core = p.ty.core.as_ref();
        let bits = core.map_or(String::new(), |c| c.bits.to_string());
        let sees: Vec<&str> = p.masters.values().map(|b| g.bus(*b).name.as_str()).collect();
        vec![p.name.clone(), p.ty.full_name(), bits, sees.join(", "), p.doc.clone()]
    });
    table(&mut out, "Cores", &["Name", "Type", "Bits", "Bus", ""], cores.collect());
    let about = "What answers at which address";
    out.push(Piece::Heading("Memory maps"));
    out.push(Piece::Picture { name: "maps", about, svg: show::maps_svg(g) });
    let mut seen = BTreeSet::new();
    for (id, _, bus) in g.initiators() {
        if seen.insert(bus)
            && let Some(text) = show::view_text(g, &g.part(id).name)
        {
            out.push(Piece::Listing(text));
        }
    }
    let irq = show::irq_text(g);
    if !irq.trim().is_empty() {
        out.push(Piece::Heading("Interrupts"));
        out.push(Piece::Listing(irq));
    }
    let clocks = show::clocks_text(g);
    if !clocks.trim().is_empty() {
        out.push(Piece::Heading("Clocks"));
        out.push(Piece::Listing(clocks));
    }
    let others = g.parts().filter(|(_, p)| p.ty.core.is_none());
    let parts = others.map(|(id, p)| {
        let what = if p.doc.is_empty() { p.ty.summary.to_string() } else { p.doc.clone() };
        vec![p.name.clone(), p.ty.full_name(), place(g, id), said(p), what]
    });
    table(&mut out, "Parts", &["Name", "Type", "Where", "Set to", "What"], parts.collect());
    let plugs = g.plugs.iter().map(|p| {
        let value = p.value.clone().unwrap_or_else(|| "nothing".into());
        vec![p.name.clone(), p.kind.word().into(), value]
    });
    table(&mut out, "Plugs", &["Name", "Kind", "Plugged in"], plugs.collect());
    let params = g.params.iter().map(|(n, v)| vec![n.clone(), names::value(v, None)]);
    table(&mut out, "Params", &["Name", "Value"], params.collect());
    out
}

fn table(
    out: &mut Vec<Piece>,
    title: &'static str,
    heads: &'static [&'static str],
    rows: Vec<Vec<String>>,
) {
    if !rows.is_empty() {
        out.push(Piece::Heading(title));
        out.push(Piece::Table(heads, rows));
    }
}

/// Bus and address of each row that maps a part, or the bus of a card.
fn place(g: &Graph, id: PartId) -> String {
    let mut out: Vec<String> = Vec::new();
    for bus in &g.buses {
        for row in &bus.rows {
            if matches!(row.target, Target::Region { part, .. } if part == id) {
                out.push(format!("{} {}", bus.name, names::at(bus, row.base)));
            }
        }
    }
    if let Some((owner, bus, at)) = &g.part(id).on {
        out.push(format!("{}.{bus} {at}", g.part(*owner).name).trim_end().to_string());
    }
    out.join(", ")
}

/// What the text itself sets of a part.
fn said(p: &Part) -> String {
    let set = p.set.iter().filter_map(|name| {
        let ty = p.ty.prop(name).map(|x| x.ty);
        Some(format!("{name} = {}", names::value(p.props.get(name)?, ty)))
    });
    let links = p.links.iter().map(|(name, plug)| format!("{name} = {plug}"));
    set.chain(links).collect::<Vec<_>>().join(", ")
}
