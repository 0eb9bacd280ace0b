//! From the canonical JSON back to a graph: the machine that a saved state was taken from.
//!
//! Types are looked up in the catalogue of this program; places in texts are left out, for the
//! texts may be gone. The inverse of [`crate::to_json`] with [`crate::Detail::Full`].

use crate::model::*;
use hetemu_schema::{Catalog, Endian, Lookup, PlugKind, Signal, SignalKind};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

/// What a graph's JSON lacks or has wrong, in a few words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ReadError(String);

type Result<T> = std::result::Result<T, ReadError>;

fn wrong<T>(what: impl Into<String>) -> Result<T> {
    Err(ReadError(what.into()))
}

/// The graph of a text that [`crate::json_text`] gave, with every detail.
///
/// # Errors
/// It is no such text, or names a type that this program does not have.
pub fn from_json(text: &str, catalog: &Catalog) -> Result<Graph> {
    let json: Json = serde_json::from_str(text).map_err(|e| ReadError(e.to_string()))?;
    if json.get("format").and_then(Json::as_str) != Some("hetemu-graph") {
        return wrong("it is no graph");
    }
    let mut g = Graph {
        name: text_of(&json, "name")?,
        doc: text_of(&json, "doc")?,
        params: values(&json, "params")?,
        settings: values(&json, "settings")?,
        ..Graph::default()
    };
    for plug in list(&json, "plugs")? {
        let word = text_of(plug, "kind")?;
        let kind = PlugKind::from_word(&word);
        let Some(kind) = kind else { return wrong(format!("no plug is a `{word}`")) };
        let value = plug.get("value").and_then(Json::as_str).map(str::to_string);
        let name = text_of(plug, "name")?;
        g.plugs.push(Plug { name, kind, value, from_text: false, span: Span::default() });
    }
    for clock in list(&json, "clocks")? {
        let (name, hz) = (text_of(clock, "name")?, int(clock, "hz")?);
        g.clocks.push(Clock { name, hz, span: Span::default() });
    }
    // Names first: rows and parts refer to each other.
    let (buses, parts) = (list(&json, "buses")?, list(&json, "parts")?);
    let names = |all: &[Json]| all.iter().map(|j| text_of(j, "name")).collect::<Result<Vec<_>>>();
    let mut reading = Reading { buses: names(buses)?, parts: names(parts)?, types: Vec::new() };
    for part in parts {
        let (name, version) = (text_of(part, "type")?, int(part, "version")? as u32);
        let Lookup::Found(ty) = catalog.find(&name, Some(version)) else {
            return wrong(format!("this program has no type {name}@{version}"));
        };
        reading.types.push(ty);
    }
    for part in parts {
        let part = reading.part(part, g.parts.len())?;
        g.parts.push(part);
    }
    for bus in buses {
        g.buses.push(reading.bus(bus)?);
    }
    for cluster in list(&json, "clusters")? {
        let cores = list(cluster, "cores")?.iter().filter_map(Json::as_str);
        let cores = cores.map(|n| reading.part_id(n)).collect::<Result<_>>()?;
        g.clusters.push(Cluster { name: text_of(cluster, "name")?, cores });
    }
    for wire in list(&json, "wires")? {
        g.wires.push(reading.wire(wire)?);
    }
    Ok(g)
}

fn text_of(json: &Json, key: &str) -> Result<String> {
    match json.get(key).and_then(Json::as_str) {
        Some(text) => Ok(text.to_string()),
        None => wrong(format!("`{key}` is missing")),
    }
}

fn int(json: &Json, key: &str) -> Result<u64> {
    match json.get(key).and_then(Json::as_u64) {
        Some(n) => Ok(n),
        None => wrong(format!("`{key}` is missing")),
    }
}

fn list<'a>(json: &'a Json, key: &str) -> Result<&'a [Json]> {
    match json.get(key).and_then(Json::as_array) {
        Some(list) => Ok(list),
        None => wrong(format!("`{key}` is missing")),
    }
}

fn map<'a>(json: &'a Json, key: &str) -> Result<&'a Map<String, Json>> {
    match json.get(key).and_then(Json::as_object) {
        Some(map) => Ok(map),
        None => wrong(format!("`{key}` is missing")),
    }
}

fn values(json: &Json, key: &str) -> Result<BTreeMap<String, Value>> {
    map(json, key)?.iter().map(|(k, v)| Ok((k.clone(), value(v)?))).collect()
}

fn value(json: &Json) -> Result<Value> {
    Ok(match json {
        Json::Bool(b) => Value::Bool(*b),
        Json::String(s) => Value::Str(s.clone()),
        Json::Array(list) => Value::List(list.iter().map(value).collect::<Result<_>>()?),
        Json::Number(n) if n.is_u64() => Value::Int(n.as_u64().unwrap_or(0)),
        _ => return wrong("a value is none"),
    })
}

struct Reading {
    buses: Vec<String>,
    parts: Vec<String>,
    types: Vec<&'static hetemu_schema::DeviceType>,
}

impl Reading {
    fn part_id(&self, name: &str) -> Result<PartId> {
        match self.parts.iter().position(|p| p == name) {
            Some(at) => Ok(PartId(at as u32)),
            None => wrong(format!("there is no part `{name}`")),
        }
    }

    fn bus_id(&self, name: &str) -> Result<BusId> {
        match self.buses.iter().position(|b| b == name) {
            Some(at) => Ok(BusId(at as u32)),
            None => wrong(format!("there is no bus `{name}`")),
        }
    }

    fn part(&self, json: &Json, at: usize) -> Result<Part> {
        let name = text_of(json, "name")?;
        let Some(ty) = self.types.get(at).copied() else { return wrong("a part is missing") };
        let mut clocks = BTreeMap::new();
        for (input, driven) in map(json, "clocks")? {
            clocks.insert(input.clone(), (int(driven, "hz")?, text_of(driven, "clock")?));
        }
        let mut masters = BTreeMap::new();
        for (port, bus) in map(json, "masters")? {
            masters.insert(port.clone(), self.bus_id(bus.as_str().unwrap_or_default())?);
        }
        let on = match json.get("on") {
            None => None,
            Some(on) => Some((
                self.part_id(&text_of(on, "part")?)?,
                text_of(on, "bus")?,
                text_of(on, "unit")?,
            )),
        };
        let strings = map(json, "links")?.iter();
        let links = strings.map(|(k, v)| (k.clone(), v.as_str().unwrap_or_default().to_string()));
        let set = list(json, "set")?.iter().filter_map(Json::as_str).map(str::to_string);
        let index = name.rsplit_once('[').and_then(|(_, n)| n.strip_suffix(']')?.parse().ok());
        Ok(Part {
            ty,
            props: values(json, "props")?,
            set: set.collect(),
            links: links.collect(),
            clocks,
            masters,
            on,
            index,
            doc: text_of(json, "doc")?,
            span: Span::default(),
            name,
        })
    }

    fn bus(&self, json: &Json) -> Result<Bus> {
        let unmapped = text_of(json, "unmapped")?;
        let all = [Unmapped::Fault, Unmapped::Zeros, Unmapped::Ones];
        let Some(unmapped) = all.into_iter().find(|u| u.word() == unmapped) else {
            return wrong(format!("no bus answers `{unmapped}`"));
        };
        Ok(Bus {
            name: text_of(json, "name")?,
            addr_bits: int(json, "addr_bits")? as u8,
            width: int(json, "width")? as u16,
            endian: if text_of(json, "endian")? == "big" { Endian::Big } else { Endian::Little },
            unmapped,
            rows: list(json, "rows")?.iter().map(|r| self.row(r)).collect::<Result<_>>()?,
            span: Span::default(),
        })
    }

    fn row(&self, json: &Json) -> Result<Row> {
        let offset = int(json, "offset")?;
        let target = match json.get("bus").and_then(Json::as_str) {
            Some(bus) => Target::Bus { bus: self.bus_id(bus)?, offset },
            None => {
                let part = self.part_id(&text_of(json, "part")?)?;
                let region = text_of(json, "region")?;
                let regions = self.types.get(part.0 as usize).map_or(&[][..], |t| t.regions);
                let Some(at) = regions.iter().position(|r| r.name == region) else {
                    return wrong(format!("there is no region `{region}`"));
                };
                Target::Region { part, region: at as u32, offset }
            }
        };
        let word = |key: &str| json.get(key).and_then(Json::as_str).unwrap_or_default();
        let flag = |key: &str| json.get(key).and_then(Json::as_bool).unwrap_or(false);
        let accesses = [RowAccess::Rw, RowAccess::Ro, RowAccess::Wo];
        let lanes = [Lanes::Same, Lanes::Bytes, Lanes::Swap16, Lanes::Swap32, Lanes::Swap64];
        Ok(Row {
            base: int(json, "base")?,
            size: int(json, "size")?,
            target,
            over: flag("over"),
            access: accesses.into_iter().find(|a| a.word() == word("access")).unwrap_or_default(),
            lanes: lanes.into_iter().find(|l| l.word() == word("lanes")).unwrap_or_default(),
            split: flag("split"),
            span: Span::default(),
        })
    }

    fn wire(&self, json: &Json) -> Result<Wire> {
        let kind = match text_of(json, "kind")?.as_str() {
            "level" => SignalKind::Level,
            "edge" => SignalKind::Edge,
            "rate" => SignalKind::Rate,
            _ => SignalKind::Pulse,
        };
        let (from, to) = (text_of(json, "from")?, text_of(json, "to")?);
        let (from, to) = (self.port(&from, false)?, self.port(&to, true)?);
        Ok(Wire { from, to, kind, span: Span::default() })
    }

    /// As `names::port` writes it: `part.port`, `part.port[line]`, or `part[line]` for the default
    /// input; a part's own name may have dots and brackets.
    fn port(&self, text: &str, input: bool) -> Result<Port> {
        let line = text.strip_suffix(']').and_then(|t| t.rsplit_once('['));
        let line = line.and_then(|(rest, n)| Some((rest, n.parse().ok()?)));
        let found = line.and_then(|(rest, index)| self.named(rest, index, input));
        match found.or_else(|| self.named(text, 0, input)) {
            Some(port) => Ok(port),
            None => wrong(format!("there is no port `{text}`")),
        }
    }

    fn named(&self, text: &str, index: u32, input: bool) -> Option<Port> {
        let find = |part: &str, name: &str| {
            let part = self.part_id(part).ok()?;
            let ty = self.types.get(part.0 as usize)?;
            let ports = if input { ty.inputs } else { ty.outputs };
            let port = ports.iter().position(|p| p.name == name)? as u32;
            Some(Port { part, port, index })
        };
        let (part, name) = text.rsplit_once('.').unwrap_or((text, ""));
        find(part, name).or_else(|| if input { find(text, Signal::DEFAULT) } else { None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{opentitan, trio};
    use crate::{Detail, diff, json_text};

    #[test]
    fn a_graph_comes_back() {
        for g in [trio().build(), opentitan().build()] {
            let catalog = Catalog::new(g.parts.iter().map(|p| p.ty));
            let text = json_text(&g, Detail::Full);
            let again = from_json(&text, &catalog).unwrap();
            assert_eq!(json_text(&again, Detail::Guest), json_text(&g, Detail::Guest));
            assert!(diff(&g, &again).changes.is_empty(), "{}", diff(&g, &again));
            // Whatever is left out of the text is an error, not a panic.
            for at in (0..text.len()).step_by(97) {
                let _ = from_json(text.get(..at).unwrap_or_default(), &catalog);
            }
        }
    }

    #[test]
    fn what_is_missing_is_said() {
        let catalog = Catalog::default();
        let error = |text: &str| from_json(text, &catalog).unwrap_err().to_string();
        assert_eq!(error("{}"), "it is no graph");
        let text = json_text(&opentitan().build(), Detail::Full);
        assert!(error(&text).starts_with("this program has no type "), "{}", error(&text));
    }
}
