//! Buses as such: their settings, and what follows from the cores that drive them.

use super::Cx;
use super::coerce::Taker;
use crate::diag::{Diagnostic, codes, suggest};
use crate::typed::Setting;
use hetemu_graph as graph;
use hetemu_graph::{Unmapped, Value};
use hetemu_schema::{Endian, PropType};
use std::collections::BTreeMap;

const SETTINGS: [(&str, PropType, u64, u64); 4] = [
    ("addr", PropType::Count, 8, 64),
    ("width", PropType::Count, 8, 1024),
    ("endian", PropType::Enum(&["little", "big"]), 0, 0),
    ("unmapped", PropType::Enum(&["fault", "zeros", "ones"]), 0, 0),
];

impl Cx<'_> {
    /// Creates every bus with what its settings say; 0 where nothing is said yet.
    pub(crate) fn check_buses(&mut self) {
        let m = self.m;
        for (i, b) in m.buses.iter().enumerate() {
            self.holes[i] |= b.incomplete;
            let mut bus = graph::Bus {
                name: b.name.text.clone(),
                addr_bits: 0,
                width: 0,
                endian: Endian::Little,
                unmapped: Unmapped::Fault,
                rows: Vec::new(),
                span: b.name.span,
            };
            let mut seen: BTreeMap<&str, &Setting> = BTreeMap::new();
            for s in &b.settings {
                let name = s.path.dotted();
                let Some((known, ty, min, max)) = SETTINGS.iter().find(|k| k.0 == name) else {
                    let what = format!("a bus has no setting `{name}`");
                    let d = Diagnostic::new(codes::E0801, s.path.span, what);
                    let names = || SETTINGS.iter().map(|k| k.0);
                    let d = match suggest::nearest(&name, names()) {
                        Some(n) => d.fix(format!("did you mean `{n}`?"), s.path.span, n),
                        None => d,
                    };
                    self.report(d.note(format!("settings are {}", suggest::list(names()))));
                    continue;
                };
                if let Some(first) = seen.insert(known, s) {
                    let what = format!("`{known}` is set twice");
                    let d = Diagnostic::new(codes::E0806, s.path.span, what);
                    self.report(d.also(first.path.span, "the first time"));
                    continue;
                }
                let origin = format!("setting `{known}` of a bus");
                let (min, max) = (Some(*min), Some(*max).filter(|m| *m > 0));
                let to = Taker { name: known, ty: *ty, min, max, origin, doc: "" };
                let value = self.eval(&s.value, None);
                match self.coerce(&value, s.value.span, &to) {
                    Some(v) => set(&mut bus, known, &v),
                    None => self.holes[i] = true,
                }
            }
            self.buses.push(bus);
        }
    }

    /// Where a bus says nothing about its width and byte order, the cores that drive it do.
    pub(crate) fn bus_defaults(&mut self) {
        for e in &self.elements {
            let Some(core) = &e.part.ty.core else { continue };
            for b in e.masters.values() {
                let Some(bus) = self.buses.get_mut(*b) else { continue };
                let said = |name: &str| {
                    let text = self.m.buses.get(*b);
                    text.is_some_and(|t| t.settings.iter().any(|s| s.path.dotted() == name))
                };
                if !said("addr") {
                    bus.addr_bits = bus.addr_bits.max(core.phys_bits);
                }
                if !said("width") {
                    bus.width = bus.width.max(u16::from(core.bits));
                }
                if !said("endian") {
                    bus.endian = e.part.endian().unwrap_or(core.endian);
                }
            }
        }
        for bus in &mut self.buses {
            // Nobody drives it directly: as wide as any window may need.
            bus.addr_bits = if bus.addr_bits == 0 { 64 } else { bus.addr_bits };
            bus.width = if bus.width == 0 { 32 } else { bus.width };
        }
    }
}

fn set(bus: &mut graph::Bus, name: &str, v: &Value) {
    match (name, v) {
        ("addr", Value::Int(n)) => bus.addr_bits = *n as u8,
        ("width", Value::Int(n)) => bus.width = *n as u16,
        ("endian", Value::Str(s)) => {
            bus.endian = if s == "big" { Endian::Big } else { Endian::Little };
        }
        ("unmapped", Value::Str(s)) => {
            bus.unmapped = match s.as_str() {
                "zeros" => Unmapped::Zeros,
                "ones" => Unmapped::Ones,
                _ => Unmapped::Fault,
            };
        }
        _ => {}
    }
}
