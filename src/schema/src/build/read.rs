//! A schema file: `device` nodes with what they hold.

use super::SchemaError;
use super::node::{Reader, keep, keep_all};
use super::values::Unit;
use crate::sanity;
use crate::types::*;
use kdl::{KdlDocument, KdlNode};

/// Everything of one `device` node, collected before it becomes a table.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) summary: Option<&'static str>,
    pub(super) spec: Option<&'static str>,
    pub(super) compatible: Option<&'static [&'static str]>,
    pub(super) aliases: Option<&'static [&'static str]>,
    pub(super) deprecated: Option<&'static str>,
    pub(super) props: Vec<Property>,
    pub(super) clocks: Vec<ClockPort>,
    pub(super) resets: Vec<ResetPort>,
    pub(super) links: Vec<Link>,
    pub(super) inputs: Vec<Signal>,
    pub(super) outputs: Vec<Signal>,
    pub(super) regions: Vec<Region>,
    pub(super) masters: Vec<Master>,
    pub(super) buses: Vec<ChildBus>,
    pub(super) attaches: Option<&'static str>,
    pub(super) state: Option<State>,
    pub(super) core: Option<Core>,
}

/// Deepest nesting that a schema needs is 4; more is refused before the parser descends.
const DEEPEST: usize = 16;

/// Reads a schema file. The strings of the result live as long as the program, as those of the
/// compiled tables do.
pub fn read(text: &str, file: &str) -> Result<Vec<DeviceType>, Vec<SchemaError>> {
    let mut reader = Reader { text, file, errors: Vec::new() };
    let mut types: Vec<DeviceType> = Vec::new();
    if let Some(offset) = too_deep(text) {
        reader.error_at(offset, "blocks are nested too deep");
        return Err(reader.errors);
    }
    match text.parse::<KdlDocument>() {
        Err(e) => {
            for d in &e.diagnostics {
                let mut message = d.message.clone().unwrap_or_else(|| "not KDL".into());
                for more in [&d.label, &d.help].into_iter().flatten() {
                    message = format!("{message}; {more}");
                }
                reader.error_at(d.span.offset(), message);
            }
            if reader.errors.is_empty() {
                reader.error_at(0, "not KDL");
            }
        }
        Ok(doc) => {
            for node in doc.nodes() {
                if let Some(ty) = reader.device(node) {
                    if types.iter().any(|t| (t.name, t.version) == (ty.name, ty.version)) {
                        reader.error(node, format!("`{}` is described twice", ty.full_name()));
                    }
                    types.push(ty);
                }
            }
        }
    }
    if reader.errors.is_empty() {
        return Ok(types);
    }
    reader.errors.sort_by_key(|e| e.line);
    Err(reader.errors)
}

/// Where blocks nest deeper than any schema does. Braces in strings count; they are rare.
fn too_deep(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    for (i, b) in text.bytes().enumerate() {
        match b {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return Some(i);
        }
    }
    None
}

impl Reader<'_> {
    fn device(&mut self, node: &KdlNode) -> Option<DeviceType> {
        if node.name().value() != "device" {
            let message = format!("expected `device`, found `{}`", node.name().value());
            self.error(node, message);
            return None;
        }
        let before = self.errors.len();
        let args = self.args(node, 1..=1, &["version"], true);
        let name = self.name(&args, 0, ".-");
        let version = self.prop_small::<u32>(&args, "version");
        let version = self.required(&args, "version", version);
        let mut draft = Draft::default();
        for child in self.children(node) {
            self.item(child, &mut draft);
        }
        if draft.summary.is_none() {
            self.error(node, "`device` needs a `summary`");
        }
        if draft.core.is_some() {
            self.unique(node, "input", "hold", draft.inputs.iter().map(|s| s.name));
            draft.inputs.push(Signal::HOLD);
        }
        let (name, version) = (name?, version?);
        let ty = DeviceType {
            name,
            version,
            summary: draft.summary.unwrap_or(""),
            spec: draft.spec.unwrap_or(""),
            compatible: draft.compatible.unwrap_or(&[]),
            aliases: draft.aliases.unwrap_or(&[]),
            deprecated: draft.deprecated,
            props: keep_all(draft.props),
            clocks: keep_all(draft.clocks),
            resets: keep_all(draft.resets),
            links: keep_all(draft.links),
            inputs: keep_all(draft.inputs),
            outputs: keep_all(draft.outputs),
            regions: keep_all(draft.regions),
            masters: keep_all(draft.masters),
            buses: keep_all(draft.buses),
            attaches: draft.attaches,
            state: draft.state.unwrap_or(State { version: 1, from: &[] }),
            core: draft.core,
        };
        if self.errors.len() == before {
            for fault in sanity::faults(&ty) {
                self.error(node, fault);
            }
        }
        Some(ty)
    }

    fn item(&mut self, node: &KdlNode, draft: &mut Draft) {
        match node.name().value() {
            "summary" => draft.summary = self.sentence(node, draft.summary),
            "spec" => draft.spec = self.sentence(node, draft.spec),
            "deprecated" => draft.deprecated = self.sentence(node, draft.deprecated),
            "compatible" => draft.compatible = self.words(node, draft.compatible),
            "alias" => draft.aliases = self.words(node, draft.aliases),
            "on" => draft.attaches = self.sentence(node, draft.attaches),
            "state" => {
                self.once(node, draft.state.is_some());
                draft.state = self.state(node);
            }
            "core" => {
                self.once(node, draft.core.is_some());
                draft.core = self.core(node);
            }
            "region" => self.region(node, draft),
            _ => self.port(node, draft),
        }
    }

    fn once(&mut self, node: &KdlNode, there: bool) {
        if there {
            self.error(node, format!("`{}` is given twice", node.name().value()));
        }
    }

    fn sentence(&mut self, node: &KdlNode, there: Option<&'static str>) -> Option<&'static str> {
        self.once(node, there.is_some());
        let args = self.args(node, 1..=1, &[], false);
        self.word(&args, 0)
    }

    fn words(
        &mut self,
        node: &KdlNode,
        there: Option<&'static [&'static str]>,
    ) -> Option<&'static [&'static str]> {
        self.once(node, there.is_some());
        let args = self.args(node, 1..=64, &[], false);
        let words = (0..args.words.len()).filter_map(|i| self.word(&args, i)).collect();
        Some(keep_all(words))
    }

    fn state(&mut self, node: &KdlNode) -> Option<State> {
        let args = self.args(node, 1..=1, &[], true);
        let version = self.number(&args, 0).and_then(|n| u32::try_from(n).ok());
        let mut from = Vec::new();
        for child in self.children(node) {
            if child.name().value() != "from" {
                let message = format!("`state` holds `from`, not `{}`", child.name().value());
                self.error(child, message);
                continue;
            }
            let args = self.args(child, 2..=2, &[], false);
            let old = self.number(&args, 0).and_then(|n| u32::try_from(n).ok());
            if let (Some(old), Some(what)) = (old, self.word(&args, 1)) {
                if version.is_some_and(|v| old >= v) {
                    self.error(child, format!("version {old} is not older than the current one"));
                }
                from.push((old, what));
            }
        }
        if version.is_none() {
            self.error(node, "`state` takes a version number");
        }
        Some(State { version: version?, from: keep_all(from) })
    }

    fn core(&mut self, node: &KdlNode) -> Option<Core> {
        let known = ["isa", "bits", "endian", "page", "phys_bits", "reset_vector"];
        let args = self.args(node, 0..=0, &known, true);
        let isa = self.prop_text(&args, "isa");
        let isa = self.required(&args, "isa", isa);
        let bits = self.prop_small::<u8>(&args, "bits");
        let bits = self.required(&args, "bits", bits);
        let endian = self.prop_choice(&args, "endian", ENDIAN).unwrap_or(Endian::Little);
        let page = self.prop_number(&args, "page", Unit::Size).unwrap_or(4096);
        let phys_bits = self.prop_small::<u8>(&args, "phys_bits");
        let phys_bits = self.required(&args, "phys_bits", phys_bits);
        let reset_vector = self.prop_number(&args, "reset_vector", Unit::Size);
        let reset_vector = self.required(&args, "reset_vector", reset_vector);
        let mut facts: Vec<(&'static str, &'static str)> = Vec::new();
        for child in self.children(node) {
            if child.name().value() != "fact" {
                let message = format!("`core` holds `fact`, not `{}`", child.name().value());
                self.error(child, message);
                continue;
            }
            let args = self.args(child, 2..=2, &[], false);
            let (name, value) = (self.word(&args, 0), self.word(&args, 1));
            if let (Some(name), Some(value)) = (name, value) {
                self.unique(child, "fact", name, facts.iter().map(|f| f.0));
                facts.push((name, value));
            }
        }
        Some(Core {
            isa: isa?,
            bits: bits?,
            endian,
            page,
            phys_bits: phys_bits?,
            reset_vector: reset_vector?,
            facts: keep_all(facts),
        })
    }
}

/// Words of byte orders.
pub(super) const ENDIAN: &[(&str, Endian)] = &[("little", Endian::Little), ("big", Endian::Big)];

/// Splits `1 2 4` into words.
pub(super) fn split_words(text: &'static str) -> Vec<&'static str> {
    text.split_whitespace().map(keep).collect()
}
