//! The canonical JSON of a graph, and its semantic hash.
//!
//! Everything is resolved and in the order of the graph, which is sorted: equal machines give equal
//! bytes, on every host and in every run. [`Detail::Full`] is for tools (with the place in the text
//! of every fact); [`Detail::Guest`] holds only what a guest can find out, and is what a frozen
//! profile is compared with.

use crate::model::*;
use crate::names;
use hetemu_schema::{Endian, PlugKind, SignalKind};
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};

/// How much of a graph is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Everything, with spans, docs, plugs and host settings.
    Full,
    /// What a guest can find out: no names of clocks, no plugs, no host properties, no spans.
    Guest,
}

/// The JSON Schema (2020-12) of the canonical graph, in both details.
pub const GRAPH_SCHEMA: &str = include_str!("../schema/graph.schema.json");

/// The JSON Schema (2020-12) of a diff.
pub const DIFF_SCHEMA: &str = include_str!("../schema/diff.schema.json");

/// The graph as text, one fact a line, ending in a newline.
pub fn json_text(g: &Graph, detail: Detail) -> String {
    // Serialising a tree of plain values to a string cannot fail.
    let mut text = serde_json::to_string_pretty(&to_json(g, detail)).unwrap_or_default();
    text.push('\n');
    text
}

/// SHA-256 of the guest-visible graph, in hexadecimal: equal for two texts that describe one
/// machine.
pub fn semantic_hash(g: &Graph) -> String {
    let digest = Sha256::digest(to_json(g, Detail::Guest).to_string());
    digest.iter().map(|b| format!("{b:02x}")).collect()
}

/// The graph as a JSON value.
pub fn to_json(g: &Graph, detail: Detail) -> Json {
    let w = Writer { g, full: detail == Detail::Full };
    let mut out = Map::new();
    out.insert("format".into(), json!("hetemu-graph"));
    out.insert("version".into(), json!(1));
    if w.full {
        out.insert("name".into(), json!(g.name));
        out.insert("doc".into(), json!(g.doc));
        out.insert("files".into(), json!(g.files));
        out.insert("params".into(), values(&g.params));
        out.insert("settings".into(), values(&g.settings));
        out.insert("plugs".into(), g.plugs.iter().map(|p| w.plug(p)).collect());
        out.insert("clocks".into(), g.clocks.iter().map(|c| w.clock(c)).collect());
    }
    out.insert("buses".into(), g.buses.iter().map(|b| w.bus(b)).collect());
    out.insert("parts".into(), g.parts.iter().map(|p| w.part(p)).collect());
    out.insert("clusters".into(), g.clusters.iter().map(|c| w.cluster(c)).collect());
    out.insert("wires".into(), w.wires());
    Json::Object(out)
}

fn values(map: &std::collections::BTreeMap<String, Value>) -> Json {
    map.iter().map(|(k, v)| (k.clone(), value(v))).collect::<Map<_, _>>().into()
}

fn value(v: &Value) -> Json {
    match v {
        Value::Int(n) => json!(n),
        Value::Bool(b) => json!(b),
        Value::Str(s) => json!(s),
        Value::List(list) => list.iter().map(value).collect(),
    }
}

/// The word of a byte order.
pub(crate) fn endian_word(e: Endian) -> &'static str {
    match e {
        Endian::Little => "little",
        Endian::Big => "big",
    }
}

/// The word of a signal kind.
pub(crate) fn signal_word(kind: SignalKind) -> &'static str {
    match kind {
        SignalKind::Level => "level",
        SignalKind::Edge => "edge",
        SignalKind::Pulse => "pulse",
        SignalKind::Rate => "rate",
    }
}

struct Writer<'g> {
    g: &'g Graph,
    full: bool,
}

impl Writer<'_> {
    fn with_span(&self, mut fact: Json, span: Span) -> Json {
        if self.full
            && let (Some(file), Some(map)) =
                (self.g.files.get(span.file as usize), fact.as_object_mut())
        {
            let place = json!({ "file": file, "start": span.start, "end": span.end });
            map.insert("span".into(), place);
        }
        fact
    }

    fn plug(&self, p: &Plug) -> Json {
        let kind = PlugKind::word(p.kind);
        self.with_span(json!({ "name": p.name, "kind": kind, "value": p.value }), p.span)
    }

    fn clock(&self, c: &Clock) -> Json {
        self.with_span(json!({ "name": c.name, "hz": c.hz }), c.span)
    }

    fn bus(&self, b: &Bus) -> Json {
        let rows: Vec<Json> = b.rows.iter().map(|r| self.row(r)).collect();
        let fact = json!({
            "name": b.name,
            "addr_bits": b.addr_bits,
            "width": b.width,
            "endian": endian_word(b.endian),
            "unmapped": b.unmapped.word(),
            "rows": rows,
        });
        self.with_span(fact, b.span)
    }

    fn row(&self, r: &Row) -> Json {
        let mut fact = Map::new();
        fact.insert("base".into(), json!(r.base));
        fact.insert("size".into(), json!(r.size));
        match r.target {
            Target::Region { part, region, offset } => {
                let p = self.g.part(part);
                let region = p.ty.regions.get(region as usize).map_or("", |r| r.name);
                fact.insert("part".into(), json!(p.name));
                fact.insert("region".into(), json!(region));
                fact.insert("offset".into(), json!(offset));
            }
            Target::Bus { bus, offset } => {
                fact.insert("bus".into(), json!(self.g.bus(bus).name));
                fact.insert("offset".into(), json!(offset));
            }
        }
        if r.over {
            fact.insert("over".into(), json!(true));
        }
        for (key, word) in [("access", r.access.word()), ("lanes", r.lanes.word())] {
            if !word.is_empty() {
                fact.insert(key.into(), json!(word));
            }
        }
        if r.split {
            fact.insert("split".into(), json!(true));
        }
        self.with_span(Json::Object(fact), r.span)
    }

    fn part(&self, p: &Part) -> Json {
        let mut fact = Map::new();
        fact.insert("name".into(), json!(p.name));
        fact.insert("type".into(), json!(p.ty.name));
        fact.insert("version".into(), json!(p.ty.version));
        let props = p
            .props
            .iter()
            .filter(|(name, _)| self.full || p.ty.prop(name).is_none_or(|prop| !prop.host));
        let props: Map<_, _> = props.map(|(k, v)| (k.clone(), value(v))).collect();
        fact.insert("props".into(), props.into());
        let clocks = p.clocks.iter().map(|(k, (hz, clock))| {
            let driven = json!({ "hz": hz, "clock": clock });
            (k.clone(), if self.full { driven } else { json!(hz) })
        });
        fact.insert("clocks".into(), clocks.collect::<Map<_, _>>().into());
        let masters = p.masters.iter().map(|(k, bus)| (k.clone(), json!(self.g.bus(*bus).name)));
        fact.insert("masters".into(), masters.collect::<Map<_, _>>().into());
        if let Some((on, bus, unit)) = &p.on {
            let on = &self.g.part(*on).name;
            fact.insert("on".into(), json!({ "part": on, "bus": bus, "unit": unit }));
        }
        if self.full {
            let links = p.links.iter().map(|(k, plug)| (k.clone(), json!(plug)));
            fact.insert("links".into(), links.collect::<Map<_, _>>().into());
            fact.insert("set".into(), json!(p.set));
            fact.insert("doc".into(), json!(p.doc));
        }
        self.with_span(Json::Object(fact), p.span)
    }

    fn cluster(&self, c: &Cluster) -> Json {
        let cores: Vec<_> = c.cores.iter().map(|id| self.g.part(*id).name.as_str()).collect();
        json!({ "name": c.name, "cores": cores })
    }

    fn wires(&self) -> Json {
        let wire = |w: &Wire| {
            let fact = json!({
                "from": names::port(self.g, w.from, false),
                "to": names::port(self.g, w.to, true),
                "kind": signal_word(w.kind),
            });
            self.with_span(fact, w.span)
        };
        self.g.wires.iter().map(wire).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Machine, opentitan, trio};

    #[test]
    fn the_full_form_holds_every_fact_with_its_place() {
        let v = to_json(&trio().build(), Detail::Full);
        assert_eq!(v["name"], "trio");
        let mbox = v["parts"].as_array().expect("parts").iter().find(|p| p["name"] == "mbox");
        let mbox = mbox.expect("mbox");
        assert_eq!((&mbox["type"], &mbox["props"]["channels"]), (&json!("hm.mailbox"), &json!(3)));
        assert_eq!(mbox["props"]["depth"], 16, "defaults are resolved");
        assert_eq!(mbox["span"]["file"], "trio.hm");
        let rows = v["buses"][0]["rows"].as_array().expect("rows");
        assert_eq!(v["buses"][0]["name"], "dsp");
        assert_eq!(rows[2]["lanes"], "swap32");
        assert_eq!(rows[2]["base"], 0x1F00_0000);
        assert_eq!(v["wires"].as_array().map(Vec::len), Some(22));
        assert_eq!(
            v["clusters"][2],
            json!({ "name": "rv", "cores": ["rv[0]", "rv[1]", "rv[2]", "rv[3]"] })
        );
    }

    #[test]
    fn the_text_is_stable() {
        let (a, b) = (trio().build(), trio().build());
        assert_eq!(json_text(&a, Detail::Full), json_text(&b, Detail::Full));
        assert!(json_text(&a, Detail::Full).ends_with("}\n"));
    }

    #[test]
    fn the_hash_sees_what_a_guest_sees_and_nothing_else() {
        let hash = |m: Machine| semantic_hash(&m.build());
        let base = hash(opentitan());
        assert_eq!(base.len(), 64);

        let mut g = opentitan().build();
        g.name = "other".into();
        g.doc = "changed".into();
        g.plugs[0].value = Some("file:log".into());
        g.parts[0].doc = "x".into();
        g.parts[0].set.push("size".into());
        g.buses[0].rows[0].span.start += 99;
        assert_eq!(semantic_hash(&g), base);

        let mut g = opentitan().build();
        g.buses[0].rows[0].base += 0x1000;
        assert_ne!(semantic_hash(&g), base);
        let mut g = opentitan().build();
        g.wires.pop();
        assert_ne!(semantic_hash(&g), base);
        let mut g = opentitan().build();
        g.parts[0].props.insert("sources".into(), Value::Int(3));
        assert_ne!(semantic_hash(&g), base);
        assert_ne!(hash(opentitan().part("spi", "lowrisc.spi_host", "")), base);
        // The names of clocks are words of the text; their frequencies are not.
        let clocked = |name: &str, hz| {
            Machine::new("m").clock(name, hz).part("u", "ns16550a", &format!("clk={name}"))
        };
        assert_eq!(hash(clocked("a", 5)), hash(clocked("b", 5)));
        assert_ne!(hash(clocked("a", 5)), hash(clocked("a", 6)));
    }
}
