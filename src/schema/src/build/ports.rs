//! Properties, clocks, resets, links, signals, bus ports and child buses of a type.

use super::node::{Args, Reader, keep, keep_all};
use super::read::{Draft, split_words};
use super::values::{self, Unit};
use crate::types::*;
use kdl::{KdlNode, KdlValue};

const SIGNALS: &[(&str, SignalKind)] = &[
    ("level", SignalKind::Level),
    ("edge", SignalKind::Edge),
    ("pulse", SignalKind::Pulse),
    ("rate", SignalKind::Rate),
];

impl Reader<'_> {
    /// A child of `device` that adds one port.
    pub(super) fn port(&mut self, node: &KdlNode, draft: &mut Draft) {
        match node.name().value() {
            "prop" => {
                if let Some(p) = self.prop(node) {
                    self.unique(node, "property", p.name, draft.props.iter().map(|p| p.name));
                    draft.props.push(p);
                }
            }
            "clock" => {
                let args = self.args(node, 1..=1, &["optional", "default"], false);
                let default_hz = self.prop_number(&args, "default", Unit::Frequency);
                let optional = self.prop_flag(&args, "optional") || default_hz.is_some();
                if let Some(name) = self.name(&args, 0, "") {
                    self.unique(node, "clock", name, draft.clocks.iter().map(|c| c.name));
                    draft.clocks.push(ClockPort { name, optional, default_hz });
                }
            }
            "reset" => {
                let args = self.args(node, 1..=1, &["optional"], false);
                let optional = self.prop_flag(&args, "optional");
                if let Some(name) = self.name(&args, 0, "") {
                    self.unique(node, "reset", name, draft.resets.iter().map(|r| r.name));
                    draft.resets.push(ResetPort { name, optional });
                }
            }
            "link" => {
                let args = self.args(node, 1..=1, &["type", "optional"], false);
                let kind = self.prop_choice(&args, "type", &PlugKind::ALL);
                let kind = self.required(&args, "type", kind);
                let optional = self.prop_flag(&args, "optional");
                if let (Some(name), Some(kind)) = (self.name(&args, 0, ""), kind) {
                    self.unique(node, "link", name, draft.links.iter().map(|l| l.name));
                    draft.links.push(Link { name, kind, optional });
                }
            }
            "in" => {
                if let Some(s) = self.signal(node) {
                    self.unique(node, "input", s.name, draft.inputs.iter().map(|s| s.name));
                    draft.inputs.push(s);
                }
            }
            "out" => {
                if let Some(s) = self.signal(node) {
                    self.unique(node, "output", s.name, draft.outputs.iter().map(|s| s.name));
                    draft.outputs.push(s);
                }
            }
            "master" => {
                let args = self.args(node, 1..=1, &["optional", "width"], false);
                let optional = self.prop_flag(&args, "optional");
                let width = self.prop_small::<u8>(&args, "width").unwrap_or(8);
                if !matches!(width, 1 | 2 | 4 | 8 | 16) {
                    self.error(node, "`width` is the widest access in bytes: 1, 2, 4, 8 or 16");
                }
                if let Some(name) = self.name(&args, 0, "") {
                    self.unique(node, "master", name, draft.masters.iter().map(|m| m.name));
                    draft.masters.push(Master { name, optional, width });
                }
            }
            "bus" => {
                let args = self.args(node, 1..=1, &["kind"], false);
                let kind = self.prop_text(&args, "kind");
                let kind = self.required(&args, "kind", kind);
                if let (Some(name), Some(kind)) = (self.name(&args, 0, ""), kind) {
                    self.unique(node, "bus", name, draft.buses.iter().map(|b| b.name));
                    draft.buses.push(ChildBus { name, kind });
                }
            }
            other => self.error(node, format!("`device` holds no `{other}`")),
        }
    }

    fn signal(&mut self, node: &KdlNode) -> Option<Signal> {
        let known = ["kind", "width", "first", "optional", "doc"];
        let args = self.args(node, 1..=1, &known, false);
        let kind = self.prop_choice(&args, "kind", SIGNALS);
        let kind = self.required(&args, "kind", kind);
        let width = self.prop_count(&args, "width");
        let first = self.prop_small::<u32>(&args, "first").unwrap_or(0);
        let optional = self.prop_flag(&args, "optional");
        let doc = self.prop_text(&args, "doc").unwrap_or("");
        if first > 0 && width.is_none() {
            self.error(node, "`first` needs a `width`");
        }
        Some(Signal { name: self.name(&args, 0, "")?, kind: kind?, width, first, optional, doc })
    }

    fn prop(&mut self, node: &KdlNode) -> Option<Property> {
        let known =
            ["type", "values", "default", "optional", "min", "max", "unstable", "host", "doc"];
        let args = self.args(node, 1..=1, &known, false);
        let name = self.name(&args, 0, "");
        let word = self.prop_text(&args, "type");
        let word = self.required(&args, "type", word)?;
        let values = self.prop_text(&args, "values").map(split_words);
        if (word == "enum") != values.is_some() {
            self.error(node, "`values=\"a b c\"` goes with `type=\"enum\"`, and only with it");
        }
        let Some(ty) = values::prop_type(word, keep_all(values.unwrap_or_default())) else {
            self.error(node, format!("there is no property type `{word}`"));
            return None;
        };
        let default = self.default(&args, ty);
        let optional = self.prop_flag(&args, "optional");
        if optional && default.is_some() {
            self.error(node, "a property with a default is not `optional`: it is always set");
        }
        let mut limit = |name| match Unit::of(ty) {
            Some(unit) => self.prop_number(&args, name, unit),
            None => {
                if self.prop_value(&args, name).is_some() {
                    self.error(node, format!("`{word}` has no `{name}`"));
                }
                None
            }
        };
        let (min, max) = (limit("min"), limit("max"));
        let unstable = self.prop_flag(&args, "unstable");
        let host = self.prop_flag(&args, "host");
        let doc = self.prop_text(&args, "doc").unwrap_or("");
        Some(Property { name: name?, ty, default, optional, min, max, unstable, host, doc })
    }

    fn default(&mut self, args: &Args<'_>, ty: PropType) -> Option<Literal> {
        let entry = self.prop_value(args, "default")?;
        if let Some(unit) = Unit::of(ty) {
            return self.prop_number(args, "default", unit).map(Literal::Int);
        }
        match (ty, entry.value()) {
            (PropType::Bool, KdlValue::Bool(b)) => Some(Literal::Bool(*b)),
            (PropType::String | PropType::Enum(_), KdlValue::String(s)) => {
                Some(Literal::Str(keep(s)))
            }
            (PropType::Part, _) => {
                self.error(args.node, "a part has no default: the schema knows no machine");
                None
            }
            (_, other) => {
                self.error(args.node, format!("default {other} does not have the property's type"));
                None
            }
        }
    }
}
