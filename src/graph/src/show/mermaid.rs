//! The wired graph as a Mermaid flow chart, for pages that draw it in the browser.

use super::dot::{Drawing, Kind};
use crate::model::Graph;
use std::fmt::Write;

/// The graph as a Mermaid flow chart.
pub fn mermaid(g: &Graph) -> String {
    let drawing = Drawing::new(g);
    let mut out = String::from("flowchart LR\n");
    for (id, label, kind) in &drawing.nodes {
        let label = label.join("<br/>");
        _ = match kind {
            Kind::Core => writeln!(out, "  {id}[\"{label}\"]:::core"),
            Kind::Memory => writeln!(out, "  {id}[(\"{label}\")]:::memory"),
            Kind::Bus => writeln!(out, "  {id}{{{{\"{label}\"}}}}:::bus"),
            _ => writeln!(out, "  {id}[\"{label}\"]:::device"),
        };
    }
    for (from, to, label, kind) in &drawing.edges {
        let arrow = match kind {
            Kind::Master => "==>",
            Kind::Wire => "-.->",
            Kind::Seat => "---",
            _ => "-->",
        };
        // An empty label between bars is a syntax error.
        let label = if label.is_empty() { String::new() } else { format!("|{label}|") };
        _ = writeln!(out, "  {from} {arrow}{label} {to}");
    }
    for (class, fill) in
        [("core", "#dbeafe"), ("memory", "#dcfce7"), ("device", "#fef3c7"), ("bus", "#e2e8f0")]
    {
        _ = writeln!(out, "  classDef {class} fill:{fill},stroke:#64748b,color:#0f172a");
    }
    out
}
