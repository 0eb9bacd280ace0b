//! `hetemu explain CODE`, or `hetemu explain FILE FACT`.

use super::{OK, USAGE, complain};
use crate::cli::{Explain, Format};
use hetemu::{Settings, codes, registry};
use hetemu_graph::{Span, explain_address, explain_name};
use serde_json::json;

pub(crate) fn run(args: &Explain) -> u8 {
    let Some(fact) = &args.fact else { return code(args) };
    let registry = registry::registry();
    let (_, loaded, graph) = match super::load(&args.what, &Settings::default(), registry.catalog())
    {
        Ok(loaded) => loaded,
        Err(code) => return code,
    };
    let sources = loaded.sources;
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
        None => explain_name(&graph, fact, &locate),
    };
    let Some(text) = text else {
        complain(format!("nothing in {} is called `{fact}`", args.what));
        return USAGE;
    };
    out(args, &text);
    OK
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
