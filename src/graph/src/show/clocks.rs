//! Clocks: each with its frequency and what it drives.

use crate::model::*;
use crate::names;
use std::collections::BTreeMap;
use std::fmt::Write;

/// One line a clock; then the clock inputs that nothing drives, with the frequency that they
/// assume.
pub fn clocks_text(g: &Graph) -> String {
    let mut rows: Vec<[String; 3]> = Vec::new();
    for clock in &g.clocks {
        let sinks = g.parts.iter().flat_map(|p| {
            let driven = p.clocks.iter().filter(|(_, (_, name))| *name == clock.name);
            driven.map(|(input, _)| format!("{}.{input}", p.name))
        });
        let sinks = names::collapse(&sinks.collect::<Vec<_>>());
        let sinks = if sinks.is_empty() { "nothing".into() } else { sinks };
        rows.push([clock.name.clone(), names::frequency(clock.hz), sinks]);
    }
    let mut assumed: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for part in &g.parts {
        for input in part.ty.clocks {
            let driven = part.clocks.get(input.name).is_some_and(|(_, name)| !name.is_empty());
            if let (false, Some(hz)) = (driven, input.default_hz) {
                assumed.entry(hz).or_default().push(format!("{}.{}", part.name, input.name));
            }
        }
    }
    for (hz, sinks) in assumed {
        rows.push([
            "(not driven)".into(),
            names::frequency(hz),
            format!("{}, assumed", names::collapse(&sinks)),
        ]);
    }
    let width = |i: usize| rows.iter().map(|r| r[i].len()).max().unwrap_or(0);
    let (w0, w1) = (width(0), width(1));
    let mut out = String::new();
    for [name, hz, sinks] in &rows {
        _ = writeln!(out, "{name:w0$}   {hz:>w1$}   -> {sinks}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{opentitan, trio};

    #[test]
    fn clocks_and_what_they_drive() {
        assert_eq!(
            clocks_text(&trio().clock("spare", 32768).build()),
            "\
core     1.2 GHz   -> rv[0..3].clk
osc       24 MHz   -> clint.clk, uart0.clk
slow     120 MHz   -> be.clk, m4.clk, uart1.clk
spare   32.768 kHz   -> nothing
"
            .replace("core     1.2 GHz", "core       1.2 GHz")
            .replace("osc       24 MHz", "osc         24 MHz")
            .replace("slow     120 MHz", "slow       120 MHz")
        );
        assert_eq!(
            clocks_text(&opentitan().build()),
            "(not driven)   50 MHz   -> ibex.clk, uart.clk, assumed\n"
        );
    }
}
