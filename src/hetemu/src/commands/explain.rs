//! `hetemu explain CODE`, or `hetemu explain FILE FACT`.

use super::{OK, USAGE, complain};
use crate::cli::{Explain, Format};
use hetemu::{Settings, codes, registry};
use hetemu_graph::{Span, explain_address, explain_name};
use hetemu_lang::SourceMap;
use hetemu_lang::typed::Machine;
use serde_json::json;

pub(crate) fn run(args: &Explain) -> u8 {
    let Some(fact) = &args.fact else { return code(args) };
    let registry = registry::registry();
    let (_, loaded, graph) = match super::load(&args.what, &Settings::default(), registry.catalog())
    {
        Ok(loaded) => loaded,
        Err(code) => return code,
    };
    let sources = &loaded.sources;
    let locate = |span: Span| {
        let file = sources.get(span.file)?;
        Some(format!("{}:{}", file.name, file.line_col(span.start).0))
    };
    let text = match number(fact) {
        Some(at) => {
            let first = graph.clusters.first().map(|c| c.name.clone());
            let Some(initiator) = args.initiator.clone().or(first) else {
                complain("an address needs `--as CORE`");
                return USAGE;
            };
            explain_address(&graph, &initiator, at, &locate)
        }
        None => {
            let decided = decided(&loaded.typed, fact, sources);
            match explain_name(&graph, fact, &locate) {
                Some(text) => Some(text + &decided),
                None => match graph.params.get(fact) {
                    Some(v) => {
                        Some(format!("param {fact} = {}\n{decided}", param(&loaded, fact, v)))
                    }
                    None => Some(decided).filter(|d| !d.is_empty()),
                },
            }
        }
    };
    let Some(text) = text else {
        complain(format!("nothing in {} is called `{fact}`", args.what));
        return USAGE;
    };
    out(args, &text);
    OK
}

/// A param's value as the text would say it.
fn param(loaded: &hetemu::Loaded, name: &str, v: &hetemu_graph::Value) -> String {
    let ty = loaded.typed.params.iter().find(|p| p.name.text == name).map(|p| p.ty.name.as_str());
    let ty = match ty {
        Some("size") => Some(hetemu_schema::PropType::Size),
        Some("address") => Some(hetemu_schema::PropType::Address),
        Some("frequency") => Some(hetemu_schema::PropType::Frequency),
        Some("duration") => Some(hetemu_schema::PropType::Duration),
        _ => None,
    };
    hetemu_graph::names::value(v, ty)
}

/// Who decides a fact that several texts speak of: the nearest first.
fn decided(typed: &Machine, fact: &str, sources: &SourceMap) -> String {
    let all: Vec<Span> = typed.history.iter().filter(|d| d.path == fact).map(|d| d.span).collect();
    let rows: Vec<(String, String)> = all
        .iter()
        .rev()
        .filter_map(|span| {
            let file = sources.get(span.file)?;
            let place = format!("{}:{}", file.name, file.line_col(span.start).0);
            let said = sources.text(*span).split_whitespace().collect::<Vec<_>>().join(" ");
            // The closing quote of a profile's value is not part of the value.
            let open = said.matches('"').count() % 2 == 1;
            let said = if open { said + "\"" } else { said };
            Some((place, said))
        })
        .collect();
    let width = |f: fn(&(String, String)) -> &String| {
        rows.iter().map(|r| f(r).chars().count()).max().unwrap_or(0)
    };
    let (first, second) = (width(|r| &r.0), width(|r| &r.1));
    let mut out = String::new();
    for (i, (place, said)) in rows.iter().enumerate() {
        let word = if i == 0 { "<- decides" } else { "replaced" };
        out.push_str(&format!("  {place:first$}  {said:second$}  {word}\n"));
    }
    out
}

fn code(args: &Explain) -> u8 {
    let page = hetemu_lang::explain(&args.what)
        .or_else(|| codes::explain(&args.what))
        .or_else(|| hetemu_import::codes::explain(&args.what));
    match page {
        Some(page) => {
            out(args, page);
            OK
        }
        None => {
            let language = hetemu_lang::all_codes().map(|c| c.id());
            let mut known: Vec<&str> = language.chain(codes::all()).collect();
            known.extend(hetemu_import::codes::ALL.iter().map(|c| c.id()));
            known.sort_unstable();
            known.dedup();
            complain(format!("there is no code `{}`; codes are {}", args.what, known.join(" ")));
            USAGE
        }
    }
}

fn out(args: &Explain, text: &str) {
    let text = text.trim_end();
    match args.format {
        Format::Text => super::print(&format!("{text}\n")),
        Format::Json => super::print(&format!(
            "{}\n",
            json!({"what": args.what, "fact": args.fact, "text": text})
        )),
    }
}

/// An address: hexadecimal with 0x, or decimal.
fn number(text: &str) -> Option<u64> {
    let digits = text.replace('_', "");
    match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => digits.parse().ok(),
    }
}
